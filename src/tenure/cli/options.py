"""Options that several commands share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tenure.errors import MappingError
from tenure.words import mark, render, say

LakeFolder = Annotated[
    Path, typer.Option("--lake", envvar="TENURE_LAKE", help=say(mark("Folder of the lake.")), show_default=False)
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help=say(mark("Which column holds a field: its header, its position from 1, or =TEXT for a fixed text.")),
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help=say(mark("Print one JSON object for machines.")))]
As = Annotated[
    str,
    typer.Option(
        "--as",
        help=say(
            mark(
                "What the rows are: orders, order_lines, baskets (lines that also make orders), interactions, "
                "feedback, cases, costs, volumes, balances, contracts, overrides or customers."
            )
        ),
    ),
]
Source = Annotated[str, typer.Option("--source", help=say(mark("Where the facts come from.")))]


def mapping_of(pairs: list[str] | None) -> dict[str, str | int]:
    """Return --map field=column as a mapping."""
    result: dict[str, str | int] = {}
    for pair in pairs or []:
        name, sign, column = pair.partition("=")
        if not sign or not name.strip() or not column.strip():
            raise MappingError(
                mark("--map %(pair)r is not understood. Write --map field=column, such as --map amount=实付金额."),
                pair=pair,
            )
        result[name.strip()] = column.strip()
    return result


def present() -> datetime:
    """Return the present moment: the only place where the command line reads the clock."""
    return datetime.now(UTC)


def say_json(told: Any) -> None:
    """Print a JSON object, its messages in the reader's language."""
    typer.echo(json.dumps(render(told), ensure_ascii=False, default=str))
