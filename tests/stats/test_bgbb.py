"""BG/BB: the donors of the paper, sums done by hand, and simulated truth."""

from __future__ import annotations

import csv
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.special import beta as beta_function

from services import DATA
from tenure.errors import FitError
from tenure.stats.contracts import bgbb

with (DATA / "donations/donations.csv").open(encoding="ascii") as _file:
    X, LAST, N, DONORS = np.array([[float(one) for one in row.values()] for row in csv.DictReader(_file)]).T
PUBLISHED = bgbb.FittedBgbb({"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6568, "delta": 2.7838})


def test_donors_give_the_published_parameters() -> None:
    assert (len(X), DONORS.sum()) == (22, 11_104)
    fitted = bgbb.fit(X, LAST, N, DONORS)
    assert fitted.verdict == "ok"
    assert fitted.log_likelihood == pytest.approx(-33225.58127, abs=1e-4)
    assert fitted.params == pytest.approx(PUBLISHED.params, rel=2e-4)  # the paper: four decimals of a flat top


def test_new_donors_give_as_often_as_in_note_010() -> None:
    note = [0.4985, 0.9233, 1.2969, 1.6323, 1.9381, 2.2202, 2.4826, 2.7285, 2.9603, 3.1798, 3.3887]
    fitted = bgbb.fit(X, LAST, N, DONORS)
    np.testing.assert_allclose(fitted.new_expected(np.arange(1, 12)), note, atol=1e-4)
    assert fitted.new_expected(10) == pytest.approx(3.179805, rel=1e-4)


def test_known_donors_next_ten_years_are_the_walkthroughs() -> None:
    fitted = bgbb.fit(X, LAST, N, DONORS)
    never, four = fitted.expected(10, [0, 4], [0, 5], [6, 6])
    assert never == pytest.approx(0.1302169, rel=1e-4)
    assert four == pytest.approx(3.627858, rel=1e-4)


def test_expected_donations_by_frequency_are_the_papers() -> None:
    expected = PUBLISHED.expected(5, X, LAST, N) * DONORS
    means = np.bincount(X.astype(int), expected) / np.bincount(X.astype(int), DONORS)
    np.testing.assert_allclose(means, [0.0729, 0.3249, 0.7089, 1.3337, 2.0312, 2.7845, 3.7525], atol=1e-4)


def test_the_likelihood_of_every_string_of_opportunities_adds_up_to_one() -> None:
    four, opportunities = (0.9, 1.4, 0.6, 2.2), 6
    total = 0.0
    for string in product((0, 1), repeat=opportunities):
        taken = np.flatnonzero(string) + 1
        history = np.array([[len(taken), taken.max(initial=0), opportunities]], dtype=float)
        total += np.exp(bgbb._terms(four, history)[0][0])
    assert total == pytest.approx(1.0, rel=1e-12)


def test_one_donor_by_hand() -> None:
    # One gift at the first of two opportunities: still there and refused, or gone before the second.
    a, b, g, d = 0.9, 1.4, 0.6, 2.2
    there = beta_function(a + 1, b + 1) / beta_function(a, b) * beta_function(g, d + 2) / beta_function(g, d)
    gone = beta_function(a + 1, b) / beta_function(a, b) * beta_function(g + 1, d + 1) / beta_function(g, d)
    assert np.exp(bgbb._terms((a, b, g, d), np.array([[1.0, 1.0, 2.0]]))[0][0]) == pytest.approx(there + gone)
    fitted = bgbb.FittedBgbb(dict(zip(bgbb.NAMES, (a, b, g, d), strict=True)))
    assert fitted.p_alive([1], [1], [2])[0] == pytest.approx(there / (there + gone) * (d + 2) / (g + d + 2))


@pytest.mark.parametrize("four", [(1.2, 0.75, 0.66, 2.8), (0.1, 5.0, 3.0, 0.2), (30.0, 2.0, 0.01, 90.0)])
def test_gradients_are_the_differences_of_the_likelihood(four: Any) -> None:
    kinds = np.stack([X, LAST, N], axis=1)
    slopes = bgbb._terms(four, kinds)[1]
    for place in range(4):
        step = np.ones(4)
        step[place] = np.exp(1e-6)
        up, down = (bgbb._terms(np.array(four) * one, kinds)[0] for one in (step, 1.0 / step))
        np.testing.assert_allclose(slopes[place], (up - down) / 2e-6, atol=1e-6)


def test_chances_of_counts_agree_with_expectations() -> None:
    for history in ((0, 0, 6), (4, 5, 6), (6, 6, 6)):
        columns = [[one] for one in history]
        chances = np.array([PUBLISHED.future_pmf(x, 8, *columns)[0] for x in range(9)])
        assert chances.sum() == pytest.approx(1.0)
        assert chances @ np.arange(9) == pytest.approx(PUBLISHED.expected(8, *columns)[0])
        assert PUBLISHED.p_active(8, *columns)[0] == pytest.approx(1.0 - chances[0])
    new = PUBLISHED.pmf(12)
    assert new.sum() == pytest.approx(1.0)
    assert new @ np.arange(13) == pytest.approx(float(PUBLISHED.new_expected(12)))


def test_residual_donations_are_discounted_from_the_next_opportunity_on() -> None:
    by_hand, before = 0.0, 0.0
    for step in range(1, 1500):
        upto = PUBLISHED.expected(step, [6], [6], [6])[0] if step < 60 else None
        if upto is None:
            break
        by_hand, before = by_hand + (upto - before) / 1.5**step, upto
    assert PUBLISHED.residual(0.5, [6], [6], [6])[0] == pytest.approx(by_hand, rel=1e-9)
    with pytest.raises(FitError, match="above 0"):
        PUBLISHED.residual(0.0, [6], [6], [6])


def test_simulated_donors_have_the_models_shares_and_give_back_its_parameters() -> None:
    rng = np.random.default_rng(1)
    x, last = PUBLISHED.simulate(np.full(40_000, 6), rng)
    np.testing.assert_allclose(np.bincount(x.astype(int)) / 40_000, PUBLISHED.pmf(6), atol=8e-3)
    fitted = bgbb.fit(x, last, np.full(40_000, 6))
    for name, (low, high) in fitted.interval(0.999).items():
        assert low < PUBLISHED.params[name] < high


def test_weights_are_repeated_rows_and_different_numbers_of_opportunities_mix() -> None:
    rng = np.random.default_rng(4)
    n = rng.integers(2, 9, 500)
    x, last = PUBLISHED.simulate(n, rng)
    times = rng.integers(1, 4, 500)
    once = bgbb.fit(x, last, n, times)
    many = bgbb.fit(*(np.repeat(one, times) for one in (x, last, n)))
    assert once.log_likelihood == pytest.approx(many.log_likelihood, abs=1e-9)
    assert once.params == pytest.approx(many.params, rel=1e-8)


def test_nobody_leaves_is_a_verdict_and_everybody_stays_in_the_answers() -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(1.5, 1.0, 3000)
    taken = rng.random((3000, 8)) < chance[:, None]
    last = np.where(taken.any(axis=1), 8 - np.argmax(taken[:, ::-1], axis=1), 0)
    fitted = bgbb.fit(taken.sum(axis=1), last, np.full(3000, 8))
    assert fitted.verdict == "no-dropout"
    assert fitted.p_alive([3], [4], [8])[0] == pytest.approx(1.0, abs=1e-6)
    a, b = fitted.params["alpha"], fitted.params["beta"]
    assert fitted.expected(4, [3], [4], [8])[0] == pytest.approx(4.0 * (a + 3) / (a + b + 8), rel=1e-6)
    assert a == pytest.approx(1.5, rel=0.15)
    assert bgbb.fit([0, 0], [0, 0], [3, 4]).verdict == "not-identified"


def test_what_is_written_down_predicts_the_same_and_impossible_histories_are_refused() -> None:
    fitted = bgbb.fit(X, LAST, N, DONORS)
    again = bgbb.FittedBgbb.from_dict(fitted.to_dict())
    np.testing.assert_array_equal(again.expected(5, X, LAST, N), fitted.expected(5, X, LAST, N))
    low, high = np.quantile([draw.new_expected(10) for draw in again.draws(200)], [0.025, 0.975])
    assert low < 3.1798 < high
    assert high - low < 0.2
    for x, last, n in ((3, 2, 6), (0, 1, 6), (1, 7, 6), (1.5, 2, 6)):
        with pytest.raises(FitError, match="Row 0"):
            bgbb.fit([x], [last], [n])
