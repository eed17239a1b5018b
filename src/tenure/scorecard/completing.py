"""Completing: from everybody's figures to everybody's scorecard.

With stored fits, a few customers are scored just as they would be among everybody.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.errors import TenureError
from tenure.scorecard.parts import AS_OF, is_published, parts
from tenure.stats.record import Fit
from tenure.words import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure.lifecycle.context import Context, Part

log = logging.getLogger("tenure.scorecard")


@dataclass
class Completed:
    """What came of it."""

    table: pa.Table  # the published columns, one row a customer
    fits: dict[str, Fit] = field(default_factory=dict)  # what was fitted (or used), by part
    reports: dict[str, Any] = field(default_factory=dict)  # what pages show of everybody
    tables: dict[str, pa.Table] = field(default_factory=dict)  # whole tables for the lake
    problems: dict[str, Message] = field(default_factory=dict)  # parts that failed, and why; their columns are empty


def complete(
    figures: pa.Table,
    context: Context,
    fits: Mapping[str, Fit] | None = None,
    *,
    everybody: bool = True,
    strict: bool = False,
    tell: Callable[[str], None] = lambda _name: None,
) -> Completed:
    """Return the scorecard of a table of customers."""
    done = Completed(figures, dict(fits or {}))
    for part in parts():
        tell(part.name)
        try:
            _add(part, done, context, refit=fits is None)
        except Exception as wrong:
            if strict:
                raise
            _give_up(part, done, wrong)
    for part in parts():
        if part.name not in done.problems:
            _show(part, done, context, everybody=everybody, strict=strict)
    day = pa.repeat(pa.scalar(context.as_of, AS_OF.type), len(done.table))
    kept = [name for name in done.table.column_names if is_published(name)]
    done.table = done.table.select(kept).append_column(AS_OF, day)
    return done


def _add(part: Part, done: Completed, context: Context, *, refit: bool) -> None:
    if refit:
        done.fits |= {fit.part: fit for fit in part.fit(done.table, context)}
    made = part.score(done.table, done.fits, context)
    for one in part.schema:
        column = made.column(one.name)
        done.table = done.table.append_column(one, column if column.type == one.type else column.cast(one.type))


def _show(part: Part, done: Completed, context: Context, *, everybody: bool, strict: bool) -> None:
    try:
        if everybody:
            done.reports |= part.report(done.table, done.fits, context)
        done.tables |= part.tables(done.table, done.fits, context)
    except Exception as wrong:
        if strict:
            raise
        _note(part, done, wrong)


def _give_up(part: Part, done: Completed, wrong: Exception) -> None:
    """Leave a part's columns empty, whatever of it was made."""
    _note(part, done, wrong)
    made = done.table.select([name for name in done.table.column_names if name not in part.schema.names])
    for one in part.schema:
        made = made.append_column(one, pa.nulls(len(made), one.type))
    done.table = made


def _note(part: Part, done: Completed, wrong: Exception) -> None:
    log.error("%s could not be worked out", part.name, exc_info=wrong)
    text = f"{type(wrong).__name__}: {wrong}"
    problem = wrong.message if isinstance(wrong, TenureError) else Message("%(text)s", {"text": text})
    done.problems[part.name] = problem
    done.fits[part.name] = Fit(part.name, verdict="failed", figures={"error": problem.to_dict()})
