"""sBG and BdW: the subscribers of the papers, and simulated truth."""

from __future__ import annotations

import csv
from typing import Any

import mpmath
import numpy as np
import pytest

from services import DATA
from tenure.errors import FitError
from tenure.stats.contracts import bdw, sbg


def _shares(column: str) -> np.ndarray:
    with (DATA / "sbg/high_end_regular.csv").open(encoding="ascii") as file:
        return np.array([float(row[column]) for row in csv.DictReader(file) if row[column]])


HIGH_END, REGULAR = _shares("high_end"), _shares("regular")


def _miss(actual: Any, predicted: Any) -> float:
    return float(np.mean(np.abs(predicted / actual - 1.0)))


@pytest.mark.parametrize(
    ("shares", "alpha", "beta", "likelihood", "later"),
    [
        (HIGH_END[:8], 0.668, 3.806, -1611.2, [0.460, 0.436, 0.414, 0.395, 0.378]),
        (REGULAR[:8], 0.704, 1.182, -1680.3, [0.220, 0.204, 0.191, 0.180, 0.170]),
    ],
)
def test_sbg_on_seven_years_of_subscribers_is_the_paper(
    shares: Any, alpha: Any, beta: Any, likelihood: Any, later: Any
) -> None:
    fitted = sbg.from_survival(shares)
    assert fitted.params["alpha"] == pytest.approx(alpha, abs=1e-3)
    assert fitted.params["beta"] == pytest.approx(beta, abs=1e-3)
    assert fitted.log_likelihood == pytest.approx(likelihood, abs=0.05)
    assert fitted.verdict == "ok"
    np.testing.assert_allclose(fitted.survival(np.arange(8, 13)), later, atol=6e-4)


def test_the_residual_lifetime_after_seven_years_is_the_published_one() -> None:
    assert sbg.from_survival(HIGH_END[:8]).residual(0.10, [7])[0] == pytest.approx(7.530, abs=5e-4)


def test_bdw_on_four_years_is_the_package_of_its_authors() -> None:
    fitted = bdw.from_survival(HIGH_END[:5])
    assert list(fitted.params) == ["gamma", "delta", "c"]
    assert list(fitted.params.values()) == pytest.approx([0.25934, 1.72256, 1.58435], abs=1e-4)
    next_years = [0.54661, 0.51037, 0.48104, 0.45669, 0.43604, 0.41823]
    np.testing.assert_allclose(fitted.survival(np.arange(5, 11)), next_years, atol=5e-6)


def test_four_years_foretell_twelve_far_better_with_the_shape_that_rises_or_falls() -> None:
    years = np.arange(5, 13)
    simple, shaped = sbg.from_survival(HIGH_END[:5]), bdw.from_survival(HIGH_END[:5])
    assert _miss(HIGH_END[5:], simple.survival(years)) == pytest.approx(0.132, abs=2e-3)
    assert _miss(HIGH_END[5:], shaped.survival(years)) == pytest.approx(0.017, abs=1e-3)
    assert shaped.aic < simple.aic
    assert _miss(HIGH_END[8:], sbg.from_survival(HIGH_END[:8]).survival(np.arange(8, 13))) == pytest.approx(
        0.028, abs=1e-3
    )


@pytest.mark.parametrize("theta", [(-0.4, 1.3), (-1.3, 0.5, 0.4), (2.0, -1.0, -0.7), (-3.0, 3.0, 0.0)])
def test_gradients_are_the_differences_of_the_likelihood(theta: Any) -> None:
    rows = bdw.counted([1, 2, 5, 9, 9, 0], [1, 1, 1, 1, 0, 0], [3, 2, 2, 1, 4, 2])
    slope = bdw.log_likelihood(np.array(theta), rows)[1]
    for place in range(len(theta)):
        step = np.zeros(len(theta))
        step[place] = 1e-5
        up, down = (bdw.log_likelihood(np.array(theta) + one, rows)[0] for one in (step, -step))
        assert slope[place] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)


def test_shares_still_there_agree_with_thirty_digits_also_far_out() -> None:
    fitted = bdw.FittedRenewals({"gamma": 0.26, "delta": 1.72, "c": 1.58})
    with mpmath.workdps(30):
        for t in (0, 1, 7, 120, 5000):
            exact = mpmath.beta("0.26", mpmath.mpf("1.72") + mpmath.mpf(t) ** mpmath.mpf("1.58"))
            exact /= mpmath.beta("0.26", "1.72")
            assert fitted.survival(t) == pytest.approx(float(exact), rel=5e-9)


def test_weights_are_repeated_rows_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    duration, left, times = rng.integers(1, 9, 50), rng.random(50) < 0.6, rng.integers(1, 5, 50)
    for model in (sbg, bdw):
        once = model.fit(duration, left, times)
        many = model.fit(np.repeat(duration, times)[::-1], np.repeat(left, times)[::-1])
        assert once.log_likelihood == pytest.approx(many.log_likelihood, abs=1e-9)
        assert list(once.params.values()) == pytest.approx(list(many.params.values()), rel=1e-9)


