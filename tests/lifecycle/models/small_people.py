"""Small hand-made customers, written down in a few numbers: how many days ago something happened, and what.

``orders: [20, [5, 80]]`` is an order of 100 twenty days ago and one of 80 five days ago, and
``{every: 30, from: 360, to: 0}`` is a row of them. The cases stand in ``cases/<model>.yaml``, by the stage in which
the customer must land.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from tenure.facts.schema import CUSTOMERS, FACT_TABLES
from tenure.lifecycle.model_file import builtin
from tenure.lifecycle.spans import spans_of

AS_OF = date(2024, 12, 31)
NAME = "Lin"
CASES = Path(__file__).parent / "cases"

#: Who is not in the model at all, and who is in it but in no stage.
ABSENT, NOWHERE = "absent", "none"


@dataclass(frozen=True)
class Case:
    """One customer and where they must be."""

    model: str
    stage: str
    says: str
    facts: dict[str, Any] = field(hash=False)
    cause: str | None = None
    unjudged: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return f"{self.model}-{self.stage}-{self.says}".replace(" ", "_")


def cases() -> list[Case]:
    """Return every case of every model."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        for stage, people in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            found += [_case(path.stem, str(stage), person) for person in people]
    return found


def _case(model: str, stage: str, person: dict[str, Any]) -> Case:
    facts = {key: value for key, value in person.items() if key not in ("says", "cause", "unjudged")}
    unjudged = tuple(person["unjudged"]) if "unjudged" in person else None
    return Case(model, stage, person["says"], facts, person.get("cause"), unjudged)


def tables(facts: dict[str, Any], customer: str = NAME) -> dict[str, pa.Table]:
    """Return the fact tables of one small customer."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for key, items in facts.items():
        if key in ("record", "scores"):
            continue
        for number, item in enumerate(_spread(items, lines=key == "lines")):
            table, row = _ROWS[key](customer, number, *item)
            rows.setdefault(table, []).append({"customer_id": customer, "at": _at(item[0]), **row})
    return {name: _table(name, several) for name, several in rows.items()}


def history(model: str, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the spans of one small customer, or of the product that they bought, under a built-in model."""
    definition = builtin()[model]
    scores = {name: {NAME: value} for name, value in facts.get("scores", {}).items()}
    found = spans_of(
        tables(facts), definition, as_of=AS_OF, tz="UTC", customers=record(facts), scores=scores or None
    ).to_pylist()
    mine = "p1" if definition.subject == "product" else NAME
    return [span for span in found if span["customer_id"] == mine]


def stages(model: str, facts: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the stages that one small customer went through, each with how many days ago it began."""
    return [(span["stage"], (AS_OF - span["entered_on"]).days) for span in history(model, facts)]


def record(facts: dict[str, Any], customer: str = NAME) -> pa.Table | None:
    """Return the customer record, if the case has one."""
    given = facts.get("record")
    if given is None:
        return None
    row = {
        "customer_id": customer,
        "created_on": AS_OF - timedelta(days=given["created"]),
        "attributes": json.dumps(given.get("attributes", {})),
    }
    return pa.Table.from_pylist([row], schema=CUSTOMERS)


def _spread(items: list[Any], *, lines: bool = False) -> list[list[Any]]:
    spread: list[list[Any]] = []
    for item in items:
        if isinstance(item, dict):
            days = range(item["from"], item["to"] - 1, -item["every"])
            spread += [[ago, *(["tea"] if lines else []), item.get("amount", 100)] for ago in days]
        else:
            spread.append(item if isinstance(item, list) else [item])
    return spread


def _at(ago: int) -> datetime:
    return datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12, tzinfo=UTC) - timedelta(days=ago)


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = FACT_TABLES[name].schema
    whole = [{**row, "fact_id": f"{name}-{number}"} for number, row in enumerate(rows)]
    exact = [{key: Decimal(str(value)) if _is_number(value) else value for key, value in row.items()} for row in whole]
    return pa.Table.from_pylist(exact, schema=schema)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


Row = tuple[str, dict[str, Any]]


def _order(_: str, number: int, ago: int, amount: float = 100, more: dict[str, Any] | None = None) -> Row:
    extra = more or {}
    row = {"order_id": f"o{number}", "amount": amount, "status": "sale", "referrer_id": extra.get("referrer")}
    return "orders", row


def _refund(_: str, number: int, ago: int, amount: float) -> Row:
    return "orders", {"order_id": f"r{number}", "amount": amount, "status": "refund"}


def _referred(customer: str, number: int, ago: int, amount: float = 100) -> Row:
    row = {"customer_id": f"friend-{number}", "order_id": f"f{number}", "amount": amount, "status": "sale"}
    return "orders", {**row, "referrer_id": customer}


def _line(_: str, number: int, ago: int, category: str, amount: float = 10) -> Row:
    row = {"order_id": f"o{number}", "product_id": "p1", "category": category, "quantity": 1, "amount": amount}
    return "order_lines", row


def _interaction(_: str, number: int, ago: int, kind: str, seconds: float | None = None, category: str = "") -> Row:
    return "interactions", {"kind": kind, "seconds": seconds, "category": category or None}


def _feedback(_: str, number: int, ago: int, measure: str, score: float) -> Row:
    return "feedback", {"survey": "s", "measure": measure, "score": score}


def _service_case(_: str, number: int, ago: int, case: str, event: str, kind: str = "complaint") -> Row:
    return "cases", {"case_id": case, "event": event, "kind": kind}


def _contract(_: str, number: int, ago: int, event: str, contract: str = "k1") -> Row:
    return "contracts", {"contract_id": contract, "event": event}


_ROWS = {
    "orders": _order,
    "refunds": _refund,
    "referred_orders": _referred,
    "lines": _line,
    "interactions": _interaction,
    "feedback": _feedback,
    "cases": _service_case,
    "contracts": _contract,
    "costs": lambda _, number, ago, amount: ("costs", {"amount": amount}),
    "volumes": lambda _, number, ago, amount: ("volumes", {"amount": amount}),
    "balances": lambda _, number, ago, due, owed: ("balances", {"receivable": due, "payable": owed}),
}
