"""``tn.spans`` and ``tn.clv`` read any table, and files as the import does."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tenure as tn
from tenure.errors import MappingError, TenureError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = [
    {"customer_id": "ann", "at": datetime(2024, 1, 5, 9, tzinfo=UTC), "amount": 5.0, "channel": "shop"},
    {"customer_id": "ann", "at": datetime(2024, 1, 20, 9, tzinfo=UTC), "amount": 7.5, "channel": "web"},
    {"customer_id": "bob", "at": datetime(2023, 11, 2, 9, tzinfo=UTC), "amount": 6.0, "channel": "shop"},
]
ARROW = pa.Table.from_pylist(ROWS)


class Stream:
    """A table of a library that nobody has met: it only speaks the protocol."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return ARROW.__arrow_c_stream__(requested_schema)


class Batch:
    """The same with a single batch."""

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return ARROW.to_batches()[0].__arrow_c_array__(requested_schema)


TABLES: dict[str, Callable[[], Any]] = {
    "pyarrow table": lambda: ARROW,
    "pyarrow batch": lambda: ARROW.to_batches()[0],
    "pyarrow reader": ARROW.to_reader,
    "pyarrow structs": ARROW.to_batches()[0].to_struct_array,
    "pandas": lambda: pd.DataFrame(ROWS),
    "pandas with an index of its own": lambda: pd.DataFrame(ROWS, index=["x", "y", "z"]),
    "pandas with categories": lambda: pd.DataFrame(ROWS).astype({"customer_id": "category", "channel": "category"}),
    "polars": lambda: pl.DataFrame(ROWS),
    "polars, lazy": lambda: pl.LazyFrame(ROWS),
    "polars with categories": lambda: pl.DataFrame(ROWS).cast(
        {"customer_id": pl.Categorical, "channel": pl.Categorical}
    ),
    "polars with days": lambda: pl.DataFrame(ROWS).cast({"at": pl.Date}),
    "duckdb relation": lambda: duckdb.connect().from_arrow(ARROW),
    "any stream": Stream,
    "any array": Batch,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_any_table_gives_the_same_spans_and_values(table: Callable[[], Any]) -> None:
    expected = tn.spans(ARROW, as_of="2024-02-01").to_arrow()
    assert tn.spans(table(), as_of="2024-02-01").to_arrow().equals(expected)
    known = ["customer_id", "orders", "revenue"]
    with pytest.warns(UserWarning, match="too little to predict from"):
        rows = tn.clv(table(), as_of="2024-02-01").to_arrow().select(known).to_pylist()
    assert [[row["customer_id"], row["orders"], float(row["revenue"])] for row in rows] == [
        ["ann", 2, 12.5],
        ["bob", 1, 6],
    ]


def test_customers_may_be_any_table_too() -> None:
    customers = pl.LazyFrame({"customer_id": ["ann", "bob"]})
    assert tn.spans(ARROW, customers=customers, as_of="2024-02-01").counts()["active"] == 1


@pytest.mark.parametrize(
    ("value", "name"), [(3, "int"), ({"customer_id": ["ann"]}, "dict"), (ROWS, "list"), (None, "NoneType")]
)
def test_what_is_no_table_is_answered_in_one_sentence(value: object, name: str) -> None:
    for function in (tn.spans, tn.clv):
        with pytest.raises(MappingError) as answer:
            function(value)
        assert str(answer.value) == (
            f"A value of type {name} is not a table. Pass a pandas or Polars data frame, an Arrow table, a DuckDB "
            "relation or a file path."
        )


@pytest.mark.parametrize("column", [pl.Series([1, 2]), pd.Series([1, 2]), pa.array([1, 2]), pa.chunked_array([[1, 2]])])
def test_a_single_column_is_no_table(column: object) -> None:
    with pytest.raises(MappingError, match=r"^A value of type \w+\.\w+ cannot be read as a table: "):
        tn.spans(column)


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_missing_library_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    spans = tn.spans(ARROW, as_of="2024-02-01")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(TenureError) as answer:
        getattr(spans, f"to_{package}")()
    assert str(answer.value) == f"{package} is not installed. Run: pip install 'tenure[notebook]'"


def test_a_file_is_read_like_an_import_and_says_what_it_left_out(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "会员号,下单时间,实付金额\nann,2024-01-05,5\nann,2024-01-09,5\nann,2024-01-20,7\nbob,2024-02-30,6\n",
        encoding="gb18030",
    )
    with pytest.warns(UserWarning, match=r"1 rows of orders\.csv"):
        spans = tn.spans(path, as_of="2024-02-01")
    assert spans.counts() == {"active": 1, "silent": 0, "dormant": 0, "lost": 0}


def test_a_number_that_is_none_is_missing_and_one_that_is_too_large_is_refused() -> None:
    from tenure.errors import FactsError
    from tenure.facts.frames import completed

    orders = {"customer_id": ["a", "b"], "at": [date(2024, 1, 1)] * 2}
    assert completed("orders", pa.table(orders | {"amount": [float("nan"), 2.5]})).column("amount").null_count == 1
    with pytest.raises(FactsError, match="too large"):
        completed("orders", pa.table(orders | {"amount": [2e14, 2.5]}))


def test_a_model_that_reads_scores_says_that_a_notebook_has_none() -> None:
    orders = pa.table({"customer_id": ["a"], "at": [date(2024, 1, 1)], "amount": [9.0]})
    with pytest.warns(UserWarning, match=r"tiers-3 reads scores \(tier\), which only the refresh of a lake publishes"):
        found = tn.spans(orders, "tiers-3")
    assert found.counts() == {"low": 0, "middle": 0, "high": 0}
    assert found.cannot_judge() == {"low": 1, "middle": 1, "high": 1}
