"""Shops whose truth is known: what the models say of them is true as often as they claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stats.simulated import Shop, shop
from tenure.stats import purchases
from tenure.stats.cells import compress

NBD = {"r": 0.6, "alpha": 5.0}
BG = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}
REGULAR = {"r": 3.0, "alpha": 3.0, "a": 1.0, "b": 4.0}
LEAVERS = ("bg-nbd", "mbg-nbd")


def ages(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.integers(27 * 7, 39 * 7, size) / 7.0


def drawn(seed: int, size: int, truth: dict[str, float], **told: object) -> Shop:
    rng = np.random.default_rng(seed)
    return shop(rng, ages(rng, size), truth, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LEAVERS)
def test_a_shop_that_nobody_leaves_gets_the_verdict_and_the_forecast_of_nbd(name: str) -> None:
    cells = drawn(11, 2_000, NBD, leaving="never").cells
    fitted, nbd = purchases.fit(name, cells), purchases.fit("nbd", cells)
    assert fitted.verdict == "no-dropout"
    assert fitted.fallback.name == "nbd"
    assert fitted.fallback.params == pytest.approx(nbd.params)
    assert nbd.verdict == "ok"
    assert (fitted.p_alive(cells) == 1).all()
    assert fitted.expected(52, cells) == pytest.approx(nbd.expected(52, cells))
    assert fitted.p_active(13, cells) == pytest.approx(nbd.p_active(13, cells))
    assert fitted.residual(0.003, cells) == pytest.approx(
        (nbd.params["r"] + cells.frequency) / 0.003 / (nbd.params["alpha"] + cells.age)
    )
    assert fitted.new_expected(52) == pytest.approx(nbd.params["r"] * 52 / nbd.params["alpha"])


@pytest.mark.slow
def test_the_verdict_is_right_for_nearly_every_shop_with_and_without_leaving() -> None:
    rng = np.random.default_rng(21)
    stays = [purchases.fit("bg-nbd", _simulated("nbd", NBD, rng, 1_000)).verdict for _ in range(100)]
    leaves = [purchases.fit("bg-nbd", _simulated("bg-nbd", BG, rng, 1_000)).verdict for _ in range(100)]
    assert stays.count("no-dropout") >= 95
    assert set(stays) <= {"ok", "no-dropout"}
    assert leaves.count("ok") == 100


def _simulated(name: str, truth: dict[str, float], rng: np.random.Generator, size: int):  # type: ignore[no-untyped-def]
    lived = ages(rng, size)
    fitted = purchases.Fitted(purchases.model(name), truth)
    return compress(*fitted.simulate(lived, rng), lived)


@pytest.mark.parametrize(
    ("name", "truth", "leaving", "k"),
    [
        ("nbd", NBD, "never", 1),
        ("bg-nbd", BG, "repeat", 1),
        ("mbg-nbd", BG, "every", 1),
        ("mbg-cnbd-3", REGULAR, "every", 3),
        ("bg-cnbd-2", REGULAR, "repeat", 2),
    ],
)
def test_what_a_model_simulates_is_what_its_story_tells(
    name: str, truth: dict[str, float], leaving: str, k: int
) -> None:
    told = drawn(5, 6_000, truth, leaving=leaving, k=k, horizon=26.0)
    rng = np.random.default_rng(6)
    fitted = purchases.Fitted(purchases.model(name), truth)
    x, t = fitted.simulate(told.age, rng)
    for ours, theirs in ((x, told.frequency), (t, told.recency), (x == 0, told.frequency == 0)):
        spread = np.hypot(ours.std(), theirs.std()) / np.sqrt(len(ours))
        assert abs(ours.mean() - theirs.mean()) < 4 * spread
    # The same customers: how many are still there, how many buy again, how much.
    cells = told.cells
    rows = cells.rows()
    for claimed, happened in (
        (fitted.p_alive(rows), told.there),
        (fitted.p_active(26, rows), told.later > 0),
        (fitted.expected(26, rows), told.later),
        (fitted.future(rows, 26, rng), told.later),
    ):
        for part in (slice(None), told.frequency == 0, told.frequency >= 3):
            spread = (happened[part] - claimed[part]).std() / np.sqrt(len(claimed[part]))
            assert abs((happened[part] - claimed[part]).mean()) < 4 * spread + 1e-12


def test_who_is_said_to_be_there_with_a_probability_is_there_that_often() -> None:
    told = drawn(8, 8_000, BG)
    fitted = purchases.fit("bg-nbd", told.cells)
    claimed = fitted.p_alive(told.cells)[told.cells.where]
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        group = (claimed >= low) & (claimed < low + 0.2) & (told.frequency > 0)
        assert told.there[group].mean() == pytest.approx(claimed[group].mean(), abs=0.06)


@pytest.mark.parametrize("known", [False, True])
def test_a_shop_of_regular_buyers_is_told_by_its_likelihood(known: bool) -> None:
    told = drawn(31, 2_000, REGULAR, leaving="every", k=3)
    cells = compress(told.frequency, told.recency, told.age, log_gaps=told.log_gaps if known else None)
    names = ["mbg-nbd", *(f"mbg-cnbd-{k}" for k in range(2, 7))]
    fits = {name: purchases.fit(name, cells) for name in names}
    best = max(names, key=lambda name: fits[name].log_likelihood)
    assert best in ({"mbg-cnbd-3"} if known else {"mbg-cnbd-2", "mbg-cnbd-3", "mbg-cnbd-4"})
    assert fits[best].log_likelihood > fits["mbg-nbd"].log_likelihood + (500 if known else 20)
    if known:
        errors = fits[best].standard_errors
        assert all(abs(fits[best].params[name] - REGULAR[name]) < 3 * errors[name] for name in REGULAR)


def test_regular_buyers_who_never_leave_fall_back_on_regular_buyers_who_never_leave() -> None:
    told = drawn(32, 1_500, {"r": 3.0, "alpha": 3.0}, leaving="never", k=3)
    fitted = purchases.fit("mbg-cnbd-3", told.cells)
    assert fitted.verdict == "no-dropout"
    assert fitted.fallback.name == "cnbd-3"
    again = purchases.from_dict(fitted.to_dict())
    assert again.expected(10, told.cells) == pytest.approx(fitted.expected(10, told.cells))


@pytest.mark.slow
def test_intervals_of_95_percent_hold_the_truth_92_to_98_times_in_a_hundred() -> None:
    rng = np.random.default_rng(41)
    truth = purchases.Fitted(purchases.model("bg-nbd"), BG)
    times, hits = 300, dict.fromkeys([*BG, "new", "customer"], 0)
    asked = {"new": compress([0], [0.0], [0.0]), "customer": compress([2], [20.0], [35.0])}
    for seed in range(times):
        fitted = purchases.fit("bg-nbd", _simulated("bg-nbd", BG, rng, 1_500))
        held = fitted.interval(0.95)
        for name, value in BG.items():
            hits[name] += held[name][0] <= value <= held[name][1]
        # All draws at once: each is the model of a group of its own.
        draws = purchases.draws(fitted, 200, seed)
        params = {name: np.array([one.params[name] for one in draws]) for name in BG}
        for name, history in asked.items():
            told = truth.expected(52, history)[0]
            each = replace(history.take(np.zeros(200, dtype=int)), groups={"draw": np.arange(200)})
            low, high = np.quantile(fitted.model.expected(params, 52, each), [0.025, 0.975])
            hits[name] += low <= told <= high
    assert {name: count / times for name, count in hits.items() if not 0.92 <= count / times <= 0.98} == {}


@pytest.mark.slow
def test_intervals_of_a_shops_total_hold_what_came_92_to_98_times_in_a_hundred() -> None:
    hits, times = 0, 250
    for seed in range(times):
        told = drawn(1_000 + seed, 600, BG, horizon=26.0)
        fitted = purchases.fit("bg-nbd", told.cells)
        rows, rng = told.cells.rows(), np.random.default_rng(seed)
        totals = [one.future(rows, 26, rng).sum() for one in purchases.draws(fitted, 150, seed)]
        low, high = np.quantile(totals, [0.025, 0.975])
        hits += low <= told.later.sum() <= high
    assert 0.92 <= hits / times <= 0.98


def test_at_a_boundary_customers_are_drawn_again_and_the_spread_is_that_of_nbd() -> None:
    cells = drawn(51, 800, NBD, leaving="never").cells
    fitted = purchases.fit("bg-nbd", cells)
    draws = purchases.draws(fitted, 30, 3)
    assert [one.params for one in draws[:2]] == [one.params for one in purchases.draws(fitted, 2, 3)]
    assert {one.verdict for one in draws} <= {"ok", "no-dropout", "not-identified"}
    nbd = fitted.fallback
    ours = np.std([np.log(draw.used.params["r"]) for draw in draws if draw.fallback])
    assert ours == pytest.approx(nbd.standard_errors["r"] / nbd.params["r"], rel=0.5)
    read = purchases.from_dict(fitted.to_dict())  # no cells: the fallback's own spread
    assert {one.name for one in purchases.draws(read, 5)} == {"nbd"}


def test_a_fit_is_the_same_after_it_was_written_down() -> None:
    cells = drawn(61, 800, BG).cells
    fitted = purchases.fit("bg-nbd", cells)
    again = purchases.from_dict(fitted.to_dict())
    assert again.to_dict() == fitted.to_dict()
    assert [one.params for one in purchases.draws(again, 3, 9)] == [one.params for one in purchases.draws(fitted, 3, 9)]
    assert (again.expected(52, cells) == fitted.expected(52, cells)).all()
