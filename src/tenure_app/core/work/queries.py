"""Reads of due work."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from tenure_app.core.models import Job


def open_jobs() -> list[Job]:
    return list(Job.objects.filter(state__in=Job.OPEN).order_by("id"))


def recent_jobs(limit: int = 30) -> list[Job]:
    """Return what ended lately, newest first."""
    return list(Job.objects.exclude(state__in=Job.OPEN).order_by("-finished_at", "-id")[:limit])


def count_open() -> int:
    return Job.objects.filter(state__in=Job.OPEN).count()


def job(job_id: int) -> Job | None:
    return Job.objects.filter(pk=job_id).first()


def worker_is_alive(within: timedelta = timedelta(minutes=1)) -> bool:
    """Tell whether a worker is busy, or nothing has been due for longer than a worker would let it be."""
    if Job.objects.filter(state=Job.RUNNING, lease_until__gte=Now()).exists():
        return True
    return not Job.objects.filter(state=Job.WAITING, due_at__lt=Now() - within).exists()
