"""The refresh: stages, value, risk and decisions of every customer, from the facts, in one pass.

Blocks of customers are evaluated, which gives spans and features; each scorecard model runs over the features; the
result is published in one place. Everything is written beside the lake's tables first, so a refresh takes the lock
for taking its generation and for publishing only, and one that is killed leaves the previous result standing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenure.lake.lock import writing
from tenure.refreshing.draft import LakeDraft
from tenure.refreshing.models import scorecard_models
from tenure.refreshing.planning import plan_of
from tenure.refreshing.publishing import publish
from tenure.refreshing.report import RESTAGED, RefreshReport, take_generation
from tenure.refreshing.work import Work
from tenure.scorecard import registry
from tenure.scorecard.options import options_of
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.refreshing.report import Progress
    from tenure.refreshing.scoring import Scorecard
    from tenure.scorecard.model import Options, ScorecardModel


def refresh(  # noqa: PLR0913
    lake: Lake,
    as_of: date | None = None,
    models: Sequence[str | Path | Model] | None = None,
    engine: str = "duckdb",
    on_progress: Progress | None = None,
    *,
    customers: Sequence[str] | None = None,
    only_changed: bool = False,
    options: Options | None = None,
    scorecard: Sequence[ScorecardModel] | None = None,
) -> RefreshReport:
    """Evaluate customers under models, work out value, risk and decisions, and write it all into the lake.

    Parameters
    ----------
    lake : Lake
        Where the facts are and the results go.
    as_of : date, optional
        The day on which everybody is seen; the last day with a fact when omitted.
    models : sequence of model ids, files or models, optional
        When omitted, all that fit and are switched on, have a file in the lake, or hold overrides. A refresh of
        everybody under all of these removes the spans of the others; any other refresh leaves them as they are.
    engine : {"duckdb", "spark"}
        What carries the facts to the kernel. The answers are the same.
    on_progress : callable, optional
        Called with a sentence and the share done, 0 to 1.
    customers : sequence of str, optional
        Evaluate and score only these, with the fits of the last full refresh, as of its day when `as_of` is omitted.
    only_changed : bool, default False
        Evaluate only those whose stages can have changed since the last refresh: with new facts, or with a change
        foreseen for a day up to `as_of`. Everybody, when there was no refresh yet, when a model changed, or for an
        earlier day than the last. On a later day everybody is scored anew. Nothing is fitted anew but ranks.
    options : Options, optional
        Assumptions; the lake's own when omitted.
    scorecard : sequence of scorecard models, optional
        All when omitted; an empty one for stages alone.

    Returns
    -------
    RefreshReport
        With `problems`: what could not be computed, and why.

    Raises
    ------
    ModelError, RuleError
        When a model cannot be read.
    EngineError
        When the engine is not known, or Spark is asked for and not installed.
    """
    progress = on_progress or (lambda _text, _share: None)
    progress(mark("Checking which models apply"), 0.0)
    parts = scorecard_models() if scorecard is None else tuple(scorecard)
    with writing(lake.path):  # what was committed before is read, and whatever is committed later bears a later moment
        generation, started = take_generation(lake), datetime.now(UTC)
    plan = plan_of(lake, as_of, models, parts, engine=engine, customers=customers, only_changed=only_changed)
    report = RefreshReport(generation, plan.as_of, engine, plan.mode, started, models=plan.reports)
    work = Work(lake, plan, report, LakeDraft(lake), options or options_of(lake), progress)
    try:
        if plan.customers is None:
            report.fitted_on = plan.as_of
            scored = work.score_everybody(work.evaluate_everybody(), None)
            work.evaluate_readers_of_everybody()
            publish(work, scored)
        else:
            publish(work, _changed(work, plan.customers))
    finally:
        work.draft.discard()
    progress(mark("Done"), 1.0)
    return report


def _changed(work: Work, customers: list[str]) -> Scorecard | None:
    """Evaluate some customers, and score them with the fits that are there; on a later day, score everybody."""
    fits = registry.latest(work.lake)
    work.report.fitted_on = registry.fitted_on(work.lake)
    features = work.evaluate(customers)
    if work.plan.rescored:
        scorecard = work.score_everybody(work.features_of_everybody(), fits)
        work.evaluate_readers_of_everybody()
        return scorecard
    if not customers:
        return None
    overtaken: list[str] = []
    if work.plan.mode != RESTAGED and work.plan.scorecard:
        # Somebody who overtakes others in sales changes their ranks, although nothing happened to them.
        ranks, overtaken = work.ranks(features, fits)
        fits |= ranks
        features = work.with_features_of(overtaken, features)
    scorecard = work.score([*customers, *overtaken], features, fits)
    work.evaluate_readers(customers)
    work.evaluate_readers(overtaken, counted=False)
    return scorecard
