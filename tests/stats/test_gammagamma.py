"""Gamma-Gamma: CDNOW's repeat purchases from raw rows, published numbers, and simulated truth."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln

from stats.cdnow import SAMPLE, UNTIL
from tenure.errors import FitError
from tenure.stats import gammagamma
from tenure.stats.gammagamma import FittedSpend


def _cdnow() -> tuple[np.ndarray, np.ndarray]:
    """Return repeat purchase days up to the end of September 1997 and their mean spend."""
    spent: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for line in SAMPLE.read_text("ascii").splitlines():
        _, customer, day, _, dollars = line.split()
        bought = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        if bought <= UNTIL:
            spent[customer][bought] += float(dollars)
    repeats = [[days[day] for day in sorted(days)[1:]] for days in spent.values()]
    return np.array([len(repeat) for repeat in repeats]), np.array([np.mean(one) if one else np.nan for one in repeats])


X, MEAN = _cdnow()
CDNOW = gammagamma.fit(X, MEAN)


def test_repeat_buyers_of_cdnow_give_the_published_parameters() -> None:
    assert CDNOW.customers == 946
    assert CDNOW.left_out == 2357 - 946
    assert X.sum() == 2457
    assert CDNOW.verdict == "ok"
    assert CDNOW.params == pytest.approx({"p": 6.25, "q": 3.74, "gamma": 15.44}, abs=5e-3)
    assert CDNOW.log_likelihood == pytest.approx(-4055.9177, abs=1e-3)
    assert CDNOW.observed_mean == pytest.approx(35.08, abs=5e-3)
    assert CDNOW.population_mean == pytest.approx(35.17, abs=5e-3)


def test_one_customers_expected_spend_is_drawn_to_the_population() -> None:
    assert CDNOW.expected([2], [22.35])[0] == pytest.approx(24.65862, rel=1e-4)
    some = CDNOW.expected([0, 3, 3], [np.nan, 0.0, -4.0])
    np.testing.assert_allclose(some, CDNOW.population_mean)


def test_whether_frequency_and_spend_hang_together_is_shown() -> None:
    assert CDNOW.pearson == pytest.approx(0.114, abs=5e-4)
    assert CDNOW.spearman == pytest.approx(0.206, abs=5e-4)


def test_the_likelihood_is_that_of_the_note_and_knows_no_currency() -> None:
    p, q, gamma = CDNOW.params.values()
    x, m = X[X > 0], MEAN[X > 0]
    note = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma) + (p * x - 1.0) * np.log(m)
    note = note + p * x * np.log(x) - (p * x + q) * np.log(gamma + m * x)
    assert CDNOW.log_likelihood == pytest.approx(note.sum(), abs=1e-8)
    yen = gammagamma.fit(X, MEAN * 150.0)
    assert yen.params == pytest.approx({**CDNOW.params, "gamma": gamma * 150.0}, rel=1e-6)
    assert yen.log_likelihood == pytest.approx(CDNOW.log_likelihood - 946 * np.log(150.0), abs=1e-6)


@pytest.mark.parametrize("theta", [(1.8, 1.3, -0.8), (-1.0, 0.1, 2.0), (4.0, 3.0, 0.0)])
def test_gradients_are_the_differences_of_the_likelihood(theta: Any) -> None:
    objective = gammagamma._Objective(X[X > 0].astype(float), MEAN[X > 0], np.ones(946))
    slope = objective(np.array(theta))[1]
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-5
        up, down = (objective(np.array(theta) + one)[0] for one in (step, -step))
        assert slope[place] == pytest.approx((up - down) / 2e-5, abs=1e-6)


def test_weights_are_repeated_rows() -> None:
    times = np.random.default_rng(3).integers(1, 4, len(X))
    once = gammagamma.fit(X, MEAN, times)
    many = gammagamma.fit(np.repeat(X, times), np.repeat(MEAN, times))
    assert once.params == pytest.approx(many.params, rel=1e-8)
    assert once.log_likelihood == pytest.approx(many.log_likelihood, abs=1e-7)
    assert (once.customers, once.left_out) == (many.customers, many.left_out)
    assert once.spearman == pytest.approx(many.spearman, rel=1e-12)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    truth = FittedSpend({"p": 6.25, "q": 3.74, "gamma": 15.44})
    inside, total = np.zeros(4), 200
    for seed in range(total):
        rng = np.random.default_rng(seed)
        x = rng.geometric(0.4, 600)
        fitted = gammagamma.fit(x, truth.simulate(x, rng))
        low, high = np.quantile([draw.population_mean for draw in fitted.draws(200, seed)], [0.025, 0.975])
        limits = [*fitted.interval().values(), (low, high)]
        inside += [
            a < value < b for (a, b), value in zip(limits, [6.25, 3.74, 15.44, truth.population_mean], strict=True)
        ]
    assert ((inside / total > 0.92) & (inside / total < 0.98)).all(), inside / total


def test_a_population_without_a_finite_mean_is_said_and_known_customers_still_have_one() -> None:
    rng = np.random.default_rng(9)
    heavy = FittedSpend({"p": 6.25, "q": 0.7, "gamma": 15.44})
    x = rng.integers(1, 6, 5000)
    fitted = gammagamma.fit(x, heavy.simulate(x, rng))
    assert fitted.verdict == "infinite-mean"
    assert np.isinf(fitted.population_mean)
    known, unknown = fitted.expected([5, 0], [10.0, np.nan])
    assert 9.0 < known < 20.0
    assert unknown == fitted.observed_mean


def test_customers_all_alike_or_nobody_are_verdicts_too() -> None:
    alike = gammagamma.fit([1, 2, 3, 4], [5.0, 5.0, 5.0, 5.0])
    assert alike.verdict == "not-identified"
    np.testing.assert_allclose(alike.expected([1, 0], [5.0, np.nan]), 5.0, rtol=1e-4)
    nobody = gammagamma.fit([0, 0], [np.nan, 3.0])
    assert (nobody.verdict, nobody.left_out) == ("too-little-data", 2.0)
    assert np.isnan(nobody.expected([1], [2.0])[0])
    assert np.isnan(nobody.population_mean)
    assert nobody.draws(2) == [nobody, nobody]


def test_simulated_future_spend_has_the_expected_mean() -> None:
    rng = np.random.default_rng(5)
    rows = 100_000
    total = CDNOW.future(np.full(rows, 4), np.full(rows, 50.0), np.full(rows, 3), rng)
    assert total.mean() == pytest.approx(3.0 * CDNOW.expected([4], [50.0])[0], rel=0.01)
    assert (CDNOW.future([4, 0], [50.0, np.nan], [0, 0], rng) == 0.0).all()
    means = CDNOW.simulate(np.full(rows, 3), rng)
    assert means.mean() == pytest.approx(CDNOW.population_mean, rel=0.01)


def test_what_is_written_down_predicts_the_same() -> None:
    again = FittedSpend.from_dict(CDNOW.to_dict())
    assert again.expected([2], [22.35])[0] == CDNOW.expected([2], [22.35])[0]
    assert (again.spearman, again.observed_mean, again.verdict) == (CDNOW.spearman, CDNOW.observed_mean, "ok")
    assert [draw.params for draw in again.draws(2)] == [one.params for one in CDNOW.draws(2)]
    nobody = gammagamma.fit([0], [1.0])
    assert np.isnan(FittedSpend.from_dict(nobody.to_dict()).observed_mean)


def test_columns_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(FitError, match="2 frequencies, 1 spends"):
        gammagamma.fit([1, 2], [3.0])
    with pytest.raises(FitError, match="Row 1"):
        gammagamma.fit([1, -2], [3.0, 3.0])
