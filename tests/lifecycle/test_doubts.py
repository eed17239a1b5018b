"""Doubts: on every day the stages whose rule a clerk with a calendar cannot judge, and no others."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, seed
from hypothesis import strategies as st

import tenure as tn
from oracle.history import Calendar, Model
from oracle.people import people
from oracle.settings import checks
from oracle.strategies import Facts, as_of_days, facts, models, zones
from tenure.lifecycle.doubts import DOUBTS
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import stage_facts

SEED = 20261130
AHEAD = 120  # days after the day of the evaluation, which are foreseen
FIRST = date(2024, 1, 1)


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
                by_day[who][date.fromordinal(day)] |= set(calendar.write(day).unjudged)
    return by_day


def _in_doubt(by_day: dict[str, dict[date, set[str]]]) -> dict[tuple[str, date], set[str]]:
    return {(who, day): stages for who, days in by_day.items() for day, stages in days.items() if stages}


@seed(SEED)
@checks(100)
@given(st.data(), models(), as_of_days, zones)
def test_a_stage_is_in_doubt_on_the_days_on_which_its_rule_is_unknown(
    data: st.DataObject, model: dict[str, Any], as_of: date, tz: str
) -> None:
    given_facts = data.draw(facts(overrides=[stage["id"] for stage in model["stages"]]))
    doubts = stage_facts(given_facts.tables, read(model), as_of, tz, given_facts.customers).doubts
    until = as_of + timedelta(days=AHEAD)
    assert _in_doubt(_days(doubts, until)) == _in_doubt(_clerks_days(given_facts, model, as_of, tz))
    keys = [(row["customer_id"], row["entered_on"]) for row in doubts.to_pylist()]
    assert keys == sorted(keys)


def weekly(volumes: list[tuple[date, float]] = (), **more: Any) -> tn.lifecycle.table.Spans:  # type: ignore[assignment]
    """Return a customer who spends 100 a week for a year and 60 from then on, under relationship-4."""
    days = [FIRST + timedelta(days=7 * week) for week in range(91)]
    amounts = [100.0 if day < date(2025, 1, 1) else 60.0 for day in days]
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
    assert set(doubts.column("missing").to_pylist()) == {"volume"}
    # On 9 February the last 90 days hold 7 weeks at 100 and 5 at 60, the 90 days before 13 at 100: 1,000 < 0.8 * 1,300.
    # The order of the 10th makes it 1,060; from 2 March on the sum stays below 80 %.
    periods = list(zip(doubts.column("entered_on").to_pylist(), doubts.column("left_on").to_pylist(), strict=True))
    assert (periods[0], periods[-1]) == ((date(2025, 2, 9), date(2025, 2, 10)), (date(2025, 3, 2), None))
    assert staged.cannot_judge() == {**dict.fromkeys(staged.model.path, 0), "degeneration": 1}
    assert staged.now().column("cannot_judge").to_pylist() == [None]  # the span began before the doubt
