"""Pairs against a clerk who counts by hand, and against what is known of chance."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from recommend import shops
from tenure.recommend import pairs
from tenure.recommend.lines import Lines
from tenure.recommend.pairs import Pairs, category_pairs, chunks, matrix_of, pairs_of, prior_of


def product_pairs(lines: Lines, least: int | None = None) -> Pairs:
    return pairs_of(matrix_of(lines.basket, lines.item, (lines.baskets, len(lines.items))), least, lines.filled)


def _by_hand(rows: list[dict]) -> tuple[dict, dict, int]:
    baskets: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        baskets.setdefault((row["customer_id"], row["order_id"]), set()).add(row["product_id"])
    single: dict[str, int] = {}
    both: dict[tuple[str, str], int] = {}
    for basket in baskets.values():
        for product in basket:
            single[product] = single.get(product, 0) + 1
        for two in combinations(sorted(basket), 2):
            both[two] = both.get(two, 0) + 1
    return single, both, len(baskets)


@pytest.mark.parametrize("budget", [50, 1_000, 12_000_000])
def test_pairs_are_those_a_clerk_counts_whatever_the_chunks(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "chunks", lambda matrix, across: chunks(matrix, across, budget))
    rows = shops.random_baskets(1, 400, 25)
    lines = shops.lines(rows)
    single, both, baskets = _by_hand(rows)
    found = product_pairs(lines, least=5)
    names = lines.items.to_pylist()
    seen = {(names[a], names[b]): int(n) for a, b, n in zip(found.a, found.b, found.count, strict=True)}
    assert seen == {two: n for two, n in both.items() if n >= 5}
    assert found.baskets == baskets
    assert all(single[names[a]] == n for a, n in zip(found.a, found.count_a, strict=True))
    assert all(single[names[b]] == n for b, n in zip(found.b, found.count_b, strict=True))


def test_support_confidence_and_lift_are_what_the_words_say() -> None:
    rows = [shops.row(f"c{n}", n, product) for n in range(10) for product in ("tea", "cup")[: 1 + (n < 4)]]
    rows += [shops.row(f"d{n}", n, "cup") for n in range(10)]
    lines = shops.lines(rows)
    (one,) = product_pairs(lines, least=1).to_arrow(lines.items, lines.items, "product").to_pylist()
    assert (one["product_a"], one["product_b"], one["count"], one["baskets"]) == ("cup", "tea", 4, 20)
    assert (one["count_a"], one["count_b"]) == (14, 10)
    assert one["support"] == pytest.approx(4 / 20)
    assert one["confidence"] == pytest.approx(4 / 14)
    assert one["confidence_back"] == pytest.approx(4 / 10)
    assert one["lift"] == pytest.approx(4 / 20 / (14 / 20 * 10 / 20))
    assert one["lift_low"] < one["lift_shrunk"] < one["lift_high"]


def test_a_rare_pair_is_drawn_towards_the_usual_more_than_a_frequent_one() -> None:
    a, b, met, had_a, had_b = (np.array(one) for one in ([0, 0], [1, 2], [3, 300], [10, 1000], [30, 3000]))
    found = pairs.Pairs(a, b, met, had_a, had_b, 10_000, (5.0, 5.0))
    raw, shrunk = found.lift, found.shrunk()
    assert raw[0] == 100.0
    assert raw[1] == 1.0
    assert shrunk[0] < 2.0
    low, high = found.interval()
    assert high[0] - low[0] > high[1] - low[1]


def test_products_that_have_nothing_to_do_with_each_other_are_not_called_pairs() -> None:
    lines = shops.lines(shops.random_baskets(2, 3000, 40))
    found = product_pairs(lines, least=10)
    low, _high = found.interval()
    assert len(found) > 300
    assert (low > 1.0).mean() < 0.025
    shape, rate = found.prior
    assert shape / rate == pytest.approx(1.0, abs=0.02)


def test_the_prior_of_lifts_is_learnt_from_the_shop() -> None:
    rng = np.random.default_rng(3)
    size, baskets = 120, 4000
    groups = rng.random((baskets, 6)) < 0.15  # what baskets are for; products of one purpose meet
    share = 0.04 + 0.5 * groups[:, np.arange(size) % 6]
    held = rng.random((baskets, size)) < share * rng.uniform(0.2, 1.0, size)
    rows, columns = np.nonzero(held)
    matrix = matrix_of(rows, columns, (baskets, size))
    shape, rate = prior_of(matrix, np.asarray(matrix.sum(axis=0)).ravel().astype(int), baskets)
    found = pairs_of(matrix, least=1)
    assert shape / rate == pytest.approx(found.lift.mean(), rel=0.1)
    assert shape / rate**2 == pytest.approx(found.lift.var(), rel=0.6)


def test_the_interval_holds_the_true_lift_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    true = rng.gamma(4.0, 1 / 4.0, 4000)
    had = rng.integers(100, 1000, 4000)
    expected = had * (had / 50_000)
    met = rng.poisson(true * expected)
    found = pairs.Pairs(np.arange(4000), np.arange(4000), met, had, had, 50_000, (4.0, 4.0))
    low, high = found.interval()
    assert 0.93 < ((low <= true) & (true <= high)).mean() < 0.97


def test_pairs_of_categories_count_baskets_once() -> None:
    rows = [shops.row("ann", ago, product, kind) for ago in range(12) for product, kind in
            (("a1", "a"), ("a2", "a"), ("b1", "b"))]  # fmt: skip
    lines = shops.lines(rows)
    found = category_pairs(lines, least=10)
    assert found.count.tolist() == [12]
    assert found.count_a.tolist() == [12]


def test_the_nearest_of_each_product_are_kept_by_cosine() -> None:
    lines = shops.lines(shops.random_baskets(5, 1000, 30))
    matrix = matrix_of(lines.basket, lines.item, (lines.baskets, len(lines.items)))
    every, near = pairs_of(matrix, 5), pairs_of(matrix, 5, nearest=3)
    cosine = np.zeros((30, 30))
    cosine[every.a, every.b] = every.count / np.sqrt(every.count_a * every.count_b)
    cosine += cosine.T
    wanted = set()
    for item in range(30):
        wanted |= {(min(item, other), max(item, other)) for other in np.argsort(-cosine[item])[:3]}
    assert set(zip(near.a.tolist(), near.b.tolist(), strict=True)) == wanted


def test_empty_and_single_baskets_make_no_pairs() -> None:
    assert len(product_pairs(shops.lines([shops.row("ann", 1, "tea")]))) == 0
    assert len(category_pairs(shops.lines([shops.row("ann", 1, "tea")]))) == 0


def test_a_pair_is_found_in_either_order() -> None:
    lines = shops.lines(shops.random_baskets(6, 200, 10))
    found = product_pairs(lines, least=1)
    assert found.find(found.a, found.b).tolist() == list(range(len(found)))
    assert found.find(found.b, found.a).tolist() == list(range(len(found)))
    assert found.find(np.array([0]), np.array([0])).tolist() == [-1]
