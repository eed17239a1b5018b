"""Reasons are data in the spans, and the same sentence for whoever reads them, one by one or a whole table at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tenure.clock import day_number
from tenure.facts.blocks import block_of
from tenure.facts.frames import completed
from tenure.lifecycle.model_file import read
from tenure.lifecycle.reasons import Reason, value_in_words, with_because
from tenure.lifecycle.spans import stage_block, streams_of
from tenure.rules.evaluation.compute import EvaluationContext

TODAY = date(2024, 6, 30)
MODEL = {
    "id": "shop",
    "stages": [
        {"id": "gold", "when": 'attribute(level) = "gold" and has(order)'},
        {"id": "unhappy", "when": "last(csat) < 3"},
        {"id": "active", "when": "days_since(order) <= 45 and sum(order.amount, last 90d) >= 10"},
        {"id": "rest", "when": "otherwise"},
    ],
}


@pytest.fixture(scope="module")
def spans() -> pa.Table:
    facts = {
        "orders": pa.table(
            {
                "customer_id": ["ann", "bob", "bob", "cem"],
                "at": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 5, 30), date(2024, 6, 1)],
                "amount": [12.5, 20.0, 30.25, 4.0],
            }
        ),
        "overrides": pa.table(
            {
                "customer_id": ["cem"],
                "at": [date(2024, 6, 20)],
                "model": ["shop"],
                "stage": ["gold"],
                "reason": ['he said "so"'],
                "until": pa.array([None], pa.date32()),
            }
        ),
    }
    customers = completed("customers", pa.table({"customer_id": ["ann"], "attributes": ['{"level": "gold"}']}))
    model = read(MODEL)
    tables = streams_of({name: completed(name, table) for name, table in facts.items()}, [model])
    block = block_of(tables, tz="UTC", last_day=day_number(TODAY), customers=customers)
    return stage_block(model, EvaluationContext(block)).spans


def of(spans: pa.Table, customer: str) -> list[dict[str, Any]]:
    return [row for row in spans.to_pylist() if row["customer_id"] == customer]


def reason_of(row: dict[str, Any]) -> Reason:
    return Reason.read(row["reason"], row["reason_values"], row["cannot_judge"])


def test_a_rule_keeps_its_measures_and_their_values(spans: pa.Table) -> None:
    last = of(spans, "bob")[-1]
    assert reason_of(last).measures == (("days_since(order)", 0.0), ("sum(order.amount, last 90d)", 30.25))
    assert last["reason_values"] == [0.0, 30.25]
    # What could not be judged before is a column of its own, and stands at the end of the sentence.
    assert last["cannot_judge"] == "gold,unhappy"
    assert str(reason_of(last)) == (
        "days_since(order) <= 45 and sum(order.amount, last 90d) >= 10"
        " [days_since(order) = 0, sum(order.amount, last 90d) = 30.25]; cannot judge: gold,unhappy"
    )


def test_attributes_are_texts_and_truths_are_yes_or_no(spans: pa.Table) -> None:
    assert str(reason_of(of(spans, "ann")[0])) == (
        'attribute(level) = "gold" and has(order) [attribute(level) = gold, has(order) = yes]'
    )


def test_otherwise_tells_the_measures_of_all_rules_unknown_ones_too(spans: pa.Table) -> None:
    reason = reason_of(of(spans, "cem")[0])
    assert (reason.rule, dict(reason.measures)["last(csat)"]) == ("otherwise", None)
    assert "last(csat) = unknown" in str(reason)


def test_a_persons_note_is_kept_as_it_was_written(spans: pa.Table) -> None:
    last = of(spans, "cem")[-1]
    assert reason_of(last).note == 'he said "so"'
    assert str(reason_of(last)) == 'override: he said "so"'


def test_a_whole_table_reads_as_its_rows_do(spans: pa.Table) -> None:
    table = with_because(spans)
    assert table.column("because").to_pylist() == [str(reason_of(row)) for row in spans.to_pylist()]
    assert table.column_names.index("because") == spans.column_names.index("reason")
    assert with_because(spans.slice(0, 0)).column("because").to_pylist() == []


def test_numbers_are_as_short_as_they_are_exact() -> None:
    words = [value_in_words(value) for value in (3.0, 0.5, 1 / 3, None, True, False, "gold")]
    assert words == ["3", "0.5", "0.3333", "unknown", "yes", "no", "gold"]
