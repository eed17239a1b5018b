"""Workers that are killed, frozen, cut off from their database, or race each other: each job's work is done once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="sends signals")]


class Shop:
    """An operations database and the worker processes over it."""

    def __init__(self, folder: Path, database: str) -> None:
        self.notes = folder / "notes"
        self.notes.touch()
        self.database = database
        self.processes: list[subprocess.Popen[str]] = []
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TENURE_", "DJANGO_"))}
        self.environment = {
            **clean,
            "PYTHONPATH": str(TESTS),
            "DJANGO_SETTINGS_MODULE": "tenure_app.settings",
            "TENURE_LAKE": str(folder / "lake"),
            "TENURE_DATA": str(folder / "app"),
            "TENURE_DATABASE_URL": database,
            "NOTES": str(self.notes),
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "faults.due_worker", *command]
        process = subprocess.Popen(line, env=self.environment, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def call(self, *command: str) -> str:
        process = self.start(*command)
        text, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        return text

    def jobs(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.call("list"))
        return rows

    def noted(self) -> Counter[str]:
        """Return how often each job began and ended."""
        return Counter(line.rsplit(" ", 1)[0] for line in self.notes.read_text("utf-8").splitlines())

    def wait(self, ready: Callable[[], object], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < until, self.notes.read_text("utf-8")
            time.sleep(0.05)


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, needs: Callable[[str], None]) -> Iterator[Shop]:
    """Return an operations database of its own, on each kind of database, and stop its processes at the end."""
    if request.param == "sqlite":
        yield from _opened(Shop(tmp_path, ""))
        return
    needs("postgres")
    import psycopg

    import services

    name = f"tenure_due_{uuid4().hex[:12]}"
    with psycopg.connect(services.POSTGRES, autocommit=True) as server:
        server.execute(f"create database {name}")
        try:
            yield from _opened(Shop(tmp_path, f"{services.POSTGRES.rsplit('/', 1)[0]}/{name}"))
        finally:
            server.execute(f"drop database {name} with (force)")


def _opened(shop: Shop) -> Iterator[Shop]:
    shop.call("migrate")
    yield shop
    for process in shop.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_two_workers_at_once_do_each_job_once(shop: Shop) -> None:
    shop.call("add", "note", "60", "0")
    workers = [shop.start("once"), shop.start("once")]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert set(shop.noted().values()) == {1}
    jobs = shop.jobs()
    assert {(job["state"], job["attempts"], job["fence"]) for job in jobs} == {("done", 1, 1)}
    assert len(jobs) == 60


def test_the_job_of_a_killed_worker_goes_on_when_its_lease_is_over(shop: Shop) -> None:
    shop.call("add", "note", "1", "1")
    first = shop.start("work")
    shop.wait(lambda: shop.noted()["0 began"])
    first.send_signal(signal.SIGKILL)
    first.wait()
    shop.start("work")
    shop.wait(lambda: shop.noted()["0 ended"])
    shop.wait(lambda: shop.jobs()[0]["state"] == "done")
    assert (shop.jobs()[0]["attempts"], shop.jobs()[0]["fence"]) == (2, 2)


def test_a_frozen_worker_that_wakes_up_cannot_write_its_result(shop: Shop) -> None:
    shop.call("add", "silent", "1", "3")
    first = shop.start("work")
    shop.wait(lambda: shop.noted()["0 began"])
    first.send_signal(signal.SIGSTOP)
    second = shop.start("work")
    shop.wait(lambda: shop.noted()["0 began"] == 2)
    first.send_signal(signal.SIGCONT)
    shop.wait(lambda: shop.noted()["0 ended"] == 2)
    shop.wait(lambda: shop.jobs()[0]["state"] == "done")
    assert shop.jobs()[0]["result"] == {"process": second.pid}


def test_a_worker_that_is_told_to_stop_gives_its_job_back_at_once(shop: Shop) -> None:
    shop.call("add", "note", "1", "60")
    worker = shop.start("work")
    shop.wait(lambda: shop.noted()["0 began"])
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert [(job["state"], job["attempts"]) for job in shop.jobs()] == [("waiting", 0)]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_job_outlives_connections_that_are_cut(shop: Shop) -> None:
    import psycopg

    shop.call("add", "note", "1", "4")
    shop.start("work")
    shop.wait(lambda: shop.noted()["0 began"])
    with psycopg.connect(shop.database, autocommit=True) as server:
        for _ in range(8):
            server.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            time.sleep(0.4)
    shop.wait(lambda: shop.jobs()[0]["state"] == "done")
    assert shop.noted() == {"0 began": 1, "0 ended": 1}
    assert shop.jobs()[0]["fence"] == 1
