"""The lake keeps facts once, sorted, and reads a few customers cheaply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from tenure.errors import LakeError, TenureError
from tenure.facts.lake import Lake
from tenure.facts.schema import FACT_TABLES
from tenure.lake import backup as keeping
from tenure.lifecycle.choice import switch
from tenure.lifecycle.shop_dates import forget_dates, name_dates

ORDERS = FACT_TABLES["orders"].schema
START = datetime(2024, 1, 1, tzinfo=UTC)


def facts(numbers: range, customers: int = 5) -> pa.Table:
    rows = [
        {
            "fact_id": f"f{number}",
            "customer_id": f"{number % customers:03d}",
            "at": START + timedelta(hours=number),
            "source": "test",
            "order_id": str(number),
            "amount": Decimal(number),
            "status": "sale",
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(rows, schema=ORDERS)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "湖 1", tz="Europe/Berlin", currency="EUR", business="店")


def test_settings_are_kept(lake: Lake) -> None:
    assert Lake.open(lake.path).settings.business == "店"
    lake.save_settings(currency="CNY")
    assert Lake.open(lake.path).settings == lake.settings
    with pytest.raises(TenureError, match="time zone"):
        lake.save_settings(tz="Mars/Olympus")


def test_settings_of_two_who_opened_the_lake_are_all_kept(lake: Lake) -> None:
    first, second = Lake.open(lake.path), Lake.open(lake.path)
    name_dates(second, "春节", "02-10")
    first.save_settings(business_kind="retail")
    name_dates(first, "店庆", "05-18")
    forget_dates(second, "春节", [])
    switch(second, "crm-5", on=False, known=["crm-5", "retail-activity"])
    switch(first, "retail-activity", on=False)
    kept = Lake.open(lake.path).settings
    assert kept == first.settings
    assert (kept.business_kind, dict(kept.named_dates), kept.models_on) == ("retail", {"店庆": ["05-18"]}, ())


def test_a_folder_that_is_no_lake_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(LakeError, match="not a lake"):
        Lake.create(tmp_path)
    with pytest.raises(LakeError, match="There is no lake"):
        Lake.open(tmp_path)


def test_facts_are_taken_once(lake: Lake) -> None:
    assert lake.append_facts("orders", facts(range(10))).accepted == 10
    again = lake.append_facts("orders", pa.concat_tables([facts(range(5, 12)), facts(range(11, 12))]))
    assert (again.accepted, again.duplicates) == (2, 6)
    assert len(lake.read("orders")) == 12


def test_a_spelling_that_differs_in_case_only_is_the_same_customer(lake: Lake) -> None:
    one = facts(range(1)).set_column(1, ORDERS.field("customer_id"), pa.array(["Anna"]))
    two = facts(range(1, 2)).set_column(1, ORDERS.field("customer_id"), pa.array(["ＡＮＮＡ"]))
    lake.append_facts("orders", one)
    lake.append_facts("orders", two)
    assert lake.read("orders").column("customer_id").to_pylist() == ["Anna", "Anna"]


def test_a_few_customers_and_columns_are_read(lake: Lake) -> None:
    lake.append_facts("orders", facts(range(100)))
    table = lake.read("orders", ["001", "003", "nobody"], ["customer_id", "at"])
    assert table.column_names == ["customer_id", "at"] and len(table) == 40
    assert lake.read("orders", []).num_rows == 0
    assert lake.read("cases").schema.equals(FACT_TABLES["cases"].schema)


def test_many_small_appends_leave_few_sorted_files(lake: Lake) -> None:
    for place in range(40):
        lake.append_facts("orders", facts(range(place * 3, place * 3 + 3)))
    files = lake.files("orders")
    assert len(files) < 20
    for file in files:
        table = pa.parquet.read_table(file.path, columns=["customer_id", "at"])
        pairs = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        assert pairs == sorted(pairs)
    lake.compact("orders", keep_hours=0)
    assert len(lake.files("orders")) == 1 and len(lake.read("orders")) == 120
    assert len(list(Path(lake.uri("orders")).glob("*.parquet"))) == 1


def test_a_write_can_replace_one_partition(lake: Lake) -> None:
    rows = pa.table({"model": ["a", "b", ""], "customer_id": ["1", "1", "1"], "generation": [1, 1, 1]})
    lake.write("spans", rows, partition_by="model")
    lake.write("spans", rows.slice(0, 1), replace={"model": ["a", "b"]})
    con = lake.connect(("spans",))
    assert con.execute("SELECT model FROM spans").fetchall() == [("a",)]  # the marker is not shown


def test_kinds_of_which_there_are_facts(lake: Lake) -> None:
    assert lake.available_kinds() == set()
    lake.append_facts("orders", facts(range(3)))
    assert lake.available_kinds() == {"order"}
    webinar = {"fact_id": "w", "customer_id": "1", "at": START, "source": "x", "kind": "webinar"}
    lake.append_facts("interactions", pa.Table.from_pylist([webinar], schema=FACT_TABLES["interactions"].schema))
    assert lake.available_kinds() == {"order", "interaction", "webinar"} and "webinar" in lake.kinds()


def test_a_backup_comes_back_as_the_same_lake(lake: Lake, tmp_path: Path) -> None:
    lake.append_facts("orders", facts(range(20)))
    (lake.path / "models").mkdir()
    (lake.path / "models" / "own.yaml").write_text("id: own\n")
    kept = keeping.backup(lake, tmp_path / "b.tar.gz")
    assert kept.rows["orders"] == 20
    target = tmp_path / "again"
    keeping.restore(tmp_path / "b.tar.gz", target)
    back = Lake.open(target)
    assert back.settings == lake.settings and back.read("orders").equals(lake.read("orders"))
    assert (target / "models" / "own.yaml").exists()
    with pytest.raises(LakeError, match="--force"):
        keeping.restore(tmp_path / "b.tar.gz", target)
    back.append_facts("orders", facts(range(20, 30)))
    keeping.restore(tmp_path / "b.tar.gz", target, force=True)
    assert len(Lake.open(target).read("orders")) == 20


def test_a_damaged_backup_leaves_what_is_there(lake: Lake, tmp_path: Path) -> None:
    lake.append_facts("orders", facts(range(20)))
    file = tmp_path / "b.tar.gz"
    keeping.backup(lake, file)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(TenureError, match="damaged"):
        keeping.restore(file, lake.path, force=True)
    assert len(Lake.open(lake.path).read("orders")) == 20
