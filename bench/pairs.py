"""Which products are bought together: Tenure against efficient-apriori and mlxtend, on a supermarket's year.

    python bench/pairs.py                          # categories at 1 % support, three sizes, all three programs
    python bench/pairs.py --products               # 68,150 products too, Tenure alone: the others do not finish

Every program gets baskets in the shape it wants; CPU seconds are taken from there to the pairs, so that a busy machine
tells the same. All must find the same pairs
with the same counts, or the run fails. Every run is a process of its own, so that memory is its own too.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SUPPORT = 0.01
PEERS = ("tenure", "efficient-apriori", "mlxtend")


def baskets_of(share: float, *, products: bool) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return basket and thing of every line of the first part of the households, and the things' names."""
    import duckdb

    from tenure.practices.samples import complete_journey

    with tempfile.TemporaryDirectory() as folder:
        lines = complete_journey(Path(folder))[0].path
        what = "product_id" if products else "category"
        query = (
            f"with l as (select order_id, {what} as thing from read_parquet('{lines}') where {what} is not null"
            f" and customer_id::int <= {int(2500 * share)}),"
            " t as (select thing, row_number() over (order by thing) - 1 as n from (select distinct thing from l)),"
            " o as (select order_id, row_number() over (order by order_id) - 1 as n"
            " from (select distinct order_id from l))"
            " select distinct o.n as a, t.n as b from l join o using (order_id) join t using (thing) order by 1, 2"
        )
        con = duckdb.connect()
        columns = con.execute(query).fetchnumpy()
        names = f"select distinct {what} from read_parquet('{lines}') where {what} is not null"
        names += f" and customer_id::int <= {int(2500 * share)} order by 1"
        things = [str(row[0]) for row in con.execute(names).fetchall()]
    return np.asarray(columns["a"]), np.asarray(columns["b"]), things


def ours(rows: np.ndarray, things: np.ndarray, _names: list[str]) -> dict[str, int]:
    import scipy.optimize
    import scipy.sparse
    import scipy.special  # noqa: F401 - importing is not counted, here as elsewhere

    from tenure.recommend.pairs import matrix_of, pairs_of

    size = int(rows.max()) + 1
    started = time.process_time()
    pairs = pairs_of(matrix_of(rows, things, (size, int(things.max()) + 1)), math.ceil(SUPPORT * size), size)
    pairs.interval()  # lift with its prior and interval is part of the answer
    ours.seconds = time.process_time() - started
    return {f"{a}-{b}": int(n) for a, b, n in zip(pairs.a, pairs.b, pairs.count, strict=True)}


def apriori(rows: np.ndarray, things: np.ndarray, _names: list[str]) -> dict[str, int]:
    from efficient_apriori import itemsets_from_transactions

    transactions = [tuple(part) for part in np.split(things.tolist(), np.flatnonzero(np.diff(rows)) + 1)]
    started = time.process_time()
    itemsets, _rules = itemsets_from_transactions(transactions, min_support=SUPPORT, max_length=2)
    apriori.seconds = time.process_time() - started
    return {f"{min(pair)}-{max(pair)}": int(n) for pair, n in itemsets.get(2, {}).items()}


def fpgrowth(rows: np.ndarray, things: np.ndarray, _names: list[str]) -> dict[str, int]:
    import pandas as pd
    from mlxtend.frequent_patterns import fpgrowth as grow
    from scipy.sparse import csr_matrix

    size = int(rows.max()) + 1
    matrix = csr_matrix((np.ones(len(rows), dtype=bool), (rows, things)), shape=(size, int(things.max()) + 1))
    frame = pd.DataFrame(matrix.toarray())
    started = time.process_time()
    itemsets = grow(frame, min_support=SUPPORT, max_len=2)
    fpgrowth.seconds = time.process_time() - started
    pairs = {}
    for support, items in zip(itemsets["support"], itemsets["itemsets"], strict=True):
        if len(items) == 2:
            pairs[f"{min(items)}-{max(items)}"] = round(support * size)
    return pairs


RUNS = {"tenure": ours, "efficient-apriori": apriori, "mlxtend": fpgrowth}


def once(name: str, file: str) -> None:
    """Run one program on prepared baskets and print what it took."""
    with np.load(file) as baskets:
        rows, things = baskets["rows"], baskets["things"]
    run: Any = RUNS[name]
    started = time.process_time()
    pairs = run(rows, things, [])
    seconds = getattr(run, "seconds", time.process_time() - started)
    print(json.dumps({"seconds": seconds, "memory": peak(), "pairs": pairs}))


def peak() -> float:
    """Return the peak memory of this program alone, GB: what getrusage says begins with the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e6


def _measure(name: str, file: str) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, __file__, "--once", name, "--file", file], capture_output=True, text=True, check=True
    )
    return dict(json.loads(process.stdout.splitlines()[-1]))


def compare(shares: list[float]) -> None:
    print("| households | baskets | lines | things | pairs | " + " | ".join(f"{peer} s (GB)" for peer in PEERS) + " |")
    for share in shares:
        rows, things, names = baskets_of(share, products=False)
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:
            np.savez(file.name, rows=rows, things=things)
            results = {name: _measure(name, file.name) for name in PEERS}
        expected = results["tenure"]["pairs"]
        for name, result in results.items():
            if result["pairs"] != expected:
                raise SystemExit(f"{name} finds other pairs: {len(result['pairs'])} instead of {len(expected)}")
        base = results["tenure"]["seconds"]
        times = " | ".join(
            f"{result['seconds']:.2f} ({result['memory']:.2f}), {result['seconds'] / base:.0f} x"
            for result in results.values()
        )
        size = int(rows.max()) + 1
        print(f"| {share:.0%} | {size:,} | {len(rows):,} | {len(names):,} | {len(expected):,} | {times} |", flush=True)


def products() -> None:
    from tenure.recommend.pairs import least_of, matrix_of, pairs_of

    print("| households | baskets | lines | products | pairs | tenure s |")
    for share in (0.25, 0.5, 1.0):
        rows, things, names = baskets_of(share, products=True)
        size = int(rows.max()) + 1
        started = time.process_time()
        pairs = pairs_of(matrix_of(rows, things, (size, len(names))), least_of(size), size)
        took = time.process_time() - started
        print(f"| {share:.0%} | {size:,} | {len(rows):,} | {len(names):,} | {len(pairs):,} | {took:.2f} |", flush=True)
    print(f"memory {peak():.2f} GB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.5, 1.0])
    parser.add_argument("--products", action="store_true")
    parser.add_argument("--once", choices=PEERS)
    parser.add_argument("--file")
    arguments = parser.parse_args()
    if arguments.once:
        once(arguments.once, arguments.file)
    else:
        compare(arguments.shares)
        if arguments.products:
            products()
