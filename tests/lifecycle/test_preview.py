"""A preview tells just what a refresh would do: compared with spans staged one customer at a time."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from memory import compare
from tenure.facts.frames import completed
from tenure.facts.lake import Lake
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED, Model
from tenure.lifecycle.model_file import read
from tenure.lifecycle.preview import EXAMPLES, Preview, compare_lake
from tenure.lifecycle.spans import spans_of

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2025, 1, 15)


def rhythm(active: int, silent: int = 90, *, loyal: int = 4, last: str = "otherwise") -> Model:
    """Return a model of four stages; the last takes everybody else."""
    rules = {
        "active": f"days_since(order) <= {active}",
        "loyal": f"count(order) >= {loyal}",
        "silent": f"days_since(order) <= {silent}",
        "lost": last,
    }
    return read({"id": "rhythm", "stages": [{"id": stage, "when": rule} for stage, rule in rules.items()]})


def shop(seed: int = 7, people: int = 120) -> pa.Table:
    """Return orders of some people, a few of them only after today, and refunds."""
    draw = random.Random(seed)
    rows = []
    for n in range(people):
        for _ in range(draw.randint(1, 6)):
            day = date(2024, 1, 1) + timedelta(days=draw.randint(0, 400))
            rows.append({"customer_id": f"c{n:03d}", "at": day, "amount": draw.choice([-5.25, 10.0, 99.5])})
    return pa.Table.from_pylist(rows)


def stages_one_by_one(orders: pa.Table, model: Model, customer: str) -> str:
    """Return where somebody stands today, judged alone from the spans; overly simple on purpose."""
    mine = orders.filter(pa.compute.equal(orders.column("customer_id"), customer))
    for span in spans_of({"orders": mine}, model, as_of=TODAY).to_pylist():
        if span["left_on"] is None:
            return str(span["stage"])
    bought = [row for row in mine.to_pylist() if row["amount"] >= 0 and row["at"] <= TODAY]
    return UNSTAGED if bought else NOT_IN_MODEL


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_a_comparison_customer_by_customer(seed: int) -> None:
    orders = shop(seed)
    before, after = rhythm(45), rhythm(30, 60, last="count(order) > 100")
    found = compare({"orders": orders}, before, after, as_of=TODAY)
    ids = sorted(set(orders.column("customer_id").to_pylist()))
    old = {one: stages_one_by_one(orders, before, one) for one in ids}
    new = {one: stages_one_by_one(orders, after, one) for one in ids}
    worth: Counter[str] = Counter()
    for row in orders.to_pylist():
        worth[row["customer_id"]] += row["amount"] if row["at"] <= TODAY else 0
    movers = [one for one in ids if old[one] != new[one]]
    assert found.customers == len(ids)
    assert {k: v for k, v in found.before.items() if v} == dict(Counter(old.values()))
    assert {k: v for k, v in found.after.items() if v} == dict(Counter(new.values()))
    assert {(m.source, m.target): m.customers for m in found.moves} == Counter(
        (old[mover], new[mover]) for mover in movers
    )
    assert found.moved == len(movers)
    assert found.value == pytest.approx(sum(worth.values()))
    assert found.value_moved == pytest.approx(sum(worth[mover] for mover in movers))
    for example in found.examples:
        assert (example.source, example.target) == (old[example.customer_id], new[example.customer_id])
        assert example.value == pytest.approx(worth[example.customer_id])


def test_examples_give_reasons_and_no_kind_of_move_stays_unseen() -> None:
    found = compare({"orders": shop()}, rhythm(45), rhythm(10, 20), as_of=TODAY)
    assert len(found.examples) == min(EXAMPLES, found.moved)
    assert {(example.source, example.target) for example in found.examples} == {
        (move.source, move.target) for move in found.moves
    }
    assert all(
        "days_since(order)" in str(example.reason) or "count(order)" in str(example.reason)
        for example in found.examples
    )
    assert len({example.customer_id for example in found.examples}) == len(found.examples)


def test_overlaps_are_counted_by_hand_and_the_first_rule_wins() -> None:
    orders = pa.table({
        "customer_id": ["both", "both", "both", "both", "new", "old"],
        "at": [TODAY - timedelta(days=n) for n in (1, 2, 3, 4, 5, 400)],
        "amount": [1.0] * 6,
    })  # fmt: skip
    found = compare({"orders": orders}, None, rhythm(45), as_of=TODAY)
    assert found.overlapping == 2
    pairs = {(overlap.first, overlap.second): overlap.customers for overlap in found.overlaps}
    assert pairs == {("active", "silent"): 2, ("active", "loyal"): 1, ("loyal", "silent"): 1}
    assert found.after == {"active": 2, "loyal": 0, "silent": 0, "lost": 1, UNSTAGED: 0, NOT_IN_MODEL: 0}
    assert found.nobody == ("loyal", "silent")
    assert found.shadowed == ("loyal", "silent")  # their rules do hold, but active takes their customers first


def test_rules_that_hold_for_nobody_and_customers_in_no_stage_are_told() -> None:
    orders = pa.table({"customer_id": ["old"], "at": [date(2023, 1, 1)], "amount": [1.0]})
    found = compare({"orders": orders}, None, rhythm(45, last="count(order) > 9"), as_of=TODAY)
    assert found.nobody == ("active", "loyal", "silent", "lost")
    assert found.shadowed == ()
    assert found.after[UNSTAGED] == 1
    assert [(move.source, move.target) for move in found.moves] == [(NOT_IN_MODEL, UNSTAGED)]


def test_the_same_model_moves_nobody_and_a_new_one_moves_everybody_in() -> None:
    orders = shop()
    same = compare({"orders": orders}, rhythm(45), rhythm(45), as_of=TODAY)
    assert (same.moved, same.moves, same.examples, same.value_moved) == (0, (), (), 0)
    new = compare({"orders": orders}, None, rhythm(45), as_of=TODAY)
    assert new.moved == new.customers - new.after[NOT_IN_MODEL]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake with the shop's orders."""
    made = Lake.create(tmp_path / "lake", tz="UTC")
    rows = shop().to_pylist()
    facts = pa.Table.from_pylist([{**row, "fact_id": str(n), "source": "till"} for n, row in enumerate(rows)])
    made.append_facts("orders", completed("orders", facts))
    return made


