"""Streams: which rows flow into a block, and by which column.

It reads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenure.facts.kinds import Kind


class Stream(NamedTuple):
    """One sorted flow of rows: a fact table, read by the column that says whose fact it is."""

    table: str
    who: str = "customer_id"

    @classmethod
    def of(cls, kind: Kind, subject: str = "customer") -> Stream:
        """Return the stream in which the facts of a kind flow."""
        return cls(kind.table, "product_id" if subject == "product" else kind.who)


_EXTRA = {
    "orders": ("status",),
    "order_lines": ("category",),
    "interactions": ("kind", "category"),
    "feedback": ("measure",),
    "profile_notes": ("kind", "category"),
    "cases": ("case_id", "kind", "event"),
    "contracts": ("event",),
    "overrides": ("model", "stage", "reason", "until"),
}


def columns_of(stream: Stream, fields: Iterable[str] = (), extra: Iterable[str] | None = None) -> list[str]:
    """Return the columns to read for a stream: whose, when, and what its kinds are told apart by."""
    more = _EXTRA.get(stream.table, ()) if extra is None else extra
    return list(dict.fromkeys([stream.who, "at", *more, *fields]))
