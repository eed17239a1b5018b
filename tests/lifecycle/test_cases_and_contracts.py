"""What is known of a case or a contract as a whole, day by day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tenure.facts.frames import facts_from
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of

FIRST = date(2024, 3, 1)
CASES = [
    ("k1", 0, "opened", "high"),
    ("k1", 5, "note", None),  # says nothing about the severity, so the case stays what it was
    ("k1", 9, "closed", None),
    ("k2", 20, "opened", "low"),
    ("k2", 26, "note", "high"),  # becomes severe while it is open
    ("k2", 30, "closed", None),
    ("k2", 40, "opened", None),  # opened again, and still severe
]
QUESTIONS = [("q1", 50, "opened", "low"), ("q1", 62, "note", "high"), ("q1", 65, "closed", None)]
CONTRACTS = [
    ("c1", 0, "started", 10),
    ("c2", 4, "started", None),
    ("c1", 8, "renewed", 20),
    ("c2", 15, "cancelled", None),  # without a date: not running on this day any more
    ("c3", 30, "started", 60),
    ("c3", 34, "cancelled", 50),
]


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def _facts() -> dict[str, pa.Table]:
    cases = [
        {"customer_id": "a", "at": day(at), "case_id": case, "kind": "complaint", "event": event, "severity": severity}
        for case, at, event, severity in CASES
    ]
    cases += [
        {"customer_id": "a", "at": day(at), "case_id": case, "kind": "question", "event": event, "severity": severity}
        for case, at, event, severity in QUESTIONS
    ]
    contracts = [
        {"customer_id": "a", "at": day(at), "contract_id": name, "event": event, "ends_at": end and day(end)}
        for name, at, event, end in CONTRACTS
    ]
    tables: dict[str, list[dict[str, Any]]] = {"cases": cases, "contracts": contracts}
    return {name: facts_from(name, pa.Table.from_pylist(rows), "UTC") for name, rows in tables.items()}


def days_of(rule: str, until: int = 70) -> list[tuple[int, int]]:
    """Return the stretches of days, last day included, on which a rule holds."""
    model = read({"id": "m", "stages": [{"id": "yes", "when": rule}, {"id": "no", "when": "otherwise"}]})
    spans = spans_of(_facts(), model, as_of=day(until)).to_pylist()
    return [
        ((span["entered_on"] - FIRST).days, ((span["left_on"] or day(until + 1)) - FIRST).days - 1)
        for span in spans
        if span["stage"] == "yes"
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("open(complaint) > 0", [(0, 8), (20, 29), (40, 70)]),
        ('open(complaint[severity = "high"]) > 0', [(0, 8), (26, 29), (40, 70)]),
        ('open(complaint[severity = "low"]) > 0', [(20, 25)]),
        ('days_open(complaint[severity = "high"]) > 3', [(4, 8), (26, 29), (44, 70)]),
        ("days_open(complaint) >= 5", [(5, 8), (25, 29), (45, 70)]),
        ("open(case) > 0", [(0, 8), (20, 29), (40, 70)]),
        ('open(complaint | case[severity = "high"]) >= 2', [(62, 64)]),
        ("running(contract)", [(0, 20), (30, 50)]),
        ('running(contract[contract_id = "c2"])', [(4, 14)]),
        ("days_until(contract.ends_at) <= 3", [(7, 7), (17, 20), (47, 50)]),
    ],
)
def test_conditions_look_at_the_case_or_the_contract_and_not_at_one_event(
    rule: str, expected: list[tuple[int, int]]
) -> None:
    assert days_of(rule) == expected


def test_of_many_open_cases_the_oldest_counts() -> None:
    # Opened day after day, the older ones closed first, and then all at once.
    rows = [
        {"customer_id": who, "at": day(at), "case_id": f"c{n}", "kind": "complaint", "event": event, "severity": None}
        for n in range(30)
        for who, at, event in [("a", n, "opened"), ("a", 2 * n + 5, "closed"), ("b", n, "opened"), ("b", 50, "closed")]
    ]
    facts = {"cases": facts_from("cases", pa.Table.from_pylist(rows), "UTC")}
    stages = [{"id": f"for-{days}", "when": f"days_open(complaint) = {days}"} for days in range(30)]
    spans = spans_of(facts, read({"id": "m", "stages": stages}), as_of=day(70)).to_pylist()
    oldest = {
        ("a", day(at)): at - min((n for n in range(30) if n <= at < 2 * n + 5), default=at + 1) for at in range(71)
    } | {("b", day(at)): at if at < 50 else -1 for at in range(71)}
    for (who, on), days in oldest.items():
        there = [row for row in spans if row["customer_id"] == who and row["entered_on"] <= on]
        is_in = [row["stage"] for row in there if row["left_on"] is None or on < row["left_on"]]
        assert is_in == ([f"for-{days}"] if 0 <= days < 30 else []), (who, on)


@pytest.mark.parametrize("first", [0, 1])
def test_what_begins_and_ends_at_one_instant_is_over(first: int) -> None:
    at = day(5)
    cases = [
        {"customer_id": "a", "at": at, "case_id": "c", "kind": "complaint", "event": e} for e in ("opened", "closed")
    ]
    contracts = [
        {"customer_id": "a", "at": at, "contract_id": "k", "event": e, "ends_at": end}
        for e, end in (("started", day(60)), ("cancelled", None))
    ]
    facts = {
        name: facts_from(name, pa.Table.from_pylist([rows[first], rows[1 - first]]), "UTC")
        for name, rows in (("cases", cases), ("contracts", contracts))
    }
    for rule in ("open(complaint) > 0", "running(contract)"):
        stages = [{"id": "on", "when": rule}, {"id": "off", "when": "otherwise"}]
        spans = spans_of(facts, read({"id": "m", "stages": stages}), as_of=day(40)).to_pylist()
        assert {row["stage"] for row in spans} == {"off"}, rule
