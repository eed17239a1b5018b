"""What people and packages do with due work: enqueue, cancel, retry."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Least, Now

from tenure_app.core.models import Job
from tenure_app.core.work.kinds import kinds


def enqueue(kind: str, *, key: str = "", priority: int = 0, delay: timedelta = timedelta(), **payload: Any) -> Job:
    """Add work, or return the equal work that still waits.

    Equal is what has the same key; without one, the same kind and payload. The row is written in the caller's
    transaction: the work exists exactly when its cause does.
    """
    if kind not in kinds():
        raise ValueError(f"No kind of work is called {kind!r}; declared are {sorted(kinds())}.")
    text = json.dumps([kind, key or payload], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    job = Job(kind=kind, payload=payload, key=digest, priority=priority, due_at=Now() + delay)
    while True:
        try:
            with transaction.atomic():
                return _add(job)
        except IntegrityError:
            # Equal work was added in the same moment: look again, for it waits now or was claimed already.
            continue


def _add(job: Job) -> Job:
    # The row is locked, or a worker could start it before this transaction, its newest cause, is visible.
    waiting = Job.objects.select_for_update().filter(key=job.key, state=Job.WAITING).first()
    if waiting is None:
        job.save(force_insert=True)
    else:
        Job.objects.filter(pk=waiting.pk).update(
            due_at=Least("due_at", job.due_at), priority=Greatest("priority", job.priority)
        )
    added = waiting or job
    added.refresh_from_db()
    return added


def cancel(job_id: int) -> bool:
    """Stop open work: a waiting job is never started, a running one loses its lease and ends at its next report."""
    return bool(
        Job.objects.filter(pk=job_id, state__in=Job.OPEN).update(
            state=Job.CANCELLED, finished_at=Now(), lease_until=None, fence=F("fence") + 1
        )
    )


def retry(job_id: int) -> bool:
    """Let failed or cancelled work be tried anew, unless equal work waits already."""
    ended = Job.objects.filter(pk=job_id, state__in=(Job.FAILED, Job.CANCELLED))
    try:
        with transaction.atomic():
            return bool(ended.update(state=Job.WAITING, attempts=0, error={}, due_at=Now(), finished_at=None))
    except IntegrityError:  # equal work waits, so this need not
        return False
