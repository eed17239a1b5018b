"""What the best do differently: effect sizes by counting pairs, planted habits found, noise not named."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from tenure.value.behaviour import label_of, profile
from tenure.value.effects import cliffs_delta
from tenure.value.notebook import rank
from tenure.value.sales import Sales

AS_OF = date(2024, 6, 30)


@pytest.mark.parametrize("seed", range(8))
def test_the_effect_is_what_counting_all_pairs_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 9, 30).astype(float), rng.integers(2, 11, 45).astype(float)
    pairs = list(product(first, second))
    wanted = (sum(a > b for a, b in pairs) - sum(a < b for a, b in pairs)) / len(pairs)
    found = cliffs_delta(np.append(first, np.nan), second)
    assert found is not None
    assert found.delta == pytest.approx(wanted)
    assert -1 <= found.low < found.delta < found.high <= 1


def test_the_p_value_is_that_of_mann_and_whitney() -> None:
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(5)
    first, second = rng.poisson(3, 60).astype(float), rng.poisson(3.5, 80).astype(float)
    wanted = mannwhitneyu(first, second, use_continuity=False, method="asymptotic").pvalue
    found = cliffs_delta(first, second)
    assert found is not None
    assert found.p == pytest.approx(wanted, rel=1e-9)


def test_ninety_five_percent_intervals_hold_the_truth_nearly_as_often() -> None:
    truth = 2 * 0.7602499 - 1  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    held = 0
    for seed in range(1_000):
        rng = np.random.default_rng(seed)
        found = cliffs_delta(rng.normal(1, 1, 60), rng.normal(0, 1, 200))
        assert found is not None
        held += found.low <= truth <= found.high
    assert 920 <= held <= 980


def test_everybody_above_everybody_is_one_and_equal_groups_are_nothing() -> None:
    found = cliffs_delta(np.array([5.0, 6, 7]), np.array([1.0, 2]))
    assert found is not None
    assert (found.delta, found.size) == (1.0, "large")
    same = cliffs_delta(np.ones(10), np.ones(10))
    assert same is not None
    assert (same.delta, same.p, same.size) == (0.0, 1.0, "negligible")
    assert cliffs_delta(np.array([1.0]), np.ones(5)) is None


def planted(seed: int = 4) -> tuple[Sales, pa.Table]:
    """Return a shop whose best customers shop at weekends; nothing else tells them apart but what they spend."""
    draw = random.Random(seed)
    orders = []
    for who in range(400):
        best = who < 80
        for _ in range(12):
            day = AS_OF - timedelta(days=draw.randrange(180))
            if best and draw.random() < 0.8:
                day -= timedelta(days=(day.isoweekday() - 6) % 7)
            hour = draw.randrange(8, 22)
            orders.append(
                {"customer_id": f"{who:03d}", "at": f"{day.isoformat()} {hour:02d}:30:00",
                 "amount": draw.uniform(80, 120) if best else draw.uniform(5, 50), "store": draw.choice("xyz")}
            )  # fmt: skip
    table = pa.Table.from_pylist(orders)
    return Sales.of(table, as_of=AS_OF), rank(table, as_of=AS_OF)


def test_a_planted_habit_is_found_and_the_rest_is_not_named() -> None:
    rows = {row["id"]: row for row in profile(*planted())}
    assert rows["weekend"]["differs"]
    assert rows["weekend"]["size"] == "large"
    assert rows["weekend"]["top"] > 0.7
    assert rows["weekend"]["rest"] < 0.4
    assert rows["basket"]["defining"]  # goes without saying, and is said to
    assert not rows["evening"]["differs"]
    assert not rows["stores"]["differs"]
    assert "channels" not in rows  # the shop records none


def test_noise_is_named_no_more_often_than_promised() -> None:
    named = asked = 0
    for seed in range(20):
        draw = random.Random(seed)
        orders = []
        for who in range(720):
            day, hour = AS_OF - timedelta(days=draw.randrange(300)), 10 + draw.randrange(14)
            amount = 10.0 + who % 120 / 1000
            orders.append({"customer_id": f"{who % 120:03d}", "at": f"{day} {hour}:00", "amount": amount,
                           "store": draw.choice("abcd")})  # fmt: skip
        table = pa.Table.from_pylist(orders)
        found = profile(Sales.of(table, as_of=AS_OF), rank(table, as_of=AS_OF), seed)
        habits = [row for row in found if row["id"] in ("weekend", "evening", "stores", "second_soon")]
        named += any(row["differs"] for row in habits)
        asked += 1
    assert named <= asked * 0.25  # one in twenty is promised; 6 of 20 would come by chance once in 3,000


def test_rows_are_labelled_in_both_languages() -> None:
    weekend = next(row for row in profile(*planted()) if row["id"] == "weekend")
    assert label_of(weekend, "en") != label_of(weekend, "zh_Hans")
