"""What analysts wished to say and could not: each wish as a rule, with a customer of whom it is true on known days.

The days were counted on a wall calendar. What a rule does not hold on, it is false or unknown on.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from oracle.strategies import customer_table, mapping, tables
from refreshes import stages_only as refresh
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of

Row = tuple[str, dict[str, Any]]
END = date(2024, 12, 31)
FOREVER = ""  # a stretch of days that goes on on the last day


def _row(table: str, when: str, **columns: Any) -> Row:
    """Return a fact at a day, or an hour of a day, as ``2024-05-18`` or ``2024-05-18 21``."""
    day, _, hour = when.partition(" ")
    at = datetime.fromisoformat(day).replace(hour=int(hour or 12), tzinfo=UTC)
    exact = {name: Decimal(str(value)) if isinstance(value, (int, float)) else value for name, value in columns.items()}
    return table, {"customer_id": "lin", "at": at, **exact}


def order(when: str, amount: float = 100, **columns: Any) -> Row:
    return _row("orders", when, order_id=f"o{when}{amount}", amount=amount, status="sale", **columns)


def refund(when: str, amount: float) -> Row:
    return _row("orders", when, order_id=f"r{when}", amount=-amount, status="refund")


def line(when: str, **columns: Any) -> Row:
    return _row("order_lines", when, order_id="o", product_id=columns.pop("product_id", "p"), quantity=1, **columns)


def act(kind: str, when: str, **columns: Any) -> Row:
    return _row("interactions", when, kind=kind, **columns)


def answer(measure: str, when: str, score: float) -> Row:
    return _row("feedback", when, measure=measure, score=score, survey="s")


def case(event: str, when: str, case_id: str = "c1", **columns: Any) -> Row:
    return _row("cases", when, kind="complaint", case_id=case_id, event=event, **columns)


def contract(event: str, when: str, ends: str | None = None) -> Row:
    ends_at = None if ends is None else datetime.fromisoformat(ends).replace(hour=12, tzinfo=UTC)
    return _row("contracts", when, contract_id="k1", event=event, ends_at=ends_at)


class Wish(NamedTuple):
    """One wish: what it asks, the rule that says it, a customer, and on which days it is true."""

    asks: str
    rule: str
    facts: list[Row]
    true: list[tuple[str, str]]  # first and last days
    others: list[dict[str, Any]] = []  # stages that the model has beside "yes" and "no"

    def __str__(self) -> str:
        return self.asks


def every(first: str, days: int, times: int) -> list[str]:
    start = date.fromisoformat(first)
    return [str(start + timedelta(days=days * number)) for number in range(times)]


WISHES = [
    Wish(
        "1 bought category X, then Y within 30 days",
        'has(line[category = "X"] then line[category = "Y"] within 30d)',
        # 41 days after the first X is too late, 30 days after the second is not
        [line("2024-01-10", category="X"), line("2024-02-20", category="Y"),
         line("2024-03-01", category="X"), line("2024-03-31", category="Y")],
        [("2024-03-31", FOREVER)],
    ),
    Wish(
        "2 the average basket of the last three orders",
        "avg(order.amount, last 3 orders) >= 100",
        [order("2024-01-01", 90), order("2024-01-10", 90), order("2024-01-20", 120), order("2024-02-01", 60),
         order("2024-03-01", 120)],
        [("2024-01-20", "2024-01-31"), ("2024-03-01", FOREVER)],
    ),
    Wish(
        "2b the last three orders on three different days, not two on one",
        "days(order, last 3 orders) = 3",
        [order("2024-01-01"), order("2024-01-10 9"), order("2024-01-10 15"), order("2024-01-20"), order("2024-02-01")],
        [("2024-02-01", FOREVER)],
    ),
    Wish(
        "3 at least 15 orders in this calendar month",
        "count(order, this month) >= 15",
        [order("2024-05-31"), *(order(day) for day in every("2024-06-01", 1, 16))],
        [("2024-06-15", "2024-06-30")],
    ),
    Wish(
        "4a the first order came through the app",
        'first(order).channel = "app"',
        [act("view", "2024-01-01"), order("2024-02-01", channel="app"), order("2024-03-01", channel="web")],
        [("2024-02-01", FOREVER)],
    ),
    Wish(
        "4b bought online only",
        'has(order) and not has(order[channel not in ("web", "app")])',
        [order("2024-02-01", channel="app"), order("2024-03-01", channel="web"), order("2024-04-01", channel="store")],
        [("2024-02-01", "2024-03-31")],
    ),
    Wish(
        "5 no more than 30 days between the first order and the second",
        "nth(order, 2).date - first(order).date <= 30",
        [order("2024-01-01"), order("2024-01-31"), order("2024-10-01")],
        [("2024-01-31", FOREVER)],
    ),
    Wish(
        "7 purchases in three different months",
        "months_with(order) >= 3",
        [order("2024-01-31"), order("2024-02-01"), order("2024-02-29"), order("2024-03-01")],
        [("2024-03-01", FOREVER)],
    ),
    Wish(
        "8 at least one order in each of the last three months",
        "months_with(order, last 3 months) = 3",
        [order("2024-01-15"), order("2024-02-15"), order("2024-03-15"), order("2024-05-15")],
        [("2024-04-01", "2024-04-30")],
    ),
    Wish(
        "9 spends more than in the same season last year",
        "sum(order.amount, last 90d) > 1.2 * sum(order.amount, same 90d last year) and days_since_first(order) >= 365",
        # 29 February does not shift the season: both stretches of 90 days begin on 10 March
        [order("2023-03-10", 100), order("2024-03-10", 130)],
        [("2024-03-10", "2024-06-07")],
    ),
    Wish(
        "10 gives back more than 30 % of what is bought",
        "-sum(refund.amount, last 360d) / sum(order.amount, last 360d) > 30%",
        [order("2024-01-01", 100), refund("2024-01-11", 31), order("2024-02-01", 100)],
        # half of it until the second order, and all of it again when the first order is 360 days old
        [("2024-01-11", "2024-01-31"), ("2024-12-26", FOREVER)],
    ),
    Wish(
        "11 at least two orders over 500",
        "count(order[amount > 500]) >= 2",
        [order("2024-01-01", 501), order("2024-02-01", 500), order("2024-03-01", 900)],
        [("2024-03-01", FOREVER)],
    ),
    Wish(
        "12 a cart without an order since",
        "has(cart) and (not has(order) or days_since(order) > days_since(cart))",
        [act("cart", "2024-01-01"), order("2024-01-05"), act("cart", "2024-02-01"), order("2024-02-01 15")],
        [("2024-01-01", "2024-01-04")],
    ),
    Wish(
        "13 looked at product P three times in a week",
        'count(view[content_id = "P"], last 7d) >= 3',
        [act("view", "2024-01-01", content_id="P"), act("view", "2024-01-05", content_id="P"),
         act("view", "2024-01-06", content_id="Q"), act("view", "2024-01-07", content_id="P")],
        [("2024-01-07", "2024-01-07")],
    ),
    Wish(
        "14 the contract ends within 30 days",
        "days_until(contract.ends_at) <= 30",
        [contract("started", "2024-01-01", "2024-03-31"), contract("renewed", "2024-03-20", "2024-09-30")],
        [("2024-03-01", "2024-03-19"), ("2024-08-31", "2024-09-30")],
    ),
    Wish(
        "15 a contract is running",
        "running(contract)",
        [contract("started", "2024-01-10", "2024-03-31"), contract("renewed", "2024-05-01"),
         contract("cancelled", "2024-08-01")],
        [("2024-01-10", "2024-03-31"), ("2024-05-01", "2024-07-31")],
    ),
    Wish(
        "16 has been silent, beyond 45 days, for a fortnight",
        "days_since(order) > 45 for 14d",
        # silent from the 46th day, 16 February, on; a fortnight later it is 1 March
        [order("2024-01-01"), order("2024-04-01"), order("2024-05-20"), order("2024-12-01")],
        [("2024-03-01", "2024-03-31"), ("2024-07-19", "2024-11-30")],
    ),
    Wish(
        "18 once bought three times in 30 days",
        "ever(count(order, last 30d) >= 3)",
        [order("2024-01-01"), order("2024-02-01"), order("2024-02-10"), order("2024-03-01")],
        [("2024-03-01", FOREVER)],
    ),
    Wish(
        "19a was silent for more than 60 days between two orders",
        "longest_gap(order) > 60",
        [order("2024-01-01"), order("2024-02-01"), order("2024-04-02"), order("2024-04-03")],
        [("2024-04-02", FOREVER)],
    ),
    Wish(
        "19b the median basket, and the second largest",
        "median(order.amount) < 50 and largest(order.amount, 2) >= 100",
        [order("2024-01-01", 100), order("2024-01-02", 10), order("2024-01-03", 200), order("2024-01-04", 20),
         order("2024-01-05", 30)],
        [("2024-01-05", FOREVER)],
    ),
    Wish(
        "20 three different products, through two channels",
        "distinct(line.product_id) >= 3 and distinct(order.channel, last 90d) >= 2",
        [order("2024-01-01", channel="web"), line("2024-01-01", product_id="a"), line("2024-01-01", product_id="b"),
         order("2024-02-01", channel="app"), line("2024-02-01", product_id="b"), line("2024-02-10", product_id="c")],
        [("2024-02-10", "2024-03-30")],
    ),
    Wish(
        "21 a severe complaint is open for more than three days",
        'days_open(complaint[severity = "high"]) > 3',
        # it becomes severe on the fifth day, when it has been open for four
        [case("opened", "2024-01-01", severity="low"), case("opened", "2024-01-05", severity="high"),
         case("closed", "2024-01-20"), case("opened", "2024-03-01", "c2", severity="low")],
        [("2024-01-05", "2024-01-19")],
    ),
    Wish(
        "23a bought at a weekend twice",
        "count(order[weekday in (6, 7)]) >= 2",
        [order("2024-01-06"), order("2024-01-08"), order("2024-01-14")],
        [("2024-01-14", FOREVER)],
    ),
    Wish(
        "23b bought at the shop's anniversary, late in the evening",
        'has(order[on "店庆", hour >= 20], last 30d)',
        [order("2024-05-17 21"), order("2024-05-18 19"), order("2024-05-20 20")],
        [("2024-05-20", "2024-06-18")],
    ),
    Wish(
        "25a the share of wallet is at least a fifth",
        "sum(order.amount, last 90d) / sum(volume.amount, last 90d) >= 20%",
        [order("2024-01-01"), _row("volumes", "2024-01-10", amount=500), _row("volumes", "2024-02-10", amount=100)],
        [("2024-01-10", "2024-02-09")],
    ),
    Wish(
        "25b would recommend us, and looked around for five minutes",
        "last(nps) >= 9 and sum(view.seconds, last 30d) >= 300",
        [act("view", "2024-01-01", seconds=120), act("view", "2024-01-05", seconds=180),
         answer("nps", "2024-01-10", 9)],
        [("2024-01-10", "2024-01-30")],
    ),
    Wish(
        "25c buys more and more often",
        "slope(order, last 40d) > 0",
        # a single order rises through the newer half of the window, and falls through the older
        [order("2024-01-01")],
        [("2024-01-01", "2024-01-20")],
    ),
    Wish(
        "16b has been in the stage of silence for 30 days",
        '(in_stage("silent") and days_in_stage() >= 30 or in_stage("yes")) and days_since(order) > 45',
        [order("2024-01-01"), order("2024-04-01"), order("2024-05-20"), order("2024-06-10")],
        # silent since 16 February; from 26 July on, and so for 30 days on 25 August
        [("2024-03-17", "2024-03-31"), ("2024-08-25", FOREVER)],
        [{"id": "silent", "when": "days_since(order) > 45"}],
    ),
    Wish(
        "17a came back from silence the day before",
        'previous_stage() = "silent" and in_stage("active")',
        [order("2024-01-01"), order("2024-03-10")],
        [("2024-03-11", "2024-03-11")],
        [{"id": "active", "when": "days_since(order) <= 30"}, {"id": "silent", "when": "has(order)"}],
    ),
    Wish(
        "17b is silent in another model",
        'stage("rhythm") = "silent" and count(order) >= 2',
        [order("2024-01-01"), order("2024-01-20"), order("2024-05-01")],
        [("2024-02-20", "2024-04-30"), ("2024-06-01", FOREVER)],
    ),
]  # fmt: skip

RHYTHM = """
id: rhythm
stages:
  - {id: active, when: days_since(order) <= 30}
  - {id: silent, when: otherwise}
