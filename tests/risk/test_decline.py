"""Decline: nobody is named without a change, those who changed are, and rule T04 never guesses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from risk import shops
from tenure.risk import decline
from tenure.risk.signal_inputs import WINDOW, SignalInputs
from tenure.risk.warnings import Warnings

MODEL = Warnings()


def _seen(**asked: object) -> tuple[shops.Shop, SignalInputs]:
    found = shops.shop(**asked)
    table, context = shops.table_of(found), shops.context()
    fit = MODEL.fit(table, context)[0]
    assert fit.usable
    return found, SignalInputs(table, fit, context)


def test_rates_are_found_again_from_counts_over_different_times() -> None:
    rng = np.random.default_rng(3)
    days = rng.uniform(90.0, 360.0, 20_000)
    count = rng.poisson(rng.gamma(1.5, 1.0 / 40.0, 20_000) * days)
    rates = decline.fit_rates(count, days)
    assert rates.r == pytest.approx(1.5, rel=0.05)
    assert rates.alpha == pytest.approx(40.0, rel=0.05)


def test_the_chance_of_so_few_is_the_negative_binomial_one() -> None:
    rates = decline.Rates(1.2, 30.0)
    seen = np.arange(6)
    expected = stats.nbinom.cdf(seen, 1.2 + 9, (30.0 + 200.0) / (30.0 + 200.0 + 90.0))
    assert decline.tail(rates, 9, 200.0, seen, 90.0) == pytest.approx(expected, rel=1e-12)


def test_the_chance_of_so_few_is_that_of_everybody_with_the_same_past() -> None:
    rng = np.random.default_rng(5)
    rate = rng.gamma(1.2, 1.0 / 30.0, 2_000_000)
    alike = rate[rng.poisson(rate * 200.0) == 9]
    after = rng.poisson(alike * 90.0)
    assert len(alike) > 10_000
    for few in (0, 1, 3):
        told = float(decline.tail(decline.Rates(1.2, 30.0), 9, 200.0, few, 90.0))
        assert (after <= few).mean() == pytest.approx(told, abs=4 * np.sqrt(told / len(alike)))


def test_only_those_are_tested_in_whom_silence_would_show() -> None:
    rates = decline.Rates(1.0, 30.0)
    could = decline.testable(rates, [1, 5, 30, 30, 0], [360.0, 360.0, 360.0, 60.0, 360.0], 90.0)
    assert could.tolist() == [False, False, True, False, False]  # the fourth has too short a past


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked", [{}, {"shape": 5.0}, {"spread": "lognormal"}], ids=["chance", "rhythm", "other rates"]
)
def test_without_a_change_at_most_one_shop_in_twenty_names_anybody(asked: dict[str, object]) -> None:
    false = [bool(_seen(seed=seed, customers=800, **asked)[1].orders.named.any()) for seed in range(40)]
    # Without a change every name is false, so the false discovery rate is how often anybody is named.
    assert stats.binomtest(sum(false), len(false), 0.05, alternative="greater").pvalue > 0.05, sum(false)


@pytest.mark.slow
def test_a_change_point_is_found_with_five_percent_false_and_the_power_that_was_told() -> None:
    false, power, told = [], [], []
    for seed in range(12):
        found, seen = _seen(seed=seed, changed=0.2, left=0.0)
        named = seen.orders.named
        assert seen.fit is not None
        false.append((named & ~found.changed).sum() / max(named.sum(), 1))
        power.append((named & found.changed).sum() / (seen.orders.tested & found.changed).sum())
        told.append(next(figure["power"] for figure in seen.fit.figures["power"] if figure["drop"] == 1.0))
    print(f"false {np.mean(false):.3f}, found {np.mean(power):.3f}, told {np.mean(told):.3f}")
    assert np.mean(false) <= 0.05
    assert np.mean(power) > 0.6
    assert np.mean(told) == pytest.approx(np.mean(power), abs=0.04)


@pytest.mark.slow
def test_weaker_changes_are_found_less_often_as_told() -> None:
    rates, told = {}, {}
    for drop in (0.5, 0.75):
        shares, said = [], []
        for seed in range(6):
            found, seen = _seen(seed=50 + seed, changed=0.3, left=1.0 - drop)
            assert seen.fit is not None
            shares.append((seen.orders.named & found.changed).sum() / (seen.orders.tested & found.changed).sum())
            said.append(next(figure["power"] for figure in seen.fit.figures["power"] if figure["drop"] == drop))
        rates[drop], told[drop] = np.mean(shares), np.mean(said)
    assert rates[0.5] < rates[0.75]
    assert rates == pytest.approx(told, abs=0.04)


def test_the_possible_p_values_bound_what_chance_reaches() -> None:
    steps = decline.steps(decline.Rates(1.0, 20.0), [10.0, 40.0], [200.0, 200.0], 90.0)
    for limit in (0.001, 0.01, 0.05):
        reached = decline.reached(steps, limit)
        assert (reached <= limit).all()
        for row, value in zip(steps, reached, strict=True):
            assert value == max([one for one in row if one <= limit], default=0.0)


def test_whole_numbers_let_more_be_named_than_the_usual_control() -> None:
    from tenure.stats.multiple import benjamini_hochberg

    rng = np.random.default_rng(1)
    past = rng.integers(16, 40, 2000).astype(float)
    rates, days = decline.Rates(2.0, 40.0), np.full(2000, 360.0)
    rate = rng.gamma(rates.r + past, 1.0 / (rates.alpha + days))
    now = rng.poisson(rate * WINDOW * np.where(np.arange(2000) < 400, 0.0, 1.0))
    p = decline.tail(rates, past, days, now, WINDOW)
    limit = decline.cutoff(p, decline.steps(rates, past, days, WINDOW), 0.05)
    named = p <= limit
    assert named.sum() > (benjamini_hochberg(p) <= 0.05).sum() > 0
    assert named[400:].sum() / named.sum() <= 0.1


@pytest.mark.parametrize("p", [[], [np.nan, np.nan], [0.5, 0.9, 1.0]])
def test_nobody_is_named_where_nothing_is_unlikely(p: list[float]) -> None:
    steps = decline.steps(decline.Rates(1.0, 20.0), [10.0], [200.0], 90.0)
    assert decline.cutoff(np.array(p, dtype=float), steps, 0.05) == 0.0


@pytest.mark.parametrize(
    ("fell", "change", "answer"),
    [
        (True, 0.0, "yes"),
        (True, 0.2, "yes"),
        (True, -0.08, "yes"),
        (True, -0.09, "no"),
        (True, -0.4, "no"),
        (True, np.nan, "cannot-judge"),
        (False, np.nan, "no"),
    ],
)
def test_rule_t04_says_yes_no_or_that_it_cannot_judge(fell: bool, change: float, answer: str) -> None:
    assert decline.verdict([fell], [change]).tolist() == [answer]
