"""`tenure board`, run as a person runs it: people in each stage, and of how many a stage cannot be judged."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from cli.test_keeping import tenure, told
from refreshes import stages_only
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake with somebody who buys less than before, and nobody knows why."""
    days = [date(2024, 1, 1) + timedelta(days=7 * week) for week in range(91)]
    lines = [f"ann,{day},{100 if day.year == 2024 else 60}" for day in days]
    (tmp_path / "orders.csv").write_text("\n".join(["customer_id,at,amount", *lines]) + "\n")
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    import_files(lake, [tmp_path / "orders.csv"], as_="orders")
    return lake.path


def test_the_board_counts_who_cannot_be_judged_on_any_day(lake: Path) -> None:
    refused = tenure("board", "--lake", lake, "--model", "relationship-4")
    assert refused.returncode == 2
    assert "has no stages under the model relationship-4. Run: tenure refresh" in refused.stderr
    stages_only(Lake.open(lake), date(2025, 9, 30), ["relationship-4"])
    Lake.open(lake).save_settings(recommended="relationship-4")
    lines = told("board", "--lake", lake).splitlines()
    assert "relationship-4" in lines[0], "the recommended model, when none is asked for"
    named = told("why", "ann", "--lake", lake, "--json", "--model", "relationship-4")
    assert told("why", "ann", "--lake", lake, "--json") == named
    assert "Undetermined" in "".join(lines)
    assert [cell.strip() for cell in next(line for line in lines if "Degeneration" in line).split("│")[2:6]] == [
        "0",
        "0%",
        "–",
        "1",
    ]
    arguments = ("board", "--lake", lake, "--model", "relationship-4", "--json", "--as-of", "2025-03-02")
    body = json.loads(told(*arguments))
    assert body["as_of"] == "2025-03-02"
    assert {row["stage"]: (row["people"], row["cannot_judge"]) for row in body["stages"]} == {
        **dict.fromkeys([row["stage"] for row in body["stages"]], (0, 0)),
        "stability": (1, 0),
    }


def test_m28_products_are_called_products_and_have_no_economics(tmp_path: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=7 * week) for week in range(91)]
    lines = [f"o{day},ann,{day},tea,drinks,1,5" for day in days]
    header = "order_id,customer_id,at,product_id,category,quantity,amount"
    (tmp_path / "lines.csv").write_text("\n".join([header, *lines]) + "\n")
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    import_files(lake, [tmp_path / "lines.csv"], as_="baskets")
    stages_only(lake, date(2025, 9, 30), ["product-life-cycle"])
    shown = told("board", "--lake", lake.path, "--model", "product-life-cycle")
    assert "Products" in shown
    assert "Customers" not in shown
    refused = tenure("economics", "--lake", lake.path, "--model", "product-life-cycle")
    assert refused.returncode == 2
    assert "Economics need a model of customers." in " ".join(refused.stderr.split())


def test_why_names_a_stage_that_was_set_manually(tmp_path: Path, lake: Path) -> None:
    store, path = Lake.open(lake), tmp_path / "overrides.csv"
    path.write_text("customer_id,at,model,stage,reason\nann,2025-09-01,retail-activity,lost,moved away\n")
    import_files(store, [path], as_="overrides")
    stages_only(store, date(2025, 9, 30), ["retail-activity"])
    assert "Set manually: moved away" in told("why", "ann", "--lake", lake, "--model", "retail-activity")


def test_an_orders_file_is_enough_to_say_what_cannot_be_judged(tmp_path: Path, lake: Path) -> None:
    arguments = ("stages", tmp_path / "orders.csv", "--model", "relationship-4", "--as-of", "2025-09-30", "--json")
    body = json.loads(told(*arguments, "--out", tmp_path / "spans.csv"))
    assert body["cannot_judge"]["degeneration"] == 1
    assert sum(body["cannot_judge"].values()) == 1
