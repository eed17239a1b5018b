"""`tenure board`, run as a person runs it: people in each stage, and of how many a stage cannot be judged."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

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
    asked = ("why", "ann", "--lake", lake, "--model", "retail-activity")
    shown = told(*asked)
    assert "The rules give Active, but the stage was set manually: moved away" in " ".join(shown.split())
    (marked,) = [line for line in shown.splitlines() if "→" in line]
    assert "Lost" in marked, "where the customer is, whatever the rules give"
    rules = {rule["stage"]: rule for rule in json.loads(told(*asked, "--json"))["rules"]}
    assert (rules["lost"]["current"], rules["lost"]["taken"]) == (True, False)
    assert (rules["active"]["current"], rules["active"]["taken"]) == (False, True)


def test_overrides_of_unknown_models_and_stages_are_named(tmp_path: Path, lake: Path) -> None:
    path, day = tmp_path / "overrides.csv", "ann,2025-09-01"
    rows = [f"{day},retail-activty,lost,a", f"{day},retail-activity,lots,b", f"{day},retail-activity,,c"]
    rows += ["bob,2025-08-01,retail-activty,active,d", "bob,2025-08-01,retail-activity,gone,e"]
    rows += ["bob,2025-09-01,retail-activity,lost,f"]  # which ends the one before it
    path.write_text("\n".join(["customer_id,at,model,stage,reason", *rows]) + "\n")
    body = json.loads(told("import", path, "--lake", lake, "--as", "overrides", "--json"))
    assert body["remarks"] == [
        "Overrides (1) name the stage lots, which retail-activity does not have. Try: lost.",
        "Overrides (2) name the model retail-activty, which does not exist. Try: retail-activity,"
        " retail-value-path, attract-retain-convert.",
    ]
    refreshed = json.loads(told("refresh", "--lake", lake, "--models", "retail-activity", "--json"))
    assert refreshed["remarks"] == body["remarks"]
    checked = json.loads(told("models", "check", "retail-activity", "--lake", lake, "--json"))
    assert checked["remarks"] == body["remarks"][:1]
    # A model that cannot be read stops neither, and is no unknown model.
    (lake / "models").mkdir(exist_ok=True)
    (lake / "models/retail-activty.yaml").write_text("id: retail-activty\nstages: none\n")
    again = json.loads(told("refresh", "--lake", lake, "--models", "retail-activity", "--json"))
    assert again["remarks"] == body["remarks"][:1]
    assert (
        json.loads(told("import", path, "--lake", lake, "--as", "overrides", "--json"))["duplicates"] == len(rows) - 1
    )


def test_a_refresh_of_some_shows_everybody(tmp_path: Path, lake: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text("customer_id,at,amount\nbob,2025-09-20,5\n")
    told("refresh", "--lake", lake, "--models", "retail-activity")
    told("import", more, "--lake", lake)
    asked = ("refresh", "--lake", lake, "--models", "retail-activity", "--changed")
    body = json.loads(told(*asked, "--json"))
    (counted,) = body["models"]
    assert (body["mode"], body["customers"]) == ("touched", 1)
    assert (counted["stages"], counted["all_customers"]) == ({"active": 1}, {"active": 2})
    assert "Active 2" in tenure(*asked).stderr


def test_an_empty_lake_is_not_refreshed(tmp_path: Path) -> None:
    told("init", "--lake", tmp_path / "lake")
    refused = tenure("refresh", "--lake", tmp_path / "lake")
    assert refused.returncode == 2
    assert "has no facts yet. Run: tenure import FILE --lake" in refused.stderr
    (tmp_path / "people.csv").write_text("customer_id,created_on\nann,2024-05-06\nbob,2999-01-01\n")
    told("import", tmp_path / "people.csv", "--lake", tmp_path / "lake", "--as", "customers")
    today = datetime.now(ZoneInfo(Lake.open(tmp_path / "lake").tz)).date()
    body = json.loads(told("refresh", "--lake", tmp_path / "lake", "--models", "internal-external", "--json"))
    # Records are known from their import on: on the day of registration nothing of them is.
    assert (body["as_of"], body["customers"]) == (str(today), 2)


def test_an_orders_file_is_enough_to_say_what_cannot_be_judged(tmp_path: Path, lake: Path) -> None:
    arguments = ("stages", tmp_path / "orders.csv", "--model", "relationship-4", "--as-of", "2025-09-30", "--json")
    body = json.loads(told(*arguments, "--out", tmp_path / "spans.csv"))
    assert body["cannot_judge"]["degeneration"] == 1
    assert sum(body["cannot_judge"].values()) == 1
