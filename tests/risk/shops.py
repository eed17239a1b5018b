"""Shops with a known truth: who buys by chance, who by a rhythm, who has left, and in whom something changed.

Everything is drawn here; a test knows what really happened and can count what was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.facts.blocks import Block, block_of
from tenure.facts.frames import completed
from tenure.facts.streams import Stream
from tenure.features.catalogue import FeatureSet
from tenure.risk.warnings import Warnings
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.scorecard.model import Context, Options

FEATURES = FeatureSet.of(Warnings.families)
TODAY = date(2026, 6, 30)
WINDOW = 90


@dataclass
class Shop:
    """Orders of a shop and what is true of it.

    Attributes
    ----------
    who, day : ndarray of int64
        Customer and day (before TODAY: 0 is TODAY, 1 the day before) of every order.
    changed : ndarray of bool
        In whom something changed at the beginning of the last 90 days.
    """

    who: np.ndarray
    day: np.ndarray
    changed: np.ndarray


def renewal(rates: np.ndarray, shape: float, days: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return customers and times (days from the start) of orders with gamma gaps; the first order is drawn anywhere.

    Parameters
    ----------
    rates : ndarray of float
        Orders a day of each customer.
    shape : float
        1 is chance, 8 nearly a clock, below 1 in bursts.
    """
    most = int(np.ceil(rates.max() * days * (2.0 if shape >= 1 else 4.0) + 30))
    gaps = rng.gamma(shape, 1.0 / (shape * rates)[:, None], (len(rates), most))
    start = rng.uniform(0.0, days / 3.0, len(rates))[:, None]
    times = np.concatenate([start, start + np.cumsum(gaps, axis=1)], axis=1)
    who = np.broadcast_to(np.arange(len(rates))[:, None], times.shape)
    inside = times < days
    return who[inside], times[inside]


def shop(
    customers: int = 1500,
    *,
    seed: int = 1,
    shape: float = 1.0,
    days: int = 720,
    changed: float = 0.0,
    left: float = 0.0,
    spread: str = "gamma",
) -> Shop:
    """Return a shop.

    Parameters
    ----------
    changed : float
        Part of the customers whose rate changes 90 days before TODAY.
    left : float
        Which part of their rate is left then; 0 is silence.
    spread : {"gamma", "lognormal"}
        How the rates differ: as the model takes it, or otherwise.
    """
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.5, 1.0 / 30.0, customers) if spread == "gamma" else rng.lognormal(-3.5, 0.8, customers)
    rates = np.maximum(rates, 1e-3)
    who, times = renewal(rates, shape, days, rng)
    touched = rng.random(customers) < changed
    keep = ~(touched[who] & (times >= days - WINDOW)) | (rng.random(len(times)) < left)
    who, times = who[keep], times[keep]
    return Shop(who, days - 1 - np.floor(times).astype(np.int64), touched)


def table_of(found: Shop, amount: float = 100.0) -> pa.Table:
    """Return the features of a shop, as a refresh would make them."""
    ids = np.char.add("c", np.char.zfill(np.arange(len(found.changed)).astype(str), 6))
    at = pa.array([TODAY - timedelta(days=int(day)) for day in found.day]).cast(pa.timestamp("us"))
    orders = pa.table({"customer_id": ids[found.who], "at": at, "amount": np.full(len(found.who), amount)})
    return features_of({"orders": orders})


def block(facts: dict[str, pa.Table], customers: pa.Table | None = None, today: date = TODAY) -> Block:
    """Return the block that features are read of."""
    streams = {
        stream: completed(stream.table, facts[stream.table])
        for stream in FEATURES.streams
        if stream.table in facts and stream != Stream("customers")
    }
    records = completed("customers", customers) if customers is not None else None
    return block_of(streams, tz="UTC", last_day=day_number(today), customers=records)


def features_of(facts: dict[str, pa.Table], customers: pa.Table | None = None, today: date = TODAY) -> pa.Table:
    """Return the features of fact tables."""
    return FEATURES.compute(EvaluationContext(block(facts, customers, today)))


def context(buyers: int = 100, **more: object) -> Context:
    """Return the day and the assumptions; small shops pass the gates."""
    return Context(TODAY, options=Options(buyers=buyers, **more))
