"""Acceptance scenario A06: what rises, and what goes with it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from stories.telling import command, said
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.recommend.model import Recommend
from tenure.recommend.reasons import message
from tenure.scorecard.model import Context

MODEL = Recommend()

LAST = date(2026, 6, 30)
POT, TEA, RICE = "火锅食材", "凉茶", "大米"


def _line(who: str, ago: int, product: str, category: str, price: float) -> dict[str, Any]:
    return {
        "customer_id": who, "at": f"{LAST - timedelta(days=ago)} 12:00:00", "order_id": f"{who}-{ago}",
        "product_id": product, "category": category, "quantity": 1, "amount": price,
    }  # fmt: skip


def _shop() -> list[dict[str, Any]]:
    """A supermarket: everybody buys rice, a third hot-pot ingredients, mostly with herbal tea; 小红 begins lately."""
    rows = []
    for n in range(600):
        who = f"顾客{n:03d}"
        rows += [_line(who, ago, f"大米{n % 4}", RICE, 30) for ago in range(5 + n % 20, 210, 30)]
        if n % 3 == 0:
            for turn, ago in enumerate(range(12 + n % 15, 210, 45)):
                rows.append(_line(who, ago, f"毛肚{n % 2}", POT, 48))
                if turn % 3 < 2:
                    rows.append(_line(who, ago, f"凉茶{(n // 3) % 2}", TEA, 6))
        if n % 40 == 0:
            rows.append(_line(who, 33, "凉茶0", TEA, 6))
    rows += [_line("小红", ago, "大米1", RICE, 30) for ago in range(8, 210, 30)]
    rows += [_line("小红", ago, "毛肚0", POT, 48) for ago in (3, 9, 16, 22)]
    return rows


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "lines.csv"
    pd.DataFrame(_shop()).to_csv(path, index=False)
    return path


def _by_hand(rows: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    baskets: dict[str, set[str]] = {}
    for row in rows:
        baskets.setdefault(row["order_id"], set()).add(row["category"])
    held = list(baskets.values())
    return (
        len(held), sum(POT in one for one in held), sum(TEA in one for one in held),
        sum({POT, TEA} <= one for one in held),
    )  # fmt: skip


def test_a06_rising_hot_pot_purchases_suggest_herbal_tea_with_support_confidence_and_lift(file: Path) -> None:
    told = command("recommend", str(file), "--tz", "UTC", "--customer", "小红", "--json")
    (tea,) = [one for one in told["customer"]["list"] if one["rising"] and one["category"] == TEA]
    baskets, pot, cold, both = _by_hand(_shop())
    reason = tea["reason"]
    assert (tea["kind"], tea["because"]) == ("cross-sell", POT)
    assert (reason["lately"], reason["before"], reason["before_days"]) == (4, 0, 84)
    assert reason["luck"] <= 0.02
    assert reason["count"] == both
    assert reason["support"] == pytest.approx(both / baskets, abs=1e-6)
    assert reason["confidence"] == pytest.approx(both / pot, abs=1e-4)
    raw = both / baskets / (pot / baskets * cold / baskets)
    assert 1 < reason["low"] < reason["lift"] < reason["high"]
    assert reason["low"] < raw * 1.05
    assert reason["lift"] == pytest.approx(raw, rel=0.1)
    for part in ("4", POT, TEA, f"{100 * reason['confidence']:.3g}%", f"{reason['lift']:.1f}"):
        assert part in tea["text"]


def test_a06_says_it_in_chinese_and_only_to_whom_it_concerns(file: Path) -> None:
    text = said("recommend", str(file), "--tz", "UTC", "--customer", "小红", language="zh_CN")
    assert "最近" in text
    assert TEA in text
    other = command("recommend", str(file), "--tz", "UTC", "--customer", "顾客001", "--json")
    assert not [one for one in other["customer"]["list"] if one["rising"]]


def test_a06_in_a_lake_the_offer_stands_in_the_table_of_recommendations(tmp_path: Path, file: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    import_files(lake, [file], as_="order_lines")
    context = Context(LAST, "UTC", "CNY", lake)
    table = pa.table({"customer_id": sorted({one["customer_id"] for one in _shop()} | {"nobody"})})
    fits = {one.part: one for one in MODEL.fit(table, context)}
    score = MODEL.score(table, fits, context).columns
    made = MODEL.score(table, fits, context).tables
    few = MODEL.score(table.slice(0, 3), fits, context).columns
    assert few.equals(score.slice(0, 3))
    assert score.column("next_product")[table.column("customer_id").to_pylist().index("nobody")].as_py() is None
    (offer,) = [
        recommendation
        for recommendation in made["recommendations"].to_pylist()
        if recommendation["rising"] and recommendation["category"] == TEA
    ]
    assert offer["customer_id"] == "小红"
    assert "凉茶" in message(offer["reason"]).render("zh_Hans")
    assert json.loads(offer["reason"])["category"] == POT
    pair = [one for one in made["pairs"].to_pylist() if {one["product_a"], one["product_b"]} == {POT, TEA}]
    assert len(pair) == 1
    assert pair[0]["lift_low"] > 1
