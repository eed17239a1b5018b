"""Arrivals: who is in no stage and will be in one is looked at again on that day, and only then."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from refreshes import stages_only
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import read

if TYPE_CHECKING:
    from pathlib import Path

LAST_ORDER = date(2025, 3, 1)
BEGINS = LAST_ORDER + timedelta(days=91)  # the first day with 90 whole days between
FORGOTTEN = read(
    {"id": "silent", "enters": ["order"], "stages": [{"id": "forgotten", "when": "days_since(order) > 90"}]}
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    _import(lake, tmp_path, LAST_ORDER)
    return lake


def _import(lake: Lake, folder: Path, day: date) -> None:
    path = folder / f"{day}.csv"
    path.write_text(f"customer_id,order_id,at,amount\nann,{day},{day},10\n")
    import_files(lake, [path], as_="orders")


def _rows(lake: Lake, table: str) -> list[tuple[Any, ...]]:
    return lake.connect().execute(f"SELECT customer_id, stage, entered_on FROM {table} ORDER BY ALL").fetchall()


def _touched(lake: Lake, day: date) -> int:
    report = stages_only(lake, day, [FORGOTTEN], only_changed=True)
    assert report.mode == "touched"
    return report.customers


def test_a_customer_in_no_stage_enters_one_on_the_day_that_was_foreseen(lake: Lake) -> None:
    stages_only(lake, LAST_ORDER, [FORGOTTEN])
    assert lake.read("spans").num_rows == 0
    assert _rows(lake, "arrivals") == [("ann", "forgotten", BEGINS)]
    assert _touched(lake, BEGINS - timedelta(days=1)) == 0
    assert _touched(lake, BEGINS) == 1
    assert _rows(lake, "spans") == [("ann", "forgotten", BEGINS)]
    assert _rows(lake, "arrivals") == []


def test_an_order_moves_the_arrival(lake: Lake, tmp_path: Path) -> None:
    stages_only(lake, LAST_ORDER, [FORGOTTEN])
    later = LAST_ORDER + timedelta(days=30)
    _import(lake, tmp_path, later)
    assert _touched(lake, later) == 1
    assert _rows(lake, "arrivals") == [("ann", "forgotten", BEGINS + timedelta(days=30))]
    assert _touched(lake, BEGINS) == 0


def test_a_lake_of_an_older_version_gets_its_arrivals_with_the_next_refresh(lake: Lake) -> None:
    stages_only(lake, LAST_ORDER, [FORGOTTEN])
    shutil.rmtree(lake.path / "life" / "arrivals")
    assert stages_only(lake, LAST_ORDER, [FORGOTTEN], only_changed=True).mode == "full"
    assert _rows(lake, "arrivals") == [("ann", "forgotten", BEGINS)]


def test_a_customer_who_is_in_a_stage_has_no_arrival(lake: Lake) -> None:
    stages_only(lake, BEGINS, [FORGOTTEN])
    assert (len(_rows(lake, "spans")), _rows(lake, "arrivals")) == (1, [])
