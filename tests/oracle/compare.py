"""Hold the product's spans against the oracle's."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from oracle.history import Row, oracle_spans
from oracle.random_rules import OTHER_MODEL
from tenure.clock import day_number
from tenure.facts.blocks import block_of
from tenure.facts.frames import completed
from tenure.facts.schema import HISTORY, INSTANT
from tenure.lifecycle.model_file import read
from tenure.lifecycle.published import populations_on, populations_read, with_populations
from tenure.lifecycle.reasons import with_because
from tenure.lifecycle.spans import spans_of, stage_block, streams_of
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.published import SCORES, Published

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oracle.random_cases import RandomCase
    from tenure.facts.blocks import Block
    from tenure.lifecycle.model import Model

#: How far the oracle looks ahead in random tests; a next change beyond is not contradicted.
AHEAD = 700
#: The same for random models, of which there are many.
NEAR = 120


def rows_of(spans: pa.Table) -> list[Row]:
    """Return a table of spans as the oracle's rows."""
    return [Row(*(row[name] for name in Row._fields)) for row in spans.to_pylist()]


def _in_order(rows: Iterable[Row], mapping: Mapping[str, Any]) -> list[Row]:
    """Sort rows by customer and day, steps passed through before the stage they led to."""
    path = list(mapping.get("path") or [stage["id"] for stage in mapping["stages"]])
    place = {stage: number for number, stage in enumerate(path)}
    return sorted(
        rows, key=lambda row: (row.customer_id, row.entered_on, not row.passed_through, place.get(row.stage, 99))
    )


def _near(row: Row, as_of: date, horizon: int) -> Row:
    far = row.next_change_on is not None and row.next_change_on > as_of + timedelta(days=horizon)
    return row._replace(next_stage=None, next_change_on=None) if far else row


def differences(
    facts: Mapping[str, pa.Table],
    mapping: Mapping[str, Any],
    as_of: date,
    tz: str,
    customers: pa.Table | None = None,
    horizon: int = AHEAD,
    only: set[str] | None = None,
) -> tuple[list[Row], list[Row]]:
    """Return (rows the product misses, rows it should not have)."""
    wanted = _in_order(oracle_spans(facts, mapping, as_of, tz, customers, horizon, only), mapping)
    found = rows_of(spans_of(facts, read(mapping), as_of=as_of, tz=tz, customers=customers))
    found = [_near(row, as_of, horizon) for row in found if only is None or row.customer_id in only]
    if found != wanted and _in_order(found, mapping) == wanted:
        raise AssertionError(f"the right rows in a wrong order: {found}")
    return [row for row in wanted if row not in found], [row for row in found if row not in wanted]


def assert_equal(
    facts: Mapping[str, pa.Table],
    mapping: Mapping[str, Any],
    as_of: date,
    tz: str,
    customers: pa.Table | None = None,
    horizon: int = AHEAD,
    only: set[str] | None = None,
) -> None:
    """Fail with the rows that differ."""
    missing, wrong = differences(facts, mapping, as_of, tz, customers, horizon, only)
    text = "\n".join(
        ["", *(f"  missing {tuple(row)}" for row in missing), *(f"  wrong   {tuple(row)}" for row in wrong)]
    )
    assert not missing and not wrong, text


OWN_MODELS = {OTHER_MODEL["id"]: yaml.safe_dump(OTHER_MODEL, allow_unicode=True)}


def model_of(case: RandomCase) -> Model:
    """Return a case's model as the product reads it."""
    return read(case.mapping, named_dates=case.world.named_dates, own=OWN_MODELS)


def block_of_case(case: RandomCase, model: Model, day: date) -> Block:
    """Return everybody of a case's shop up to a day, with all that their records ever said."""
    facts, customers = case.shop.tables, case.shop.customers
    streams = streams_of({name: completed(name, table) for name, table in facts.items()}, [model])
    if customers is not None:
        customers = _with_history(completed("customers", customers))
    return block_of(streams, tz=case.shop.tz, last_day=day_number(day), customers=customers)


def _with_history(records: pa.Table) -> pa.Table:
    """Return the newest record of each customer, with all of them beside it, as a lake's slices have them."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in records.to_pylist():
        rows.setdefault(row["customer_id"], []).append(row)
    every = [sorted(several, key=lambda row: row["seen_at"]) for _, several in sorted(rows.items())]
    newest = pa.Table.from_pylist([several[-1] for several in every], schema=records.schema)
    first = pa.array([several[0]["seen_at"] for several in every], INSTANT)
    return newest.append_column("first_seen_at", first).append_column("history", pa.array(every, HISTORY))


def published_in(case: RandomCase, model: Model) -> Published:
    """Return what was published in a case, as a lake keeps it."""
    scores: dict[str, list[dict[str, Any]]] = {}
    for day, by_name in case.world.scores:
        for name, by_customer in by_name.items():
            for who, value in by_customer.items():
                text = None if value is None else str(float(value))
                row = {"customer_id": who, "day": date.fromordinal(day), "value": text}
                scores.setdefault(name, []).append(row)
    tables = {
        name: pa.Table.from_pylist(rows, SCORES).sort_by([("customer_id", "ascending"), ("day", "ascending")])
        for name, rows in scores.items()
    }
    published, nodes = Published(tables), populations_read([model])
    for day, _ in case.world.comparisons if nodes else ():
        context = EvaluationContext(block_of_case(case, model, date.fromordinal(day)), published)
        published = with_populations(published, populations_on([context], nodes, context.block.last_day))
    return published


def product_spans(case: RandomCase) -> pa.Table:
    """Return the product's spans of a case."""
    model = model_of(case)
    block = block_of_case(case, model, case.shop.as_of)
    return with_because(stage_block(model, EvaluationContext(block, published_in(case, model))).spans)


def differences_of(case: RandomCase, spans: pa.Table | None = None) -> list[str]:
    """Return the rows in which a case and the product's spans differ, after its rules; nothing when they are equal."""
    shop = case.shop
    rows = [_near(row, shop.as_of, NEAR) for row in rows_of(product_spans(case) if spans is None else spans)]
    wanted = _in_order(case.oracle(NEAR), case.mapping)
    if rows == wanted:
        return []
    rules = [
        f"  { ({key: value for key, value in stage.items() if key != 'name'}) }" for stage in case.mapping["stages"]
    ]
    missing = [f"  missing {tuple(map(str, row))}" for row in wanted if row not in rows]
    wrong = [f"  wrong   {tuple(map(str, row))}" for row in rows if row not in wanted]
    return [f"case {case.name}, {shop.tz}, {shop.as_of}", *rules, *missing, *wrong]


def assert_case(case: RandomCase, spans: pa.Table | None = None) -> None:
    """Fail with the rules and the rows in which a case and the product's spans differ."""
    differing = differences_of(case, spans)
    assert not differing, "\n".join(["", *differing])
