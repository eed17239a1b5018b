"""The mathematics of the purchase models against arithmetic of many digits and against integrals by brute force."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.stats import counting
from tenure.stats.cells import Cells, Floats, compress
from tenure.stats.condensed import Condensed
from tenure.stats.fitted import Fitted
from tenure.stats.purchases import FALLBACKS, MODELS

NAMES = ["nbd", "bg-nbd", "mbg-nbd", "cnbd-3", "bg-cnbd-2", "mbg-cnbd-3", "bg-cnbd-6", "mbg-cnbd-6"]
PARAMS = {"r": 0.55, "alpha": 10.6, "a": 0.79, "b": 2.4}
POINTS = [PARAMS, {"r": 30.0, "alpha": 3.0, "a": 5.0, "b": 0.4}, {"r": 0.02, "alpha": 0.3, "a": 1e-6, "b": 9e4}]
HISTORIES = compress(
    [0, 0, 1, 1, 2, 7, 26, 150, 600, 3000, 3000],
    [0, 0, 0.14, 38.9, 30.43, 10.0, 30.857, 38.0, 300.0, 700.0, 100.0],
    [40.0, 0.14, 39.0, 39.0, 38.86, 39.0, 31.0, 39.0, 360.0, 730.0, 730.0],
)


def model(name: str) -> Condensed:
    found = MODELS.get(name) or FALLBACKS[name]
    assert isinstance(found, Condensed)
    return found


def own(name: str, params: dict[str, float]) -> dict[str, float]:
    return {one: params[one] for one in model(name).names}


def exact(one: Condensed, params: dict[str, float], x: float, t: float, age: float) -> Any:
    """Return the likelihood of one history, term by term as it is told: stayed and silent, or left after the last."""
    r, alpha, k = mp.mpf(params["r"]), mp.mpf(params["alpha"]), one.k
    x, t, age = int(x), mp.mpf(t), mp.mpf(age)
    n = r + k * x
    front = mp.gamma(n) / mp.gamma(r) * alpha**r
    if x:
        front *= t ** ((k - 1) * x) * mp.gamma(x) / mp.gamma(k * x)
    silent = sum(mp.rf(n, j) / mp.factorial(j) * ((age - t) / (alpha + age)) ** j for j in range(k))
    silent /= (alpha + age) ** n
    if one.leaving == "never":
        return front * silent
    a, b, more = mp.mpf(params["a"]), mp.mpf(params["b"]), one.extra
    stayed = mp.beta(a, b + x + more) / mp.beta(a, b)
    left = mp.beta(a + 1, b + x + more - 1) / mp.beta(a, b) if x + more else mp.mpf(0)
    return front * (stayed * silent + left / (alpha + t) ** n)


@pytest.mark.parametrize("params", POINTS)
@pytest.mark.parametrize("name", NAMES)
def test_the_likelihood_of_each_customer_has_nine_digits_up_to_3000_purchases(
    name: str, params: dict[str, float]
) -> None:
    one = model(name)
    found, _ = one.terms(own(name, params), HISTORIES)
    with mp.workdps(50):
        for row, value in enumerate(found):
            history = HISTORIES.frequency[row], HISTORIES.recency[row], HISTORIES.age[row]
            told = mp.log(exact(one, params, *history))
            assert abs(mp.mpf(float(value)) - told) < 1e-9 * max(1, abs(told) / 1000), (history, told)


def test_single_points_that_others_publish() -> None:
    params = {"r": 0.25, "alpha": 4.0, "a": 0.8, "b": 2.5}
    cells = compress([0, 200], [0, 38], [40, 40])
    assert model("mbg-nbd").terms(params, cells)[0] == pytest.approx([-0.41792826, 100.7869], abs=1e-4)
    assert model("bg-nbd").terms(params, cells)[0] == pytest.approx([-0.5994738, 100.7956931], abs=1e-7)


def test_a_likelihood_integrates_to_one_over_all_histories() -> None:
    """Both numbers of a history of regular buyers: it is a density in the time of the last purchase, k apart too."""
    with mp.workdps(15):
        for name in ("bg-nbd", "mbg-nbd", "bg-cnbd-3", "mbg-cnbd-2"):
            one, age = model(name), 4.0
            params = own(name, {"r": 1.5, "alpha": 3.0, "a": 0.8, "b": 1.2})
            total = mp.exp(float(one.terms(params, compress([0], [0], [age]))[0][0]))
            nodes, weights = np.polynomial.legendre.leggauss(40)
            times = 0.5 * age * (nodes + 1.0)
            for x in range(1, 61):
                cells = compress(np.full(40, x), times, np.full(40, age))
                # Times between the last purchase and the first are ordered: t**(x-1) / (x-1)! ways.
                log = one.terms(params, cells)[0][cells.where] + (x - 1) * np.log(times) - float(mp.loggamma(x))
                total += 0.5 * age * float(weights @ np.exp(log))
            assert float(total) == pytest.approx(1.0, abs=1e-6)


@given(
    st.sampled_from(NAMES),
    st.tuples(*[st.floats(-2.5, 3.0)] * 4),
    st.booleans(),
)
def test_the_gradient_is_that_of_finite_differences(name: str, logs: tuple[float, ...], known: bool) -> None:
    one = model(name)
    theta = np.array(logs[: len(one.names)])
    gaps = HISTORIES.frequency * 0.1 if known else None
    cells = Cells(
        HISTORIES.frequency, HISTORIES.recency, HISTORIES.age, HISTORIES.weight, HISTORIES.where, log_gaps=gaps
    )

    def value(at: np.ndarray) -> np.ndarray:
        return one.terms(dict(zip(one.names, np.exp(at).tolist(), strict=True)), cells)[0]

    _, slopes = one.terms(dict(zip(one.names, np.exp(theta).tolist(), strict=True)), cells)
    for index, slope in enumerate(slopes):
        step = np.zeros(len(theta))
        step[index] = 2e-3
        near, far = value(theta + step) - value(theta - step), value(theta + 2 * step) - value(theta - 2 * step)
        differences = (8 * near - far) / (12 * 2e-3)
        assert slope == pytest.approx(differences, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["nbd", "bg-nbd", "mbg-cnbd-3"])
def test_weights_are_repeated_rows_exactly(name: str) -> None:
    times = np.array([3, 1, 4, 2, 1, 5, 1, 1, 2, 1, 1])
    rows = HISTORIES.take(np.repeat(np.arange(len(HISTORIES)), times))
    cells = HISTORIES.reweighted(times)
    params = own(name, PARAMS)
    one = cells.weight @ model(name).terms(params, cells)[0]
    other = rows.weight @ model(name).terms(params, rows)[0]
    assert one == pytest.approx(other, rel=1e-14)
    again = compress(rows.frequency, rows.recency, rows.age)
    assert sorted(again.weight) == sorted(times)
    assert again.weight @ model(name).terms(params, again)[0] == pytest.approx(one, rel=1e-14)


def rows(n: float, odds: float, a: float, b: float) -> tuple[Floats, Floats, Floats, Floats]:
    return np.array([n]), np.array([odds]), np.array([a]), np.array([b])


TICKS = [(0.25, 9.0, 0.8, 2.5), (26.25, 1.49, 0.8, 28.4), (5.0, 2.0, 1.0, 3.0), (5.0, 2.0, 50.0, 80.0)]


@pytest.mark.parametrize(("n", "odds", "a", "b"), [*TICKS, (3000.2, 1.3, 0.8, 3002.0), (0.25, 800.0, 0.8, 2.5)])
def test_expected_purchases_are_the_closed_form_of_the_paper_in_sixty_digits(
    n: float, odds: float, a: float, b: float
) -> None:
    with mp.workdps(60):
        shape, leaving = mp.mpf(n), mp.mpf(a) + mp.mpf("1e-30")  # at a = 1 the closed form is 0 / 0
        z = mp.mpf(odds) / (1 + mp.mpf(odds))
        inner = (1 - z) ** shape * mp.hyp2f1(shape, b, leaving + b - 1, z)
        told = float((leaving + b - 1) / (leaving - 1) * (1 - inner))
    columns = rows(n, odds, a, b)
    assert counting._sum(*columns, 1, 0)[0] == pytest.approx(told, rel=1e-10)
    assert counting._integral(*columns, 1, 0)[0] == pytest.approx(told, rel=1e-7)


@pytest.mark.parametrize(("k", "stage"), [(1, 0), (2, 1), (3, 0), (3, 2), (6, 4)])
@pytest.mark.parametrize(("n", "odds", "a", "b"), [*TICKS, (300.0, 5.0, 0.02, 300.0), (40.0, 80.0, 0.0, 1.0)])
def test_counting_ticks_and_integrating_agree_for_regular_buyers(
    n: float, odds: float, a: float, b: float, k: int, stage: int
) -> None:
    columns = rows(n, odds, a, b)
    assert counting._integral(*columns, k, stage) == pytest.approx(counting._sum(*columns, k, stage), rel=1e-6)


@pytest.mark.parametrize(("k", "stage"), [(1, 0), (3, 1), (4, 3)])
@pytest.mark.parametrize(
    ("n", "scale", "a", "b"), [(0.25, 43.0, 0.8, 2.5), (20.3, 43.0, 0.8, 7.5), (3.0, 20.0, 0.0, 1.0)]
)
def test_discounted_purchases_are_the_integral_of_expected_ones_over_time(
    n: float, scale: float, a: float, b: float, k: int, stage: int
) -> None:
    rate = 0.0027
    y = np.linspace(-14.0, 3.7, 1_000)
    one = np.ones(len(y))
    expected = counting.purchases(n * one, scale, a * one, b * one, np.exp(y) / rate, k, stage)
    told = (np.exp(y - np.exp(y)) * expected).sum() * (y[1] - y[0])
    columns = rows(n, scale, a, b)
    assert counting.discounted(*columns, rate, k, stage)[0] == pytest.approx(told, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_answers_of_one_model_agree_with_each_other(name: str) -> None:
    fitted = Fitted(model(name), own(name, PARAMS))
    cells = HISTORIES.take([0, 2, 3, 4, 5, 6])
    alive = fitted.p_alive(cells)
    assert ((alive > 0) & (alive <= 1)).all()
    half = fitted.waiting(0.5, cells)
    quiet = np.array([1 - fitted.p_active(half[row], cells)[row] / alive[row] for row in range(len(cells))])
    assert quiet == pytest.approx(0.5, abs=1e-9)
    # A horizon so short that nobody buys twice: the expectation is the probability.
    assert fitted.expected(1e-4, cells) == pytest.approx(fitted.p_active(1e-4, cells), rel=1e-3)
    assert fitted.p_active(1e9, cells) == pytest.approx(alive, rel=0.2)
    assert (fitted.expected(0.0, cells) == 0).all()
    chances = fitted.pmf(3_000, 39.0)
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    assert chances @ np.arange(3_001) == pytest.approx(float(fitted.new_expected(39.0)), rel=1e-8)
    assert fitted.pmf(2, 0.0).tolist() == [1.0, 0.0, 0.0]
    undiscounted = fitted.expected(2_000.0, cells)
    assert (fitted.residual(0.01, cells) < undiscounted).all() or name in ("nbd", "cnbd-3")


def test_a_new_customer_is_one_who_has_just_bought_for_the_first_time() -> None:
    newborn = compress([0], [0], [0.0])
    for name in NAMES:
        fitted = Fitted(model(name), own(name, PARAMS))
        assert fitted.expected(52, newborn)[0] == pytest.approx(float(fitted.new_expected(52)), rel=1e-9)
        assert fitted.p_active(52, newborn)[0] == pytest.approx(1 - fitted.pmf(0, 52)[0], rel=1e-9)
