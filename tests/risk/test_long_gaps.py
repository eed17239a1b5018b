"""Silence: of those in whom nothing changed, one in twenty has a gap that comes once in twenty times."""

from __future__ import annotations

import numpy as np
import pytest

from risk import shops
from tenure.risk import long_gaps
from tenure.risk.signal_inputs import SignalInputs
from tenure.risk.warnings import Warnings

MODEL = Warnings()


def _chances(**asked: object) -> np.ndarray:
    parts = []
    for seed in range(8):
        table, context = shops.table_of(shops.shop(seed=seed, **asked)), shops.context()
        p = SignalInputs(table, MODEL.fit(table, context)[0], context).gap.p
        parts.append(p[~np.isnan(p)])
    return np.concatenate(parts)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [1.0, 3.0, 8.0], ids=["chance", "rhythm", "clock"])
def test_nobody_is_called_silent_more_often_than_said(shape: float) -> None:
    chances = _chances(shape=shape)
    assert len(chances) > 9_000
    for level in (0.05, 0.2, 0.5):
        assert (chances <= level).mean() <= level + 0.012, level
    assert (chances <= 0.05).mean() > 0.035  # and not so seldom that nobody would ever be


@pytest.mark.slow
def test_few_gaps_do_not_make_false_alarms() -> None:
    slow = []
    for seed in range(8):
        table, context = shops.table_of(shops.shop(seed=seed, days=300)), shops.context()
        seen = SignalInputs(table, MODEL.fit(table, context)[0], context)
        few = (seen["gaps"] >= 2) & (seen["gaps"] <= 4)
        slow.append(seen.gap.p[few])
    chances = np.concatenate(slow)
    assert len(chances) > 1_500
    assert (chances <= 0.05).mean() <= 0.065


@pytest.mark.slow
def test_those_who_stopped_are_found_and_rhythmic_buyers_sooner() -> None:
    found = {}
    for shape in (1.0, 8.0):
        hits = []
        for seed in range(4):
            shop = shops.shop(seed=seed, shape=shape, changed=0.3, left=0.0)
            table, context = shops.table_of(shop), shops.context()
            seen = SignalInputs(table, MODEL.fit(table, context)[0], context)
            ids = np.array([int(one[1:]) for one in table.column("customer_id").to_pylist()])
            gone = shop.changed[ids] & (seen["gaps"] >= 5)
            hits.append((np.nan_to_num(seen.gap.p, nan=1.0)[gone] <= 0.05).mean())
        found[shape] = np.mean(hits)
    assert found[8.0] > found[1.0] > 0.6


def test_how_regular_customers_are_is_found_again() -> None:
    rng = np.random.default_rng(2)
    gaps = np.concatenate([rng.gamma(1.0, 30.0, (600, 12)), rng.gamma(8.0, 4.0, (400, 12))])
    numbers = np.full(1000, 12.0)
    weights = dict(
        zip(long_gaps.SHAPES, long_gaps.fit_shapes(numbers, gaps.sum(axis=1), np.log(gaps).sum(axis=1)), strict=True)
    )
    assert weights[1.0] + weights[2.0] == pytest.approx(0.6, abs=0.08)
    assert weights[4.0] + weights[8.0] == pytest.approx(0.4, abs=0.08)


def test_by_chance_alone_the_last_days_are_empty_with_a_plain_power() -> None:
    only_chance = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]])
    assert long_gaps.tail(only_chance, [9], [100.0], [100.0])[0] == pytest.approx(0.5**9)


def test_a_rhythm_of_two_is_every_second_event_of_chance() -> None:
    rng = np.random.default_rng(4)
    shapes = np.eye(len(long_gaps.SHAPES))[[long_gaps.SHAPES.index(2.0)]]
    # Six gaps of two events each in 120 days, the last 20 of them empty or not: count it.
    twelfth = {n: np.sort(rng.uniform(0.0, 120.0, (200_000, n)), axis=1)[:, 11] for n in (12, 13)}
    counted = np.mean([(days <= 100.0).mean() for days in twelfth.values()])
    assert long_gaps.tail(shapes, [6], [100.0], [20.0])[0] == pytest.approx(counted, abs=0.004)


def test_the_longest_usual_gap_is_where_the_chance_falls_below_five_percent() -> None:
    shapes = np.tile(long_gaps.fit_shapes([5.0], [50.0], [11.0]), (3, 1))
    gaps, span = np.array([2.0, 10.0, 100.0]), np.array([60.0, 300.0, 3000.0])
    usual = long_gaps.longest_usual(shapes, gaps, span)
    assert long_gaps.tail(shapes, gaps, span, usual) == pytest.approx([0.05] * 3, abs=1e-6)
    assert usual[0] > usual[1] > usual[2]  # the same rhythm, known ever better


def test_a_single_gap_is_no_rhythm() -> None:
    shapes = np.full((2, len(long_gaps.SHAPES)), 1.0 / len(long_gaps.SHAPES))
    told = long_gaps.tail(shapes, [1, 2], [30.0, 30.0], [400.0, 400.0])
    assert np.isnan(told[0])
    assert told[1] < 0.05


def test_on_the_day_of_an_order_nobody_is_silent() -> None:
    shapes = np.full((1, len(long_gaps.SHAPES)), 1.0 / len(long_gaps.SHAPES))
    assert long_gaps.tail(shapes, [5], [50.0], [0.0])[0] == pytest.approx(1.0)
