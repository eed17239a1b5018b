"""The survival curve: against scipy's, by hand, and on simulated truth."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tenure.errors import TenureError
from tenure.stats import kaplanmeier

# The 6-MP arm of Freireich et al. 1963, the example of every textbook; 0 means that it had not come yet.
DURATION = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35])
LEFT = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]) > 0


def test_the_textbook_example_to_its_printed_digits() -> None:
    curve = kaplanmeier.fit(DURATION, LEFT)
    assert list(curve.times) == [6, 7, 10, 13, 16, 22, 23]
    assert list(curve.at_risk) == [21, 17, 15, 12, 11, 7, 6]
    np.testing.assert_allclose(curve.survival, [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=6e-4)
    np.testing.assert_allclose(curve.error, [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], atol=6e-5)
    assert curve.median == 23
    assert curve.median_interval == (13, math.inf)


def _random(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    life, seen = rng.weibull(1.4, rows) * 10.0, rng.uniform(0.0, 20.0, rows)
    return np.minimum(life, seen), life <= seen


@pytest.mark.parametrize(("kind", "scipys"), [("log-log", "log-log"), ("plain", "linear")])
def test_curve_and_intervals_are_scipys(kind: Any, scipys: Any) -> None:
    duration, left = _random(200, 1)
    ours = kaplanmeier.fit(duration, left, interval=kind)
    theirs = stats.ecdf(stats.CensoredData.right_censored(duration, ~left)).sf
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where nobody has left yet
        between = theirs.confidence_interval(method=scipys)
    at = np.searchsorted(theirs.quantiles, ours.times)
    np.testing.assert_allclose(ours.survival, theirs.probabilities[at])
    np.testing.assert_allclose(ours.low, between.low.probabilities[at])
    np.testing.assert_allclose(ours.high, between.high.probabilities[at])


def test_weights_are_repeated_rows_in_whole_periods() -> None:
    rng = np.random.default_rng(4)
    duration, left, times = rng.integers(0, 9, 60), rng.random(60) < 0.6, rng.integers(0, 4, 60)
    once = kaplanmeier.fit(duration, left, times)
    many = kaplanmeier.fit(np.repeat(duration, times), np.repeat(left, times))
    for name in ("times", "at_risk", "events", "survival", "error", "low", "high"):
        np.testing.assert_allclose(getattr(once, name), getattr(many, name))
    assert (once.customers, once.lost, once.median) == (many.customers, many.lost, many.median)


def test_steps_are_read_at_any_time_and_not_beyond_what_was_seen() -> None:
    curve = kaplanmeier.fit(DURATION, LEFT)
    np.testing.assert_allclose(curve.at([0.0, 5.9, 6.0, 9.99]), [1.0, 1.0, 0.857143, 0.806723], atol=1e-6)
    assert math.isnan(curve.at(36.0))
    low, high = curve.interval_at([0.0, 6.0])
    assert low[0] == high[0] == 1.0
    assert low[1] < 0.857 < high[1]
    gone = kaplanmeier.fit([1, 2], [True, True])
    assert gone.at(50.0) == 0.0
    assert math.isnan(gone.error[-1])
    assert gone.mean_until(10.0) == pytest.approx(1.5)


def test_the_mean_within_a_horizon_is_the_area_below_the_curve() -> None:
    everybody = np.array([1.0, 3.0, 3.0, 8.0])
    curve = kaplanmeier.fit(everybody, np.ones(4, bool))
    assert curve.mean_until(5.0) == pytest.approx(np.minimum(everybody, 5.0).mean())
    assert math.isnan(kaplanmeier.fit([1.0, 2.0], [True, False]).mean_until(3.0))


def test_nobody_left_means_a_curve_of_one_and_an_infinite_median() -> None:
    curve = kaplanmeier.fit([3.0, 4.0], [False, False])
    assert curve.at(3.5) == 1.0
    assert curve.median == math.inf
    assert curve.lost == 0.0
    assert kaplanmeier.fit([], []).customers == 0.0


def test_late_entries_are_not_at_risk_before_they_were_seen() -> None:
    # Left truncation of an exponential: ignoring the entries would make early losses look rare.
    rng = np.random.default_rng(9)
    life, entry = rng.exponential(10.0, 20_000), rng.uniform(0.0, 15.0, 20_000)
    seen = life > entry
    curve = kaplanmeier.fit(life[seen], np.ones(seen.sum(), bool), entry=entry[seen])
    np.testing.assert_allclose(curve.at([5.0, 10.0, 20.0]), np.exp([-0.5, -1.0, -2.0]), atol=0.03)


def test_intervals_cover_the_true_curve_as_often_as_they_say() -> None:
    inside = []
    for seed in range(400):
        duration, left = _random(150, seed)
        low, high = kaplanmeier.fit(duration, left).interval_at([4.0, 10.0])
        truth = np.exp(-((np.array([4.0, 10.0]) / 10.0) ** 1.4))
        inside.append((low <= truth) & (truth <= high))
    assert np.all((np.mean(inside, axis=0) > 0.92) & (np.mean(inside, axis=0) < 0.98))


def test_what_cannot_be_a_duration_is_refused_with_its_row() -> None:
    with pytest.raises(TenureError, match="Row 1"):
        kaplanmeier.fit([1.0, -2.0], [True, True])
    with pytest.raises(TenureError, match="Row 0"):
        kaplanmeier.fit([np.nan], [True])
    with pytest.raises(TenureError, match="2 durations and 1 marks"):
        kaplanmeier.fit([1.0, 2.0], [True])
