"""Uplift: the exact rates of a public trial, whom its mails moved, and when the answer is nobody in particular."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import EXTERNAL_DATA
from tenure.stats.experiments.uplift import curve, effect, heterogeneity, qini

FILE = "hillstrom/hillstrom.csv"
needs_data = pytest.mark.external_data(FILE)


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    return pd.read_csv(EXTERNAL_DATA / FILE)


def arm(trial: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    some = trial[trial["segment"].isin([name, "No E-Mail"])]
    plain = some[["recency", "history", "mens", "womens", "newbie"]].to_numpy(float)
    kinds = pd.get_dummies(some[["history_segment", "zip_code", "channel"]]).to_numpy(float)
    return np.hstack([plain, kinds]), some["visit"].to_numpy(float), (some["segment"] == name).to_numpy()


@needs_data
def test_the_rates_of_every_arm_are_exact(trial: pd.DataFrame) -> None:
    wanted = {
        "Mens E-Mail": (18.276, 1.253, 1.42262),
        "Womens E-Mail": (15.140, 0.884, 1.07720),
        "No E-Mail": (10.617, 0.573, 0.65279),
    }
    for name, (visit, conversion, spend) in wanted.items():
        some = trial[trial["segment"] == name]
        assert round(100 * some["visit"].mean(), 3) == visit
        assert round(100 * some["conversion"].mean(), 3) == conversion
        assert round(some["spend"].mean(), 5) == spend


@needs_data
@pytest.mark.slow
def test_the_womens_mail_moves_some_more_than_others(trial: pd.DataFrame) -> None:
    found = heterogeneity(*arm(trial, "Womens E-Mail"), draws=100)
    assert found.effect == pytest.approx(0.0452, abs=5e-5)
    assert 0.03 <= found.qini <= 0.09
    assert found.verdict == "heterogeneity"


@needs_data
@pytest.mark.slow
def test_nobody_in_particular_is_moved_by_the_mens_mail(trial: pd.DataFrame) -> None:
    found = heterogeneity(*arm(trial, "Mens E-Mail"), draws=100)
    assert found.effect == pytest.approx(0.0766, abs=5e-5)
    assert found.verdict == "no-heterogeneity"


def test_the_curve_counts_as_a_clerk_would() -> None:
    rng = np.random.default_rng(4)
    score, y, t = rng.integers(0, 5, 60) / 5, rng.integers(0, 2, 60).astype(float), rng.random(60) < 0.5
    reached, gained = curve(score, y, t)
    for threshold, many, gain in zip(sorted(set(score), reverse=True), reached[1:], gained[1:], strict=True):
        here = score >= threshold
        assert many == here.sum()
        assert gain == pytest.approx(y[here & t].sum() - y[here & ~t].sum() * (here & t).sum() / (here & ~t).sum())


def test_the_best_ranking_is_one_and_a_constant_one_is_chance() -> None:
    rng = np.random.default_rng(5)
    y, t = rng.integers(0, 2, 500).astype(float), rng.random(500) < 0.5
    assert qini(np.where(t, y, -y), y, t) == pytest.approx(1.0)
    assert qini(np.zeros(500), y, t) == pytest.approx(0.0)


@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_only_the_order_counts(seed: int, stretch: float) -> None:
    rng = np.random.default_rng(seed)
    y, t = rng.integers(0, 2, 80).astype(float), np.arange(80) % 2 == 0
    score = rng.normal(size=80)
    if y[t].sum() > 0 and y[~t].sum() > 0:
        assert qini(score * stretch + 3, y, t) == pytest.approx(qini(score, y, t))


def test_a_planted_difference_is_found_and_none_is_not_invented() -> None:
    rng = np.random.default_rng(6)
    x, t = rng.normal(size=(6_000, 3)), rng.random(6_000) < 0.5
    chance = 0.2 + t * np.where(x[:, 0] > 0, 0.25, 0.0)
    assert heterogeneity(x, rng.random(6_000) < chance, t, draws=60).verdict == "heterogeneity"
    invented = [heterogeneity(x, rng.random(6_000) < 0.2 + 0.1 * t, t, draws=60, seed=n).verdict for n in range(8)]
    assert invented.count("heterogeneity") <= 1


def test_the_interval_of_the_average_effect_holds_it() -> None:
    rng, held = np.random.default_rng(7), 0
    for _ in range(400):
        t = rng.random(400) < 0.5
        _found, low, high = effect(rng.normal(0.3 * t), t)
        held += low <= 0.3 <= high
    assert 0.92 * 400 <= held <= 0.98 * 400


def test_the_code_on_the_page_runs() -> None:
    page = (Path(__file__).parents[2] / "docs/why/uplift.md").read_text("utf-8")
    told: dict[str, object] = {}
    exec(page.split("```python")[1].split("```")[0], told)
    assert told["found"].verdict == "heterogeneity"
