"""What follows from the facts of three shops is what it was, or the difference is listed with its reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from conventions.files import ROOT
from snapshot_compare import Renames, Report, compare
from snapshot_sheets import sheet_of, write

if TYPE_CHECKING:
    from pathlib import Path

TOOL, BASELINE = ROOT / "tools" / "snapshot.py", ROOT / "tests" / "baseline"


@pytest.mark.slow
@pytest.mark.parametrize("shop", [name for name in ("b2b", "cdnow", "demo") if (BASELINE / f"{name}.json").exists()])
def test_a_shop_gives_what_the_committed_hashes_say(shop: str, tmp_path: Path) -> None:
    if shop == "demo" and os.environ.get("TENURE_CI") != "1":
        pytest.skip("the demo takes minutes: set TENURE_CI=1, or run tools/snapshot.py")
    made = _run("write", tmp_path, "--shop", shop)
    assert made.returncode == 0, made.stderr
    told = _run("compare", BASELINE, tmp_path, "--shop", shop)
    assert told.returncode == 0, f"{told.stdout}\nA wanted difference goes into tests/baseline/differences.json."


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)


def _written(
    folder: Path, value: float, *, table: str = "scorecard", column: str = "churn", stage: str = "lost"
) -> Path:
    people: dict[str, list[Any]] = {
        "customer_id": ["a", "b", "c"],
        column: [0.25, value, None],
        "stage": [stage, "new", "new"],
    }
    paths: dict[str, list[Any]] = {"path": ["gates[0].found", "gates[1].found"], "value": [3, value]}
    write(folder, [sheet_of(f"lake/{table}", ["customer_id"], people), sheet_of("reports/churn", ["path"], paths)])
    return folder


def _compared(
    old: Path, new: Path, renames: Renames | None = None, allowed: dict[str, str] | None = None
) -> tuple[list[str], list[str]]:
    """Return the differences between two folders, in full and by the hashes of the old one."""
    found = []
    for before in (old, old / "hashes.json"):
        report = Report("shop", allowed or {})
        compare(before, new, renames or Renames(), report, 1e-9)
        found.append([text.partition(":")[0] for text in report.found])
    return found[0], found[1]


def test_a_changed_number_is_named_by_its_column_and_its_key(tmp_path: Path) -> None:
    old, new = _written(tmp_path / "old", 0.123456789), _written(tmp_path / "new", 0.123457)
    full, hashed = _compared(old, new)
    assert full == ["shop/lake/scorecard/churn", "shop/reports/churn/value"]
    assert hashed == ["shop/lake/scorecard/churn", "shop/reports/churn/gates[].found"]


def test_another_order_of_summation_is_no_difference(tmp_path: Path) -> None:
    # The two lie on both sides of the middle between two numbers of nine digits.
    old, new = _written(tmp_path / "old", 0.12345678949999), _written(tmp_path / "new", 0.12345678950001)
    assert _compared(old, new) == ([], [])


def test_names_are_compared_after_renaming(tmp_path: Path) -> None:
    old = _written(tmp_path / "old", 0.5)
    new = _written(tmp_path / "new", 0.5, table="customers", column="churn_probability", stage="gone")
    renames = Renames(
        files={"lake/scorecard": "lake/customers"},
        columns={"lake/scorecard": {"churn": "churn_probability"}},
        values={"stage": {"lost": "gone"}},
    )
    assert _compared(old, new, renames) == ([], [])
    assert _compared(old, new)[1] == ["shop/lake/scorecard", "shop/lake/customers"]


def test_a_listed_difference_is_let_through(tmp_path: Path) -> None:
    old, new = _written(tmp_path / "old", 0.5), _written(tmp_path / "new", 0.75)
    allowed = {"shop/lake/scorecard/churn": "a defect was fixed", "shop/reports/*": "so was this"}
    assert _compared(old, new, allowed=allowed) == ([], [])


def test_every_listed_difference_has_a_reason() -> None:
    listed = json.loads((BASELINE / "differences.json").read_text("utf-8"))
    assert all(place.count("/") >= 1 and reason.strip() for place, reason in listed.items())
