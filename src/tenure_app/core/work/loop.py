"""The worker: takes due work, one job after the other. Any number of them may run."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time

from django.db import close_old_connections

from tenure_app.core.work import leases, running

log = logging.getLogger("tenure.work")
PAUSE = 0.5
SWEEP = 10.0


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
                running.run(lease, stop)
        except Exception:
            # The database may be gone for a moment: a worker waits for it instead of dying.
            log.exception("The worker will try again")
        if lease is None:
            if once:
                return
            stop.wait(PAUSE)
