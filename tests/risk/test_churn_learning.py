"""Models are data once fitted: what is stored says what was learnt, exactly, and its probabilities are honest."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from tenure.risk.calibration import ISOTONIC, PLATT, Calibration, judged, profit_curve, sigmoid
from tenure.risk.churn_fitting import Levels
from tenure.risk.encoding import Encoding, FeatureColumn
from tenure.risk.learning import BOOSTING, LOGISTIC, Classifier
from tenure.risk.trees import DEPTH, LEARNING_RATE, TREES, Trees
from tenure.stats import metrics

SIZE = 1500


def _rows(seed: int = 1) -> tuple[list[FeatureColumn], np.ndarray]:
    rng = np.random.default_rng(seed)
    calm, spend = rng.exponential(40, SIZE), rng.normal(0, 1, SIZE)
    plan = rng.choice(np.array(["a", "b", "c"], object), SIZE)
    asked = np.where(rng.random(SIZE) < 0.3, np.nan, rng.normal(4, 1, SIZE))
    risk = sigmoid(-1 + np.log1p(calm) - 2.5 + 0.8 * spend + (plan == "c") - 0.5 * np.nan_to_num(asked - 4))
    columns = [
        FeatureColumn("calm", calm, "rhythm"),
        FeatureColumn("spend", spend, "spend"),
        FeatureColumn("plan", plan),
        FeatureColumn("asked", asked),
    ]
    return columns, rng.random(SIZE) < risk


@pytest.mark.parametrize("name", [LOGISTIC, BOOSTING])
def test_what_is_stored_scores_one_customer_as_it_scores_everybody(name: str) -> None:
    columns, labels = _rows()
    model = Classifier.learnt(name, columns, labels, 7)
    stored = Classifier.from_dict(json.loads(json.dumps(model.to_dict())))
    whole = model.log_odds(model.encoding.matrix(columns))
    for row in (0, 17, 1499):
        one = [FeatureColumn(c.name, c.values[row : row + 1], c.group) for c in columns]
        assert stored.log_odds(stored.encoding.matrix(one))[0] == whole[row]
    assert Classifier.learnt(name, columns, labels, 7).to_dict() == model.to_dict()


def test_values_beyond_the_training_rows_count_as_their_ends() -> None:
    columns, labels = _rows()
    model = Classifier.learnt(LOGISTIC, columns, labels, 7)
    spend = columns[1].values

    def risk(value: float) -> float:
        one = [FeatureColumn(c.name, c.values[:1] if c.name != "spend" else np.array([value])) for c in columns]
        return float(model.log_odds(model.encoding.matrix(one))[0])

    assert risk(1e6) == risk(spend.max()) > risk(0.0) > risk(spend.min()) == risk(-1e6)


def test_the_stored_trees_are_those_that_scikit_learn_grew() -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    columns, labels = _rows()
    matrix = Encoding.learnt(columns).matrix(columns)
    theirs = GradientBoostingClassifier(
        n_estimators=TREES,
        learning_rate=LEARNING_RATE,
        max_depth=DEPTH,
        min_samples_leaf=20,
        subsample=0.5,
        max_features=0.3,
        random_state=7,
    ).fit(matrix, labels)
    fresh = np.random.default_rng(9).normal(0, 2, (400, matrix.shape[1]))
    ours = Trees.from_dict(json.loads(json.dumps(Trees.fit(matrix, labels, 7).to_dict())))
    for rows in (matrix, fresh):
        np.testing.assert_allclose(ours.log_odds(rows), theirs.decision_function(rows), rtol=1e-9, atol=1e-9)


def test_the_shares_of_the_groups_add_up_to_the_distance_from_ordinary_customers() -> None:
    columns, labels = _rows()
    model = Classifier.learnt(LOGISTIC, columns, labels, 7)
    matrix = model.encoding.matrix(columns)
    usual = matrix[~labels]
    shares = model.contributions(matrix, usual)
    assert model.encoding.groups == ("rhythm", "spend", "plan", "asked")
    distance = model.log_odds(matrix) - model.log_odds(usual.mean(axis=0, keepdims=True))
    np.testing.assert_allclose(shares.sum(axis=1), distance, atol=1e-9)


def test_boosting_puts_the_weight_where_logistic_regression_does() -> None:
    columns, labels = _rows()
    shares = {}
    for name in (LOGISTIC, BOOSTING):
        model = Classifier.learnt(name, columns, labels, 7)
        matrix = model.encoding.matrix(columns)
        shares[name] = model.contributions(matrix[:500], matrix[~labels][:5])
    for group in range(3):
        assert np.corrcoef(shares[LOGISTIC][:, group], shares[BOOSTING][:, group])[0, 1] > 0.8


def test_calibration_turns_overconfident_odds_into_what_comes_true() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(-1, 1, 6000)
    labels = rng.random(6000) < sigmoid(true)
    bold = 3 * true + 2  # ranks alike, says far too much
    half = np.arange(6000) % 2 == 0
    made = Calibration.learnt(bold[half], labels[half])
    table = metrics.calibration_table(labels[~half], made.probability(bold[~half]))
    assert max(abs(one.predicted - one.actual) for one in table) < 0.06
    before = metrics.brier(labels[~half], sigmoid(bold[~half]))
    assert metrics.brier(labels[~half], made.probability(bold[~half])) < before - 0.03
    stored = Calibration(**json.loads(json.dumps(asdict(made))))
    assert (stored.probability(bold) == made.probability(bold)).all()


def test_a_staircase_is_taken_only_where_a_line_does_not_fit_and_many_left() -> None:
    rng = np.random.default_rng(3)
    odds = rng.normal(0, 2, 8000)
    steep = rng.random(8000) < np.where(odds > 1, 0.9, 0.2)
    assert Calibration.learnt(odds, steep).name == ISOTONIC
    assert Calibration.learnt(odds[:700], steep[:700]).name == PLATT
    assert Calibration.learnt(odds, rng.random(8000) < sigmoid(odds)).name == PLATT


def test_the_figures_of_a_model_agree_with_counting_by_hand() -> None:
    labels = np.array([1, 1, 0, 0, 1, 0, 0, 0, 0, 0] * 10, dtype=bool)
    said = np.linspace(0.9, 0.1, 10).repeat(1)[np.tile(np.arange(10), 10)]
    found = judged(labels, said)
    assert (found["customers"], found["left"], found["rate"]) == (100, 30, 0.3)
    assert found["deciles"][0] == {
        "decile": 1,
        "customers": 10,
        "left": 10,
        "rate": 1.0,
        "lift": 1 / 0.3,
        "reached": 1 / 3,
    }
    assert found["lift"] == pytest.approx(1 / 0.3)
    assert found["auc"] == pytest.approx((7 + 7 + 5) / 21)
    assert found["brier_of_the_rate"] == pytest.approx(0.21)


def test_the_profit_curve_counts_who_is_kept_and_what_contacts_cost() -> None:
    labels = np.array([True, True, False, False])
    found = profit_curve(labels, np.array([0.9, 0.8, 0.2, 0.1]), np.full(4, 100.0))
    assert [round(one["profit"], 6) for one in found["curve"]] == [0.0, 19.0, 38.0, 37.0, 36.0]
    assert (found["best_share"], found["best_profit"]) == (0.5, 38.0)


@pytest.mark.parametrize(("rate", "medium", "high"), [(0.02, 0.030, 0.058), (0.27, 0.357, 0.526), (0.6, 0.692, 0.818)])
def test_levels_are_odds_against_the_ordinary_customer(rate: float, medium: float, high: float) -> None:
    levels = Levels.around(rate)
    assert (round(levels.medium, 3), round(levels.high, 3)) == (medium, high)
    assert levels.of(np.array([medium - 0.01, medium + 0.001, high + 0.001])).tolist() == ["low", "medium", "high"]
