"""`tenure why` and `tenure models compare | moves`, run as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from refreshes import stages_only as refresh
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import models_of

HOLDING = """
id: own
stages:
  - {id: active, when: days_since(order) <= 45, stays_while: days_since(order) <= 60}
  - {id: silent, name: {zh: 沉默, en: Silent}, when: otherwise, settles: 14d}
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settling")
    days = (date(2024, 1, 1) + timedelta(days=50 * n) for n in range(5))
    lines = ["customer_id,at,amount", *(f"ann,{day},5" for day in days), "bob,2024-07-10,7"]
    (folder / "orders.csv").write_text("\n".join(lines), encoding="utf-8")
    store = Lake.create(folder / "lake", tz="UTC")
    import_files(store, [folder / "orders.csv"], as_="orders")
    (store.path / "models").mkdir(exist_ok=True)
    (store.path / "models" / "own.yaml").write_text(
        """
id: own
stages:
  - {id: active, when: days_since(order) <= 45}
  - {id: silent, when: otherwise}
""",
        encoding="utf-8",
    )
    refresh(store, date(2024, 8, 3), models_of(store, ["own"]))
    return store.path


def printed(*arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "tenure.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "TENURE_LANG": "en", "COLUMNS": "200"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_moves_of_every_model_are_counted(lake: Path) -> None:
    # Silent for five days, four times, and back: of eight moves the four into silence did not last.
    body = json.loads(printed("models", "moves", "--lake", str(lake), "--json"))
    assert body["models"]["own"] == {"moves": 8, "undone": 4, "share": 0.5}
    assert "50%" in printed("models", "moves", "--lake", str(lake))


def test_a_comparison_shows_moves_undone_before_and_after(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(HOLDING, encoding="utf-8")
    arguments = ("models", "compare", str(tmp_path / "own.yaml"), "--lake", str(lake))
    body = json.loads(printed(*arguments, "--json"))
    assert (body["undone_before"]["share"], body["undone"]["moves"]) == (0.5, 0)
    assert "Moves undone within 14 days: 50% before, – after." in printed(*arguments)


def test_why_shows_what_is_waited_for(lake: Path) -> None:
    (lake / "models" / "own.yaml").write_text(HOLDING, encoding="utf-8")
    arguments = ("why", "ann", "--lake", str(lake), "--model", "own", "--as-of")
    staying = json.loads(printed(*arguments, "2024-09-05", "--json"))
    assert (staying["stage"], staying["rules"][0]["holds"], staying["rules"][0]["stays"]) == ("active", False, True)
    assert staying["waiting"] is None
    waiting = json.loads(printed(*arguments, "2024-09-20", "--json"))
    assert (waiting["stage"], waiting["waiting"]["stage"]) == ("active", "silent")
    assert (waiting["waiting"]["since"], waiting["waiting"]["enters_on"]) == ("2024-09-18", "2024-10-02")
    assert "Silent has held since 18 Sep 2024; enters on 2 Oct 2024" in printed(*arguments, "2024-09-20")
    assert "nobody is not in this model" in printed("why", "nobody", *arguments[2:], "2024-09-20")
