"""Refreshes: judging only who changed gives what judging everybody gives, and killing one harms nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from refreshes import numbers_agree
from refreshes import stages_only as refresh
from tenure.facts.frames import completed
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import read

START = date(2024, 1, 1)
RESULTS = ("spans", "doubts", "scorecard")
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
REFERRERS = """
id: referrers
stages:
  - {id: recommends, when: has(referred_buyer)}
  - {id: buys, when: has(order)}
"""
# Who waits moves on a day without any fact, and where somebody was decides where they go.
SETTLING = """
id: settling
settles: 14d
stages:
  - {id: back, when: 'in_stage("silent", "back") and days_since(order) <= 5', settles: 0d}
  - {id: buyer, when: days_since(order) <= 20, stays_while: days_since(order) <= 40, settles: 3d}
  - {id: silent, when: otherwise}
"""


def models() -> list[Model]:
    """Return models that read facts alone: how customers compare is published by each refresh of everybody."""
    texts = ("retail-activity", RHYTHM, REFERRERS, SETTLING, "crm-5", "value-5", "contact-span")
    return [read(text) for text in texts]


def rows(lake: Lake, table: str) -> list[tuple[object, ...]]:
    if not lake.has(table):
        return []
    con = lake.connect()
    return con.execute(f"SELECT COLUMNS(c -> c NOT IN ('generation', 'number')) FROM {table} ORDER BY ALL").fetchall()


def write_orders(path: Path, orders: list[tuple[str, int, float, str]]) -> Path:
    lines = ["customer_id,at,amount,referrer_id"]
    lines += [f"{who},{START + timedelta(days=day)},{amount},{by}" for who, day, amount, by in orders]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


people = st.sampled_from([f"c{n}" for n in range(8)])
orders = st.lists(
    st.tuples(people, st.integers(0, 420), st.integers(1, 500).map(float), st.sampled_from(["", "", "", "c0", "c1"])),
    min_size=1,
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(orders, min_size=2, max_size=4), st.lists(st.integers(200, 430), min_size=4, max_size=4))
def test_judging_who_changed_gives_what_judging_everybody_gives(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, int, float, str]]], days: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("shops")
    lake = Lake.create(folder / "lake", tz="UTC")
    fitting: set[str] = set()
    for n, batch in enumerate(batches):
        import_files(lake, [write_orders(folder / f"{n}.csv", batch)], as_="orders")
        as_of = START + timedelta(days=sorted(days)[n])
        before = fitting
        told = refresh(lake, as_of, models(), only_changed=True)
        fitting = {model.id for model in told.models if not model.missing}
        assert told.mode == ("touched" if fitting <= before else "full")  # a model that newly fits needs everybody
        stepwise = [rows(lake, table) for table in RESULTS]
        assert numbers_agree(lake)
        whole = Lake.create(folder / f"whole-{n}", tz="UTC")
        for m in range(n + 1):
            import_files(whole, [folder / f"{m}.csv"], as_="orders")
        refresh(whole, as_of, models())
        assert stepwise == [rows(whole, table) for table in RESULTS]


def test_a_touched_refresh_of_one_model_keeps_the_other_models_spans(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    import_files(lake, [write_orders(tmp_path / "a.csv", [("ann", 3, 5.0, ""), ("bob", 9, 7.0, "")])], as_="orders")
    refresh(lake, START + timedelta(days=100), models())
    given = ("rhythm", "settling")  # models that are not the lake's
    before = [row for table in ("spans", "doubts") for row in rows(lake, table) if row[0] not in given]
    refresh(lake, None, [read("retail-activity")], customers=["ann"])
    after = [row for table in ("spans", "doubts") for row in rows(lake, table) if row[0] not in given]
    assert after == before
    refresh(lake, None, [read("crm-5")])  # everybody again, under one of the models
    assert numbers_agree(lake)


def test_a_model_that_loses_its_facts_says_what_is_missing_and_stages_nobody(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    import_files(lake, [write_orders(tmp_path / "a.csv", [("ann", 3, 5.0, "")])], as_="orders")
    told = refresh(lake, START + timedelta(days=100), [read("satisfaction-4"), read("retail-activity")])
    assert told.models[0].missing == ("csat | nps | experience",)
    assert {row[0] for row in rows(lake, "spans")} == {"retail-activity"}


def big_shop(lake: Lake) -> None:
    chance = random.Random(3)
    count = 20_000
    table = {
        "fact_id": [f"f{n}" for n in range(count)],
        "customer_id": [f"c{chance.randrange(420):05d}" for _ in range(count)],
        "at": [START + timedelta(days=chance.randrange(700)) for _ in range(count)],
        "amount": [float(chance.randrange(1, 90)) for _ in range(count)],
    }
    lake.append_facts("orders", completed("orders", pa.table(table)))


@pytest.mark.slow
def test_a_refresh_killed_at_any_moment_leaves_the_old_result_or_the_new(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    big_shop(lake)
    as_of = START + timedelta(days=700)
    chosen = "retail-activity,crm-5,inverted-u"
    command = [sys.executable, "-m", "tenure.cli", "refresh", "--lake", str(lake.path), "--json", "--models", chosen]
    begin = time.monotonic()
    subprocess.run([*command, "--as-of", str(as_of)], check=True, capture_output=True)
    whole = time.monotonic() - begin
    results = [rows(lake, table) for table in RESULTS]
    chance = random.Random(11)
    killed = 0
    for _ in range(20):
        running = subprocess.Popen(
            [*command, "--as-of", str(as_of)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.3, 1.0) * whole)
        os.kill(running.pid, signal.SIGKILL)
        killed += running.wait() == -signal.SIGKILL
        # Every refresh gives the same rows, so old and new are equal; half a result, or both at once, would not be.
        assert [rows(lake, table) for table in RESULTS] == results
    assert killed >= 5
    subprocess.run([*command, "--as-of", str(as_of)], check=True, capture_output=True)
    assert [rows(lake, table) for table in RESULTS] == results
    assert lake.read("orders").num_rows == 20_000


def test_whose_record_holds_from_today_is_evaluated_again_though_nothing_was_imported(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    import_files(lake, [write_orders(tmp_path / "orders.csv", [("ann", 0, 10, ""), ("bob", 0, 10, "")])])
    people = tmp_path / "people.csv"
    people.write_text(f"customer_id,level,valid_from\nann,gold,{START + timedelta(days=20)}\n", encoding="utf-8")
    import_files(lake, [people], as_="customers")
    gold = {"id": "gold", "when": 'attribute(level) = "gold"'}
    model = read({"id": "levels", "enters": ["order"], "stages": [gold, {"id": "plain", "when": "otherwise"}]})
    refresh(lake, as_of=START + timedelta(days=10), models=[model])
    report = refresh(lake, as_of=START + timedelta(days=30), models=[model], only_changed=True)
    assert report.mode == "touched"
    now = (
        lake.connect()
        .execute("SELECT customer_id, stage, entered_on FROM spans WHERE left_on IS NULL ORDER BY 1")
        .fetchall()
    )
    assert now == [("ann", "gold", START + timedelta(days=20)), ("bob", "plain", START)]
