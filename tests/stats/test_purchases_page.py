"""The page that explains the purchase models: its examples run, and say what the page says they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stats.cdnow import cdnow
from tenure.stats import purchases

PAGE = (Path(__file__).parents[2] / "docs/why/purchase-models.md").read_text("utf-8")


def test_the_examples_of_the_page_run_one_after_the_other() -> None:
    told: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S):
        exec(block, told)
    assert told["best"] == "bg-nbd"
    assert told["fitted"].verdict == "ok"
    assert told["found"].verdict == "no-dropout"
    assert told["found"].fallback.name == "nbd"
    assert (told["low"] < told["high"]).all()
    assert told["total_low"] < told["next_quarter"].sum() < told["total_high"]
    assert (told["buys_at_all"] <= told["alive"]).all()


ROW = re.compile(r"^\| `([\w-]+)` \| (r [^|]*) \| −([\d.]+) \| ([\d,]+) \|$", re.M)


@pytest.mark.parametrize(("name", "params", "likelihood", "forecast"), ROW.findall(PAGE))
def test_the_table_of_the_page_is_what_comes_out(name: str, params: str, likelihood: str, forecast: str) -> None:
    cells = cdnow().cells
    fitted = purchases.fit(name, cells)
    for param in params.split(", "):
        parameter, value = param.split()
        assert fitted.params[parameter] == pytest.approx(float(value), rel=2e-3)
    assert fitted.log_likelihood == pytest.approx(-float(likelihood), abs=0.006)
    assert fitted.expected(39, cells) @ cells.weight == pytest.approx(float(forecast.replace(",", "")), abs=0.6)


def test_the_table_names_a_model_of_every_kind() -> None:
    assert {row[0] for row in ROW.findall(PAGE)} == {"nbd", "bg-nbd", "mbg-nbd", "pareto-nbd", "mbg-cnbd-2"}
