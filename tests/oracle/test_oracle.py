"""The oracle itself, held against days counted on the fingers: who watches the watchman."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from oracle.history import oracle_spans
from oracle.judge import Judge
from oracle.language import parse
from oracle.people import people
from oracle.strategies import START, instant, mapping, tables

# Orders on days 0, 10, 10, 40; refunds 12; views 5, 20; scores 3 and 5 on one day; volumes …
ROWS = [
    *(
        ("orders", {"at": instant(day, 12, 0, n), "order_id": f"o{n}", "amount": Decimal(amount), "status": "sale"})
        for n, (day, amount) in enumerate([(0, "10"), (10, "20"), (10, "0.1"), (40, "30")])
    ),
    ("orders", {"at": instant(12, 12, 0, 9), "order_id": "r", "amount": Decimal("-5"), "status": "refund"}),
    ("interactions", {"at": instant(5, 1, 0, 0), "kind": "view", "seconds": None}),
    ("interactions", {"at": instant(20, 1, 0, 0), "kind": "view", "seconds": Decimal("7")}),
    ("feedback", {"at": instant(15, 9, 0, 0), "measure": "csat", "score": Decimal("5")}),
    ("feedback", {"at": instant(15, 8, 0, 0), "measure": "csat", "score": Decimal("3")}),
    ("cases", {"at": instant(16, 8, 0, 0), "case_id": "c", "kind": "complaint", "event": "opened"}),
    ("cases", {"at": instant(18, 8, 0, 0), "case_id": "c", "kind": "complaint", "event": "closed"}),
    ("order_lines", {"at": instant(10, 12, 0, 1), "order_id": "o1", "product_id": "p", "category": "tea"}),
    ("balances", {"at": instant(30, 8, 0, 0), "receivable": Decimal("500"), "payable": Decimal("20")}),
]
FACTS = tables([(table, {"customer_id": "ann", **row}) for table, row in ROWS])

# rule, first day on which it holds and last (of days 0 … 200); None: never, "?" unknown on day 0
TRUTHS = [
    ("days_since(order) <= 5", [(0, 5), (10, 15), (40, 45)]),
    ("days_since_first(order) = 7", [(7, 7)]),
    ("count(order, last 10d) = 3", []),
    ("count(order, last 11d) = 3", [(10, 10)]),
    ("count(order, last 10d, before 10d) = 2", [(20, 29)]),
    ("count(order, before 30d) = 1", [(30, 39)]),
    ("days(order) = 2", [(10, 39)]),
    ("sum(order.amount) + sum(refund.amount) = 25.1", [(12, 39)]),
    ("sum(order | refund.amount, last 3d) = 15.1", [(12, 12)]),
    ("avg(order.amount) = 10.0333333333", []),
    ("avg(order.amount) * 3 = 30.1", [(10, 39)]),
    ("max(view.seconds) is unknown", [(0, 19)]),
    ("last(csat) = 5", [(15, 200)]),
    ("typical_gap(order) = 10", [(10, 39)]),
    ("typical_gap(order) = 20", [(40, 200)]),
    ("gap_variation(order) = 0.5", [(40, 200)]),
    ("open(complaint) > 0", [(16, 17)]),
    ("categories(order, last 10d) > 0", [(10, 19)]),
    ("balance() = 520", [(30, 200)]),
    ("not (last(csat) > 4)", []),
    ("last(csat) > 4 or has(order)", [(0, 200)]),
    ("not (last(csat) > 4 and count(order) > 9)", [(0, 200)]),
    ("1 / count(order, last 1d) is known", [(0, 0), (10, 10), (40, 40)]),
    ("slope(order, last 40d) is unknown", [(80, 200)]),
    # days 40 to 49: quarters with, 2, 0, 0, 1 orders: slope (-3 + 1.5) / 5, mean 3/4
    ("slope(order, last 40d) = -0.4", [(40, 49), (60, 69)]),
]


@pytest.mark.parametrize(("rule", "wanted"), TRUTHS, ids=[truth[0] for truth in TRUTHS])
def test_it_counts_days_as_the_fingers_do(rule: str, wanted: list[tuple[int, int]]) -> None:
    judge = Judge(people(FACTS, START + timedelta(days=300), "UTC")["ann"])
    tree = parse(rule)
    holds = {day for day in range(201) if judge.holds(tree, (START + timedelta(days=day)).toordinal())}
    assert holds == {day for first, last in wanted for day in range(first, last + 1)}


def test_it_writes_spans_as_half_open_days_with_the_next_change() -> None:
    model = mapping([{"id": "in", "when": "days_since(order) <= 20"}, {"id": "out", "when": "otherwise"}])
    day = lambda number: START + timedelta(days=number)  # noqa: E731
    assert [row[1:] for row in oracle_spans(FACTS, model, day(50), "UTC")] == [
        ("in", day(0), day(31), False, None, None),
        ("out", day(31), day(40), False, None, None),
        ("in", day(40), None, False, "out", day(61)),
    ]


def test_it_inserts_the_steps_of_a_jump() -> None:
    model = mapping(
        [
            {"id": "c", "when": "count(order) >= 3"},
            {"id": "b", "when": "count(order) = 2"},
            {"id": "a", "when": "otherwise"},
        ],
        path=["a", "b", "c"],
        stepwise=True,
    )
    rows = oracle_spans(FACTS, model, date(2024, 12, 1), "UTC")
    assert [(row.stage, row.passed_through) for row in rows] == [("a", False), ("b", True), ("c", False)]
    assert rows[1].entered_on == rows[1].left_on == START + timedelta(days=10)
