"""A worker in a process of its own, with short leases and work that needs no lake: what the tests here kill.

python -m faults.due_worker migrate | add NUMBER SECONDS | work | once | list
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenure_app.core.work.running import Running


def note(running: Running) -> dict[str, Any]:
    """Note that the work began, take some time with reports in between, and note who finished."""
    _append(running, "began")
    until = time.monotonic() + running.payload["seconds"]
    while time.monotonic() < until:
        time.sleep(0.05)
        running.share("Reading the files", 0.5)
    _append(running, "ended")
    return {"process": os.getpid()}


def silent(running: Running) -> dict[str, Any]:
    """Work without a report in between, as one long query is."""
    _append(running, "began")
    time.sleep(running.payload["seconds"])
    _append(running, "ended")
    return {"process": os.getpid()}


def _append(running: Running, what: str) -> None:
    with Path(os.environ["NOTES"]).open("a", encoding="utf-8") as notes:
        notes.write(f"{running.payload['n']} {what} {os.getpid()}\n")


def main(command: str, *arguments: str) -> None:
    """Do one of the commands above."""
    import django

    django.setup()
    from django.apps import apps
    from django.core.management import call_command

    from tenure_app.core.models import Job
    from tenure_app.core.work import actions, leases, running
    from tenure_app.core.work.kinds import JobKind

    core: Any = apps.get_app_config("core")
    core.job_kinds = (JobKind("note", "", "faults.due_worker.note"), JobKind("silent", "", "faults.due_worker.silent"))
    leases.LEASE, running.BEAT, running.SWEEP, running.PAUSE = timedelta(seconds=2), 0.3, 0.3, 0.05
    if command == "migrate":
        call_command("migrate", verbosity=0)
    elif command == "add":
        kind, number, seconds = arguments
        for n in range(int(number)):
            actions.enqueue(kind, n=n, seconds=float(seconds))
    elif command == "list":
        print(json.dumps(list(Job.objects.order_by("id").values("id", "state", "attempts", "fence", "result"))))
    else:
        running.work(once=command == "once")


if __name__ == "__main__":
    main(*sys.argv[1:])
