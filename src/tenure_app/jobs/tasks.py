"""The one task: look at row N."""

from __future__ import annotations

import os
import socket

from django_tasks import task

from tenure_app.jobs import actions


@task()
def look_at(job_id: int) -> str:
    """Do the job of that row, when it still waits."""
    job = actions.run(job_id, worker=f"{socket.gethostname()}:{os.getpid()}")
    return job.state if job else "nothing to do"
