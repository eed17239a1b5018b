"""Does judging ten thousand customers anew cost more when there are ten times as many others?

New orders of randomly chosen customers are appended, and just these customers are judged again, at two sizes of shop.

    python bench/restage.py --customers 1000000 10000000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

import shop
from tenure.facts.frames import completed
from tenure.facts.lake import Lake
from tenure.refreshing.run import refresh

AS_OF = date(2024, 12, 31)
MODELS = ["retail-activity", "chaoke-5"]
FACTS = 10_000


def new_orders(customers: int, run: int) -> tuple[pa.Table, list[str]]:
    """Return one new order each of randomly chosen customers."""
    rng = np.random.default_rng([run, customers])
    ids = [f"c{n:09d}" for n in np.sort(rng.choice(customers, FACTS, replace=False))]
    at = shop.FIRST + rng.integers(shop.DAYS - 30, shop.DAYS, FACTS) * 86_400_000_000
    columns = {
        "fact_id": [f"new{run}-{n}" for n in range(FACTS)],
        "customer_id": ids,
        "at": pa.array(at, pa.timestamp("us", tz="UTC")),
        "amount": rng.integers(1, 500, FACTS).astype(float),
        "batch_id": [f"run{run}"] * FACTS,
    }
    return completed("orders", pa.table(columns)), ids


def measure(lake: Lake, customers: int, runs: int) -> list[tuple[float, float]]:
    """Return for each run the seconds of appending and of judging."""
    taken = []
    first = sum(file.rows for file in lake.files("orders"))  # so that another run of the benchmark brings other facts
    for run in range(first, first + runs):
        table, ids = new_orders(customers, run)
        begin = time.perf_counter()
        lake.append_facts("orders", table)
        appended = time.perf_counter()
        refresh(lake, AS_OF, MODELS, customers=ids, scorecard=())
        taken.append((appended - begin, time.perf_counter() - appended))
    return taken


def main() -> None:
    """Run and print one line per size, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--orders", type=float, default=10, help="orders per customer, on average")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the shops here for another run")
    arguments = parser.parse_args()
    medians = []
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as temporary:
        for customers in arguments.customers:
            folder = (arguments.folder or Path(temporary)) / f"shop-{customers}"
            if not (folder / "tenure.json").exists():
                lake, rows = shop.make(folder, customers, arguments.orders)
                begin = time.perf_counter()
                refresh(lake, AS_OF, MODELS, scorecard=())
                print(
                    f"{customers:>11,} customers, {rows:,} orders: everybody {time.perf_counter() - begin:.1f} s",
                    flush=True,
                )
            taken = measure(Lake.open(folder), customers, arguments.runs)
            append, judge = (float(np.median(column)) for column in zip(*taken, strict=True))
            medians.append(append + judge)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
            print(
                f"{customers:>11,} customers: append {append:.2f} s, judge {judge:.2f} s,"
                f" together {append + judge:.2f} s   (medians of {arguments.runs}; peak {memory:.2f} GB)",
                flush=True,
            )
    if len(medians) > 1:
        print(f"largest against smallest: {medians[-1] / medians[0]:.2f} x")


if __name__ == "__main__":
    main()
