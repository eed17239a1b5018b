"""Two shops that none of us made: the product's spans are the clerk's, none missing, none wrong.

Every customer of both shops is held against the day-by-day clerk.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import tenure as tn
from oracle.compare import _in_order, _near, rows_of
from oracle.history import Row, oracle_spans
from services import DATA
from stories.telling import command
from tenure.facts.reading import read_file
from tenure.lifecycle.model_file import builtin_texts, read
from tenure.practices.samples import SAMPLES

RHYTHM = """
id: rhythm
name: {zh: 节奏, en: Rhythm}
stages:
  - {id: fading, name: {zh: 渐远, en: Fading}, when: days_since(order) > 2 * typical_gap(order)}
  - id: falling
    name: {zh: 下降, en: Falling}
    when: count(order, last 90d) < 0.5 * count(order, last 90d, before 90d)
  - {id: other, name: {zh: 其他, en: Other}, when: otherwise}
"""
TEXTS = {"retail-activity": builtin_texts()["retail-activity"], "rhythm": RHYTHM}
AHEAD = 250


def held_against_the_clerk(
    orders: pa.Table, found: list[Row], mapping: dict[str, Any], as_of: date, tz: str
) -> tuple[int, int, int]:
    """Return how many spans were compared, how many the product misses and how many it has too many."""
    wanted = set(_in_order(oracle_spans({"orders": orders}, mapping, as_of, tz, horizon=AHEAD), mapping))
    have = {_near(row, as_of, AHEAD) for row in found}
    return len(wanted), len(wanted - have), len(have - wanted)


@pytest.fixture(scope="module")
def cdnow() -> Path:
    return DATA / "cdnow/CDNOW_sample.txt"


@pytest.fixture(scope="module")
def baskets(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """Return the supermarket's baskets as orders."""
    import duckdb

    lines, *_ = SAMPLES["complete-journey"].files(tmp_path_factory.mktemp("shop"))
    return (
        duckdb.connect()
        .execute(
            f"SELECT customer_id, min(\"at\") AS at, order_id, sum(amount) AS amount FROM '{lines.path}' "
            "GROUP BY customer_id, order_id"
        )
        .to_arrow_table()
    )


@pytest.mark.parametrize("model", TEXTS)
def test_the_command_stages_a_music_shop_as_the_clerk_does(cdnow: Path, model: str, tmp_path: Path) -> None:
    chosen, out = tmp_path / "model.yaml", tmp_path / "spans.parquet"
    chosen.write_text(TEXTS[model], encoding="utf-8")
    mapping = ("--map", "customer_id=1", "--map", "at=3", "--map", "amount=5")
    options = ("--as-of", "1998-06-30", "--tz", "America/New_York", "--out", str(out))
    told = command("stages", str(cdnow), "--model", str(chosen), *mapping, *options, "--json")
    assert told["orders"] == 6_919

    spans = pq.read_table(out)
    assert spans.column_names[:5] == ["customer_id", "stage", "entered_on", "left_on", "because"]
    orders, refused = read_file(cdnow, "orders", {"customer_id": 1, "at": 3, "amount": 5}, tz="America/New_York")
    assert (len(orders), len(refused)) == (6_919, 0)
    rows = [Row(**{name: row.get(name, False) for name in Row._fields}) for row in spans.to_pylist()]
    compared, missing, wrong = held_against_the_clerk(
        orders, rows, yaml.safe_load(TEXTS[model]), date(1998, 6, 30), "America/New_York"
    )
    assert (missing, wrong) == (0, 0)
    assert compared > 9_000


@pytest.mark.parametrize("model", TEXTS)
def test_a_supermarkets_baskets_are_staged_as_the_clerk_does(baskets: pa.Table, model: str) -> None:
    tz, as_of = "America/New_York", date(2017, 12, 31)
    spans = tn.spans(baskets, yaml.safe_load(TEXTS[model]), as_of=as_of, tz=tz).to_arrow()
    instants = baskets.set_column(1, "at", baskets.column("at").cast(pa.timestamp("us", tz="UTC")))
    orders = instants.append_column("status", pa.array(["sale"] * len(instants)))
    orders = orders.append_column("referrer_id", pa.nulls(len(orders), pa.string()))
    compared, missing, wrong = held_against_the_clerk(orders, rows_of(spans), yaml.safe_load(TEXTS[model]), as_of, tz)
    assert (missing, wrong) == (0, 0)
    assert compared > 6_000


def _active_until(bought: list[date]) -> int:
    """Return for how many days after the last of these days a customer is active: 45, or twice a steady rhythm."""
    gaps = [(after - before).days for before, after in pairwise(bought)]
    steady = len(gaps) >= 2 and pstdev(gaps) <= mean(gaps) / 2
    return max(45, int(2 * median(gaps))) if steady else 45


def test_the_retail_stages_of_a_music_shop_follow_from_subtraction_alone(cdnow: Path) -> None:
    """A third way, for everybody: the gaps between neighbouring purchases say where each stage begins."""
    orders, _ = read_file(cdnow, "orders", {"customer_id": 1, "at": 3, "amount": 5}, tz="UTC")
    as_of = date(1998, 6, 30)
    days: dict[str, set[date]] = {}
    for customer, at in zip(orders.column("customer_id").to_pylist(), orders.column("at").to_pylist(), strict=True):
        days.setdefault(customer, set()).add(at.date())
    wanted: set[tuple[Any, ...]] = set()
    for customer, bought in days.items():
        ordered = sorted(bought)
        entered = ordered[0]  # of the active stage, kept while purchases come in time
        for number, (day, following) in enumerate(zip(ordered, [*ordered[1:], None], strict=True), 1):
            end = following or as_of + timedelta(days=1)
            ends = {"active": _active_until(ordered[:number]), "silent": 90, "dormant": 180, "lost": 10_000}
            marks, begin = [("active", entered)], ends["active"]
            for stage in ("silent", "dormant", "lost"):
                if ends[stage] > begin:
                    marks.append((stage, day + timedelta(days=begin + 1)))
                    begin = ends[stage]
            reached = [mark for mark in marks if mark[1] < end]
            if following is not None and len(reached) == 1:
                continue
            left = [mark[1] for mark in reached[1:]] + [following]
            wanted |= {(customer, stage, start, stop) for (stage, start), stop in zip(reached, left, strict=True)}
            entered = following or entered
    found = tn.spans(orders, "retail-activity", as_of=as_of).to_arrow().to_pylist()
    assert {(row["customer_id"], row["stage"], row["entered_on"], row["left_on"]) for row in found} == wanted
    assert len(found) == len(wanted)
    assert read("retail-activity").path == ("active", "silent", "dormant", "lost")
