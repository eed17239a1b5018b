"""Who holds a job: claim, renew, settle and sweep, each one conditional UPDATE by the database's clock.

A claim gives a fencing number that grows with every claim. Whoever writes afterwards names it, so a worker that was
taken for dead and wakes up again changes nothing.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from tenure.errors import TenureError
from tenure.words import Message, mark
from tenure_app.core.models import Job
from tenure_app.core.work.kinds import kinds

LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Lease:
    job: Job
    fence: int

    def row(self) -> QuerySet[Job]:
        """Return the job's row as long as this lease holds it; nothing once it was lost."""
        return Job.objects.filter(pk=self.job.pk, state=Job.RUNNING, fence=self.fence)


def claim(worker: str) -> Lease | None:
    """Take the most urgent job that is due, None when there is none."""
    skip_locked = connection.features.has_select_for_update_skip_locked
    while True:
        # SQLite reads first and then updates on a condition, so that a look at an empty table takes no write lock.
        with transaction.atomic() if skip_locked else nullcontext():
            due = Job.objects.filter(state=Job.WAITING, due_at__lte=Now()).order_by("-priority", "due_at", "id")
            if skip_locked:
                due = due.select_for_update(skip_locked=True)
            job = due.first()
            if job is None:
                return None
            fence = job.fence + 1
            # Compare and set: when another worker was faster, the number is no longer the one that was read.
            taken = Job.objects.filter(pk=job.pk, state=Job.WAITING, fence=job.fence).update(
                state=Job.RUNNING,
                worker=worker[:80],
                lease_until=Now() + LEASE,
                fence=fence,
                attempts=F("attempts") + 1,
                started_at=Now(),
            )
        if taken:
            job.refresh_from_db()
            return Lease(job, fence)


def renew(lease: Lease, **fields: Any) -> bool:
    """Hold the job for another while, writing progress along with it; False when the lease was lost."""
    return bool(lease.row().update(lease_until=Now() + LEASE, **fields))


def complete(lease: Lease, result: dict[str, Any]) -> bool:
    """Keep the result; False when the lease was lost and nothing was written."""
    return _end(lease.row(), Job.DONE, result=result, error={})


def release(lease: Lease) -> bool:
    """Give the job back as if it had not been claimed: its worker is asked to stop."""
    return _give_back(lease.row(), attempts=lease.job.attempts - 1, due_at=Now())


def fail(lease: Lease, error: Exception) -> bool:
    """Let the job wait for its next attempt; end it after the last one, or when only a person can mend it."""
    job, kind = lease.job, kinds().get(lease.job.kind)
    if isinstance(error, TenureError):
        # Such an error names what a person has to mend: trying the same again mends nothing.
        return _end(lease.row(), Job.FAILED, error=error.message.to_dict())
    text = f"{type(error).__name__}: {error}"[:500]
    reason = Message(mark("An unexpected error stopped this job: %(error)s"), {"error": text}).to_dict()
    if kind is None or job.attempts >= kind.max_attempts:
        return _end(lease.row(), Job.FAILED, error=reason)
    return _give_back(lease.row(), error=reason, due_at=Now() + kind.pause_after(job.attempts))


def sweep() -> int:
    """Give back the jobs whose leases ran out, because their workers died, and count them."""
    expired = Job.objects.filter(Q(lease_until__lt=Now()) | Q(lease_until=None), state=Job.RUNNING)
    count = 0
    for job in expired:
        # The condition is asked again by the update: the worker may have renewed since.
        row = expired.filter(pk=job.pk, fence=job.fence)
        kind = kinds().get(job.kind)
        if kind is None or job.attempts >= kind.max_attempts:
            died = Message(mark("The worker crashed %(times)s times while running this job."), {"times": job.attempts})
            count += _end(row, Job.FAILED, error=died.to_dict())
        else:
            # The lease was pause enough: a worker that was killed is rarely the work's fault.
            count += _give_back(row, due_at=Now())
    return count


def _end(row: QuerySet[Job], state: str, **fields: Any) -> bool:
    return bool(row.update(state=state, finished_at=Now(), lease_until=None, **fields))


def _give_back(row: QuerySet[Job], **fields: Any) -> bool:
    try:
        with transaction.atomic():
            return bool(row.update(state=Job.WAITING, lease_until=None, doing="", done=0, total=0, **fields))
    except IntegrityError:
        # Equal work was added while this one ran: it waits already and does the same, so one of them is enough.
        return _end(row, Job.CANCELLED)
