"""Gaps: what is learnt of simulated buyers, and what is said of one of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from recommend import shops
from tenure.recommend.buy_again import WEIGHT, Gaps, fit_gaps
from tenure.recommend.lines import Histories, histories_of


def _simulated(seed: int, people: int, shape: float, spread: float, usual: float) -> Histories:
    """Return gap series from the law itself: eight gaps each, whole days."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(spread, 1.0 / (usual * (spread - 1.0) / shape), people)
    gaps = np.maximum(rng.gamma(shape, 1.0 / rate[:, None], (people, 8)), 1.0)
    who = np.arange(people, dtype=np.int32)
    last = gaps.sum(axis=1)
    return Histories(
        who, who * 0, np.full(people, 9, np.int32), who * 0, last, np.log(gaps).sum(axis=1), who + 1.0, who < 0
    )


def test_shape_and_spread_of_simulated_gaps_are_found() -> None:
    found = fit_gaps(_simulated(1, 4000, 2.0, 5.0, 40.0), np.array([0]))
    assert found.shape == pytest.approx(2.0, rel=0.08)
    assert found.spread == pytest.approx(5.0, rel=0.12)
    assert found.mean[0] == pytest.approx(40.0, rel=0.06)


def test_the_gap_to_come_is_the_compound_gamma_of_simulation() -> None:
    known = Gaps(1.5, 4.0, np.array([30.0]), np.ones((1, 3)))
    rhythm = known.of(np.array([0]), np.array([4]), np.array([60.0]))
    rng = np.random.default_rng(2)
    rate = rng.gamma(4.0 + 1.5 * 3, 1.0 / (30.0 * 3.0 / 1.5 + 60.0), 200_000)
    gaps = rng.gamma(1.5, 1.0 / rate)
    for level in (0.1, 0.5, 0.9):
        assert rhythm.quantile(level)[0] == pytest.approx(np.quantile(gaps, level), rel=0.02)
    assert rhythm.by(np.array([20.0]))[0] == pytest.approx((gaps <= 20).mean(), abs=0.005)
    later = gaps[gaps > 20]
    assert rhythm.within(np.array([20.0]), 14.0)[0] == pytest.approx((later <= 34).mean(), abs=0.01)
    assert stats.betaprime(1.5, 8.5, scale=rhythm.scale[0]).cdf(20.0) == pytest.approx(rhythm.by(np.array([20.0]))[0])


def test_who_bought_often_has_their_own_rhythm_and_who_bought_once_borrows() -> None:
    known = Gaps(2.0, 4.0, np.array([30.0]), np.full((1, 3), 0.9))
    once = known.of(np.array([0]), np.array([1]), np.array([0.0])).quantile(0.5)[0]
    weekly = known.of(np.array([0]), np.array([21]), np.array([140.0])).quantile(0.5)[0]
    assert 20 < once < 30
    assert 6 < weekly < 9


def test_long_silence_makes_a_purchase_unlikely() -> None:
    known = Gaps(2.0, 4.0, np.array([10.0]), np.full((1, 3), 0.6))
    waited = np.array([5.0, 20.0, 60.0, 300.0])
    chance = known.of(np.zeros(4, int), np.full(4, 6), np.full(4, 50.0)).within(waited, 14.0)
    assert (np.diff(chance) < 0).all()
    assert chance[0] > 0.4
    assert chance[-1] < 0.01


def test_chances_come_true_as_often_as_they_say() -> None:
    rows = shops.renewing(3)
    split = 28
    before = shops.lines([row for row in rows if (shops.LAST - row["at"].date()).days >= split])
    known = fit_gaps(seen := histories_of(before), before.category)
    last_day = int(before.day.max())
    days = (seen.last - seen.first).astype(float)
    chance = known.of(seen.item, seen.times, days).within((last_day - seen.last).astype(float), float(split))
    after = {(row["customer_id"], row["product_id"]) for row in rows if (shops.LAST - row["at"].date()).days < split}
    people, items = before.customers.to_pylist(), before.items.to_pylist()
    bought = np.array([(people[a], items[b]) in after for a, b in zip(seen.who, seen.item, strict=True)])
    for low, high in ((0.0, 0.2), (0.2, 0.6), (0.6, 1.0)):
        band = (chance >= low) & (chance < high)
        assert band.sum() > 50
        assert bought[band].mean() == pytest.approx(chance[band].mean(), abs=0.12)


def test_an_item_of_few_buyers_borrows_from_its_category() -> None:
    weekly = [shops.row(f"c{n}", 7 * k, f"milk{n % 3}", "milk") for n in range(60) for k in range(10)]
    yearly = [shops.row(f"c{n}", 90 * k, f"pan{n % 3}", "pan") for n in range(60) for k in range(3)]
    fresh = [shops.row("new", 3, "milk9", "milk"), shops.row("new", 3, "pan9", "pan")]
    lines = shops.lines(weekly + yearly + fresh)
    found = fit_gaps(histories_of(lines), lines.category)
    names = lines.items.to_pylist()
    whole = (60 * 7 + 60 * 90) / 120
    assert found.mean[names.index("milk9")] == pytest.approx((60 * 7 + WEIGHT * whole) / (60 + WEIGHT))
    assert found.mean[names.index("pan9")] == pytest.approx((60 * 90 + WEIGHT * whole) / (60 + WEIGHT))
    own = (20 * 7 + WEIGHT * found.mean[names.index("milk9")]) / (20 + WEIGHT)
    assert found.mean[names.index("milk0")] == pytest.approx(own)


def test_what_is_empty_is_answered_without_complaint() -> None:
    lines = shops.lines([shops.row("ann", 1, "tea")])
    found = fit_gaps(histories_of(lines), lines.category)
    assert found.mean.shape == (1,)
    assert np.isfinite(found.mean).all()
