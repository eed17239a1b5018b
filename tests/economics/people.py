"""Hand-made and simulated episodes for the tests of economics."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.economics.episodes import CashFlows, Episodes, cash_flows, episodes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.facts.lake import Lake

LAST = 1000
Row = tuple[int, str, int, int | None]


def stays(rows: Sequence[Row], order: Sequence[str] = ("a", "b", "c"), last: int = LAST, people: int = 0) -> Episodes:
    """Return episodes of rows (customer, stage, entered, left or None)."""
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    columns = dict(zip(("who", "stage", "entered", "left_"), zip(*rows, strict=True), strict=True))
    table = pa.table({**columns, "left_": pa.array(columns["left_"], pa.int64())})
    return episodes_of(table, people or max(columns["who"]) + 1, last, order)


def money(rows: Sequence[tuple[int, int, float]], costs: Sequence[tuple[int, int, float]] = ()) -> CashFlows:
    """Return money of orders (customer, day, amount) without known cost, and of costs."""
    orders = [{"who": w, "at": d * 86_400_000_000, "amount": a, "cost": None, "back": False} for w, d, a in rows]
    spent = [{"who": w, "at": d * 86_400_000_000, "amount": a} for w, d, a in costs]
    schema = pa.schema({"who": pa.int64(), "at": pa.int64(), "amount": pa.float64(), "cost": pa.float64(),
                        "back": pa.bool_()})  # fmt: skip
    return cash_flows(
        pa.Table.from_pylist(orders, schema=schema),
        pa.Table.from_pylist(spent) if spent else None,
        "UTC",
        10**6,
    )


class Chain:
    """A process with known truth, in weeks: a customer is awake or asleep; sleep ends surely after six weeks.

    Awake: falls asleep with 0.1 a week, pays 10 a week. Asleep: wakes with 0.2 a week in the first two weeks and 0.05
    afterwards; after six weeks is lost for ever. Asleep and lost cost 1 a week.
    """

    stages = ("awake", "asleep", "lost")
    pays = (10.0, -1.0, -1.0)

    @staticmethod
    def step(stage: np.ndarray, weeks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the stages a week later."""
        dice = rng.random(len(stage))
        sleepy = (stage == 0) & (dice < 0.1)
        wakes = (stage == 1) & (dice < np.where(weeks < 2, 0.2, 0.05))
        lost = (stage == 1) & ~wakes & (weeks >= 5)
        return np.where(sleepy, 1, np.where(wakes, 0, np.where(lost, 2, stage)))

    @classmethod
    def truth(cls, stage: int, weeks: int, horizon: int, discount: float, size: int = 40_000) -> float:
        """Return the mean discounted money of many who start there, over so many weeks."""
        rng = np.random.default_rng(7)
        place, since, total = np.full(size, stage), np.full(size, weeks), 0.0
        for week in range(horizon):
            paid = np.array(cls.pays)[place].mean()
            total += paid * np.exp(-discount * (week + 0.5) * 7 / 365)
            after = cls.step(place, since, rng)
            since = np.where(after == place, since + 1, 0)
            place = after
        return float(total)

    @classmethod
    def watched(cls, people: int, weeks: int, seed: int) -> tuple[Episodes, CashFlows]:
        """Return what was seen of people who began awake, one after the other over the first half."""
        rng = np.random.default_rng(seed)
        begins = rng.integers(0, weeks // 2, people)
        place, since = np.zeros(people, dtype=np.int64), np.zeros(people, dtype=np.int64)
        spans: list[list[int]] = []
        running = [[n, 0, int(begins[n])] for n in range(people)]
        who, day, amount = [], [], []
        for week in range(weeks):
            here = np.flatnonzero(begins <= week)
            if week < weeks - 1:
                who.append(here)
                day.append(np.full(len(here), week * 7 + 3))
                amount.append(np.array(cls.pays)[place[here]])
            after = place.copy()
            after[here] = cls.step(place[here], since[here], rng)
            for n in np.flatnonzero(after != place) if week < weeks - 1 else ():
                spans.append([*running[n], (week + 1) * 7])
                running[n] = [int(n), int(after[n]), week + 1]
            since = np.where(begins > week, 0, np.where(after == place, since + 1, 0))
            place = after
        last = (weeks - 1) * 7
        rows: list[Row] = [(n, cls.stages[s], w * 7, end) for n, s, w, end in spans]
        rows += [(n, cls.stages[s], w * 7, None) for n, s, w in running]
        found = stays(rows, cls.stages, last, people)
        flat = [np.concatenate(one) for one in (who, day, amount)]
        nothing = np.zeros(len(flat[0]))
        return found, CashFlows(flat[0], flat[1], flat[2], flat[2], nothing)


def fill(lake: Lake, people: int = 700, days: int = 420, seed: int = 3, costs: bool = True) -> date:
    """Fill a lake with regular, fading and gone customers; return the last day."""
    rng = np.random.default_rng(seed)
    start = datetime(2024, 1, 1, 9)
    orders, spent = [], []
    for n in range(people):
        kind = n % 4
        gap, until = (15, days) if kind == 0 else (40, days) if kind == 1 else (25, int(rng.integers(70, days)))
        on = float(rng.integers(0, 60))
        while on < until:
            amount = round(float(rng.gamma(4, 20 if kind == 0 else 10)), 2)
            at = start + timedelta(days=int(on))
            row = {"customer_id": f"C{n:04}", "at": at, "amount": amount, "order_id": f"{n}-{on:.3f}"}
            orders.append({**row, "cost": round(amount * 0.6, 2) if costs else None})
            on += float(rng.gamma(4, gap / 4)) + 1
        if costs:
            spent += [{"customer_id": f"C{n:04}", "at": start + timedelta(days=d), "amount": 2.0, "kind": "service"}
                      for d in range(30, days, 30)]  # fmt: skip
    append(lake, "orders", orders)
    if costs:
        append(lake, "costs", spent)
    return date(2024, 1, 1) + timedelta(days=days)


def append(lake: Lake, name: str, rows: list[dict[str, object]]) -> None:
    """Append rows as facts."""
    from tenure.facts.frames import completed

    named = [{"fact_id": f"{name}-{n}", **row} for n, row in enumerate(rows)]
    lake.append_facts(name, completed(name, pa.Table.from_pylist(named)))
