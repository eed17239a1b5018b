"""Options that several commands share, and what is made of their texts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tenure.errors import FactsError, MappingError
from tenure.words import mark, say

LakeFolder = Annotated[
    Path, typer.Option("--lake", envvar="TENURE_LAKE", help=say(mark("Lake folder.")), show_default=False)
]
OptionalLake = Annotated[
    Path | None,
    typer.Option("--lake", envvar="TENURE_LAKE", help=say(mark("Lake folder.")), show_default=False),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help=say(mark("Column for a field: its header, its position starting at 1, or =TEXT for a fixed value.")),
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help=say(mark("Print the result as JSON.")))]
As = Annotated[
    str,
    typer.Option(
        "--as",
        help=say(
            mark(
                "What the rows contain: orders, order_lines, baskets (order lines from which orders are "
                "built), interactions, feedback, cases, costs, volumes, balances, contracts, overrides or "
                "customers."
            )
        ),
    ),
]
Source = Annotated[str, typer.Option("--source", help=say(mark("Source of the data.")))]
TimeZone = Annotated[str, typer.Option("--tz", help=say(mark("Time zone used for calendar days.")))]
DateFormat = Annotated[
    str, typer.Option("--date-format", help=say(mark("dmy, mdy or a pattern, if dates are ambiguous.")))
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help=say(mark("As-of date, such as 2024-12-31."))),
]


def mapping_of(pairs: list[str] | None) -> dict[str, str | int]:
    """Return --map field=column as a mapping."""
    mapping: dict[str, str | int] = {}
    for pair in pairs or []:
        name, sign, column = pair.partition("=")
        if not sign or not name.strip() or not column.strip():
            raise MappingError(
                mark("--map %(pair)r is not valid. Use --map field=column, such as --map amount=实付金额."),
                pair=pair,
            )
        mapping[name.strip()] = column.strip()
    return mapping


def day_of(text: str | None) -> date | None:
    """Return a day given as text, such as with --as-of."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FactsError(mark("%(text)r is not a valid date. Use the format 2024-12-31."), text=text) from error


def list_of(text: str | None) -> list[str] | None:
    """Return names separated by commas; None when the option is omitted."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def current_time() -> datetime:
    """Return the current time: the only place where the command line reads the clock."""
    return datetime.now(UTC)
