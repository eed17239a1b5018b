"""What is expected of one customer: value, risk, the next order, what to do; as the last refresh published it.

It never writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tenure.words import loads
from tenure_app.customers.profile import has

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the last refresh says about a customer.

    Attributes
    ----------
    row : dict
        The scorecard's row.
    reasons : list of dict
        Why they may leave: group, measure, value, own_past, peers, weight and a message.
    warnings : list of dict
        Signals, the weightiest first.
    recommendations : list of dict
        Products, the best first.
    gates : list of dict
        Conditions that the data does not meet yet, so that nothing is predicted: name, needed, found.
    """

    row: dict[str, Any]
    reasons: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    recommendations: list[dict[str, Any]] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)
    verdict: str = ""
    model: str = ""  # the life-cycle model by which the advice was weighed


def predictions(con: duckdb.DuckDBPyConnection, customer: str) -> Predictions | None:
    """Return what is expected of a customer; None while the scorecard has nothing of the kind."""
    found = _rows(con, "select * from scorecard where customer_id = ?", customer)
    if not found or "lifetime_value" not in found[0]:
        return None
    row = found[0]
    gates, verdict = _purchases(con)
    return Predictions(
        row,
        loads(row.get("churn_reasons") or "[]") if row.get("churn_level") else [],
        _read(con, "warnings", "order by score desc, signal", customer, "evidence"),
        _read(con, "recommendations", "order by rank limit 5", customer, "reason"),
        gates,
        verdict,
        _model(con),
    )


def _rows(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[dict[str, Any]]:
    found = con.execute(sql, list(values))
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _read(con: duckdb.DuckDBPyConnection, table: str, rest: str, customer: str, packed: str) -> list[dict[str, Any]]:
    if not has(con, table):
        return []
    rows = _rows(con, f"select * from {table} where customer_id = ? {rest}", customer)
    for row in rows:
        row[packed] = loads(row[packed]) if row.get(packed) else {}
    return rows


def _model(con: duckdb.DuckDBPyConnection) -> str:
    """Return the life-cycle model by which the last refresh weighed its advice."""
    if not has(con, "fits"):
        return ""
    rows = _rows(con, "select model from fits where part = 'decisions' order by generation desc limit 1")
    return rows[0]["model"] if rows else ""


def _purchases(con: duckdb.DuckDBPyConnection) -> tuple[list[dict[str, Any]], str]:
    """Return the gates that purchase models did not pass at the last fit, and the verdict on the chosen model."""
    if not has(con, "fits"):
        return [], ""
    rows = _rows(
        con, "select body from fits where part = 'purchases' and generation = (select max(generation) from fits)"
    )
    if not rows:
        return [], ""
    fit = json.loads(rows[0]["body"])
    return [gate for gate in fit["gates"] if gate["found"] < gate["needed"]], fit["verdict"]
