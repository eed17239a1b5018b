"""Due work: claims, leases, fencing, retries, equal work. Runs on PostgreSQL too, see test_postgres.py."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db.models.functions import Now
from django.utils import timezone

from tenure.errors import LakeError
from tenure_app.core.models import Job
from tenure_app.core.work import actions, leases, queries, running
from tenure_app.core.work.kinds import JobKind, kinds

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake

pytestmark = pytest.mark.django_db


def echo(running: running.Running) -> dict[str, Any]:
    running.share("Reading the files", 0.5)
    return running.payload


def broken(running: running.Running) -> dict[str, Any]:
    raise OSError("disk on fire")


def refused(running: running.Running) -> dict[str, Any]:
    raise LakeError("There is no lake in %(path)s. Create one with: tenure import FILE --lake %(path)s", path="X")


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare three kinds of work that need no lake."""
    declared = tuple(
        JobKind(work.__name__, work.__name__, f"{__name__}.{work.__name__}") for work in (echo, broken, refused)
    )
    monkeypatch.setattr(apps.get_app_config("core"), "job_kinds", declared, raising=False)


def claimed(worker: str = "first") -> leases.Lease:
    lease = leases.claim(worker)
    assert lease is not None
    return lease


def reload(job: Job) -> Job:
    job.refresh_from_db()
    return job