def _subscribers(seed: int, customers: int, gamma: float, delta: float, c: float) -> tuple[np.ndarray, np.ndarray]:
    """Return durations and who left; each was seen for 3 to 12 periods."""
    rng = np.random.default_rng(seed)
    stay = 1.0 - rng.beta(gamma, delta, customers)
    lived = np.ceil((np.log(rng.random(customers)) / np.log(stay)) ** (1.0 / c))
    seen = rng.integers(3, 13, customers)
    return np.where(lived <= seen, lived, seen), lived <= seen


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    inside, total = np.zeros(3), 200
    for seed in range(total):
        fitted = sbg.fit(*_subscribers(seed, 1000, 0.7, 3.8, 1.0))
        low, high = np.quantile([draw.survival(12) for draw in fitted.draws(200, seed)], [0.025, 0.975])
        truth = bdw.FittedRenewals({"alpha": 0.7, "beta": 3.8})
        found = fitted.interval()
        inside += [
            found["alpha"][0] < 0.7 < found["alpha"][1],
            found["beta"][0] < 3.8 < found["beta"][1],
            low < truth.survival(12) < high,
        ]
    assert ((inside / total > 0.92) & (inside / total < 0.98)).all(), inside / total


def test_bdw_finds_the_shape_it_was_simulated_with() -> None:
    for c in (0.7, 1.5):
        fitted = bdw.fit(*_subscribers(3, 20_000, 0.6, 2.5, c))
        low, high = fitted.interval(0.99)["c"]
        assert low < c < high
        assert high - low < 0.5


def test_residual_and_remaining_are_sums_over_renewals_to_come() -> None:
    fitted = bdw.from_survival(HIGH_END[:5])
    by_hand = sum(float(fitted.survival(3 + t + 1) / fitted.survival(3)) / 1.2**t for t in range(400))
    assert fitted.residual(0.2, [3])[0] == pytest.approx(by_hand, rel=1e-12)
    assert fitted.residual(0.2, [[3, 0], [0, 3]]).shape == (2, 2)
    assert fitted.remaining([3, 0], 2)[0] == pytest.approx(
        float(fitted.survival(4) + fitted.survival(5)) / float(fitted.survival(3))
    )
    assert fitted.p_kept(3, 2) == pytest.approx(float(fitted.survival(5) / fitted.survival(3)))
    assert fitted.retention(4) == pytest.approx(float(fitted.survival(4) / fitted.survival(3)))
    # Closed form of the sBG: (b + n)/(a + b + n) · 2F1(1, b + n + 1; a + b + n + 1; 1/(1 + d)), Fader & Hardie 2010.
    a, b = 0.668, 3.806
    exact = (b + 7) / (a + b + 7) * mpmath.hyp2f1(1, b + 8, a + b + 8, 1 / 1.1)
    assert bdw.FittedRenewals({"alpha": a, "beta": b}).residual(0.10, [7])[0] == pytest.approx(float(exact), rel=1e-11)


def test_nobody_has_left_is_said_and_nothing_breaks() -> None:
    for model in (sbg, bdw):
        fitted = model.fit([3, 5, 8], [False, False, False])
        assert fitted.verdict == "no-dropout"
        assert fitted.survival(20) == pytest.approx(1.0, abs=1e-6)
        assert fitted.covariance is None
        assert all(draw.verdict == "no-dropout" for draw in fitted.draws(3))


def test_too_few_periods_or_customers_alike_are_not_identified_and_still_predict() -> None:
    one = sbg.from_survival([1.0, 0.8])
    assert one.verdict == "not-identified"
    assert one.survival(2) == pytest.approx(0.64, abs=1e-4)
    two = bdw.from_survival([1.0, 0.8, 0.7])
    assert two.verdict == "not-identified"
    np.testing.assert_allclose(two.survival([1, 2]), [0.8, 0.7], atol=1e-6)
    alike = sbg.from_survival([1.0, 0.8, 0.64, 0.512, 0.4096])
    assert alike.verdict == "not-identified"
    assert alike.survival(10) == pytest.approx(0.8**10, rel=1e-3)
    spread = [draw.survival(4) for draw in alike.draws(40, seed=1)]
    assert np.std(spread) == pytest.approx(np.sqrt(0.41 * 0.59 / 1000), rel=0.5)


def test_what_is_written_down_predicts_the_same() -> None:
    for model, kind in ((sbg, bdw.FittedRenewals), (bdw, bdw.FittedRenewals)):
        fitted = model.from_survival(HIGH_END[:8])
        again = kind.from_dict(fitted.to_dict())
        np.testing.assert_array_equal(again.survival([1, 9]), fitted.survival([1, 9]))
        assert [draw.params for draw in again.draws(2)] == [one.params for one in fitted.draws(2)]


def test_impossible_contracts_are_refused_with_their_row() -> None:
    with pytest.raises(FitError, match="Row 1"):
        sbg.fit([1, 2.5], [True, True])
    with pytest.raises(FitError, match="Row 0"):
        sbg.fit([0], [True])
    with pytest.raises(FitError, match="never increase"):
        bdw.from_survival([1.0, 0.5, 0.6])
    with pytest.raises(FitError, match="above 0"):
        sbg.from_survival(HIGH_END[:8]).residual(0.0, [1])
    with pytest.raises(FitError, match="weight has 1 values"):
        sbg.fit([1, 2], [True, True], [1.0])
