"""Every figure is held against a library that many use, or against an example done by hand."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from tenure.errors import TenureError
from tenure.stats import metrics

RNG = np.random.default_rng(5)
COUNTS = RNG.poisson(1.3, 400).astype(float)
GUESS = np.round(COUNTS * RNG.gamma(3.0, 0.3, 400) + RNG.gamma(1.0, 0.4, 400), 1)
YES = COUNTS > 1
SCORE = np.round(1.0 / (1.0 + np.exp(-(COUNTS - 1.5 + RNG.normal(0.0, 1.0, 400)))), 2)
TIMES = RNG.integers(0, 5, 400)


def test_errors_of_a_customer_and_of_the_total_by_hand() -> None:
    actual, predicted = [2.0, 0.0, 4.0], [1.0, 1.0, 1.0]
    assert metrics.bias(actual, predicted) == -0.5
    assert metrics.mae(actual, predicted) == pytest.approx(5 / 3)
    assert metrics.rel_mae(actual, predicted) == pytest.approx(5 / 6)
    assert metrics.rmse(actual, predicted) == pytest.approx(math.sqrt(11 / 3))


def test_correlations_and_ranks_are_scipys() -> None:
    assert metrics.corr(COUNTS, GUESS) == pytest.approx(stats.pearsonr(COUNTS, GUESS)[0])
    assert metrics.spearman(COUNTS, GUESS) == pytest.approx(stats.spearmanr(COUNTS, GUESS)[0])
    np.testing.assert_allclose(metrics.ranks(COUNTS), stats.rankdata(COUNTS))


def test_auc_brier_and_log_loss_are_sklearns_with_many_ties() -> None:
    assert metrics.auc(YES, SCORE) == pytest.approx(sk.roc_auc_score(YES, SCORE))
    assert metrics.brier(YES, SCORE) == pytest.approx(sk.brier_score_loss(YES, SCORE))
    inner = np.clip(SCORE, 0.01, 0.99)
    assert metrics.log_loss(YES, inner) == pytest.approx(sk.log_loss(YES, inner))


def test_all_scores_equal_is_chance_and_one_class_is_undefined() -> None:
    assert metrics.auc([1, 0, 0], [7, 7, 7]) == 0.5
    assert math.isnan(metrics.auc([1, 1], [1, 2]))
    assert math.isnan(metrics.bias([0, 0], [1, 2]))
    assert math.isnan(metrics.corr([3, 3], [1, 2]))
    assert math.isnan(metrics.gini([0, 0], [1, 2]))
    assert math.isnan(metrics.mae([], []))


def test_certainty_that_was_wrong_costs_much_and_not_infinity() -> None:
    assert 30.0 < metrics.log_loss([1, 0], [0.0, 0.0]) * 2 < 40.0


def test_gini_is_one_for_the_perfect_order_zero_for_chance_and_minus_one_for_the_reverse() -> None:
    assert metrics.gini(COUNTS, COUNTS) == pytest.approx(1.0)
    assert metrics.gini(COUNTS, np.ones(400)) == pytest.approx(0.0)
    assert metrics.gini([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    # By hand: shares 0, 1/2, 1 against the perfect 0, 3/4, 1 of [3, 1] ranked last and first would be -1.
    assert metrics.gini([3.0, 1.0, 0.0, 0.0], [4, 1, 3, 2]) == pytest.approx(0.6)


@pytest.mark.parametrize(
    "figure",
    [metrics.bias, metrics.mae, metrics.rel_mae, metrics.rmse, metrics.corr, metrics.spearman, metrics.gini],
)
def test_weights_are_repeated_rows(figure: Any) -> None:
    once = figure(COUNTS, GUESS, TIMES)
    assert once == pytest.approx(figure(np.repeat(COUNTS, TIMES), np.repeat(GUESS, TIMES)), rel=1e-12)


@pytest.mark.parametrize("figure", [metrics.auc, metrics.brier, metrics.log_loss])
def test_weights_are_repeated_rows_for_probabilities(figure: Any) -> None:
    once = figure(YES, SCORE, TIMES)
    assert once == pytest.approx(figure(np.repeat(YES, TIMES), np.repeat(SCORE, TIMES)), rel=1e-12)


def test_lift_counts_ties_at_the_edge_in_part() -> None:
    # The best tenth of ten is one person; two share the best score and one of them left: half a leaver, mean 0.2.
    outcome, score = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0], [9, 9, 1, 1, 1, 1, 1, 1, 1, 1]
    assert metrics.lift_at(outcome, score, 0.1) == pytest.approx(2.5)
    assert metrics.lift_at(outcome, score, 1.0) == pytest.approx(1.0)
    assert metrics.lift_at(YES, SCORE, 0.3, TIMES) == pytest.approx(
        metrics.lift_at(np.repeat(YES, TIMES), np.repeat(SCORE, TIMES), 0.3)
    )
    with pytest.raises(TenureError, match="0"):
        metrics.lift_at(outcome, score, 0.0)


def test_a_calibration_table_accounts_for_everybody_and_never_tears_ties() -> None:
    table = metrics.calibration_table(COUNTS, SCORE, 10, TIMES)
    assert len(table) == 10
    assert sum(row.customers for row in table) == TIMES.sum()
    assert sum(row.customers * row.actual for row in table) == pytest.approx(TIMES @ COUNTS)
    assert sum(row.customers * row.predicted for row in table) == pytest.approx(TIMES @ SCORE)
    assert all(one.high < two.low for one, two in pairwise(table))
    assert max(row.customers for row in table) < TIMES.sum() * 0.15
    same = metrics.calibration_table([1, 0, 0, 1], [0.5, 0.5, 0.5, 0.5])
    assert [(row.customers, row.predicted, row.actual) for row in same] == [(4, 0.5, 0.5)]
    assert metrics.calibration_table([], []) == []


def test_stability_index_of_a_heap_of_zeros() -> None:
    heap = metrics.quantiles(np.repeat([0.0, 1.0, 2.0], [900, 60, 40]))
    assert metrics.psi_of_quantiles(heap, heap) == 0.0
    assert metrics.psi_of_quantiles(heap, np.array(heap) + 5.0) > 1.0


def test_the_index_of_kept_quantiles_is_near_that_of_the_rows() -> None:
    before, now = RNG.normal(0.0, 1.0, 20_000), RNG.normal(0.4, 1.2, 20_000)
    kept = metrics.psi_of_quantiles(metrics.quantiles(before), metrics.quantiles(now))
    edges = [-np.inf, *metrics.quantiles(before)[1:-1], np.inf]
    was, is_now = (np.histogram(values, edges)[0] / values.size for values in (before, now))
    assert kept == pytest.approx(((is_now - was) * np.log(is_now / was)).sum(), rel=0.15)
    assert metrics.psi_of_quantiles(metrics.quantiles(before), metrics.quantiles(before)) == pytest.approx(0.0)
    assert math.isnan(metrics.psi_of_quantiles([], metrics.quantiles(now)))
    assert metrics.quantiles([math.nan]) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[bool, int]]) -> None:
    outcome, score = [row[0] for row in rows], [row[1] for row in rows]
    pairs = [(a > b) + 0.5 * (a == b) for yes, a in rows if yes for no, b in rows if not no]
    found = metrics.auc(outcome, score)
    assert math.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_columns_of_different_length_are_refused_with_their_lengths() -> None:
    with pytest.raises(TenureError, match="3, 2"):
        metrics.mae([1, 2, 3], [1, 2])
