"""Due work: one table for everything that outlives a request."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Job(models.Model):
    """One piece of work: what is to be done, when it is due, and which worker holds it until when.

    All instants are the database's, never a process's, so workers whose clocks differ agree on who holds what.
    """

    WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
    OPEN = (WAITING, RUNNING)

    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    #: What makes two jobs the same work: while one of them waits, another is not added.
    key = models.CharField(max_length=64)
    state = models.CharField(max_length=10, default=WAITING)
    priority = models.SmallIntegerField(default=0)  # the larger, the sooner
    due_at = models.DateTimeField(db_default=Now())

    worker = models.CharField(max_length=80, blank=True, default="")
    lease_until = models.DateTimeField(null=True, default=None)
    #: Grows with every claim. A worker may write only while its number still stands here.
    fence = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, default=None)
    finished_at = models.DateTimeField(null=True, default=None)
    #: What is happening, as an English sentence marked for translation, and how far it is.
    doing = models.CharField(max_length=200, blank=True, default="")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    result = models.JSONField(default=dict)
    #: Why the last attempt failed: {"template": …, "data": …}, rendered in the reader's language.
    error = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)
        indexes = (
            # What workers ask for twice a second: waiting work by urgency, and leases that ran out.
            models.Index(fields=("state", "-priority", "due_at", "id"), name="job_by_urgency"),
            models.Index(fields=("state", "lease_until"), name="job_by_lease"),
        )
        constraints = (
            models.UniqueConstraint(fields=("key",), condition=models.Q(state="waiting"), name="equal_work_waits_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def percent(self) -> int | None:
        return min(100, int(100 * self.done / self.total)) if self.total else None

    @property
    def open(self) -> bool:
        return self.state in self.OPEN
