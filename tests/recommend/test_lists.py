"""Lists: what is on them, what never is, and what is said of each."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from recommend import shops
from tenure.clock import day_number
from tenure.recommend.analysis import analyze
from tenure.recommend.items import learn, moves_of
from tenure.recommend.lines import histories_of
from tenure.recommend.lists import rising
from tenure.recommend.model import all_of, packed, unpacked
from tenure.recommend.reasons import message
from tenure.scorecard.model import Options

SMALL = Options(buyers=50, days=60)


def _lists(rows: list[dict[str, Any]], orders: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    found = all_of(shops.lines(rows, orders), shops.LAST, SMALL, least=5)[2].to_pylist()
    return [{**one, "reason": json.loads(one["reason"])} for one in found]


@pytest.fixture(scope="module")
def shop() -> list[dict[str, Any]]:
    return shops.renewing(11, people=120)


def test_lists_are_ten_long_then_new_things_and_no_product_stands_twice(shop: list[dict[str, Any]]) -> None:
    found = _lists(shop)
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_customer.setdefault(one["customer_id"], []).append(one)
    had = {(one["customer_id"], one["product_id"]) for one in shop}
    assert len(by_customer) == 120
    for who, mine in by_customer.items():
        assert [one["rank"] for one in mine] == list(range(1, len(mine) + 1))
        assert len({one["product_id"] for one in mine}) == len(mine)
        assert all(((who, one["product_id"]) in had) == (one["kind"] == "buy-again") for one in mine)
        assert all(one["kind"] != "buy-again" for one in mine[10:])


def test_what_was_brought_back_is_not_recommended_until_it_is_bought_again(shop: list[dict[str, Any]]) -> None:
    mine = [one for one in _lists(shop) if one["customer_id"] == "c000"]
    first = mine[0]["product_id"]
    back = {**shops.row("c000", 0, first, basket="back"), "quantity": -1, "amount": -1}
    after = [one["product_id"] for one in _lists([*shop, back]) if one["customer_id"] == "c000"]
    assert first not in after
    kept = [{**back, "at": back["at"] - timedelta(days=200)}, *shop]
    assert first in [one["product_id"] for one in _lists(kept) if one["customer_id"] == "c000"]


def test_a_refunded_or_cancelled_order_is_no_purchase(shop: list[dict[str, Any]]) -> None:
    rows = [*shop, shops.row("c001", 2, "p00", basket="gone"), shops.row("c001", 2, "p01", basket="never")]
    day = rows[-1]["at"]
    orders = [
        {"customer_id": "c001", "at": day, "order_id": "gone", "amount": 1, "status": "sale"},
        {"customer_id": "c001", "at": day, "order_id": "gone", "amount": -1, "status": "refund"},
        {"customer_id": "c001", "at": day, "order_id": "never", "amount": 1, "status": "cancelled"},
    ]
    plain, told = shops.lines(shop), shops.lines(rows, orders)
    assert len(told) == len(plain)
    assert len(told.back_who) == 2
    got = {one["product_id"] for one in _lists(rows, orders) if one["customer_id"] == "c001"}
    assert not got & {"p00", "p01"}


def test_a_partly_refunded_order_stays_a_purchase() -> None:
    rows = [shops.row("ann", 2, "tea", basket="o1")]
    orders = [
        {"customer_id": "ann", "at": rows[0]["at"], "order_id": "o1", "amount": 10, "status": "sale"},
        {"customer_id": "ann", "at": rows[0]["at"], "order_id": "o1", "amount": -3, "status": "refund"},
    ]
    assert len(shops.lines(rows, orders)) == 1


def test_what_too_few_buy_is_only_recommended_to_who_bought_it_twice(shop: list[dict[str, Any]]) -> None:
    own = [shops.row("c002", ago, "secret", "k0") for ago in (5, 15, 25, 35)]
    once = [shops.row("c003", 5, "oddity", "k0")]
    found = _lists([*shop, *own, *once])
    assert {one["customer_id"] for one in found if one["product_id"] == "secret"} == {"c002"}
    assert not [one for one in found if one["product_id"] == "oddity"]


def test_buy_again_names_its_rhythm_and_when_it_is_due(shop: list[dict[str, Any]]) -> None:
    regular = [shops.row("c004", ago, "p07", "k1") for ago in range(4, 200, 10)]
    shop = [one for one in shop if (one["customer_id"], one["product_id"]) != ("c004", "p07")]
    (one,) = [row for row in _lists([*shop, *regular]) if (row["customer_id"], row["product_id"]) == ("c004", "p07")]
    assert one["kind"] == "buy-again"
    assert one["rank"] == 1
    assert one["reason"]["times"] == 20
    assert 8 <= one["reason"]["gap"] <= 11
    assert one["due_on"] == shops.LAST - timedelta(days=4) + timedelta(days=one["reason"]["gap"])
    assert one["due_low"] < one["due_on"] < one["due_high"]
    assert 0.0 < one["score"] <= 1.0
    assert message(one["reason"]).render("en").startswith("Bought 20 times, usually every")


def test_what_goes_together_is_recommended_with_its_numbers() -> None:
    rows = []
    for n in range(150):
        rows += [shops.row(f"c{n:03d}", ago, f"own{n % 30}", "own") for ago in (20, 50, 80)]
        if n % 3 == 0:
            rows += [shops.row(f"c{n:03d}", 10, "grill", "garden"), shops.row(f"c{n:03d}", 10, "coal", "fuel")]
    rows.append(shops.row("new", 90, "own1", "own"))
    rows.append(shops.row("new", 10, "grill", "garden"))
    found = _lists(rows)
    (one,) = [row for row in found if (row["customer_id"], row["product_id"]) == ("new", "coal")]
    assert (one["kind"], one["because"]) == ("cross-sell", "grill")
    assert one["reason"]["count"] == 50
    assert one["reason"]["confidence"] == pytest.approx(50 / 51, abs=1e-3)
    assert one["reason"]["support"] == pytest.approx(50 / (450 + 51 + 1), abs=1e-4)
    assert one["reason"]["low"] > 1


def test_a_step_up_is_dearer_of_the_same_category_and_taken_by_enough() -> None:
    rows = []
    for n in range(60):
        rows.append(shops.row(f"c{n:03d}", 90, "plain", "coffee", price=10))
        if n < 20:
            rows.append(shops.row(f"c{n:03d}", 30, "fine", "coffee", price=15))
        if n < 4:
            rows.append(shops.row(f"c{n:03d}", 20, "rare", "coffee", price=18))
        if 20 <= n < 40:
            rows.append(shops.row(f"c{n:03d}", 30, "dear", "coffee", price=99))
    lines = shops.lines(rows)
    names = lines.items.to_pylist()
    price = np.array([{"plain": 10.0, "fine": 15.0, "rare": 18.0, "dear": 99.0}[name] for name in names])
    found = moves_of(histories_of(lines), np.arange(4), lines.category, price)
    assert [(names[a], names[b]) for a, b in zip(found.a, found.b, strict=True)] == [("plain", "fine")]
    assert (found.movers.tolist(), found.buyers.tolist()) == ([20], [60])


def test_what_rises_is_told_from_what_is_steady_and_from_who_is_new() -> None:
    rows = [shops.row("up", ago, "pot", "hot-pot") for ago in (2, 6, 11, 17)]
    rows += [shops.row("up", ago, "rice", "rice") for ago in range(3, 200, 7)]
    rows += [shops.row("steady", ago, "pot", "hot-pot") for ago in range(3, 200, 7)]
    rows += [shops.row("new", ago, "pot", "hot-pot") for ago in (2, 6, 11)]
    lines = shops.lines(rows)
    found = rising(lines, day_number(shops.LAST))
    people = [lines.customers[int(one)].as_py() for one in found.who]
    assert people == ["up"]
    assert (found.lately.tolist(), found.before.tolist(), found.days.tolist()) == ([4], [0], [84])
    assert found.p[0] == pytest.approx(0.25**4)


def test_a_stored_recommender_makes_the_same_lists(shop: list[dict[str, Any]]) -> None:
    lines = shops.lines(shop)
    known = learn(lines, day_number(shops.LAST), 5)
    fit, _pairs, lists = all_of(lines, shops.LAST, SMALL, 5)
    again = unpacked(json.loads(json.dumps(fit.params)))
    assert again.known.items.equals(known.items)
    assert np.array_equal(again.known.met.count_a, known.met.count_a)
    assert np.allclose(again.known.gaps.returns, known.gaps.returns, atol=1e-6)
    assert packed(again.known, again.tested)["arrays"] == fit.params["arrays"]
    few = shops.lines([one for one in shop if one["customer_id"] in ("c005", "c077")])
    from tenure.recommend.lists import recommendations

    mine = recommendations(again, few, shops.LAST)[0].to_pylist()
    assert mine == [one for one in lists.to_pylist() if one["customer_id"] in ("c005", "c077")]


def test_too_little_data_is_said_and_pairs_are_shown_all_the_same(shop: list[dict[str, Any]]) -> None:
    found = analyze(shops.table(shop), least=5, options=Options(buyers=500))
    assert not found.fit.usable
    assert {gate.name: gate.passed for gate in found.fit.gates} == {"buyers": False, "days": True, "products": True}
    assert len(found.pairs) > 0
    assert len(found.recommendations) == 0


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_every_reason_can_be_said_in_both_languages(shop: list[dict[str, Any]], language: str) -> None:
    for one in _lists(shop):
        said = message(one["reason"]).render(language)
        assert said
        assert "%(" not in said
        assert "None" not in said