def expire(job: Job) -> None:
    """Let a job's lease run out, as if its worker had been silent for a minute."""
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def make_due(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(due_at=Now())


def test_work_is_claimed_once_done_and_kept() -> None:
    job = actions.enqueue("echo", text="hello")
    lease = claimed()
    assert leases.claim("second") is None
    assert running.run(lease).state == Job.DONE
    assert reload(job).result == {"text": "hello"}
    assert (job.attempts, job.percent, job.doing) == (1, 50, "Reading the files")


def test_an_undeclared_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        actions.enqueue("nonsense")
    assert {"import", "demo", "refresh", "preview"} <= set(kinds())


def test_the_urgent_comes_first_then_what_is_due_longest() -> None:
    late = actions.enqueue("echo", n=1)
    soon = actions.enqueue("echo", n=2, delay=timedelta(seconds=-60))
    urgent = actions.enqueue("echo", n=3, priority=5)
    actions.enqueue("echo", n=4, delay=timedelta(hours=1))
    assert [claimed().job for _ in range(3)] == [urgent, soon, late]
    assert leases.claim("first") is None, "the last one is not due yet"


def test_equal_waiting_work_is_one() -> None:
    first = actions.enqueue("echo", n=1, delay=timedelta(hours=1))
    again = actions.enqueue("echo", n=1, priority=3)
    assert again == first
    assert again.priority == 3
    assert actions.enqueue("echo", n=2) != first
    assert claimed().job == first, "asking anew made it due"
    assert actions.enqueue("echo", n=1) != first, "what runs may have begun before its newest cause"


def test_a_key_decides_which_work_is_equal() -> None:
    first = actions.enqueue("echo", key="shop", n=1)
    assert actions.enqueue("echo", key="shop", n=2) == first
    assert actions.enqueue("broken", key="shop") != first


def test_a_worker_that_lost_its_lease_writes_nothing() -> None:
    job = actions.enqueue("echo", n=1)
    old = claimed("first")
    expire(job)
    assert leases.sweep() == 1
    new = claimed("second")
    assert new.fence == old.fence + 1
    assert not leases.complete(old, {"from": "old"})
    assert not leases.fail(old, OSError())
    assert not leases.release(old)
    assert not leases.renew(old, doing="old")
    assert (reload(job).worker, job.state, job.doing) == ("second", Job.RUNNING, "")
    assert leases.complete(new, {"from": "new"})
    assert reload(job).result == {"from": "new"}


def test_a_worker_that_lost_its_lease_stops_at_its_next_report() -> None:
    job = actions.enqueue("echo", n=1)
    lease = claimed()
    assert actions.cancel(job.pk)
    assert running.run(lease).state == Job.CANCELLED
    assert reload(job).result == {}


def test_a_lease_that_is_renewed_is_not_swept() -> None:
    job = actions.enqueue("echo")
    lease = claimed()
    expire(job)
    assert leases.renew(lease)
    assert leases.sweep() == 0
    assert reload(job).state == Job.RUNNING


def test_the_clock_of_a_worker_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    job = actions.enqueue("echo")
    for shift in (timedelta(hours=-25), timedelta(hours=25)):
        with monkeypatch.context() as patch:
            now = timezone.now() + shift
            patch.setattr(timezone, "now", lambda now=now: now)
            patch.setattr("time.time", now.timestamp)
            lease = claimed()
            assert leases.sweep() == 0, "a clock that runs ahead takes nothing from others"
            later = actions.enqueue("echo", n=1, delay=timedelta(minutes=1))
            assert leases.claim("second") is None, "nothing is due early"
            actions.cancel(later.pk)
            leases.release(lease)
    held = claimed().job
    assert timedelta(seconds=50) < reload(held).lease_until - timezone.now() <= leases.LEASE  # type: ignore[operator]
    assert held == job


def test_unexpected_errors_are_retried_ever_later_and_then_end(caplog: pytest.LogCaptureFixture) -> None:
    job = actions.enqueue("broken")
    pauses = []
    for _ in range(4):
        running.run(claimed())
        assert reload(job).state == Job.WAITING
        assert leases.claim("first") is None
        pauses.append(round((job.due_at - timezone.now()).total_seconds()))
        make_due(job)
    assert pauses == [10, 20, 40, 80]
    assert running.run(claimed()).state == Job.FAILED
    assert reload(job).attempts == 5
    assert job.error["data"] == {"error": "OSError: disk on fire"}


def test_pauses_have_a_limit() -> None:
    kind = JobKind("k", "k", "k")
    assert kind.pause_after(1) == timedelta(seconds=10)
    assert kind.pause_after(500) == timedelta(hours=1)


def test_what_a_person_has_to_mend_is_not_retried() -> None:
    job = actions.enqueue("refused")
    assert running.run(claimed()).state == Job.FAILED
    assert reload(job).attempts == 1
    assert job.error["data"] == {"path": "X"}


def test_work_that_kills_every_worker_is_given_up() -> None:
    job = actions.enqueue("echo")
    for attempt in range(5):
        assert claimed().job.attempts == attempt + 1
        expire(job)
        assert leases.sweep() == 1
    assert reload(job).state == Job.FAILED
    assert job.error["data"] == {"times": 5}


def test_a_worker_that_is_stopped_gives_its_job_back() -> None:
    from threading import Event

    job = actions.enqueue("echo")
    stop = Event()
    stop.set()
    assert running.run(claimed(), stop).state == Job.WAITING
    assert reload(job).attempts == 0
    assert claimed("second").job == job


def test_a_job_that_fails_while_equal_work_waits_leaves_it_to_that() -> None:
    failing = actions.enqueue("broken")
    lease = claimed()
    waiting = actions.enqueue("broken")
    assert running.run(lease).state == Job.CANCELLED
    assert queries.open_jobs() == [waiting]
    assert not actions.retry(failing.pk), "equal work waits already"
    actions.cancel(waiting.pk)
    assert actions.retry(failing.pk)
    assert claimed().job == failing


@pytest.mark.django_db(transaction=True)  # connections are closed and opened again
def test_progress_survives_a_database_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    job = actions.enqueue("echo")
    lease = claimed()

    def gone(*_: object, **__: object) -> bool:
        raise OperationalError("gone")

    monkeypatch.setattr(leases, "renew", gone)
    assert running.run(lease).state == Job.DONE
    assert reload(job).state == Job.DONE


@pytest.mark.django_db(transaction=True)  # connections are closed and opened again
def test_a_result_is_written_when_the_database_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import InterfaceError

    complete, calls = leases.complete, []

    def gone_twice(lease: leases.Lease, result: dict[str, Any]) -> bool:
        calls.append(1)
        if len(calls) < 3:
            raise InterfaceError("connection is closed")
        return complete(lease, result)

    monkeypatch.setattr(leases, "complete", gone_twice)
    monkeypatch.setattr(running, "REPORT", 0.01)
    actions.enqueue("echo")
    assert running.run(claimed()).state == Job.DONE


def test_a_busy_worker_is_alive() -> None:
    waiting = actions.enqueue("echo", n=1, delay=timedelta(minutes=-5))
    assert not queries.worker_is_alive()
    actions.enqueue("echo", n=2, priority=1)
    claimed()
    assert queries.worker_is_alive()
    assert waiting in queries.open_jobs()


def test_the_page_shows_retries_and_cancels(signed_in: Client, lake: Lake) -> None:
    job = actions.enqueue("broken")
    running.run(claimed())
    page = signed_in.get("/in-progress/").content.decode()
    assert "OSError: disk on fire" in page
    assert "The last attempt failed" in page
    signed_in.post(f"/in-progress/{job.pk}/cancel/")
    assert reload(job).state == Job.CANCELLED
    assert "Cancelled" in signed_in.get("/in-progress/").content.decode()
    signed_in.post(f"/in-progress/{job.pk}/again/")
    assert reload(job).state == Job.WAITING


def test_an_unexpected_error_is_told_in_the_readers_language(signed_in: Client, lake: Lake) -> None:
    actions.enqueue("broken")
    running.run(claimed())
    signed_in.cookies["tenure_language"] = "zh-hans"
    page = signed_in.get("/in-progress/").content.decode()
    assert "OSError: disk on fire" in page
    assert "unexpected" not in page
    assert "last attempt" not in page
