"""The door for time: takes due work, one job after the other, and retakes what a dead worker left.

Answers: who does what was enqueued? Any number of these may run; one update of a job's row decides which does it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from datetime import timedelta

from django.db import close_old_connections
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from tenure_app.jobs import actions

log = logging.getLogger("tenure.worker")
LOOK = 10.0
KEEP = timedelta(days=2)


def work(once: bool = False) -> None:
    """Do jobs until told to stop; `once`: only those that wait now."""
    name = f"{socket.gethostname()}:{os.getpid()}"[:64]
    loop = Worker(
        queue_names=["*"],
        interval=0.5,
        batch=once,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=name,
        excluded_queue_names=[],
    )
    if once:
        actions.retake_stale()
        loop.run()
        return
    loop.configure_signals()
    over = threading.Event()
    threading.Thread(target=_sweep, args=(over,), daemon=True).start()
    try:
        loop.run()
    finally:
        over.set()


def _sweep(over: threading.Event) -> None:
    while True:
        try:
            close_old_connections()
            actions.retake_stale()
            # Tasks carry nothing of their own; what happened is kept in the jobs' rows.
            DBTaskResult.objects.filter(enqueued_at__lt=timezone.now() - KEEP).exclude(status="READY").delete()
        except Exception:
            log.exception("The sweeper failed and will try again")
        if over.wait(LOOK):
            return
