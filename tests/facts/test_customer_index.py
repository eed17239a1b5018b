"""The customer index answers exactly as the files do, and nothing depends on its being there."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tenure.facts.kinds import KINDS
from tenure.facts.lake import Lake
from tenure.facts.schema import FACT_TABLES, IDENTITIES, NUMBER
from tenure.facts.slices import slices_of
from tenure.facts.streams import Stream, columns_of
from tenure.lake import backup as keeping
from tenure.lake import customer_index

START = datetime(2024, 1, 1, tzinfo=UTC)
NEVER = 1 << 40


def fields_of(name: str) -> tuple[str, ...]:
    """Return every field that a rule may ask of a table."""
    known = [one for kind in KINDS.values() if kind.table == name for one in (*kind.fields, kind.present) if one]
    return tuple(dict.fromkeys(known))


def value(kind: pa.DataType, rng: np.random.Generator) -> Any:
    if kind == NUMBER:
        return Decimal(int(rng.integers(-(10**17), 10**17))).scaleb(-4)
    if pa.types.is_timestamp(kind):
        return START + timedelta(microseconds=int(rng.integers(0, 10**13)))
    if pa.types.is_date(kind):
        return (START + timedelta(days=int(rng.integers(0, 999)))).date()
    return ["sale", "csat", "complaint", "started", "店 é"][rng.integers(5)]


def facts(name: str, rows: int, seed: int, customers: int = 40) -> pa.Table:
    """Return facts with nulls here and there, of customers with short and long ids, sorted as files are."""
    rng = np.random.default_rng(seed)
    schema = FACT_TABLES[name].schema
    ids = [f"{'客' * (n % 4)}c{n:0{1 + n % 9}d}" for n in range(customers)]
    made = []
    for n in range(rows):
        row = {field.name: value(field.type, rng) if rng.random() < 0.7 else None for field in schema}
        row |= {
            "fact_id": f"f{seed}-{n}",
            "customer_id": ids[rng.integers(customers)],
            "at": value(schema[2].type, rng),
        }
        made.append(row | ({"referrer_id": None} if seed % 2 and name == "orders" else {}))
    return pa.Table.from_pylist(made, schema=schema).sort_by([("customer_id", "ascending"), ("at", "ascending")])


def plain(lake: Lake, name: str, ids: list[str]) -> pa.Table:
    """Read some customers as the touched path does, and return the rows in a fixed order."""
    stream = Stream(name)
    columns = columns_of(stream, fields_of(name))
    with slices_of(lake, {stream: fields_of(name)}, customers=ids) as slices:
        files = slices.files[stream]
        table = files.of(pa.array(sorted(ids), pa.string()))
        table = table.cast(files.schema)
    assert table.schema.names == columns
    return table.sort_by([(column, "ascending") for column in columns])


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr(customer_index, "MIN_ROWS", 100)
    monkeypatch.setattr(customer_index, "MIN_CUSTOMERS", 1)
    return Lake.create(tmp_path / "湖")


def copies(lake: Lake, name: str = "orders") -> list[Path]:
    return sorted((lake.path / customer_index.FOLDER / name).glob("*"))


@pytest.mark.parametrize("name", FACT_TABLES)
@pytest.mark.parametrize("seed", [1, 2])
def test_some_customers_read_through_copies_are_those_of_the_files(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, name: str, seed: int
) -> None:
    for part, rows in enumerate((300, 150, 20)):  # two big files and a small one
        lake.write(name, facts(name, rows, 10 * seed + part + seed))
    rng = np.random.default_rng(seed)
    there = lake.read(name).column("customer_id").unique().to_pylist()
    for _ in range(5):
        few = [*rng.choice(there, rng.integers(1, 12), replace=False), "nobody", "", "c\0", "长" * 99]
        few = sorted({str(one) for one in few})
        monkeypatch.setattr(customer_index, "MIN_ROWS", NEVER)
        wanted = plain(lake, name, few)
        monkeypatch.setattr(customer_index, "MIN_ROWS", 100)
        assert plain(lake, name, few).equals(wanted)
    assert len(copies(lake, name)) == 2


def test_customers_and_facts_are_found_across_portions_and_row_groups(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_index, "_PORTION_ROWS", 2048)
    rows = facts("orders", 20_000, 3, customers=30)  # each customer's rows reach over several portions
    lake.write("orders", rows)
    few = ["c0", "客c01", "客客客c00000000007"]
    through = plain(lake, "orders", few)
    assert len(copies(lake)) == 1
    monkeypatch.setattr(customer_index, "MIN_ROWS", NEVER)
    assert through.equals(plain(lake, "orders", few))
    monkeypatch.setattr(customer_index, "MIN_ROWS", 100)
    assert lake.append_facts("orders", rows.take(pa.array([0, 9_000, 19_999]))).accepted == 0


def test_the_rows_of_one_file_keep_their_order(lake: Lake) -> None:
    lake.write("orders", facts("orders", 500, 4))
    (copy,) = customer_index.indexes_of(lake, "orders", lake.files("orders"), make=True).values()
    schema = pa.schema([FACT_TABLES["orders"].schema.field(one) for one in ("customer_id", "at", "amount")])
    everybody = pa.array(sorted(lake.read("orders").column("customer_id").unique().to_pylist()))
    assert copy.of(everybody, schema).equals(lake.read("orders", columns=schema.names).cast(schema))


def test_appending_knows_the_same_facts_with_copies_and_without(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    old = facts("orders", 400, 5)
    lake.write("orders", old)
    lake.write("orders", facts("orders", 30, 6))
    offered = pa.concat_tables([old.slice(50, 60), facts("orders", 25, 6), facts("orders", 40, 7)])
    monkeypatch.setattr(customer_index, "MIN_ROWS", NEVER)
    other = Lake.create(lake.path.parent / "other")
    for one in (old, facts("orders", 30, 6)):
        other.write("orders", one)
    expected = other.append_facts("orders", offered)
    monkeypatch.setattr(customer_index, "MIN_ROWS", 100)
    assert lake.append_facts("orders", offered) == expected
    assert copies(lake)
    ids = [sorted(one.read("orders").column("fact_id").to_pylist()) for one in (lake, other)]
    assert ids[0] == ids[1]


def test_equal_hashes_lose_no_fact(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    old = facts("orders", 200, 8)
    lake.write("orders", old)
    copy = next(iter(customer_index.indexes_of(lake, "orders", lake.files("orders"), make=True).values()))
    everything = np.concatenate([batch.column("fact").to_numpy() for batch in copy.batches])
    facts_of = customer_index.CustomerIndex.facts
    monkeypatch.setattr(
        customer_index.CustomerIndex, "facts", lambda self, ids, hashes: facts_of(self, ids, everything)
    )
    fresh = facts("orders", 20, 9)
    assert lake.append_facts("orders", fresh).accepted == 20


def damage(folder: Path, how: str) -> None:
    about = folder / "about.json"
    if how == "half written":
        about.unlink()
    elif how == "cut short":
        (folder / "columns.arrow").write_bytes((folder / "columns.arrow").read_bytes()[:-100])
    elif how == "overwritten":
        (folder / "columns.arrow").write_bytes(b"\0" * (folder / "columns.arrow").stat().st_size)
    elif how == "another format":
        about.write_text(about.read_text("utf-8").replace(duckdb.__version__, "0.0"), "utf-8")
    elif how == "no JSON":
        about.write_text("[]", "utf-8")
    else:
        shutil.rmtree(folder)


@pytest.mark.parametrize("how", ["half written", "cut short", "overwritten", "another format", "no JSON", "deleted"])
def test_a_copy_that_is_not_whole_is_ignored_and_made_again(lake: Lake, how: str) -> None:
    lake.write("orders", facts("orders", 300, 2))
    few = ["c0", "客c01"]
    before = plain(lake, "orders", few)
    damage(copies(lake)[0], how)
    assert customer_index.indexes_of(lake, "orders", lake.files("orders"), make=False) == {}
    assert lake.available_kinds()
    assert plain(lake, "orders", few).equals(before)
    assert customer_index.indexes_of(lake, "orders", lake.files("orders"), make=False)
    assert len(copies(lake)) == 1


def test_a_maker_that_fails_leaves_no_copy_and_the_file_is_read(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write("orders", facts("orders", 300, 2))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(customer_index._Runs, "save", full)
    assert len(plain(lake, "orders", ["c0"]))
    assert copies(lake) == []


@pytest.mark.parametrize("odd", ["长" * 30, "a\0b"])
def test_ids_that_cannot_be_searched_leave_the_file_to_itself(lake: Lake, odd: str) -> None:
    table = facts("orders", 200, 2)
    ids = pa.array(sorted([odd, *table.column("customer_id").to_pylist()[1:]]))
    lake.write("orders", table.set_column(1, "customer_id", ids))
    assert len(plain(lake, "orders", [odd])) == 1
    assert copies(lake)  # remembers that there is nothing to make
    assert customer_index.indexes_of(lake, "orders", lake.files("orders"), make=False) == {}


def test_a_few_customers_make_no_copy(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write("orders", facts("orders", 200, 2))
    monkeypatch.setattr(customer_index, "MIN_CUSTOMERS", 3)
    plain(lake, "orders", ["c0", "客c01"])
    lake.append_facts("orders", facts("orders", 1, 11))
    assert copies(lake) == []


def test_merged_customers_are_read_as_one_beside_copies(lake: Lake) -> None:
    lake.write("orders", facts("orders", 300, 2))
    stream = Stream("orders")
    plain(lake, "orders", ["c0"])
    both = len(lake.read("orders", customers=["c0", "客c01"]))
    row = {"merge_id": "1", "action": "merge", "customer_id": "客c01", "into_id": "c0", "reason": "test", "at": START}
    lake.write("identities", pa.Table.from_pylist([row], schema=IDENTITIES))
    with slices_of(lake, {stream: ()}, customers=["c0"]) as slices:
        assert not slices.files[stream].indexes
        assert len(slices.files[stream].of(pa.array(["c0"]))) == both


def test_kinds_are_the_same_with_copies_and_without(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (2, 3):
        for name in FACT_TABLES:
            lake.write(name, facts(name, 120 if seed == 2 else 10, seed))
    monkeypatch.setattr(customer_index, "MIN_ROWS", NEVER)
    expected = lake.kinds(), lake.available_kinds()
    monkeypatch.setattr(customer_index, "MIN_ROWS", 100)
    for name in FACT_TABLES:
        customer_index.indexes_of(lake, name, lake.files(name), make=True)
    assert (lake.kinds(), lake.available_kinds()) == expected


def test_compacting_exchanges_the_copies_and_a_backup_holds_none(lake: Lake, tmp_path: Path) -> None:
    lake.write("orders", facts("orders", 200, 2))
    lake.write("orders", facts("orders", 200, 4))
    plain(lake, "orders", ["c0"])
    old = copies(lake)
    lake.compact("orders", keep_hours=0)
    assert len(old) == 2
    assert len(copies(lake)) == 1
    assert not set(old) & set(copies(lake))
    keeping.backup(lake, tmp_path / "kept.tar.gz")
    keeping.restore(tmp_path / "kept.tar.gz", tmp_path / "again")
    assert not (tmp_path / "again" / customer_index.FOLDER).exists()
    assert plain(Lake.open(tmp_path / "again"), "orders", ["c0"]).equals(plain(lake, "orders", ["c0"]))
