"""Two refreshes at once: nobody counts twice, and what loses says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from refreshes import numbers_agree, stages_only
from scorecard.shop import LAST, lake_of
from tenure.facts.lake import Lake
from tenure.refreshing.draft import LakeDraft
from tenure.refreshing.planning import plan_of
from tenure.refreshing.publishing import publish
from tenure.refreshing.report import RefreshReport, take_generation
from tenure.refreshing.work import Work
from tenure.scorecard.model import Options

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ["retail-activity"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_of(tmp_path / "lake", buyers=60)


def begun(lake: Lake) -> Work:
    """Return a full refresh of stages that has taken its generation."""
    plan = plan_of(lake, LAST, MODELS, (), engine="duckdb", customers=None, only_changed=False)
    report = RefreshReport(take_generation(lake), LAST, "duckdb", plan.mode, datetime.now(UTC), models=plan.reports)
    return Work(lake, plan, report, LakeDraft(lake), Options(), lambda _text, _share: None)


def counted(lake: Lake) -> tuple[int, int, int]:
    assert numbers_agree(lake)
    con = lake.connect()
    rows, people = con.execute("SELECT count(*), count(DISTINCT customer_id) FROM scorecard").fetchone() or (0, 0)
    twice = con.execute("SELECT count(*) FROM (FROM spans GROUP BY ALL HAVING count(*) > 1)").fetchone() or (0,)
    return rows, people, twice[0]


def current(lake: Lake) -> int:
    row = lake.connect().execute("SELECT count(*) FROM spans WHERE left_on IS NULL").fetchone()
    return int(row[0]) if row else 0


def test_who_is_restaged_during_a_full_refresh_counts_once(lake: Lake) -> None:
    stages_only(lake, LAST, MODELS)
    slow = begun(lake)
    result = slow.score_everybody(slow.evaluate_everybody(), None)
    stages_only(lake, LAST, MODELS, customers=["C00001", "C00002"])
    publish(slow, result)
    assert slow.report.superseded_by is None and counted(lake) == (60, 60, 0)
    assert current(lake) == 60
    rows = lake.connect().execute("SELECT generation, mode FROM refreshes ORDER BY generation").fetchall()
    assert [mode for _generation, mode in rows] == ["full", "restaged", "full"]
    assert len({generation for generation, _mode in rows}) == 3


def test_of_two_full_refreshes_the_one_that_began_first_and_ends_last_says_that_it_lost(lake: Lake) -> None:
    slow = begun(lake)
    result = slow.score_everybody(slow.evaluate_everybody(), None)
    later = stages_only(lake, LAST, MODELS)
    publish(slow, result)
    slow.draft.discard()
    assert slow.report.superseded_by == later.generation
    assert str(later.generation) in slow.report.problems["refresh"].render("en")
    assert counted(lake) == (60, 60, 0)
    assert [row["generation"] for row in lake.read("refreshes").to_pylist()] == [later.generation]


def test_a_restage_that_a_full_refresh_overtakes_is_done_again(lake: Lake) -> None:
    stages_only(lake, LAST, MODELS)
    plan = plan_of(lake, None, MODELS, (), engine="duckdb", customers=["C00003"], only_changed=False)
    report = RefreshReport(take_generation(lake), LAST, "duckdb", plan.mode, datetime.now(UTC), models=plan.reports)
    small = Work(lake, plan, report, LakeDraft(lake), Options(), lambda _text, _share: None)
    features = small.evaluate(["C00003"])
    result = small.score(["C00003"], features, {})
    stages_only(lake, LAST, MODELS)
    publish(small, result)
    assert counted(lake) == (60, 60, 0) and current(lake) == 60


def test_who_is_restaged_during_a_refresh_of_one_model_keeps_the_others(lake: Lake) -> None:
    stages_only(lake, LAST, ["retail-activity", "crm-5"])
    before = lake.connect().execute("SELECT count(*) FROM spans WHERE model = 'crm-5'").fetchone()
    slow = begun(lake)
    result = slow.score_everybody(slow.evaluate_everybody(), None)
    stages_only(lake, LAST, customers=["C00001"])
    publish(slow, result)
    assert lake.connect().execute("SELECT count(*) FROM spans WHERE model = 'crm-5'").fetchone() == before
    assert counted(lake) == (60, 60, 0)


def test_a_publication_that_fails_midway_keeps_what_was_committed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    stages_only(lake, LAST, MODELS)
    commits: list[object] = []

    def full_disk(*arguments: object) -> None:
        commits.append(arguments)
        if len(commits) == 2:
            raise OSError(28, "No space left on device")
        commit(*arguments)  # type: ignore[arg-type]

    from tenure.lake.delta import commit

    monkeypatch.setattr("tenure.lake.delta.commit", full_disk)
    with pytest.raises(OSError, match="No space"):
        stages_only(lake, LAST, MODELS)
    assert counted(lake) == (60, 60, 0) and current(lake) == 60


def test_a_full_refresh_keeps_everybodys_number(lake: Lake) -> None:
    def numbers() -> list[tuple[object, ...]]:
        return lake.connect().execute("SELECT customer_id, number FROM scorecard ORDER BY 1").fetchall()

    stages_only(lake, LAST, MODELS)
    before = numbers()
    stages_only(lake, LAST, MODELS)
    assert numbers() == before
