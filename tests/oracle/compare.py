"""Hold the product's spans against the oracle's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from oracle.history import Row, oracle_spans
from oracle.random_rules import OTHER_MODEL
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import pyarrow as pa

    from oracle.random_cases import RandomCase
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


def assert_case(case: RandomCase, found: pa.Table | None = None) -> None:
    """Fail with the rows and rules in which a case and the product's spans differ."""
    shop = case.shop
    if found is None:
        found = spans_of(shop.tables, model_of(case), as_of=shop.as_of, tz=shop.tz, customers=shop.customers)
    got = [_near(row, shop.as_of, NEAR) for row in rows_of(found)]
    wanted = _in_order(case.oracle(NEAR), case.mapping)
    rules = [f"  {stage['id']}: {stage}" for stage in case.mapping["stages"]]
    missing = [f"  missing {tuple(map(str, row))}" for row in wanted if row not in got]
    wrong = [f"  wrong   {tuple(map(str, row))}" for row in got if row not in wanted]
    assert got == wanted, "\n".join([f"case {case.seed}, {shop.tz}", *rules, *missing, *wrong])