def test_a_lake_read_in_slices_gives_the_same_as_one_block(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compare({"orders": shop()}, rhythm(45), rhythm(30), as_of=TODAY)
    assert compare_lake(lake, rhythm(45), rhythm(30), as_of=TODAY) == whole
    lake.compact("orders")
    told: list[tuple[int, int]] = []
    ranges = [(None, "c030"), ("c030", "c100"), ("c100", None)]
    monkeypatch.setattr("tenure.facts.slices.Slices.ranges", lambda _self, *_: ranges)
    cut = compare_lake(lake, rhythm(45), rhythm(30), as_of=TODAY, on_progress=lambda *now: told.append(now))
    assert cut == whole
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_preview_can_be_kept_as_json() -> None:
    import json

    found: Preview = compare({"orders": shop()}, rhythm(45), rhythm(30), as_of=TODAY)
    again = json.loads(json.dumps(found.as_json()))
    assert again["as_of"] == "2025-01-15"
    assert again["moved"] == found.moved == sum(move["customers"] for move in again["moves"])


def test_a_cut_inside_a_row_group_counts_nobody_twice(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from refreshes import stages_only as refresh

    lake.compact("orders")
    monkeypatch.setattr("tenure.facts.slices.Slices.ranges", lambda _self, *_: [(None, "c050"), ("c050", None)])
    refresh(lake, as_of=TODAY, models=["retail-activity"])
    found = lake.connect().execute("select count(*), count(distinct customer_id) from scorecard").fetchone()
    assert found == (120, 120)


def test_it_counts_the_moves_that_are_undone_before_and_after() -> None:
    days = (0, 50, 100, 150, 200)  # silent for four days in each gap, and back
    orders = pa.Table.from_pylist(
        [{"customer_id": "ann", "at": date(2024, 6, 1) + timedelta(days=on), "amount": 5.0} for on in days]
    )
    plain = rhythm(45)
    held = read({"id": "rhythm", "settles": "14d", "stages": [{"id": s.id, "when": s.when} for s in plain.stages]})
    preview = compare({"orders": orders}, plain, held, as_of=date(2025, 1, 10))
    assert preview.undone_before is not None
    assert preview.undone_before.undone >= 3
    assert preview.undone == (0, 0)
    body = preview.as_json()
    assert (body["undone"], body["undone_before"]["undone"]) == (
        {"moves": 0, "undone": 0, "share": None},
        preview.undone_before.undone,
    )
    assert compare({"orders": orders}, None, held, as_of=date(2025, 1, 10)).undone_before is None
