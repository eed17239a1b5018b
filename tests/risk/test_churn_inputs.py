"""What churn reads of the facts: the rule language's own numbers, on days in the past, and who left after them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from measures import read_at
from risk.shops_with_churn import DAY, END, FEATURES, LAST, Business, subscriptions
from tenure.facts.selection import facts_of
from tenure.features.contracts import GAP, LATE
from tenure.features.windows import HORIZON, snapshot_day
from tenure.risk.churn_features import View, features
from tenure.risk.encoding import LeakError
from tenure.rules.syntax.tree import Measure, TimeWindow

_LAST, _YEAR = TimeWindow(HORIZON), TimeWindow(360)
#: What each input is in the rule language, and on how many snapshots it is read.
MEASURES: dict[str, tuple[Measure, int]] = {
    "orders": (Measure("days", facts_of(("order",)), window=_LAST), 7),
    "amount": (Measure("sum", facts_of(("order",)), "amount", window=_LAST), 7),
    "refunds": (Measure("count", facts_of(("refund",)), window=_LAST), 5),
    "categories": (Measure("categories", facts_of(("line",)), window=_LAST), 5),
    "interactions": (Measure("count", facts_of(("interaction",)), window=_LAST), 5),
    "responses": (Measure("count", facts_of(("open", "click", "reply", "redeem")), window=_LAST), 5),
    "complaints": (Measure("count", facts_of(("complaint",)), window=_LAST), 5),
    "silence": (Measure("days_since", facts_of(("order",))), 4),
    "age": (Measure("days_since_first", facts_of(("order",))), 4),
    "gap": (Measure("typical_gap", facts_of(("order",))), 4),
    "variation": (Measure("gap_variation", facts_of(("order",))), 4),
    "quiet": (Measure("days_since", facts_of(("interaction",))), 4),
    "csat": (Measure("last", facts_of(("csat",)), "score", window=_YEAR), 4),
    "csat_mean": (Measure("avg", facts_of(("csat",)), "score", window=_YEAR), 4),
    "nps": (Measure("last", facts_of(("nps",)), "score", window=_YEAR), 4),
    "open": (Measure("open", facts_of(("complaint",))), 4),
    "contract_age": (Measure("days_since_first", facts_of(("contract",))), 4),
    "renewals": (Measure("count", facts_of(("renewal",))), 4),
}


def _busy(seed: int) -> Business:
    """Return a few customers with facts of every sort, some on the edges of windows."""
    rng = np.random.default_rng(seed)
    shop = Business()
    for n in range(25):
        who = f"c{n:02d}"
        days = LAST - np.concatenate((rng.integers(0, 700, 30), HORIZON * rng.integers(0, 8, 6)))
        for day in days:
            shop.order(who, day, rng.integers(1, 900) / 7)
            shop.add("order_lines", who, day, order_id="o", product_id="p", category=f"k{rng.integers(4)}")
            kind = str(rng.choice(["view", "click", "open", "redeem"]))
            shop.add("interactions", who, day + int(rng.integers(9)), kind=kind)
            shop.add(
                "feedback", who, day, measure=str(rng.choice(["csat", "nps"])), score=Decimal(int(rng.integers(1, 6)))
            )
            if rng.random() < 0.3:
                shop.add("orders", who, day, status="refund", amount=Decimal("-3"))
                shop.add("cases", who, day, case_id=str(day), kind="complaint", event="opened")
    return shop


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_column_is_what_the_rule_language_says_on_that_day(seed: int) -> None:
    context = _busy(seed).context()
    table = FEATURES.compute(context)
    for name, (measure, snapshots) in MEASURES.items():
        for k in range(snapshots):
            values, known = read_at(context, measure, snapshot_day(LAST, k))
            expected = np.where(known, values, np.nan)
            np.testing.assert_allclose(View(table, k).at(name), expected, rtol=1e-6, err_msg=f"{name}@{k}")
    assert View(table, 0).at("orders").max() > 3


def test_what_happens_after_an_origin_changes_nothing_that_is_read_on_it() -> None:
    shop = subscriptions(40, 5)
    whole = shop.features()
    day = snapshot_day(LAST, 1)
    early = Business({name: [row for row in rows if (row["at"] - DAY).days <= day] for name, rows in shop.rows.items()})
    then = FEATURES.compute(early.context(day))
    ids = early.context(day).block.ids.to_pylist()
    rows = [whole.column("customer_id").to_pylist().index(one) for one in ids]
    compared = 0
    for name in then.column_names:
        base, _, number = name.partition("@")
        later = f"{base}@{int(number) + 1}" if number else ""
        if later in whole.column_names and not base.startswith("_churned"):
            assert then.column(name).to_pylist() == whole.column(later).take(rows).to_pylist(), name
            compared += 1
    assert compared > 40


def test_a_view_refuses_what_is_newer_than_its_origin() -> None:
    table = subscriptions(5, 1).features()
    with pytest.raises(LeakError, match=r"orders is taken at snapshot 1, after the prediction snapshot 2"):
        View(table, 2).at("orders", -1)
    assert len(features(View(table, 3), contract=True)[0].values) == 5


def _event(shop: Business, who: str, ago: int, event: str, ends_ago: int | None, contract: str = "k") -> None:
    ends = None if ends_ago is None else DAY + timedelta(days=LAST - ends_ago)
    shop.add("contracts", who, LAST - ago, contract_id=contract, event=event, ends_at=ends)


def _labels(table: pa.Table, k: int) -> dict[str, int | None]:
    return dict(zip(table.column("customer_id").to_pylist(), table.column(f"_churned@{k}").to_pylist(), strict=True))


def test_who_left_after_a_snapshot_is_read_from_their_contracts() -> None:
    shop = Business()
    _event(shop, "cancels", 300, "started", -100)
    _event(shop, "cancels", 40, "cancelled", None)
    _event(shop, "cancels in the gap", 300, "started", -100)
    _event(shop, "cancels in the gap", HORIZON - GAP + 2, "cancelled", None)
    _event(shop, "runs out", 300, "started", 50)
    _event(shop, "renews late", 300, "started", 50)
    _event(shop, "renews late", 50 - LATE + 2, "renewed", -300)
    _event(shop, "has another", 300, "started", 50)
    _event(shop, "has another", 200, "started", -60, "other")
    _event(shop, "endless", 300, "started", None)
    _event(shop, "ran out long ago", 300, "started", 150)
    _event(shop, "begins after", 20, "started", -300)
    table = shop.features()
    assert _labels(table, 1) == {
        "cancels": 1,
        "cancels in the gap": None,  # nobody could have acted on the warning
        "runs out": 1,
        "renews late": 0,
        "has another": 0,
        "endless": 0,
        "ran out long ago": None,
        "begins after": None,
    }
    bound = dict(zip(table.column("customer_id").to_pylist(), table.column("_to_end@0").to_pylist(), strict=True))
    assert bound["has another"] == 60
    assert bound["endless"] is None
    assert bound["runs out"] is None
    assert END.isoformat() == "2024-12-31"


def test_a_contract_that_ran_out_last_week_still_counts_and_shows_its_days() -> None:
    shop = Business()
    _event(shop, "late", 200, "started", 6)
    table = shop.features()
    assert table.column("_contract@0").to_pylist() == [True]
    assert table.column("_to_end@0").to_pylist() == [-6]
