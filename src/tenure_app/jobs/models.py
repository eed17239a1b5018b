"""Rows: work that outlives a request."""

from __future__ import annotations

from django.db import models


class Job(models.Model):
    """One piece of work. A task only says "look at row N", so a task lost or run twice does no harm."""

    WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"

    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default=WAITING, db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True, default="")
    heartbeat_at = models.DateTimeField(null=True, default=None)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, default=None)
    finished_at = models.DateTimeField(null=True, default=None)
    #: What is happening, as an English sentence marked for translation, and how far it is.
    doing = models.CharField(max_length=200, blank=True, default="")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    result = models.JSONField(default=dict)
    #: Why it failed: {"template": …, "data": …}, said in the reader's language.
    error = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)

    @property
    def percent(self) -> int | None:
        """How far it is, when that is known."""
        return min(100, int(100 * self.done / self.total)) if self.total else None

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in (self.WAITING, self.RUNNING)
