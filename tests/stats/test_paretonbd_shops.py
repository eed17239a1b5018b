"""Pareto/NBD on whole shops: all of CDNOW, and the apparel shop with static covariates."""

from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from services import EXTERNAL_DATA
from tenure.practices.samples import SAMPLES
from tenure.stats import metrics, purchases
from tenure.stats.cells import compress

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tenure.stats.cells import Floats


def _histories(rows: Iterable[tuple[str, date]], until: date) -> tuple[list[str], Floats]:
    """Return customers first seen up to `until`, and frequency, recency, age in weeks and later purchase days."""
    days: dict[str, set[date]] = defaultdict(set)
    for customer, day in rows:
        days[customer].add(day)
    names, found = [], []
    for customer, bought in days.items():
        past = sorted(day for day in bought if day <= until)
        if past:
            names.append(customer)
            weeks = ((past[-1] - past[0]).days / 7.0, (until - past[0]).days / 7.0)
            found.append((len(past) - 1, *weeks, len(bought) - len(past)))
    return names, np.array(found, dtype=float).T


@pytest.mark.slow
def test_all_of_cdnow_gives_the_parameters_that_were_measured_before(tmp_path: Path) -> None:
    (file,) = SAMPLES["cdnow"].files(tmp_path)
    lines = gzip.decompress(file.path.read_bytes()).decode("ascii").splitlines()[1:]
    rows = ((line.split()[0], date.fromisoformat(line.split()[1])) for line in lines)
    names, (x, t, age, later) = _histories(rows, date(1997, 9, 30))
    assert (len(names), later.sum()) == (23_570, 19_684)
    cells = compress(x, t, age)
    fitted = purchases.fit("pareto-nbd", cells)
    measured = {"r": 0.5974, "alpha": 11.5857, "s": 0.5222, "beta": 8.8278}
    assert fitted.params == pytest.approx(measured, rel=2e-4)
    assert fitted.log_likelihood == pytest.approx(-95415.12, abs=0.01)
    expected = fitted.expected(39.0, cells)[cells.where]
    assert metrics.bias(later, expected) == pytest.approx(-0.129, abs=5e-4)
    assert metrics.corr(later, expected) == pytest.approx(0.671, abs=5e-4)


def _csv(name: str) -> list[list[str]]:
    return [line.split(",") for line in (EXTERNAL_DATA / name).read_text("ascii").splitlines()[1:]]


@pytest.mark.external_data("apparel/apparelTrans.csv", "apparel/apparelStaticCov.csv")
def test_the_apparel_shop_with_and_without_what_is_known_of_its_customers() -> None:
    rows = [(customer, date.fromisoformat(day)) for customer, day, *_ in _csv("apparel/apparelTrans.csv")]
    until = min(day for _, day in rows) + timedelta(weeks=104, days=1)
    names, (x, t, age, later) = _histories(rows, until)
    plain = purchases.fit("pareto-nbd", compress(x, t, age))
    assert plain.params == pytest.approx({"r": 1.4401, "alpha": 48.4749, "s": 0.5653, "beta": 48.1512}, rel=2e-4)
    assert plain.log_likelihood == pytest.approx(-5858.29, abs=0.01)

    channel = {customer: value for customer, _, value in _csv("apparel/apparelStaticCov.csv")}
    cells = compress(x, t, age, groups={"channel": np.array([channel[name] for name in names])})
    told = purchases.fit("pareto-nbd", cells, covariates=["channel"])
    assert told.verdict == "ok"
    # Two effects must gain more than 3 to be more than chance (95 %).
    assert told.log_likelihood > plain.log_likelihood + 3.0
    expected = [fit.expected(52.0, cells)[cells.where] for fit in (plain, told)]
    assert metrics.corr(later, expected[1]) > metrics.corr(later, expected[0])
