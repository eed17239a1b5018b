"""Lifetime value on shops that none of us made, against published numbers and own anchors."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services import DATA
from tenure.facts.frames import facts_from
from tenure.facts.reading import read_file
from tenure.practices.samples import SAMPLES
from tenure.stats import metrics
from tenure.value.trial import Trial, trial

CDNOW = DATA / "cdnow/CDNOW_sample.txt"
TZ = "America/New_York"


@pytest.fixture(scope="module")
def sample() -> Trial:
    facts, _ = read_file(CDNOW, "orders", {"customer_id": 2, "at": 3, "amount": 5}, tz=TZ)
    return trial(facts, date(1997, 9, 30), date(1998, 6, 30), tz=TZ)


@pytest.mark.parametrize(
    ("model", "total", "mae", "rmse", "corr"),
    [
        ("bg-nbd", 1653.4, 0.7855, 1.6080, 0.6256),
        ("pareto-nbd", 1665.5, 0.7545, 1.6028, 0.6302),
        ("mbg-nbd", 1576.7, 0.7648, 1.6072, 0.6273),
        ("nbd", 2929.8, 1.0410, 1.8595, 0.5834),
    ],
)
def test_what_each_model_foretells_of_cdnow(
    sample: Trial, model: str, total: float, mae: float, rmse: float, corr: float
) -> None:
    told = sample.to_json()
    assert told["holdout"]["actual"] == 1882
    assert told["holdout"][model] == pytest.approx(total, abs=0.05)
    test = told["backtest"][model]
    assert (test["mae"], test["rmse"], test["corr"]) == (
        pytest.approx(mae, abs=5e-5),
        pytest.approx(rmse, abs=5e-5),
        pytest.approx(corr, abs=5e-5),
    )


def test_the_plain_guess_is_far_too_high_on_cdnow(sample: Trial) -> None:
    test = sample.to_json()["backtest"]["rate-times-time"]
    assert test["bias"] == pytest.approx(0.557, abs=5e-4)
    assert test["rmse"] == pytest.approx(2.2119, abs=5e-5)
    assert test["corr"] == pytest.approx(0.5839, abs=5e-5)


@pytest.mark.parametrize(
    ("model", "means"),
    [
        ("bg-nbd", (0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157)),
        ("pareto-nbd", (0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403)),
    ],
)
def test_conditional_expectations_by_frequency_are_the_published_ones(
    sample: Trial, model: str, means: tuple[float, ...]
) -> None:
    group = np.minimum(sample.summary.frequency, 7).astype(int)
    people = np.bincount(group)
    assert people.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    actual = np.bincount(group, sample.after) / people
    assert actual == pytest.approx((0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359), abs=6e-4)
    assert np.bincount(group, sample.expected(model)) / people == pytest.approx(means, abs=2e-3)


def test_the_spend_of_cdnows_repeaters_is_the_published_one(sample: Trial) -> None:
    spend = sample.spend
    assert (spend.model, round(spend.p, 2), round(spend.q, 2)) == ("gamma-gamma", 6.25, 3.74)
    assert spend.gamma == pytest.approx(15.44, abs=0.01)
    assert spend.mean == pytest.approx(35.17, abs=0.01)
    one = sample.customer("0001", 39.0)
    assert one["expected_spend"] == pytest.approx(24.65862, abs=6e-3)
    assert one["models"]["bg-nbd"]["expected"] == pytest.approx(1.22591, abs=2e-4)
    assert one["models"]["pareto-nbd"]["p_alive"] == pytest.approx(0.86911, abs=2e-4)


@pytest.mark.parametrize("unit", ["week", "day"])
def test_the_unit_of_time_changes_parameters_and_no_prediction(sample: Trial, unit: str) -> None:
    facts, _ = read_file(CDNOW, "orders", {"customer_id": 2, "at": 3, "amount": 5}, tz=TZ)
    other = trial(facts, date(1997, 9, 30), date(1998, 6, 30), unit=unit, models=["bg-nbd"], tz=TZ)
    assert other.to_json()["holdout"]["bg-nbd"] == pytest.approx(1653.41, abs=0.02)
    factor = 7 if unit == "day" else 1
    assert other.fits["bg-nbd"].params["alpha"] == pytest.approx(4.4136 * factor, rel=1e-4)


@pytest.mark.slow
def test_all_of_cdnow(tmp_path: Path) -> None:
    (file,) = SAMPLES["cdnow"].files(tmp_path)
    facts, _ = read_file(file.path, "orders", {"customer_id": 1, "at": 2, "amount": 4}, tz=TZ)
    names = ("bg-nbd", "mbg-nbd", "pareto-nbd")
    told = trial(facts, date(1997, 9, 30), date(1998, 6, 30), models=names, tz=TZ).to_json()
    assert (told["customers"], told["holdout"]["actual"]) == (23_570, 19_684)
    wanted: dict[str, Any] = {
        "bg-nbd": ((0.2516, 4.7889, 0.7234, 2.1611), -95368.44, -0.143, 0.669),
        "mbg-nbd": ((0.6371, 7.3103, 0.8075, 1.2284), -95336.96, -0.191, 0.670),
        "pareto-nbd": ((0.5974, 11.5857, 0.5222, 8.8278), -95415.12, -0.129, 0.671),
    }
    for name, (params, likelihood, bias, corr) in wanted.items():
        assert tuple(told["models"][name]["params"].values()) == pytest.approx(params, rel=5e-4)
        assert told["models"][name]["log_likelihood"] == pytest.approx(likelihood, abs=0.01)
        assert told["backtest"][name]["bias"] == pytest.approx(bias, abs=5e-4)
        assert told["backtest"][name]["corr"] == pytest.approx(corr, abs=5e-4)


def test_a_supermarket_shows_no_detectable_dropout(tmp_path: Path) -> None:
    """A panel of households: models with dropout gain nothing that could be told from chance."""
    import duckdb

    lines, *_ = SAMPLES["complete-journey"].files(tmp_path)
    orders = (
        duckdb.connect()
        .execute(
            f"SELECT customer_id, min(\"at\") AS at, order_id, sum(amount) AS amount FROM '{lines.path}' "
            "GROUP BY customer_id, order_id"
        )
        .to_arrow_table()
    )
    # Anchors were made with days of UTC.
    found = trial(facts_from("orders", orders, "UTC"), date(2017, 8, 31), date(2017, 12, 31), tz="UTC")
    told = found.to_json()
    bg = told["models"]["bg-nbd"]
    assert told["customers"] == 2_430
    assert bg["log_likelihood"] == pytest.approx(-54579.50, abs=0.01)
    assert list(bg["params"].values()) == pytest.approx([1.3978, 1.3517, 0.0725, 99.04], rel=1e-3)
    assert told["models"]["pareto-nbd"]["log_likelihood"] == pytest.approx(-54571.01, abs=0.1)
    assert (bg["verdict"], told["models"]["pareto-nbd"]["verdict"]) == ("no-dropout", "no-dropout")
    assert bg["fallback"]["params"]["r"] == told["models"]["nbd"]["params"]["r"]
    # The model itself, without its fallback, is what the anchors speak of.
    alone = replace(found.fits["bg-nbd"], fallback=None)
    weeks, where = found.held_out / 7, found.cells.where
    expected = alone.expected(weeks, found.cells)[where]
    assert metrics.bias(found.after, expected) == pytest.approx(0.002, abs=0.002)
    assert metrics.rel_mae(found.after, expected) == pytest.approx(0.335, abs=0.002)
    assert metrics.corr(found.after, expected) == pytest.approx(0.840, abs=0.001)
    assert metrics.auc(found.after > 0, expected) == pytest.approx(0.882, abs=0.001)
    # The chance of buying at all ranks better than the expected number: it is what AUC asks for.
    assert metrics.auc(found.after > 0, alone.p_active(weeks, found.cells)[where]) > 0.90
