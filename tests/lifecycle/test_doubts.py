"""Doubts: on every day the stages whose rule a clerk with a calendar cannot judge, and no others."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

import tenure as tn
from oracle.history import Calendar, Model
from oracle.people import people
from oracle.settings import checks
from oracle.strategies import Facts, as_of_days, facts, models, zones
from refreshes import stages_only
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lake import backup
from tenure.lifecycle.doubts import DOUBTS
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import stage_facts
from tenure.lifecycle.statistics import CANNOT_JUDGE, statistic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEED = 20261130
AHEAD = 120  # days after the day of the evaluation, which are foreseen
FIRST = date(2024, 1, 1)
OPENED = date(2025, 3, 15)  # the day from which ann cannot be judged


def _days(doubts: pa.Table, until: date) -> dict[str, dict[date, set[str]]]:
    """Return which stages are in doubt, by customer and day."""
    by_day: dict[str, dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in doubts.to_pylist():
        day = row["entered_on"]
        assert row["left_on"] is None or row["left_on"] > day, row
        while day <= until and (row["left_on"] is None or day < row["left_on"]):
            assert row["stage"] not in by_day[row["customer_id"]][day], f"twice in doubt: {row}"
            by_day[row["customer_id"]][day].add(row["stage"])
            day += timedelta(days=1)
    return by_day


def _clerks_days(facts: Facts, model: dict[str, Any], as_of: date, tz: str) -> dict[str, dict[date, set[str]]]:
    by_day: dict[str, dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    clerk = Model(model)
    for who, person in people(facts.tables, as_of, tz, facts.customers).items():
        calendar, today = Calendar(person, clerk), as_of.toordinal()
        if calendar.entry is not None and calendar.entry <= today:
            for day in range(calendar.entry, today + AHEAD + 1):
                by_day[who][date.fromordinal(day)] |= set(calendar.unjudged(day))
    return by_day


def _in_doubt(by_day: dict[str, dict[date, set[str]]]) -> dict[tuple[str, date], set[str]]:
    return {(who, day): stages for who, days in by_day.items() for day, stages in days.items() if stages}


@seed(SEED)
@checks(100)
@given(st.data(), models() | models(settling=True), as_of_days, zones)
def test_a_stage_is_in_doubt_on_the_days_on_which_its_rule_is_unknown(
    data: st.DataObject, model: dict[str, Any], as_of: date, tz: str
) -> None:
    given_facts = data.draw(facts(overrides=[stage["id"] for stage in model["stages"]]))
    doubts = stage_facts(given_facts.tables, read(model), as_of, tz, given_facts.customers).doubts
    until = as_of + timedelta(days=AHEAD)
    assert _in_doubt(_days(doubts, until)) == _in_doubt(_clerks_days(given_facts, model, as_of, tz))
    keys = [(row["customer_id"], row["entered_on"]) for row in doubts.to_pylist()]
    assert keys == sorted(keys)


def _weekly_orders() -> list[tuple[date, float]]:
    days = [FIRST + timedelta(days=7 * week) for week in range(91)]
    return [(day, 100.0 if day < date(2025, 1, 1) else 60.0) for day in days]


def weekly(volumes: Sequence[tuple[date, float]] = (), **more: Any) -> tn.Spans:
    """Return a customer who spends 100 a week for a year and 60 from then on, under relationship-4."""
    days, amounts = zip(*_weekly_orders(), strict=True)
    orders = pa.table({"customer_id": ["ann"] * len(days), "at": days, "amount": amounts})
    if volumes:
        days, totals = zip(*volumes, strict=True)
        more["volumes"] = pa.table({"customer_id": ["ann"] * len(days), "at": days, "amount": totals})
    return tn.spans(orders, "relationship-4", as_of="2025-09-30", **more)


def test_buying_less_without_a_known_total_volume_cannot_be_judged() -> None:
    staged = weekly()
    doubts = staged.doubts()
    assert doubts.schema == DOUBTS
    assert set(doubts.column("stage").to_pylist()) == {"degeneration"}
    assert set(doubts.column("missing_facts").to_pylist()) == {"volume"}
    # From 1 March the last three months have eight orders at 60: 980, below 80 % of 1,300; this must last for 14 days.
    periods = list(zip(doubts.column("entered_on").to_pylist(), doubts.column("left_on").to_pylist(), strict=True))
    assert periods == [(OPENED, None)]
    assert staged.cannot_judge() == {**dict.fromkeys(staged.model.path, 0), "degeneration": 1}
    assert staged.now().column("cannot_judge").to_pylist() == [None]  # the span began before the doubt


def test_a_known_total_volume_ends_the_doubt() -> None:
    volumes = [(FIRST + timedelta(days=30 * month), 1000.0) for month in range(22)]
    assert weekly(volumes).doubts().num_rows == 0
    late = [(date(2025, 6, 1), 1000.0), (date(2025, 7, 1), 1000.0), (date(2025, 8, 30), 1000.0)]
    doubts = weekly(late).doubts()
    # One statement has nothing to be compared with; the second ends the doubt.
    assert doubts.column("left_on").to_pylist() == [date(2025, 7, 1)]
    assert weekly(late).cannot_judge()["degeneration"] == 0
    assert weekly(late).now().column("stage").to_pylist() == ["degeneration"]


def test_a_decision_of_a_person_hides_a_doubt_while_it_lasts() -> None:
    decision = {"customer_id": ["ann"], "at": [date(2025, 4, 1)], "model": ["relationship-4"]}
    decision |= {"stage": ["stability"], "reason": ["met them"], "until": [date(2025, 4, 30)]}
    doubts = weekly(overrides=pa.table(decision)).doubts().to_pylist()
    assert [(row["entered_on"], row["left_on"]) for row in doubts] == [
        (OPENED, date(2025, 4, 1)),
        (date(2025, 5, 1), None),
    ]


RULES = {
    "id": "parts",
    "enters": ["order"],
    "stages": [
        {
            "id": "asked",
            "when": "(last(csat) > 3 or count(view) > 5) and avg(volume.amount) > 2 and 1 / count(cost) > 0.1",
        },
        {"id": "other", "when": "otherwise"},
    ],
}


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({}, "csat,volume"),
        ({"volumes": pa.table({"customer_id": ["ann"], "at": [FIRST], "amount": [3.0]})}, "csat"),
        # Enough views settle the first part, whatever the score is.
        ({"interactions": pa.table({"customer_id": ["ann"] * 6, "at": [FIRST] * 6, "kind": ["view"] * 6})}, "volume"),
        # A part that is false settles the rule.
        ({"volumes": pa.table({"customer_id": ["ann"], "at": [FIRST], "amount": [1.0]})}, None),
    ],
)
def test_a_doubt_names_what_makes_the_rule_unknown(more: dict[str, Any], missing: str | None) -> None:
    orders = pa.table({"customer_id": ["ann"], "at": [FIRST], "amount": [5.0]})
    doubts = tn.spans(orders, RULES, as_of=FIRST, **more).doubts()
    assert doubts.column("missing_facts").to_pylist() == ([] if missing is None else [missing])


def test_a_division_by_nothing_is_a_doubt_in_which_no_fact_is_missing() -> None:
    model = {"id": "ratio", "enters": ["order"], "stages": [{"id": "a", "when": "1 / count(cost) > 0.1"}]}
    orders = pa.table({"customer_id": ["ann"], "at": [FIRST], "amount": [5.0]})
    doubts = tn.spans(orders, model, as_of=FIRST).doubts()
    assert doubts.column("missing_facts").to_pylist() == [None]


# In a lake


def _lake(folder: Path) -> Lake:
    lake = Lake.create(folder / "lake", tz="UTC")
    import_files(lake, [_file(folder / "orders.csv", _weekly_orders())], as_="orders")
    return lake


def _file(path: Path, rows: Sequence[tuple[date, float]]) -> Path:
    path.write_text("customer_id,at,amount\n" + "".join(f"ann,{day},{amount}\n" for day, amount in rows))
    return path


def _doubts(lake: Lake) -> list[tuple[Any, ...]]:
    sql = "SELECT entered_on, left_on, missing_facts FROM doubts WHERE stage = 'degeneration' ORDER BY entered_on"
    return lake.connect().execute(sql).fetchall()


def _unjudged(lake: Lake, day: date, model: str = "relationship-4") -> list[tuple[str, int]]:
    rows = statistic(lake.connect(), CANNOT_JUDGE, model, day=day).to_pylist()
    return [(row["stage"], row["people"]) for row in rows]


TODAY = date(2025, 9, 30)


def test_volumes_that_are_imported_later_end_the_doubt_of_the_lake(tmp_path: Path) -> None:
    lake = _lake(tmp_path)
    report = stages_only(lake, TODAY, ["relationship-4"])
    assert report.models[0].cannot_judge == {"degeneration": 1}
    assert _unjudged(lake, TODAY) == [("degeneration", 1)]
    assert _unjudged(lake, OPENED) == [("degeneration", 1)]
    assert _unjudged(lake, OPENED - timedelta(days=1)) == []
    volumes = [(date(2025, 6, 1), 1000.0), (date(2025, 7, 1), 1000.0), (date(2025, 8, 30), 1000.0)]
    import_files(lake, [_file(tmp_path / "volumes.csv", volumes)], as_="volumes")
    report = stages_only(lake, TODAY, ["relationship-4"], only_changed=True)
    assert (report.mode, report.models[0].cannot_judge) == ("touched", {})
    assert _unjudged(lake, TODAY) == []
    assert _unjudged(lake, date(2025, 5, 31)) == [("degeneration", 1)]
    whole = Lake.create(tmp_path / "whole", tz="UTC")
    for name in ("orders", "volumes"):
        import_files(whole, [tmp_path / f"{name}.csv"], as_=name)
    stages_only(whole, TODAY, ["relationship-4"])
    assert _doubts(lake) == _doubts(whole)


def test_a_doubt_that_time_alone_brings_is_there_on_its_day(tmp_path: Path) -> None:
    gone = {"id": "gone", "when": "days_since(order) > 365 and balance() = 0"}
    model = read({"id": "silence", "needs": ["order"], "stages": [gone, {"id": "here", "when": "otherwise"}]})
    lake = _lake(tmp_path)
    silent = _weekly_orders()[-1][0] + timedelta(days=366)
    for as_of in (TODAY, silent):
        stages_only(lake, as_of, [model], only_changed=True)
        assert _unjudged(lake, silent - timedelta(days=1), "silence") == []
        assert _unjudged(lake, silent, "silence") == [("gone", 1)]


def test_a_lake_of_an_older_version_gets_its_doubts_with_the_next_refresh(tmp_path: Path) -> None:
    lake = _lake(tmp_path)
    stages_only(lake, TODAY, ["relationship-4"])
    before = _doubts(lake)
    shutil.rmtree(lake.path / "life" / "doubts")
    assert stages_only(lake, TODAY, ["relationship-4"], only_changed=True).mode == "full"
    assert _doubts(lake) == before


def test_a_lake_in_which_nothing_is_in_doubt_need_not_be_refreshed_as_a_whole_again(tmp_path: Path) -> None:
    lake = _lake(tmp_path)
    stages_only(lake, TODAY, ["retail-activity"])
    assert lake.read("doubts").num_rows == 0
    assert stages_only(lake, TODAY, ["retail-activity"], only_changed=True).mode == "touched"


def test_a_backup_keeps_doubts(tmp_path: Path) -> None:
    lake = _lake(tmp_path)
    stages_only(lake, TODAY, ["relationship-4"])
    backup.backup(lake, tmp_path / "lake.tar.gz")
    backup.restore(tmp_path / "lake.tar.gz", tmp_path / "restored")
    assert _doubts(Lake.open(tmp_path / "restored")) == _doubts(lake)
