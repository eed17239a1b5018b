"""From a log of orders to a scored table: what does a million customers cost, in seconds and in memory?

Each size runs in a process of its own, so that its peak memory is its own. `log` is one unsorted Parquet
file, read by ``tn.clv`` as a notebook would; `lake` is a lake of many orders, read in blocks; `all` makes every
column of the scorecard (value, ranking, churn, warnings, recommendations, decisions) as a refresh does, and `models`
does so with the stages under every model that fits.

    python bench/score_customers.py log 100000 1000000
    python bench/score_customers.py lake 1000000 --orders 50
    python bench/score_customers.py all 1000000 --orders 5
    python bench/score_customers.py models 200000 --orders 20
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import shop

WEEKS = 39
FIRST = np.datetime64("2024-01-01", "D").astype(int)
#: Pareto/NBD of CDNOW's sample: what the simulated shop's customers are like.
R, ALPHA, S, BETA = 0.553, 10.578, 0.606, 11.669


class Laps:
    """Seconds between calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Note how long it was since the last lap."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._last, 2)
        self._last = now


def write_log(path: Path, customers: int, seed: int = 3) -> int:
    """Write a log of orders of a shop like CDNOW, in the order of time; return its lines."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 12 * 7, customers) / 7.0
    rates, lives = rng.gamma(R, 1 / ALPHA, customers), rng.exponential(1.0, customers)
    lives /= rng.gamma(S, 1 / BETA, customers)
    counts = rng.poisson(rates * np.minimum(lives, WEEKS - starts))
    who = np.repeat(np.arange(customers), counts)
    weeks = starts[who] + rng.random(len(who)) * np.minimum(lives, WEEKS - starts)[who]
    who = np.concatenate([np.arange(customers), who])
    weeks = np.concatenate([starts, weeks])
    order = np.argsort(weeks, kind="stable")
    seconds = (weeks[order] * 7 * 86_400).astype(np.int64) + int(FIRST) * 86_400
    table = pa.table(
        {
            "customer_id": pa.array(who[order]).cast(pa.string()),
            "at": pa.array(seconds * 1_000_000, pa.timestamp("us", tz="UTC")),
            "amount": np.round(rng.gamma(6.25, 35.0 / 6.25, len(who)), 2),
        }
    )
    pq.write_table(table, path)
    return len(table)


def from_log(path: str, _orders: float) -> dict[str, Any]:
    """Score every customer of a log as a notebook would."""
    import tenure as tn

    laps = Laps()
    scored = tn.clv(path, as_of="2024-09-30", horizon=365).to_arrow()
    laps.lap("log to scored table")
    return {"seconds": laps.seconds, "customers": len(scored)}


def from_lake(path: str, _orders: float) -> dict[str, Any]:
    """Score every customer of a lake: features in blocks, then fit and score."""
    from tenure.facts.lake import Lake
    from tenure.features.catalogue import FeatureSet
    from tenure.refreshing.blocks import EvaluationRequest, evaluate_here
    from tenure.scorecard.model import Context
    from tenure.value.lifetime import Lifetime

    model, lake, laps = Lifetime(), Lake.open(path), Laps()
    request = EvaluationRequest((), FeatureSet.of(Lifetime.families))
    table = pa.concat_tables([block.features for block in evaluate_here(lake, request, date(2025, 1, 1), "customer")])
    laps.lap("features of every customer")
    context = Context(date(2025, 1, 1), lake.settings.tz, lake.settings.currency, lake)
    fits = {fit.part: fit for fit in model.fit(table, context)}
    laps.lap("choice and fit, with back-tests")
    scored = model.score(table, fits, context).columns
    laps.lap("score with intervals")
    return {"seconds": laps.seconds, "customers": len(scored), "model": fits["purchases"].model}


def whole_refresh(path: str, _orders: float, models: Sequence[Any] = ("retail-activity",)) -> dict[str, Any]:
    """Make every column of the scorecard and write it."""
    from tenure.facts.lake import Lake
    from tenure.refreshing.run import refresh

    laps, current = Laps(), [""]

    def on_progress(text: str, _part: float) -> None:
        if text != current[0]:
            if current[0]:
                laps.lap(current[0])
            current[0] = text

    report = refresh(Lake.open(path), date(2025, 1, 1), models, on_progress=on_progress)
    spans = sum(model.spans for model in report.models)
    return {"seconds": laps.seconds, "customers": report.customers, "spans": spans, "problems": report.problems}


def every_model(path: str, orders: float) -> dict[str, Any]:
    """Make every column of the scorecard, and the spans of every model."""
    from tenure.lifecycle.model_file import builtin

    return whole_refresh(path, orders, list(builtin().values()))


WAYS = {"log": from_log, "lake": from_lake, "all": whole_refresh, "models": every_model}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("customers", type=int, nargs="+")
    parser.add_argument("--orders", type=float, default=5.0, help="orders a customer, in a lake")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        begin = time.perf_counter()
        result = WAYS[arguments.way](arguments.inside, arguments.orders)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(json.dumps({**result, "all": round(time.perf_counter() - begin, 2), "peak GB": round(peak, 2)}))
        return
    way = arguments.way
    for customers in arguments.customers:
        with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
            path = Path(folder) / ("log.parquet" if way == "log" else "lake")
            started = time.perf_counter()
            lines = write_log(path, customers) if way == "log" else shop.make(path, customers, arguments.orders)[1]
            print(f"{way}: {customers:,} customers, {lines:,} orders, made in {time.perf_counter() - started:.1f} s")
            command = [sys.executable, __file__, way, str(customers), "--inside", str(path)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(json.dumps(json.loads(output.splitlines()[-1]), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
