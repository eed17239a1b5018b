"""A simulated shop of any size, written straight into a lake's orders table, sorted by customer.

Customers differ: each has a rhythm of its own, some stop early. Orders lie between 2022-01-01 and 2024-12-31.
The simulation is fixed by its seed, and is made in portions of customers so that memory stays small.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.lake import Lake
from tenure.facts.schema import FACT_TABLES, NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = np.datetime64("2022-01-01T00:00:00", "us").astype(np.int64)
DAYS = 1096
PORTION = 20_000
SCHEMA = FACT_TABLES["orders"].schema


def make(folder: Path, customers: int, orders_each: float, seed: int = 7) -> tuple[Lake, int]:
    """Make a lake with so many customers and about so many orders each; return it and the number of orders."""
    lake = Lake.create(folder, tz="Asia/Shanghai", business="bench")
    rows = lake.write("orders", _batches(customers, orders_each, seed), schema=SCHEMA)
    return lake, rows


def _batches(customers: int, orders_each: float, seed: int) -> Iterator[pa.RecordBatch]:
    for begin in range(0, customers, PORTION):
        rng = np.random.default_rng([seed, begin])
        yield portion(np.arange(begin, min(begin + PORTION, customers)), orders_each, rng)


def portion(numbers: np.ndarray, orders_each: float, rng: np.random.Generator) -> pa.RecordBatch:
    """Return the orders of some customers, sorted by customer and time."""
    counts = 1 + rng.poisson(rng.gamma(1.5, (orders_each - 1) / 1.5, len(numbers)))
    begins = rng.integers(0, DAYS - 60, len(numbers))
    lives = np.maximum(30, (DAYS - begins) * np.minimum(1.0, rng.beta(2.0, 0.8, len(numbers)) * 1.2))
    who = np.repeat(np.arange(len(numbers)), counts)
    seconds = (begins[who] + rng.random(len(who)) * np.minimum(lives, DAYS - begins)[who]) * 86_400
    at = FIRST + seconds.astype(np.int64) * 1_000_000
    at = at[np.lexsort((at, who))]
    cents = rng.integers(100, 50_000, len(who))
    return _batch(numbers[who], at, cents, numbers[0])


def _batch(who: np.ndarray, at: np.ndarray, cents: np.ndarray, salt: int) -> pa.RecordBatch:
    size = len(who)
    customer = pc.binary_join_element_wise("c", pc.utf8_lpad(pa.array(who).cast(pa.string()), 9, "0"), "")
    fact = pc.binary_join_element_wise(f"f{salt}", pa.array(np.arange(size)).cast(pa.string()), "-")
    pairs = np.zeros((size, 2), dtype=np.int64)
    pairs[:, 0] = cents * 100
    columns = {
        "fact_id": fact,
        "customer_id": customer,
        "at": pa.array(at, pa.timestamp("us", tz="UTC")),
        "source": pa.repeat(pa.scalar("bench"), size),
        "order_id": fact,
        "amount": pa.Array.from_buffers(NUMBER, size, [None, pa.py_buffer(pairs)]),
        "status": pa.repeat(pa.scalar("sale"), size),
    }
    return pa.RecordBatch.from_arrays(
        [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(size, field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )
