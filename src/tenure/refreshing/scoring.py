"""Scoring: the scorecard models run over a table of features, one after the other."""

from __future__ import annotations

import ctypes
import logging
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.errors import TenureError
from tenure.refreshing.models import AS_OF, columns, features_of, is_published, scorecard_models
from tenure.stats.record import Fit
from tenure.words import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenure.scorecard.model import Context, Fits, ScorecardModel

log = logging.getLogger("tenure.refreshing")


@dataclass
class Scorecard:
    """What the scorecard models made of some customers, or of everybody."""

    table: pa.Table  # the published columns, one row a customer
    fits: dict[str, Fit] = field(default_factory=dict)  # what was fitted (or used), by name
    reports: dict[str, Any] = field(default_factory=dict)  # what pages show of everybody
    tables: dict[str, pa.Table] = field(default_factory=dict)  # whole tables for the lake
    problems: dict[str, Message] = field(default_factory=dict)  # models that failed, and why; their columns are empty


def run_models(
    features: pa.Table,
    models: Sequence[ScorecardModel],
    context: Context,
    fits: Fits | None = None,
    *,
    everybody: bool = True,
    on_model: Callable[[str], None] = lambda _name: None,
) -> Scorecard:
    """Return the scorecard of a table of features; models are fitted unless `fits` are given.

    Ranks are made anew from everybody even then: a tier says who is in the first fifth today.
    """
    scorecard = Scorecard(features, dict(fits or {}))
    all_features = set(features_of(scorecard_models()).schema.names)
    for number, model in enumerate(models):
        on_model(model.name)
        _return_memory()
        given = None if fits is None or (model.ranks and everybody) else fits
        try:
            result = model.run(scorecard.table, context, given)
            added = {field.name: result.columns.column(field.name).cast(field.type) for field in model.schema}
            if given is None:  # what was given is there already, ranks that were renewed with it included
                scorecard.fits |= result.fits
        except Exception as wrong:
            if context.options.strict:
                raise
            _note(scorecard, model, wrong)
            result, added = None, {field.name: pa.nulls(len(features), field.type) for field in model.schema}
        for name, column in added.items():
            scorecard.table = scorecard.table.append_column(name, column)
        try:
            if result is not None:
                scorecard.reports |= result.report() if everybody else {}
                scorecard.tables |= result.tables
        except Exception as wrong:
            if context.options.strict:
                raise
            _note(scorecard, model, wrong)
        # The features that no later model reads go: there are a hundred, for every customer.
        done = all_features - set(features_of(models[number + 1 :]).schema.names)
        kept = [name for name in scorecard.table.column_names if is_published(name) or name not in done]
        scorecard.table = scorecard.table.select(kept)
    day = pa.repeat(pa.scalar(context.as_of, AS_OF.type), len(features))
    scorecard.table = scorecard.table.append_column(AS_OF, day).select(columns(models).names)
    return scorecard


def _return_memory() -> None:
    """Give the system back what is free: arrays of a million customers leave most of a gigabyte with the allocator."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):  # glibc has it, musl not
        trim(0)


def _note(scorecard: Scorecard, model: ScorecardModel, wrong: Exception) -> None:
    log.error("%s could not be computed", model.name, exc_info=wrong)
    text = f"{type(wrong).__name__}: {wrong}"
    problem = wrong.message if isinstance(wrong, TenureError) else Message("%(text)s", {"text": text})
    scorecard.problems[model.name] = problem
    scorecard.fits[model.name] = Fit(model.name, verdict="failed", figures={"error": problem.to_dict()})
