"""Options that several commands share, and what is made of their texts."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.errors import FactsError, LakeError, MappingError
from tenure.words import mark, say

if TYPE_CHECKING:
    from tenure.facts.lake import Lake


def option(text: str, default: Any = ..., *names: str, **settings: Any) -> Any:
    """Return an option with its marked help text; it goes by its parameter's name unless it is given others."""
    return typer.Option(default, *names, help=say(text), **settings)


def argument(text: str, default: Any = ..., **settings: Any) -> Any:
    return typer.Argument(default, help=say(text), **settings)


_LAKE = option(mark("Lake folder."), ..., "--lake", envvar="TENURE_LAKE", show_default=False)
LakeFolder = Annotated[Path, _LAKE]
OptionalLake = Annotated[Path | None, _LAKE]
Map = Annotated[
    list[str] | None,
    option(
        mark("Column for a field: its header, its position starting at 1, or =TEXT for a fixed value."),
        ...,
        "--map",
        metavar="FIELD=COLUMN",
    ),
]
AsJson = Annotated[bool, option(mark("Print the result as JSON."), ..., "--json")]
As = Annotated[
    str,
    option(
        mark(
            "What the rows contain: orders, order_lines, baskets (order lines from which orders are built), "
            "interactions, feedback, profile_notes, cases, costs, volumes, balances, contracts, overrides or customers."
        ),
        ...,
        "--as",
    ),
]
TimeZone = Annotated[str, option(mark("Time zone used for calendar days."))]
DateFormat = Annotated[str, option(mark("dmy, mdy or a pattern, if dates are ambiguous."))]
AsOf = Annotated[
    str | None,
    option(mark("As-of date, such as 2024-12-31; the day of the last refresh when omitted."), metavar="DATE"),
]
AsOfAnyDay = Annotated[
    str | None, option(mark("As-of date, such as 2024-12-31; the last day with a fact when omitted."), metavar="DATE")
]


SomeModel = Annotated[
    str | None, option(mark("Model id (see tenure models list); the recommended model when omitted."), ..., "--model")
]
BusinessKind = Annotated[
    str | None,
    option(
        mark("Kind of business: retail, ecommerce, catering, education, telecom, bank, saas, b2b or other."),
        ...,
        "--business",
    ),
]


def business_question(lake: Path) -> str:
    """Return the hint that asks for the kind of business."""
    text = mark(
        "What kind of business is it? Say so to get three suitable models: "
        "tenure models recommend --business retail --apply --lake %(lake)s"
    )
    return say(text, lake=lake)


def open_lake(folder: Path) -> Lake:
    from tenure.facts.lake import Lake  # loaded late: help shows without it

    return Lake.open(folder)


def lake_at_hand(folder: Path | None) -> Lake | None:
    """Open a lake that a command can do without; the environment may name one that is still to be made."""
    if folder is None or (os.environ.get("TENURE_LAKE") == str(folder) and not (folder / "tenure.json").exists()):
        return None
    return open_lake(folder)


def create_lake(folder: Path, tz: str | None) -> Lake:
    """Open a lake, made when it is missing; a new one takes the time zone."""
    from tenure.facts.lake import Lake

    return Lake.create(folder, **({"tz": tz} if tz else {}))


def read_facts(file: Path, table: str, mapping: list[str] | None, tz: str, date_format: str) -> tuple[Any, Any]:
    """Return a file's facts and its rejected rows, without a lake."""
    from tenure.facts.reading import read_file

    return read_file(file, table, mapping_of(mapping), tz=tz, date_format=date_format, now=current_time())


def mapping_of(pairs: list[str] | None) -> dict[str, str | int]:
    mapping: dict[str, str | int] = {}
    for pair in pairs or []:
        name, sign, column = pair.partition("=")
        if not sign or not name.strip() or not column.strip():
            text = mark("--map %(pair)r is not valid. Use --map field=column, such as --map amount=实付金额.")
            raise MappingError(text, pair=pair)
        mapping[name.strip()] = column.strip()
    return mapping


def day_of(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FactsError(mark("%(text)r is not a valid date. Use the format 2024-12-31."), text=text) from error


def last_refresh(lake: Lake) -> date:
    """Return the day of which the lake's newest refresh speaks, or raise a LakeError when there are no stages."""
    from tenure.refreshing import report

    day = report.last_refresh(lake.connect(("refreshes",))) if lake.has("spans") else None
    if day is None:
        text = mark("The lake in %(path)s has no stages yet. Run: tenure refresh --lake %(path)s")
        raise LakeError(text, path=lake.path)
    return day


def model_of(lake: Lake, model: str | None) -> str:
    """Return the model that is asked for, else the one that the lake shows first."""
    from tenure.lifecycle.choice import default_model

    return model or default_model(lake.settings)


def list_of(text: str | None) -> list[str] | None:
    """Return names separated by commas; None when the option is omitted."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def current_time() -> datetime:
    """Return the current time: the only place where the command line reads the clock."""
    return datetime.now(UTC)
