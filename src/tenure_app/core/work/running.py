"""The worker: takes due work, one job after the other. Any number of them may run.

A job's work reads and reports through `Running`, while a thread keeps the lease.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils.module_loading import import_string

from tenure.errors import TenureError
from tenure_app.core.models import Job
from tenure_app.core.work import leases
from tenure_app.core.work.kinds import kinds
from tenure_app.core.work.leases import Lease

log = logging.getLogger("tenure.work")
BEAT = 5.0
REPORT = 0.5
PAUSE = 0.5
SWEEP = 10.0
GONE = (OperationalError, InterfaceError)  # the database, for a moment


class LeaseLost(Exception):
    """The job belongs to another worker or was cancelled: what this one still does is in vain."""


class Stopping(Exception):
    """The worker is asked to stop and gives its job back."""


class Running:
    """A job while it runs: what its work reads and reports to. Reporting is where work can be stopped."""

    def __init__(self, lease: Lease, stop: threading.Event) -> None:
        self.job = lease.job
        self.payload: dict[str, Any] = lease.job.payload
        self._lease = lease
        self._stop = stop
        self._written_at = 0.0

    def report(self, doing: str, done: int = 0, total: int = 0) -> None:
        """Write what is happening (a sentence marked for translation) and how far, at most twice a second.

        Raises LeaseLost or Stopping when this worker should not go on.
        """
        if self._stop.is_set():
            raise Stopping
        changed = doing != self.job.doing
        self.job.doing, self.job.done, self.job.total = doing, done, total
        if not changed and time.monotonic() - self._written_at < REPORT:
            return
        self._written_at = time.monotonic()
        try:
            held = leases.renew(self._lease, doing=doing, done=done, total=total)
        except GONE:  # a database that is gone for a moment must not end hours of work
            log.warning("No progress written for %s", self.job, exc_info=True)
            close_old_connections()
        else:
            if not held:
                raise LeaseLost

    def share(self, doing: str, share: float) -> None:
        """Write what is happening and which share of it (0 to 1) is done: what the library's `on_progress` calls."""
        self.report(doing, round(share * 1000), 1000)


def run(lease: Lease, stop: threading.Event | None = None) -> Job:
    job = lease.job
    try:
        with _renewing(lease):
            work = import_string(kinds()[job.kind].path)
            result = work(Running(lease, stop or threading.Event())) or {}
    except LeaseLost:
        log.warning("%s was taken over or cancelled", job)
    except Stopping:
        _persist(lambda: leases.release(lease))
    except Exception as error:
        # What a person has to mend is said on the page; only what nobody expected needs a traceback.
        log.warning("%s failed: %s", job, error, exc_info=not isinstance(error, TenureError))
        reason = error  # the name of an except clause is gone after it
        _persist(lambda: leases.fail(lease, reason))
    else:
        _persist(lambda: leases.complete(lease, result))
    job.refresh_from_db()
    return job


@contextmanager
def _renewing(lease: Lease) -> Iterator[None]:
    """Renew the lease every few seconds from a thread of its own, so that silent work is not taken for dead."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(BEAT):
            try:
                leases.renew(lease)
                close_old_connections()
            except Exception:
                log.warning("Lease of %s not renewed", lease.job, exc_info=True)
                close_old_connections()
        connection.close()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=BEAT)


def _persist(write: Callable[[], bool]) -> None:
    """Write how a job ended, trying as long as its lease could last while the database is gone."""
    until = time.monotonic() + leases.LEASE.total_seconds()
    while True:
        try:
            if not write():
                log.warning("A job ended whose lease was lost: nothing was written")
            return
        except GONE:
            if time.monotonic() > until:
                raise
            close_old_connections()
            time.sleep(REPORT)


def work(once: bool = False) -> None:
    """Do jobs until SIGTERM or Ctrl-C; `once`: only those that are due now.

    A job that runs when the signal arrives is given back at its next report, and the next worker begins it anew.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    name = f"{socket.gethostname()}:{os.getpid()}"
    next_sweep = 0.0
    while not stop.is_set():
        lease = None
        try:
            # Drops a connection that broke or grew old, as a request would.
            close_old_connections()
            if time.monotonic() >= next_sweep:
                leases.sweep()
                next_sweep = time.monotonic() + SWEEP
            lease = leases.claim(name)
            if lease is not None:
                run(lease, stop)
        except Exception:
            # The database may be gone for a moment: a worker waits for it instead of dying.
            log.exception("The worker will try again")
        if lease is None:
            if once:
                return
            stop.wait(PAUSE)
