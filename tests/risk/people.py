"""A few customers made by hand: what they did, and the warnings that follow."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from risk import shops
from tenure.risk.warnings import Warnings
from tenure.words import loads, sentences

MODEL = Warnings()

Facts = dict[str, list[dict[str, Any]]]


def ago(days: int) -> datetime:
    day = shops.TODAY - timedelta(days=days)
    return datetime(day.year, day.month, day.day, 12)


def orders(who: str, *days: int, amount: str = "100", **more: Any) -> list[dict[str, Any]]:
    return [{"customer_id": who, "at": ago(day), "amount": Decimal(amount), **more} for day in days]


def did(who: str, kind: str, *days: int) -> list[dict[str, Any]]:
    return [{"customer_id": who, "at": ago(day), "kind": kind} for day in days]


def said(who: str, measure: str, *answers: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"customer_id": who, "at": ago(day), "measure": measure, "score": Decimal(score)} for day, score in answers]


def case(who: str, number: str, event: str, day: int) -> dict[str, Any]:
    return {"customer_id": who, "at": ago(day), "case_id": number, "kind": "complaint", "event": event}


def tables(facts: Facts) -> dict[str, pa.Table]:
    return {name: pa.Table.from_pylist(rows) for name, rows in facts.items()}


def found(facts: Facts, customers: list[dict[str, Any]] | None = None, **more: Any) -> list[dict[str, Any]]:
    """Return the warnings of a few hand-made customers; too few for anything to be fitted."""
    records = pa.Table.from_pylist(customers) if customers else None
    table = shops.features_of(tables(facts), records)
    for name, values in more.items():
        table = table.append_column(name, pa.array(values))
    fits = {fit.part: fit for fit in MODEL.fit(table, shops.context())}
    rows = MODEL.score(table, fits, shops.context()).tables["warnings"].to_pylist()
    return [{**row, "evidence": evidence(row["evidence"])} for row in rows]


def evidence(text: str) -> dict[str, Any]:
    """Return stored evidence as it reads in both languages, and the figures in it."""
    messages = loads(text)
    figures = {name: getattr(value, "value", value) for message in messages for name, value in message.data.items()}
    return {"zh": sentences(messages, "zh"), "en": sentences(messages, "en"), "figures": figures}


def signals(facts: Facts, who: str = "ann") -> dict[str, dict[str, Any]]:
    return {row["signal"]: row for row in found(facts) if row["customer_id"] == who}


def scored(facts: Facts) -> dict[str, Any]:
    table = shops.features_of(tables(facts))
    fits = {fit.part: fit for fit in MODEL.fit(table, shops.context())}
    return MODEL.score(table, fits, shops.context()).columns.to_pylist()[0]


def volumes(*rows: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"customer_id": "ann", "at": ago(day), "amount": Decimal(amount)} for day, amount in rows]
