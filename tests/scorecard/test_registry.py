"""The registry: what was fitted comes back as it was, the oldest goes, and drift is seen."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.errors import TenureError
from tenure.facts.lake import Lake
from tenure.scorecard import registry
from tenure.scorecard.options import options_of, save_options
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def deciles(values: np.ndarray) -> list[float]:
    return [float(one) for one in np.quantile(values, np.linspace(0, 1, 11))]


def test_a_fit_comes_back_as_it_was(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    fit = Fit(
        "purchases", "bg-nbd", "ok", (Gate("buyers", 500, 612),), {"r": np.float64(0.25), "list": np.arange(3)},
        {"aic": math.inf, "day": date(2026, 1, 1)}, {"frequency": [0.0, 1.0]}, 612,
    )  # fmt: skip
    registry.write_fits(lake, {"purchases": fit}, 1, date(2026, 1, 1), NOW, {"discount": 0.1})
    back = registry.latest(lake)["purchases"]
    assert back.usable and back.gates == fit.gates and back.inputs == fit.inputs
    assert back.params == {"r": 0.25, "list": [0, 1, 2]}
    assert back.figures == {"aic": None, "day": "2026-01-01"}  # what JSON cannot write is not known, or text


def test_only_so_many_generations_are_kept_and_the_newest_counts(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    for generation in range(1, registry.KEPT + 3):
        fits = {"purchases": Fit("purchases", f"model-{generation}")}
        registry.write_fits(lake, fits, generation, date(2026, 1, 1), NOW, {})
    assert registry.latest(lake)["purchases"].model == f"model-{registry.KEPT + 2}"
    kept = registry.history(lake, "purchases")
    assert len(kept) == registry.KEPT and kept[0][1].model == "model-3"


def test_a_gate_that_is_not_met_keeps_a_fit_from_scoring() -> None:
    assert not Fit("purchases", "bg-nbd", gates=(Gate("buyers", 500, 499),)).usable
    assert not Fit("purchases").usable


def test_no_drift_between_two_samples_of_one_distribution_and_much_after_a_shift() -> None:
    rng = np.random.default_rng(1)
    before, same = Fit("a", inputs={"x": deciles(rng.gamma(2, 1, 5000))}), deciles(rng.gamma(2, 1, 5000))
    found = registry.drift(before, Fit("a", inputs={"x": same, "new": same}))
    assert found["x"]["level"] == "stable" and "new" not in found
    moved = registry.drift(before, Fit("a", inputs={"x": deciles(rng.gamma(2, 2, 5000))}))
    assert moved["x"]["level"] == "changed"


@given(st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=200))
def test_nothing_drifts_from_itself(values: list[float]) -> None:
    same = deciles(np.array(values))
    assert abs(registry.stability(same, same)) < 0.05


def test_many_equal_values_are_one_bin() -> None:
    before = deciles(np.array([0.0] * 70 + list(range(1, 31))))
    after = deciles(np.array([0.0] * 30 + list(range(1, 71))))
    assert registry.stability(before, before) < 0.01
    assert registry.stability(before, after) > registry.CHANGED


def test_assumptions_are_kept_in_the_lake_and_nonsense_is_refused(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    assert options_of(lake).horizon_days == 365
    save_options(lake, margin=0.3, horizon_days=180)
    assert (options_of(lake).margin, options_of(lake).horizon_days, options_of(lake).discount) == (0.3, 180, 0.1)
    with pytest.raises(TenureError, match=r"discount must be between 0\.0 and 1\.0, not 7"):
        save_options(lake, discount=7)
    assert options_of(lake).discount == 0.1
