"""Somebody's own tables are served as facts where they lie."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from facts.files import NOW, orders
from tenure.errors import FactsError, MappingError
from tenure.facts.external import add_source, all_sources, remove_source
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake

SHOP = pa.table(
    {
        "buyer": ["A 1", "Ｂ", None],
        "paid": [datetime(2024, 3, 1), datetime(2024, 3, 2, 12), datetime(2024, 3, 3)],
        "sum": [Decimal("1.50"), Decimal("-2.00"), Decimal("9.00")],
        "nr": [1, 2, 3],
    }
)
MAPPING = {"customer_id": "buyer", "at": "paid", "amount": "sum", "order_id": "nr"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def _seen(lake: Lake) -> list[tuple[str, datetime, Decimal, str]]:
    rows = lake.read("orders").to_pylist()
    return sorted((row["customer_id"], row["at"], row["amount"], row["status"]) for row in rows)


EXPECTED = [
    ("A 1", datetime(2024, 2, 29, 16, tzinfo=UTC), Decimal("1.5"), "sale"),
    ("B", datetime(2024, 3, 2, 4, tzinfo=UTC), Decimal(-2), "refund"),
]


def test_a_parquet_folder_is_served_beside_the_lake_s_own_facts(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    pq.write_table(SHOP, tmp_path / "shop" / "one.parquet")
    add_source(lake, "orders", str(tmp_path / "shop"), MAPPING)
    assert _seen(lake) == EXPECTED
    assert lake.available_kinds() == {"order", "refund"} and not lake.is_sorted("orders")
    import_files(lake, [orders(tmp_path / "a.csv")], now=NOW)
    assert len(lake.read("orders")) == 5 and len(lake.read("orders", ["A 1", "A01"])) == 3
    remove_source(lake, "shop")
    assert len(lake.read("orders")) == 3
    with pytest.raises(FactsError, match="no external table"):
        remove_source(lake, "shop")


def test_a_delta_folder_is_read_at_its_newest_version(lake: Lake, tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "shop"), SHOP)
    add_source(lake, "orders", str(tmp_path / "shop"), MAPPING, name="till")
    assert _seen(lake) == EXPECTED
    write_deltalake(str(tmp_path / "shop"), SHOP.slice(0, 1), mode="overwrite")
    assert _seen(lake) == EXPECTED[:1]
    assert lake.read("orders").column("source").to_pylist() == ["till"]


def test_a_column_that_is_missing_is_named(lake: Lake, tmp_path: Path) -> None:
    pq.write_table(SHOP.rename_columns(["x", "paid", "sum", "nr"]), tmp_path / "shop.parquet")
    with pytest.raises(MappingError, match="--map customer_id"):
        add_source(lake, "orders", str(tmp_path / "shop.parquet"), {"amount": "sum", "at": "paid"})
    with pytest.raises(FactsError, match="does not exist"):
        add_source(lake, "orders", str(tmp_path / "nowhere"))
    assert all_sources(lake.path) == []


@pytest.mark.needs("postgres")
def test_a_postgresql_table_is_served_and_follows_its_changes(
    lake: Lake, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    psycopg = pytest.importorskip("psycopg")
    parts = urlsplit(postgres_url)
    monkeypatch.setenv("PGPASSWORD", parts.password or "")
    postgres_url = parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@")).geturl()
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute("DROP TABLE IF EXISTS tenure_shop")
        con.execute("CREATE TABLE tenure_shop (buyer text, paid timestamp, sum numeric(10,2), nr int, other json)")
        con.execute(
            "INSERT INTO tenure_shop VALUES ('A 1','2024-03-01',1.5,1,'{}'),('Ｂ','2024-03-02 12:00',-2,2,null)"
        )
        try:
            add_source(lake, "orders", postgres_url, MAPPING, relation="public.tenure_shop")
            assert _seen(lake) == EXPECTED
            con.execute("UPDATE tenure_shop SET sum = 7 WHERE nr = 1")
            con.execute("INSERT INTO tenure_shop VALUES ('C','2024-03-05',1,3,null)")
            assert [row[2] for row in _seen(lake)] == [Decimal(7), Decimal(-2), Decimal(1)]
            con.execute("DELETE FROM tenure_shop WHERE nr > 1")
            assert len(lake.read("orders")) == 1
        finally:
            con.execute("DROP TABLE tenure_shop")


def test_a_password_is_never_written_down(lake: Lake) -> None:
    with pytest.raises(MappingError, match="PGPASSWORD"):
        add_source(lake, "orders", "postgresql://me:secret@host/shop", relation="orders")
