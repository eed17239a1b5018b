"""How long an import takes beside DuckDB's raw `read_csv` over the same file.

    python bench/import_csv.py [ROWS …]            # default: 1000000 5000000

The floor reads every column as text and aggregates, so that nothing is left out. The import reads, types, names,
compares, sorts and writes.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from tenure.facts.importing import import_files
from tenure.facts.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def make(path: Path, rows: int, *, quoted: bool) -> None:
    """Write a shop's orders: ids, local times, amounts, channels; one customer has about 20 orders."""
    force = ", FORCE_QUOTE (channel)" if quoted else ""
    duckdb.execute(
        f"""COPY (SELECT 'O' || i AS order_id,
        'C' || lpad((hash(i) % {max(rows // 20, 1)})::VARCHAR, 8, '0') AS customer_id,
        TIMESTAMP '2023-01-01' + to_seconds((hash(i + 7) % 94608000)::BIGINT) AS order_time,
        ((hash(i + 3) % 100000) / 100)::DECIMAL(10,2) AS amount, ['web','app','shop'][1 + i % 3] AS channel
        FROM range({rows}) t(i)) TO '{path}' (HEADER{force})"""
    )


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a piece of work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def floor(path: Path) -> None:
    """Read the file with DuckDB alone."""
    duckdb.execute(
        f"SELECT count(order_id), max(customer_id), max(order_time), max(amount), max(channel)"
        f" FROM read_csv('{path}', all_varchar = true)"
    ).fetchall()


def run(rows: int, *, quoted: bool) -> None:
    """Measure one size and print a line of figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "orders.csv"
        make(path, rows, quoted=quoted)
        raw = min(timed(lambda: floor(path)) for _ in range(2))
        lake = Lake.create(folder / "lake")
        first = timed(lambda: import_files(lake, [path], now=NOW))
        repeated = timed(lambda: import_files(lake, [path], now=NOW))
        customers = ["C00000007", "C00000012"]
        read = min(timed(lambda: lake.read("orders", customers)) for _ in range(3))
        with path.open("a") as handle:
            handle.write("OX,C1,2024-01-01 00:00:00,1.00,web\n")
        overlap = timed(lambda: import_files(lake, [path], now=NOW))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{rows:>10,} {'quoted' if quoted else 'plain'} rows: read_csv {raw:.2f} s, import {first:.2f} s,"
        f" {first / raw:.1f}x ({rows / first:,.0f} rows/s)\n"
        f"           same file again {repeated:.2f} s, all rows known {overlap:.2f} s,"
        f" two customers' orders {read * 1000:.0f} ms, peak memory {peak:,.0f} MB",
        flush=True,
    )


def warm_up() -> None:
    """Load everything that the first import loads, so that it is not measured."""
    with tempfile.TemporaryDirectory() as name:
        make(Path(name) / "few.csv", 100, quoted=False)
        import_files(Lake.create(Path(name) / "lake"), [Path(name) / "few.csv"], now=NOW)


if __name__ == "__main__":
    warm_up()
    for size in [int(size) for size in sys.argv[1:]] or [1_000_000, 5_000_000]:
        run(size, quoted=False)
        run(size, quoted=True)
