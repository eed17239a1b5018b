"""Edges that random facts seldom meet: midnight, changed clocks, exact money, far days, odd cases, causes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from oracle.compare import assert_equal
from oracle.strategies import START, customer_table, instant, mapping, tables
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of

END = START + timedelta(days=100)
Row = tuple[str, dict[str, Any]]


def order(day: int, amount: str = "1", number: int = 0, who: str = "ann", **more: Any) -> Row:
    return order_at(instant(day, 12, 0, number), amount, who, **more)


def order_at(at: datetime, amount: str = "1", who: str = "ann", **more: Any) -> Row:
    row = {"customer_id": who, "at": at, "order_id": f"o{at}", "amount": Decimal(amount), "status": "sale", **more}
    return "orders", row


def case(event: str, day: int, number: int = 0, name: str = "c1", kind: str = "complaint") -> Row:
    at = instant(day, 12, 0, number)
    return "cases", {"customer_id": "ann", "at": at, "case_id": name, "kind": kind, "event": event}


def score(day: int, value: str) -> Row:
    return "feedback", {"customer_id": "ann", "at": instant(day, 9, 0, 7), "measure": "csat", "score": Decimal(value)}


def two_sided(rule: str) -> dict[str, Any]:
    yes, no, maybe = (
        {"id": "yes", "when": rule},
        {"id": "no", "when": f"not ({rule})"},
        {"id": "maybe", "when": "otherwise"},
    )
    return mapping([yes, no, maybe])


def holds_as_the_clerk_says(rows: list[Row], rule: str, as_of: date = END, tz: str = "UTC") -> None:
    assert_equal(tables(rows), two_sided(rule), as_of, tz)


@pytest.mark.parametrize(
    ("tz", "instants"),
    [
        ("Europe/Berlin", ["2024-03-30 22:59", "2024-03-30 23:00", "2024-03-31 21:59", "2024-03-31 22:00"]),
        ("Europe/Berlin", ["2024-10-26 21:59", "2024-10-26 22:00", "2024-10-27 22:59", "2024-10-27 23:00"]),
        ("America/New_York", ["2024-03-10 04:59", "2024-03-10 05:00", "2024-03-11 03:59", "2024-03-11 04:00"]),
        ("America/New_York", ["2024-11-03 03:59", "2024-11-03 04:00", "2024-11-04 04:59", "2024-11-04 05:00"]),
        ("Asia/Shanghai", ["2024-02-28 15:59", "2024-02-28 16:00", "2024-02-29 15:59", "2024-02-29 16:00"]),
        ("Pacific/Apia", ["2011-12-29 09:59", "2011-12-29 10:00", "2011-12-30 09:59", "2011-12-30 10:00"]),
        ("Africa/Casablanca", ["2024-03-09 23:00", "2024-03-10 01:59", "2024-03-10 23:59", "2024-03-11 00:00"]),
    ],
)  # fmt: skip
def test_a_fact_near_midnight_counts_on_its_local_day_also_where_clocks_change(tz: str, instants: list[str]) -> None:
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in instants]
    for number in range(len(moments)):
        rows = [order_at(moment) for moment in moments[: number + 1]]
        for rule in (
            "days_since(order) <= 1",
            "days(order) >= 2",
            "typical_gap(order) = 1",
            "count(order, last 2d) = 2",
        ):
            assert_equal(tables(rows), two_sided(rule), moments[-1].date() + timedelta(days=3), tz)


def test_days_since_45_is_active_on_the_45th_day_and_not_on_the_46th() -> None:
    model = mapping([{"id": "active", "when": "days_since(order) <= 45"}, {"id": "silent", "when": "otherwise"}])
    first, second = spans_of(tables([order(0)]), read(model), as_of=END, tz="UTC").to_pylist()
    assert (first["stage"], first["left_on"]) == ("active", START + timedelta(days=46))
    assert (second["stage"], second["entered_on"], second["left_on"]) == ("silent", START + timedelta(days=46), None)


EXACT = [
    (["0.1"] * 10, "sum(order.amount) = 1"),
    (["0.0001", "0.0002"], "sum(order.amount) * 10000 = 3"),
    (["1", "1", "2"], "avg(order.amount) * 3 = 4"),
    (["1", "1", "1"], "1 / count(order) + 1 / count(order) + 1 / count(order) = 1"),
    (["1"] * 5, "count(order) * 0.7 >= 2.1"),
    (["1"], "days_since(order) * 0.1 >= 0.3"),
    (["1"] * 49, "days_since(order) * (1 / count(order)) >= 1"),
    (["1000000001"], "sum(order.amount) > 1_000_000_000"),
    (["1000000000.01"], "sum(order.amount) > 1_000_000_000"),
    (["9999999999.99", "0.02"], "sum(order.amount) - 10_000_000_000 > 0"),
    (["10"], "count(order) / 10_000_000_000 > 0"),
    (["1", "1", "1"], "1 / (sum(order.amount) * 0.1 - 0.3) is unknown"),
    (["99999999999999.9999"] * 12, "sum(order.amount) > 1_000_000_000_000_000"),
    (["99999999999999.9999"] * 12, "avg(order.amount) >= 99_999_999_999_999"),
]


@pytest.mark.parametrize(("amounts", "rule"), EXACT, ids=[rule for _, rule in EXACT])
def test_money_is_compared_exactly(amounts: list[str], rule: str) -> None:
    holds_as_the_clerk_says([order(day, amount) for day, amount in enumerate(amounts)], rule)


@pytest.mark.parametrize(
    "rule", ["gap_variation(order) = 0.4", "gap_variation(order) < 0.4", "gap_variation(order) >= 0.4"]
)
def test_a_variation_on_its_bound_is_on_its_bound(rule: str) -> None:
    holds_as_the_clerk_says([order(0), order(7), order(10), order(40)], rule)


@pytest.mark.parametrize(
    "rule",
    [
        "days_since(order) > 10_000_000",
        "days_since(order) > 99_999_999_999_999_999_999",
        "0.000001 * days_since(order) > 1000",
        "count(order, last 36525d) < 1",
        "count(order, last 36525d, before 36525d) < 1",
    ],
)
def test_a_change_beyond_the_end_of_the_calendar_is_no_change(rule: str) -> None:
    holds_as_the_clerk_says([order(0)], rule)


def test_facts_may_be_older_than_computers() -> None:
    rows = [order_at(datetime(year, 1, 1, tzinfo=UTC)) for year in (1900, 1950, 1969, 1971)]
    holds_as_the_clerk_says(rows, "days_since(order) < 400", date(1975, 1, 1), "Asia/Shanghai")


@pytest.mark.parametrize(
    "rows",
    [
        [case("opened", 0), case("closed", 5), case("opened", 9)],
        [case("opened", 0), case("opened", 3), case("closed", 5)],
        [case("closed", 0), case("opened", 3), case("closed", 5)],
        [case("opened", 0), case("opened", 0, 1, "c2"), case("closed", 3), case("closed", 5)],
        [case("opened", 0), case("closed", 0, 1), order(1)],
    ],
    ids=["opened again", "opened twice", "closed first", "closed twice", "closed at once"],
)
@pytest.mark.parametrize("rule", ["open(complaint) > 0", "open(case) = 1", "open(complaint) < 0"])
def test_a_case_is_open_until_it_is_closed(rows: list[Row], rule: str) -> None:
    holds_as_the_clerk_says(rows, rule)


def test_a_referred_order_that_is_sent_back_is_no_second_referral() -> None:
    back = order(3, "-1", 1, "bob", referrer_id="ann", status="refund")
    rows = [order(0), order(2, "1", 0, "bob", referrer_id="ann"), back]
    for rule in ("count(referred_buyer) > 1", "count(referred_order) > 1", "count(referred_order) = 1"):
        holds_as_the_clerk_says(rows, rule)


def test_ids_of_any_writing_keep_their_customers_apart() -> None:
    names = ("客户", "é", "e\u0301", "Z", "a", "10", "9", "ann ", " ann", "\U0001f600", "\uffff", "")
    holds_as_the_clerk_says([order(n, who=who) for n, who in enumerate(names)], "days_since(order) < 9")


def test_the_first_cause_that_holds_on_the_day_of_a_setback_is_recorded() -> None:
    causes = [
        {"id": "unhappy", "name": {"zh": "不满意", "en": "Unhappy"}, "when": "last(csat) < 3 or open(complaint) > 0"},
        {"id": "away", "name": {"zh": "需求变化", "en": "Away"}, "when": "days_since(order) > 60"},
        {"id": "other", "name": {"zh": "其他", "en": "Other"}, "when": "otherwise"},
    ]
    model = mapping(
        [
            {"id": "back", "when": "days_since(order) > 30 or last(csat) < 2", "setback": True, "causes": causes},
            {"id": "on", "when": "otherwise"},
        ]
    )
    rows = [
        order(0),
        order(40),
        score(42, "1"),
        score(43, "5"),
        order(50),
        case("opened", 79),
        case("closed", 90),
        order(95),
    ]
    found = spans_of(tables(rows), read(model), as_of=END + timedelta(days=60), tz="UTC").to_pylist()
    assert [(row["stage"], (row["entered_on"] - START).days, row["cause"]) for row in found] == [
        ("on", 0, None),
        ("back", 31, "other"),
        ("on", 40, None),
        ("back", 42, "unhappy"),
        ("on", 43, None),
        ("back", 81, "unhappy"),
        ("on", 95, None),
        ("back", 126, "other"),
    ]


@pytest.mark.parametrize(
    ("rule", "cause"),
    [
        ('in_stage("act")', "c"),
        ('in_stage("gone")', None),
        ("days_in_stage() > 3", "c"),
        ("days_in_stage() > 30", None),
        ("previous_stage() is unknown", "c"),
        ('previous_stage() = "gone"', None),
        ('in_stage("act") for 5d', "c"),
        ('ever(in_stage("gone"))', None),
        ("days_in_stage() + 1 > count(order)", "c"),
    ],
)
def test_a_cause_may_ask_where_the_customer_was_the_day_before(rule: str, cause: str | None) -> None:
    causes = [{"id": "c", "when": rule}]
    stages = [
        {"id": "act", "when": "days_since(order) <= 10"},
        {"id": "gone", "when": "otherwise", "setback": True, "causes": causes},
    ]
    rows = spans_of(tables([order(0)]), read(mapping(stages)), as_of=END, tz="UTC").to_pylist()
    assert [(row["stage"], row["cause"]) for row in rows] == [("act", None), ("gone", cause)]


def test_what_could_not_be_judged_is_said_beside_the_stage_that_was_taken_instead() -> None:
    model = mapping(
        [
            {"id": "glad", "when": "last(csat) >= 4"},
            {"id": "regular", "when": "typical_gap(order) < 30"},
            {"id": "other", "when": "has(order)"},
            {"id": "never", "when": "last(nps) > 3"},
        ]
    )
    found = spans_of(tables([order(0), order(10), score(12, "5")]), read(model), as_of=END, tz="UTC").to_pylist()
    assert [(row["stage"], row["cannot_judge"]) for row in found] == [
        ("other", "glad,regular"),
        ("regular", "glad"),
        ("glad", None),
    ]


def test_every_span_says_why() -> None:
    model = mapping([{"id": "in", "when": "days_since(order) <= 20"}, {"id": "out", "when": "otherwise"}])
    decision = {
        "customer_id": "ann",
        "at": instant(60, 9, 0, 0),
        "model": "random",
        "stage": "in",
        "reason": "he said so",
    }
    rows = [order(0), order(40), ("overrides", {**decision, "until": START + timedelta(days=70)})]
    found = spans_of(tables(rows), read(model), as_of=END, tz="UTC").to_pylist()
    assert [row["stage"] for row in found] == ["in", "out", "in", "out"]
    assert all(row["because"] for row in found)

    later = spans_of(tables([rows[0], rows[2]]), read(model), as_of=START + timedelta(days=65), tz="UTC").to_pylist()
    assert "he said so" in later[-1]["because"]
    assert (later[-1]["next_stage"], later[-1]["next_change_on"]) == ("out", START + timedelta(days=71))


def test_no_step_is_passed_through_while_a_decision_holds_even_one_for_the_stage_that_held_before() -> None:
    # By the rules: "far" from day 20, and on day 40 a jump over "b" to "c". A person decides for "far" on day 30.
    model = mapping(
        [
            {"id": "c", "when": "count(order) >= 2"},
            {"id": "far", "when": "days_since(order) >= 20", "setback": True},
            {"id": "a", "when": "count(order) = 1"},
            {"id": "b", "when": "count(order) < 0"},
        ],
        path=["a", "b", "c", "far"],
        stepwise=True,
    )
    decision = {"customer_id": "ann", "at": instant(30, 9, 0, 0), "model": "random", "stage": "far", "reason": "moved"}
    until = START + timedelta(days=50)
    rows = [order(0), order(40), ("overrides", {**decision, "until": until})]
    assert_equal(tables(rows), model, END, "UTC")
    found = spans_of(tables(rows), read(model), as_of=END, tz="UTC").to_pylist()
    assert [row["stage"] for row in found] == ["a", "far", "c"]


def test_a_customer_known_by_record_alone_is_where_a_stage_claims_such_customers() -> None:
    model = mapping(
        [
            {"id": "buyer", "when": "has(order)"},
            {"id": "lead", "when": "otherwise", "without_facts": True},
        ]
    )
    people = customer_table(
        [
            {"customer_id": who, "created_on": START + timedelta(days=day), "seen_at": instant(0, 0, 0, 0)}
            for who, day in (("ann", 0), ("bob", 20), ("eve", 101))
        ]
    )
    found = spans_of(tables([order(10), order(5, who="bob")]), read(model), as_of=END, tz="UTC", customers=people)
    assert [(row["customer_id"], row["stage"], (row["entered_on"] - START).days) for row in found.to_pylist()] == [
        ("ann", "lead", 0),
        ("ann", "buyer", 10),
        ("bob", "buyer", 5),
    ]


def test_no_facts_give_no_spans() -> None:
    model = read(mapping([{"id": "in", "when": "has(order)"}]))
    assert spans_of({}, model, as_of=END, tz="UTC").num_rows == 0
    assert spans_of({"orders": tables([order(0)])["orders"].slice(0, 0)}, model, as_of=END, tz="UTC").num_rows == 0


def contract(event: str, day: int, ends: int | None = None) -> Row:
    ends_at = None if ends is None else instant(ends, 12, 0, 0)
    row = {"customer_id": "ann", "at": instant(day, 12, 0, 3), "contract_id": "k1", "event": event, "ends_at": ends_at}
    return "contracts", row


@pytest.mark.parametrize(
    "events",
    [
        [contract("started", 0, 20), contract("cancelled", 40, 60)],  # it has ended long ago
        [contract("started", 0, 50), contract("cancelled", 10, 90)],
        [contract("started", 0), contract("cancelled", 10, 30), contract("cancelled", 20, 80)],
        [contract("started", 0), contract("cancelled", 10), contract("cancelled", 20, 80), contract("renewed", 90)],
    ],
)
def test_a_cancellation_never_lets_a_contract_run_longer(events: list[Row]) -> None:
    holds_as_the_clerk_says([*events, order(0)], "running(contract)")
    holds_as_the_clerk_says([*events, order(0)], "days_until(contract.ends_at) <= 10")


def view(day: int, seconds: str | None) -> Row:
    exact = None if seconds is None else Decimal(seconds)
    return "interactions", {"customer_id": "ann", "at": instant(day, 12, 0, 1), "kind": "view", "seconds": exact}


@pytest.mark.parametrize("rule", ["avg(view.seconds, last 2 views) = 10", "last(view.seconds, last 1 view) > 0"])
def test_the_last_facts_are_those_with_a_value_or_not(rule: str) -> None:
    holds_as_the_clerk_says([view(0, "10"), view(5, None), view(9, None), view(20, "10")], rule)


def test_the_referrer_is_a_column_of_referred_buyers_too() -> None:
    rows = [order(3, who="bob", referrer_id="ann"), order(0)]
    holds_as_the_clerk_says(rows, 'has(referred_buyer[referrer_id = "ann"])')


# Dates that come again


def test_a_birthday_returns_since_the_customer_is_on_record_whoever_else_there_is() -> None:
    model = read({
        "id": "birthdays",
        "stages": [
            {"id": "bday", "when": "days_until(birthday) <= 7 and not count(order) >= 5", "without_facts": True},
            {"id": "known", "when": "otherwise", "without_facts": True},
        ],
    })  # fmt: skip
    record = {"customer_id": "ann", "created_on": date(2015, 1, 1), "valid_from": date(2015, 1, 1)}
    people = customer_table([record | {"seen_at": instant(0, 0, 0, 0), "attributes": '{"birthday": "1980-06-15"}'}])
    as_of = date(2024, 3, 1)
    alone, early = order_at(datetime(2024, 1, 10, tzinfo=UTC)), order_at(datetime(2015, 1, 1, tzinfo=UTC), who="bob")
    spans = spans_of(tables([alone]), model, as_of=as_of, customers=people)
    entered = [row["entered_on"] for row in spans.to_pylist() if row["stage"] == "bday"]
    assert entered == [date(year, 6, 8) for year in range(2015, 2024)]
    both = spans_of(tables([alone, early]), model, as_of=as_of, customers=people).to_pylist()
    assert [row for row in both if row["customer_id"] == "ann"] == spans.to_pylist()


@pytest.mark.parametrize("created", [date(1, 1, 1), date(1900, 1, 1), date(9999, 12, 31)])
def test_a_day_of_birth_or_of_a_record_may_be_no_real_date(created: date) -> None:
    people = customer_table([{"customer_id": "ann", "created_on": created, "attributes": '{"birthday": "05-05"}'}])
    for rule in ("days_until(birthday) <= 3", 'days_until("双十一") <= 3'):
        model = read(two_sided(rule) | {"enters": ["order"]})
        spans = spans_of(tables([order(0)]), model, as_of=START + timedelta(days=366), customers=people)
        assert [row["stage"] for row in spans.to_pylist()] == ["no", "yes", "no"]


def test_a_date_of_one_year_is_waited_for_however_far_ahead_it_lies() -> None:
    far = {"周年庆": ("2031-05-18", "2030-05-18..2030-05-20")}
    model = read(two_sided('days_until("周年庆") <= 2000') | {"enters": ["order"]}, named_dates=far)
    (row,) = spans_of(tables([order(0)]), model, as_of=END).to_pylist()
    assert (row["stage"], row["next_stage"], row["next_change_on"]) == ("no", "yes", date(2024, 11, 25))
