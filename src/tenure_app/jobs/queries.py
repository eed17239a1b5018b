"""Reads of the jobs room."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from tenure_app.jobs.models import Job


def open_jobs() -> list[Job]:
    """Return what waits or runs, oldest first."""
    return list(Job.objects.filter(state__in=(Job.WAITING, Job.RUNNING)).order_by("id"))


def recent_jobs(limit: int = 30) -> list[Job]:
    """Return what was finished lately, newest first."""
    return list(Job.objects.filter(state__in=(Job.DONE, Job.FAILED)).order_by("-finished_at")[:limit])


def count_open() -> int:
    """Return how many jobs wait or run."""
    return Job.objects.filter(state__in=(Job.WAITING, Job.RUNNING)).count()


def job(job_id: int) -> Job | None:
    """Return one job."""
    return Job.objects.filter(pk=job_id).first()


def worker_is_alive(within: timedelta = timedelta(minutes=1)) -> bool:
    """Tell whether nothing waits longer than a worker would let it."""
    return not Job.objects.filter(state=Job.WAITING, created_at__lt=timezone.now() - within).exists()
