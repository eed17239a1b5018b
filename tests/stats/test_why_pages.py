"""What the page on contracts and spend tells is what the code gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tenure.stats import metrics

PAGE = (Path(__file__).parents[2] / "docs/why/contract-and-spend-models.md").read_text("utf-8")


def test_the_code_on_the_page_runs_and_gives_the_numbers_beside_it() -> None:
    told: dict[str, object] = {}
    exec(re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)[0], told)
    simple, shaped = told["simple"], told["shaped"]
    said = re.search(r"# (\.\d+) and (\.\d+); in truth it was (\.\d+)", PAGE)
    assert float(simple.survival(8)) == pytest.approx(float(said[1]), abs=5e-4)
    assert float(shaped.survival(8)) == pytest.approx(float(said[2]), abs=5e-4)
    assert float(said[3]) == 0.468


def test_every_figure_the_page_names_exists() -> None:
    table = PAGE.split("## Is the prediction any good?")[1].split("##")[0]
    names = [name for row in table.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row)]
    assert len(names) >= 11
    assert [name for name in names if not callable(getattr(metrics, name, None))] == []
