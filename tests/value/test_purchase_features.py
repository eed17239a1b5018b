"""Features of purchases against a clerk who counts by hand, and against published counts."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures import read_at
from services import DATA
from tenure.clock import day_number
from tenure.facts.blocks import block_of
from tenure.facts.reading import read_file
from tenure.facts.schema import FACT_TABLES
from tenure.facts.selection import facts_of
from tenure.facts.streams import Stream
from tenure.features.catalogue import FeatureSet
from tenure.features.purchases import WEEKS, OrderDays
from tenure.features.snapshot import Snapshot
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.syntax.tree import Measure

FEATURES = FeatureSet.of(("purchases",))
CDNOW = DATA / "cdnow/CDNOW_sample.txt"
AS_OF = date(2024, 3, 10)
ZONE = "Asia/Shanghai"

moments = st.integers(0, 420 * 24 * 4).map(lambda n: datetime(2024, 3, 12, tzinfo=UTC) - timedelta(minutes=15 * n))
amounts = st.integers(0, 9_999_999).map(lambda n: Decimal(n) / 100)
orders = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from("abcd"),
        "at": moments,
        "amount": amounts,
        "cost": st.none() | amounts,
        "status": st.sampled_from(["sale", "sale", "sale", "refund", "cancelled"]),
    }
)
costs = st.fixed_dictionaries({"customer_id": st.sampled_from("abc"), "at": moments, "amount": amounts})


def tabled(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = FACT_TABLES[name].schema
    signed = [{**row, "amount": -row["amount"]} if row.get("status") == "refund" else row for row in rows]
    return pa.Table.from_pylist([{**dict.fromkeys(schema.names), **row} for row in signed], schema=schema)


def features_of(sold: list[dict[str, Any]], spent: list[dict[str, Any]]) -> pa.Table:
    tables = {Stream("orders"): tabled("orders", sold), Stream("costs"): tabled("costs", spent)}
    return FEATURES.compute(EvaluationContext(block_of(tables, tz=ZONE, last_day=day_number(AS_OF))))


def by_customer(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in table.to_pylist()}


def summaries(table: pa.Table, number: int) -> dict[str, dict[str, float]]:
    snapshot = Snapshot(table, number)
    columns = {name: getattr(snapshot, name) for name in ("frequency", "recency", "age", "repeat_spend")}
    ids = table.column("customer_id").to_pylist()
    return {who: {name: column[n] for name, column in columns.items()} for n, who in enumerate(ids)}


def local(moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(ZONE)).date()


def clerks(sold: list[dict[str, Any]], who: str, day: date) -> dict[str, Any]:
    """Count one customer's purchases on a day as one would with a pencil."""
    days: dict[date, Decimal] = {}
    for row in sold:
        if row["customer_id"] == who and row["status"] == "sale" and local(row["at"]) <= day:
            days[local(row["at"])] = days.get(local(row["at"]), Decimal(0)) + row["amount"]
    bought = sorted(days)
    if not bought:
        return {"days": days, "frequency": None, "recency": None, "age": None, "repeat_spend": None}
    again = [days[one] for one in bought[1:]]
    return {
        "days": days,
        "frequency": len(bought) - 1,
        "recency": (bought[-1] - bought[0]).days,
        "age": (day - bought[0]).days,
        "repeat_spend": float(sum(again) / len(again)) if again else None,
    }


