"""Weights and qualities of rankings, and when the blend is used."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from recommend import shops
from tenure.recommend.candidates import FEATURES
from tenure.recommend.ranking import AGAIN, BLEND, OFTEN, POPULARITY, backtest, fit_weights, quality


def test_weights_are_those_of_a_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, len(FEATURES)))
    y = rng.random(4000) < 1 / (1 + np.exp(-(x @ np.linspace(-1, 1, len(FEATURES)) - 2)))
    own = fit_weights(x, y, FEATURES, ridge=1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(x, y)
    assert np.allclose(own.values[:-1], theirs.coef_[0], atol=1e-4)
    assert own.values[-1] == pytest.approx(theirs.intercept_[0], abs=1e-4)
    assert np.allclose(own.chance(x), theirs.predict_proba(x)[:, 1], atol=1e-4)


def test_weights_of_what_never_happens_are_finite() -> None:
    x = np.ones((50, len(FEATURES)))
    assert np.isfinite(fit_weights(x, np.zeros(50, bool), FEATURES).values).all()


def test_ndcg_and_hits_are_worked_out_as_by_hand() -> None:
    who, rank = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1])
    hit = np.array([False, True, True, False, False])
    hits, gain = quality(who, rank, hit, np.array([2, 1]))
    ideal = 1 + 1 / np.log2(3)
    assert hits.tolist() == [1.0, 0.0]
    assert gain == pytest.approx([(1 / np.log2(3) + 1 / np.log2(4)) / ideal, 0.0])


def test_a_perfect_list_has_a_gain_of_one_also_when_the_basket_is_longer_than_the_list() -> None:
    _hits, gain = quality(np.zeros(10, int), np.arange(10), np.ones(10, bool), np.array([25]))
    assert gain == pytest.approx([1.0])


def test_buying_again_beats_popularity_where_people_renew_and_the_blend_must_earn_its_place() -> None:
    found = backtest(shops.lines(shops.renewing(5)), seed=1, least=5)
    ndcg = {name: found.figures[name]["ndcg"]["value"] for name in (POPULARITY, OFTEN, AGAIN, BLEND)}
    assert found.customers == 200
    assert ndcg[AGAIN] > ndcg[OFTEN] > ndcg[POPULARITY]
    wins = found.figures[BLEND]["against_buy_again"]
    assert found.chosen == (BLEND if wins["low"] > 0 else AGAIN)


def test_the_blend_is_used_where_nothing_is_bought_twice_but_one_thing_follows_another() -> None:
    found = backtest(shops.lines(shops.following(6)), seed=1, least=5)
    assert found.figures[BLEND]["against_buy_again"]["low"] > 0
    assert found.chosen == BLEND
    assert found.figures[BLEND]["ndcg"]["value"] > 3 * found.figures[AGAIN]["ndcg"]["value"]


def test_a_shop_without_enough_last_baskets_is_not_tested() -> None:
    found = backtest(shops.lines([shops.row(f"c{n}", n, "tea") for n in range(50)]), seed=1)
    assert not found.weights
    assert found.chosen == AGAIN


def test_the_draw_of_customers_is_repeated_with_the_same_seed() -> None:
    lines = shops.lines(shops.renewing(7, people=150))
    one, other, third = (backtest(lines, seed, 5, most=110) for seed in (1, 1, 2))
    assert one.figures == other.figures
    assert one.figures != third.figures
    assert one.customers == 110