"""


def _true_days(wish: Wish) -> list[tuple[str, str]]:
    """Return the stretches of days on which the product says that the rule holds."""
    model = read(_model(wish), named_dates=NAMED_DATES, own={"rhythm": RHYTHM})
    return _stretches(spans_of(tables(wish.facts), model, as_of=END).to_pylist())


def _stretches(spans: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (str(span["entered_on"]), str(span["left_on"] - timedelta(days=1)) if span["left_on"] else FOREVER)
        for span in spans
        if span["stage"] == "yes"
    ]


NAMED_DATES = {"店庆": ("05-18..05-20",)}


def _model(wish: Wish) -> dict[str, Any]:
    return mapping([{"id": "yes", "when": wish.rule}, *wish.others, {"id": "no", "when": "otherwise"}], needs=[])


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_wish_is_true_on_its_days(wish: Wish) -> None:
    assert _true_days(wish) == wish.true


# What needs records or everybody else: a lake whose shop compared its customers on 31 March and 30 June.

OTHERS = {"ann": 50, "bob": 80, "eve": 150, "fay": 200}
HANGZHOU = ("eve", "fay")  # the others live in Shanghai

SHOP_WISHES = [
    Wish(
        "6 spends more than 95 % of all customers",
        "percentile(sum(order.amount)) > 0.95",
        # 400 is more than all had on 31 March; on 30 June she is one of five herself: 0.9
        [order("2024-01-01", 100), order("2024-05-01", 300)],
        [("2024-05-01", "2024-06-29")],
    ),
    Wish(
        "24 spends more than four times what her city spends on average",
        "sum(order.amount) > 4 * average(sum(order.amount), by city)",
        # (100 + 50 + 80) / 3 on 31 March, (400 + 50 + 80) / 3 on 30 June
        [order("2024-01-01", 100), order("2024-05-01", 300)],
        [("2024-05-01", "2024-06-29")],
    ),
    Wish(
        "22 lives in one of some cities",
        'attribute(city) in ("上海", "杭州")',
        [order("2024-01-01", 100), order("2024-05-01", 300)],
        [("2024-03-01", FOREVER)],
    ),
    Wish(
        "14b has her birthday within 30 days",
        "days_until(birthday) <= 30",
        [order("2024-01-01", 100), order("2024-05-01", 300)],
        [("2024-02-04", "2024-03-05")],
    ),
]


def _record(who: str, city: str, valid_from: date, **more: str) -> dict[str, Any]:
    attributes = json.dumps({"city": city, **more}, ensure_ascii=False)
    return {
        "customer_id": who,
        "attributes": attributes,
        "valid_from": valid_from,
        "seen_at": datetime(2024, 1, 1, tzinfo=UTC),
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake.create(tmp_path_factory.mktemp("wishes") / "lake", tz="UTC")
    others = [
        (table, row | {"customer_id": who})
        for who, amount in OTHERS.items()
        for table, row in [order("2024-01-02", amount)]
    ]
    for table, rows in tables([*SHOP_WISHES[0].facts, *others]).items():
        lake.append_facts(table, rows)
    records = [_record(who, "杭州" if who in HANGZHOU else "上海", date(2024, 1, 1)) for who in OTHERS]
    records += [
        _record("lin", "北京", date(2024, 1, 1), birthday="1990-03-05"),
        _record("lin", "上海", date(2024, 3, 1)),
    ]
    lake.write("customers", customer_table(records))
    models = [
        read(_model(wish) | {"id": f"wish{number}", "enters": ["order"]}) for number, wish in enumerate(SHOP_WISHES)
    ]
    for day in (date(2024, 3, 31), date(2024, 6, 30), END):
        refresh(lake, as_of=day, models=models)
    return lake


@pytest.mark.parametrize("wish", SHOP_WISHES, ids=str)
def test_the_wish_about_records_and_everybody_is_true_on_its_days(wish: Wish, shop: Lake) -> None:
    sql = "SELECT * FROM spans WHERE customer_id = 'lin' AND model = ? ORDER BY entered_on"
    spans = shop.connect().execute(sql, [f"wish{SHOP_WISHES.index(wish)}"]).to_arrow_table().to_pylist()
    assert _stretches(spans) == wish.true