@settings(max_examples=120, deadline=None)
@given(st.lists(orders, max_size=40), st.lists(costs, max_size=6))
def test_every_feature_is_what_a_clerk_counts(sold: list[dict[str, Any]], spent: list[dict[str, Any]]) -> None:
    table = features_of(sold, spent)
    then = {k: summaries(table, k) for k in range(SNAPSHOTS + 1)}
    for who, found in by_customer(table).items():
        now = clerks(sold, who, AS_OF)
        for k in range(SNAPSHOTS + 1):
            held(then[k][who], clerks(sold, who, AS_OF - timedelta(days=k * HORIZON)), f"@{k}")
        for k in range(7):
            day = AS_OF - timedelta(days=k * HORIZON)
            window = {d: v for d, v in now["days"].items() if day - timedelta(days=HORIZON) < d <= day}
            assert found[f"_order_days@{k}"] == len(window)
            assert found[f"_spend@{k}"] == sum(window.values()) * 10_000
        weeks = [0] * WEEKS
        for bought in now["days"]:
            if (AS_OF - bought).days // 7 < WEEKS:
                weeks[(AS_OF - bought).days // 7] += 1
        assert list(found["_weekly@0"]) == weeks


def held(found: dict[str, float], wanted: dict[str, Any], at: str) -> None:
    for name in ("frequency", "recency", "age", "repeat_spend"):
        value = wanted[name]
        expected = pytest.approx(float("nan") if value is None else value, rel=1e-12, nan_ok=True)
        assert found[name] == expected, name + at


@settings(max_examples=80, deadline=None)
@given(st.lists(orders, max_size=40), st.lists(costs, max_size=6))
def test_money_reconciles_with_the_rows_to_the_cent(sold: list[dict[str, Any]], spent: list[dict[str, Any]]) -> None:
    seen = [row for row in sold if local(row["at"]) <= AS_OF]
    for who, found in by_customer(features_of(sold, spent)).items():
        own = [row for row in seen if row["customer_id"] == who]
        sales = [row for row in own if row["status"] == "sale"]
        refunds = [row for row in own if row["status"] == "refund"]
        assert found["amount"] == sum(r["amount"] for r in sales)
        assert found["refunds"] == -sum(r["amount"] for r in refunds)
        known = [row for row in sales if row["cost"] is not None]
        assert found["margin"] == (sum(r["amount"] - r["cost"] for r in known) if known else None)
        total = sum(r["amount"] for r in sales)
        share = float(sum(r["amount"] for r in known) / total) if total else None
        assert found["cost_known_share"] == (None if share is None else pytest.approx(share))
        assert found["invested"] == sum(
            (row["amount"] for row in spent if row["customer_id"] == who and local(row["at"]) <= AS_OF), Decimal(0)
        )


@settings(max_examples=80, deadline=None)
@given(st.lists(orders, max_size=40))
def test_gaps_are_those_of_the_rule_language(sold: list[dict[str, Any]]) -> None:
    block = block_of({Stream("orders"): tabled("orders", sold)}, tz=ZONE, last_day=day_number(AS_OF))
    context = EvaluationContext(block)
    found = FEATURES.compute(context)
    for column, measure in (("gap_median", "typical_gap"), ("gap_variation", "gap_variation")):
        values, known = read_at(context, Measure(measure, facts_of(["order"])), day_number(AS_OF))
        assert found.column(column).to_pylist() == [v if k else None for v, k in zip(values, known, strict=True)]


def test_the_median_of_gaps_by_hand() -> None:
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 3, 10, 11)]
    sold = [{"customer_id": "a", "at": at, "amount": Decimal(1), "cost": None, "status": "sale"} for at in days]
    found = by_customer(features_of(sold, []))["a"]
    assert found["gap_median"] == statistics.median([2, 7, 1])
    assert found["gap_variation"] == pytest.approx(statistics.pstdev([2, 7, 1]) / statistics.mean([2, 7, 1]))


def test_a_block_without_a_fact_has_features_too() -> None:
    block = block_of({}, tz="UTC", last_day=day_number(AS_OF))
    assert FEATURES.compute(EvaluationContext(block)).num_rows == 0
    assert FEATURES.compute(EvaluationContext(block)).schema == FEATURES.schema


def test_cdnow_has_the_published_counts() -> None:
    facts, _ = read_file(CDNOW, "orders", {"customer_id": 1, "at": 3, "amount": 5}, tz="America/New_York")
    until, split = day_number(date(1998, 6, 30)), day_number(date(1997, 9, 30))
    bought = OrderDays(block_of({Stream("orders"): facts}, tz="America/New_York", last_day=until))
    then = bought.at(split)
    assert int(then.bought.sum()) == 2357
    assert int((then.frequency > 0).sum()) == 946
    assert then.frequency.sum() == 2457
    holdout, _ = bought.between(split, until)
    assert holdout.sum() == 1882
    assert np.mean(holdout == 0) == pytest.approx(0.7098, abs=5e-5)
    assert np.nanmean(then.spend) == pytest.approx(35.08, abs=0.005)
