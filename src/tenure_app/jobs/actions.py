"""Writes of the jobs room: enqueue, claim, report, finish, retake."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from tenure.errors import TenureError
from tenure.words import Message, mark
from tenure_app.jobs.models import Job

log = logging.getLogger("tenure.jobs")
BEAT = 5.0
STALE = timedelta(seconds=60)
ATTEMPTS = 5
Work = Callable[["Running"], dict[str, Any]]


class Running:
    """A job while it runs: what its work reads and reports to."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.payload: dict[str, Any] = job.payload
        self._said = 0.0

    def report(self, doing: str, done: int = 0, total: int = 0) -> None:
        """Say what is happening (a sentence marked for translation) and how far; written at most twice a second."""
        changed = doing != self.job.doing
        self.job.doing, self.job.done, self.job.total = doing, done, total
        if changed or time.monotonic() - self._said > 0.5:
            self._said = time.monotonic()
            Job.objects.filter(pk=self.job.pk).update(doing=doing, done=done, total=total, heartbeat_at=timezone.now())

    def part(self, doing: str, share: float) -> None:
        """Say what is happening and which part of it (0 to 1) is done: what the library's `on_progress` calls."""
        self.report(doing, round(share * 1000), 1000)


def enqueue(kind: str, **payload: Any) -> Job:
    """Write a job's row and ask a worker to look at it, both or neither."""
    if kind not in settings.TENURE_JOBS:
        raise ValueError(f"No job is called {kind!r}; TENURE_JOBS knows {sorted(settings.TENURE_JOBS)}.")
    with transaction.atomic():
        job = Job.objects.create(kind=kind, payload=payload)
        _ask(job.pk)
    return job


def enqueue_once(kind: str, **payload: Any) -> Job:
    """Like :func:`enqueue`, but a job of the same kind and payload that still waits is enough."""
    with transaction.atomic():
        waiting = Job.objects.filter(kind=kind, state=Job.WAITING)
        same = next((job for job in waiting if job.payload == payload), None)
        return same or enqueue(kind, **payload)


def _ask(job_id: int) -> None:
    from tenure_app.jobs.tasks import look_at

    look_at.enqueue(job_id)


def claim(job_id: int, worker: str) -> Job | None:
    """Take a waiting job; None when it is gone, done or somebody else's."""
    now = timezone.now()
    taken = Job.objects.filter(pk=job_id, state=Job.WAITING).update(
        state=Job.RUNNING, worker=worker, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1, error={}
    )
    return Job.objects.get(pk=job_id) if taken else None


def run(job_id: int, worker: str = "here") -> Job | None:
    """Claim a job and do its work to the end, beating while it lasts."""
    job = claim(job_id, worker)
    if job is None:
        return None
    work: Work = import_string(settings.TENURE_JOBS[job.kind])
    try:
        with _beating(job.pk):
            result = work(Running(job))
    except TenureError as wrong:
        _finish(job, Job.FAILED, error=wrong.message.to_dict())
    except Exception as wrong:
        log.exception("Job %s (%s) failed", job.pk, job.kind)
        text = f"{type(wrong).__name__}: {wrong}"[:500]  # nobody marked this text: there is nothing to translate
        _finish(job, Job.FAILED, error=Message("%(text)s", {"text": text}).to_dict())
    else:
        _finish(job, Job.DONE, result=result or {})
    job.refresh_from_db()
    return job


def _finish(job: Job, state: str, **fields: Any) -> None:
    # Only while it is still this worker's: a job that was retaken belongs to the next one.
    Job.objects.filter(pk=job.pk, state=Job.RUNNING, worker=job.worker, attempts=job.attempts).update(
        state=state, finished_at=timezone.now(), **fields
    )


@contextmanager
def _beating(job_id: int) -> Iterator[None]:
    """Write a heartbeat every few seconds from a thread of its own, so that long work is not taken for dead."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            try:
                Job.objects.filter(pk=job_id).update(heartbeat_at=timezone.now())
                close_old_connections()
            except Exception:  # a database that is gone for a moment must not end the beating
                log.warning("No heartbeat for job %s", job_id, exc_info=True)
        connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=BEAT)


def retake_stale() -> int:
    """Give back what a dead worker left, and ask again for what waits without having been asked for lately."""
    limit = timezone.now() - STALE
    stale = Job.objects.filter(Q(heartbeat_at__lt=limit) | Q(heartbeat_at=None), state=Job.RUNNING)
    stale.filter(attempts__gte=ATTEMPTS).update(
        state=Job.FAILED,
        finished_at=timezone.now(),
        error=Message(mark("The worker died %(times)s times while doing this."), {"times": ATTEMPTS}).to_dict(),
    )
    stale.update(state=Job.WAITING, heartbeat_at=timezone.now())
    count = 0
    lost = Job.objects.filter(Q(heartbeat_at=None) | Q(heartbeat_at__lte=timezone.now()), state=Job.WAITING)
    for job_id in lost.filter(created_at__lt=limit).values_list("pk", flat=True):
        with transaction.atomic():
            Job.objects.filter(pk=job_id).update(heartbeat_at=timezone.now() + STALE)
            _ask(job_id)
        count += 1
    return count


def again(job_id: int) -> bool:
    """Let a failed job be tried anew."""
    with transaction.atomic():
        changed = Job.objects.filter(pk=job_id, state=Job.FAILED).update(state=Job.WAITING, attempts=0, error={})
        if changed:
            _ask(job_id)
    return bool(changed)
