"""How long does everybody's exact history take, against what the same machine needs just to read the table?

In one run over one table: the floor (DuckDB groups all orders by customer), a plain window (`lead()` over each
customer's orders), our history held in memory, and a whole refresh that also writes spans and scorecard.

    python bench/history.py --customers 1000000 --orders 50
    python bench/history.py --customers 1000000 --orders 50 --models all
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import shop
from tenure.facts.lake import Lake
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import builtin, read
from tenure.refreshing.blocks import EvaluationRequest, evaluate_here
from tenure.refreshing.run import refresh

AS_OF = date(2025, 1, 1)  # the last local day with an order
RHYTHM = """
id: rhythm
name: {zh: 节奏, en: Rhythm}
stages:
  - {id: fading, name: {zh: 渐远, en: Fading}, when: days_since(order) > 2 * typical_gap(order)}
  - id: falling
    name: {zh: 下降, en: Falling}
    when: "count(order, last 90d) < 0.5 * count(order, last 90d, before 90d)"
  - {id: other, name: {zh: 其他, en: Other}, when: otherwise}
"""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long something took, and its result."""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def floor(lake: Lake) -> int:
    """Group all orders by customer."""
    con = lake.connect(("orders",))
    # Both figures are used outside, or the optimizer would leave them out and not even read the days.
    sql = (
        "SELECT count(*), sum(n), max(epoch_us(last)) FROM"
        ' (SELECT customer_id, count(*) AS n, max("at") AS last FROM orders GROUP BY customer_id)'
    )
    return int(con.execute(sql).fetchall()[0][0])


def window(lake: Lake) -> int:
    """Put each order beside the customer's next one, as a snapshot-free SQL would."""
    con = lake.connect(("orders",))
    sql = (
        'SELECT count(*) FROM (SELECT "at", lead("at") OVER (PARTITION BY customer_id ORDER BY "at") AS next'
        " FROM orders)"
        ' WHERE next IS NULL OR next - "at" > INTERVAL 45 DAY'
    )
    return int(con.execute(sql).fetchone()[0])  # type: ignore[index]


def history(lake: Lake, models: list[Model]) -> int:
    """Make all spans under some models, and let them go."""
    return sum(len(block.spans) for block in evaluate_here(lake, EvaluationRequest(models), AS_OF, "customer"))


def peak() -> str:
    """Return this process's largest memory so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024:.2f} GB"


def main() -> None:
    """Run and print one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--orders", type=float, default=50, help="orders per customer, on average")
    parser.add_argument("--models", default="", help="'all' also refreshes every model that fits")
    parser.add_argument("--lake", type=Path, help="a lake made by an earlier run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        place = arguments.lake or Path(folder)
        if (place / "tenure.json").exists():
            lake = Lake.open(place)
        else:
            seconds, (lake, rows) = timed(lambda: shop.make(place, arguments.customers, arguments.orders))
            print(f"generator            {seconds:8.1f} s   {rows:,} orders of {arguments.customers:,} customers")
        measure(lake, every=arguments.models == "all")


def measure(lake: Lake, *, every: bool) -> None:
    """Measure one lake."""
    floor(lake)  # warms the disk's cache for every measurement alike
    base, people = timed(lambda: floor(lake))
    print(f"floor: group by      {base:8.2f} s   {people:,} customers")
    seconds, _ = timed(lambda: window(lake))
    print(f"plain lead() window  {seconds:8.2f} s   {seconds / base:5.1f} x floor")
    retail, rhythm = read("retail-activity"), read(RHYTHM)
    for name, models in (("retail-activity", [retail]), ("rhythm", [rhythm])):
        seconds, spans = timed(lambda models=models: history(lake, models))
        print(f"{name:<20} {seconds:8.2f} s   {seconds / base:5.1f} x floor   {spans:,} spans   peak {peak()}")
    seconds, report = timed(lambda: refresh(lake, AS_OF, [retail], scorecard=()))
    print(f"refresh, written     {seconds:8.2f} s   {seconds / base:5.1f} x floor   spans, scorecard   peak {peak()}")
    if every:
        seconds, report = timed(lambda: refresh(lake, AS_OF, list(builtin().values()), scorecard=()))
        fitting = sum(not model.missing for model in report.models)
        spans = sum(model.spans for model in report.models)
        print(
            f"refresh, {fitting} models  {seconds:8.1f} s   {seconds / base:5.1f} x floor"
            f"   {spans:,} spans   peak {peak()}"
        )


if __name__ == "__main__":
    main()
