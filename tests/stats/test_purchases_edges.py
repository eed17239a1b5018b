"""Odd shops and odd questions: there is always an answer or a sentence, never an exception from the arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from stats.cdnow import cdnow
from tenure.errors import FitError
from tenure.stats import purchases
from tenure.stats.cells import compress

ODD = {
    "nobody came back": ([0] * 50, [0.0] * 50, list(range(1, 51))),
    "one customer": ([3], [5.0], [10.0]),
    "one customer who bought once": ([0], [0.0], [10.0]),
    "everybody came today": ([0, 0], [0.0, 0.0], [0.0, 0.0]),
    "everybody bought twice at once and left": ([1] * 100, [0.1] * 100, [100.0] * 100),
    "everybody alike": ([10] * 200, [29.0] * 200, [30.0] * 200),
    "thousands of purchases": ([3000] * 20 + [0] * 3, [700.0] * 20 + [0.0] * 3, [730.0] * 23),
}


@pytest.mark.parametrize("name", ["nbd", "bg-nbd", "mbg-nbd", "bg-cnbd-3", "mbg-cnbd-2"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_shop_is_answered_with_finite_numbers_and_a_verdict(odd: str, name: str) -> None:
    cells = compress(*ODD[odd])
    fitted = purchases.fit(name, cells)
    assert fitted.verdict in {"ok", "no-dropout", "not-identified"}
    rng = np.random.default_rng(1)
    answers = [
        fitted.expected(10, cells),
        fitted.p_alive(cells),
        fitted.p_active(10, cells),
        fitted.residual(0.01, cells),
        fitted.future(cells, 10, rng),
        fitted.pmf(5, 10),
        fitted.new_expected([1.0, 2.0]),
        *fitted.simulate(np.full(5, 10.0), rng),
    ]
    assert all(np.isfinite(answer).all() and (answer >= 0).all() for answer in answers)
    assert (fitted.p_active(10, cells) <= fitted.p_alive(cells) + 1e-12).all()
    assert len(purchases.draws(fitted, 2)) == 2
    assert purchases.from_dict(fitted.to_dict()).verdict == fitted.verdict


def test_a_shop_where_nobody_came_back_cannot_tell_anything() -> None:
    fitted = purchases.fit("bg-nbd", compress(*ODD["nobody came back"]))
    assert fitted.verdict == "not-identified"
    assert fitted.covariance is None
    assert fitted.interval() is None
    assert fitted.expected(10, compress([0], [0], [5.0]))[0] < 0.01


def test_an_unknown_model_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(FitError) as told:
        purchases.fit("bgnbd", compress([1], [1.0], [2.0]))
    assert "bgnbd" in told.value.say("en")
    assert "mbg-cnbd-6" in told.value.say("en")


def grouped(seed: int, size: int = 3_000):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    age = rng.integers(27 * 7, 39 * 7, size) / 7.0
    web = rng.random(size) < 0.4
    x, t = np.zeros(size), np.zeros(size)
    for part, params in (
        (~web, {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}),
        (web, {"r": 0.6, "alpha": 2.0, "a": 1.6, "b": 2.5}),
    ):
        x[part], t[part] = purchases.Fitted(purchases.model("bg-nbd"), params).simulate(age[part], rng)
    return compress(x, t, age, groups={"channel": np.where(web, "web", "shop")})


def test_a_covariate_finds_who_buys_more_and_who_leaves_sooner() -> None:
    cells = grouped(71)
    plain, moved = purchases.fit("bg-nbd", cells), purchases.fit("bg-nbd", cells, covariates=["channel"])
    assert moved.log_likelihood > plain.log_likelihood + 30
    assert moved.aic < plain.aic
    assert set(moved.effects) == {"alpha", "a", "b"}
    assert moved.effects["alpha"]["channel=web"] == pytest.approx(np.log(2.0 / 5.0), abs=0.25)
    assert moved.params["alpha"] == pytest.approx(5.0, rel=0.2)
    chance = {
        label: moved.like({"channel": label}).params["a"]
        / (moved.like({"channel": label}).params["a"] + moved.like({"channel": label}).params["b"])
        for label in ("shop", "web")
    }
    assert chance == pytest.approx({"shop": 0.8 / 3.3, "web": 1.6 / 4.1}, abs=0.06)
    # Customers are scored with the parameters of their own group.
    web = cells.groups["channel"] == "web"
    like = moved.like({"channel": "web"})
    assert moved.expected(26, cells)[web] == pytest.approx(like.expected(26, cells)[web], rel=1e-9)
    again = purchases.from_dict(moved.to_dict())
    assert again.expected(26, cells) == pytest.approx(moved.expected(26, cells))
    assert len(purchases.draws(moved, 3)) == 3
    assert moved.standard_errors["r"] > 0


def test_a_label_that_was_never_fitted_counts_as_the_commonest() -> None:
    moved = purchases.fit("bg-nbd", grouped(72, 800), covariates=["channel"])
    new = compress([2, 2], [20.0, 20.0], [30.0, 30.0], groups={"channel": ["kiosk", "shop"]})
    assert len(set(moved.expected(26, new)[new.where])) == 1


def test_a_missing_group_is_said() -> None:
    cells = compress([1, 0], [1.0, 0.0], [2.0, 2.0], groups={"channel": ["a", "b"]})
    with pytest.raises(FitError, match="Unknown group region"):
        purchases.fit("bg-nbd", cells, covariates=["region"])
    moved = purchases.fit("bg-nbd", grouped(73, 300), covariates=["channel"])
    with pytest.raises(FitError, match="the group channel, which is missing here"):
        moved.expected(10, compress([1], [1.0], [2.0]))


def test_the_cells_that_went_in_may_be_rows_or_cells() -> None:
    shop = cdnow()
    rows = shop.cells.rows()
    one, other = purchases.fit("bg-nbd", shop.cells), purchases.fit("bg-nbd", rows)
    assert other.params == pytest.approx(one.params, rel=1e-7)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)


def test_k_of_one_is_the_plain_model() -> None:
    from tenure.stats import purchases

    assert purchases.model("bg-cnbd-1") is purchases.model("bg-nbd")
    assert purchases.model("mbg-cnbd-1") is purchases.model("mbg-nbd")
