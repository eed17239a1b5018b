"""Publishing: everything a refresh wrote becomes visible under the lake's lock, and nothing else does it.

Another refresh may have been published while this one worked. Customers who were restaged meanwhile are evaluated
again before publishing; a whole refresh that began later wins, and this one says that it lost.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenure.lake.lock import writing
from tenure.lake.views import scan
from tenure.lifecycle.published import published_for
from tenure.refreshing.draft import LakeDraft
from tenure.refreshing.numbers import CustomerNumbers
from tenure.refreshing.planning import with_other_models
from tenure.refreshing.report import FULL, RESTAGED, published_since, take_generation
from tenure.scorecard import registry
from tenure.words import Message, mark

if TYPE_CHECKING:
    from datetime import date

    from tenure.refreshing.scoring import Scorecard
    from tenure.refreshing.work import Work


def publish(work: Work, result: Scorecard | None) -> None:
    """Commit a refresh's tables, fits and reports, and write it down; or say that a later one was first."""
    lake, report = work.lake, work.report
    with writing(lake.path):
        newer = published_since(lake, report.generation)
        full = [generation for generation, mode, _day in newer if mode != RESTAGED]
        if full and report.mode != RESTAGED:
            report.superseded_by = full[-1]
            text = mark("A newer refresh (%(later)s) was published first, so this result was discarded.")
            report.problems["refresh"] = Message(text, {"later": full[-1]})
            report.finished_at = datetime.now(UTC)
            return
        if newer:
            result = _redone(work, result, newer[-1][2] if full else None)
        work.draft.commit()
        if result is not None and work.plan.scorecard:
            _write_fits(work, result)
            if report.mode == FULL or work.plan.rescored:
                registry.write_reports(lake, result.reports, report.generation, work.plan.as_of)
        report.finished_at = datetime.now(UTC)
        report.record(lake)


def _redone(work: Work, result: Scorecard | None, newer_day: date | None) -> Scorecard | None:
    """Evaluate again whoever was restaged while this refresh worked, under a generation of its own."""
    # A row without a model marks a customer whose spans were put over older ones.
    markers = [file.path for file in work.lake.files("spans") if not file.partition.get("model")]
    customers: set[str] = set()
    if markers:
        sql = f"SELECT DISTINCT customer_id FROM {scan(markers)} WHERE generation > ?"
        customers = {row[0] for row in work.lake.connect(()).execute(sql, [work.report.generation]).fetchall()}
    work.report.generation = take_generation(work.lake)
    fits = registry.latest(work.lake) if result is None or newer_day else result.fits
    if newer_day is not None:
        # Everybody was refreshed meanwhile: these customers' rows speak of its day, with its fits.
        customers = set(work.plan.customers or ())
        work.plan = replace(work.plan, as_of=newer_day)
        work.report.as_of = newer_day
        work.draft.discard()
        work.draft = LakeDraft(work.lake)
        work.numbers = CustomerNumbers.of_lake(work.lake, work.report.generation)
    elif work.plan.customers is not None and not work.plan.rescored:
        customers &= set(work.plan.customers)
    if customers:
        redone, available = sorted(customers), work.lake.available_kinds()
        off = {model.id for model in work.report.models if model.off}
        models = [model for model in with_other_models(work.lake, work.plan.models) if model.id not in off]
        models = [model for model in models if not model.missing(available)]
        # What both refreshes have published by now, this one in its draft.
        work.published = published_for(work.draft.lake_after(), models)
        work.plan = replace(work.plan, models=models, published=work.published)
        work.score(redone, work.evaluate(redone, counted=False), fits)
        work.evaluate_readers(redone, counted=False)
    return result


def _write_fits(work: Work, result: Scorecard) -> None:
    report, lake = work.report, work.lake
    if report.mode == FULL:
        from tenure import __version__

        assumed = {**asdict(work.options), "tenure": __version__, "tz": lake.settings.tz}
        before = registry.latest(lake)
        result.reports["fits.drift"] = {
            name: registry.drift(before[name], fit) for name, fit in result.fits.items() if name in before
        }
        registry.write_fits(lake, result.fits, report.generation, work.plan.as_of, datetime.now(UTC), assumed)
    elif report.mode != RESTAGED:
        ranks = {model.name for model in work.plan.scorecard if model.ranks}
        renewed = {name: fit for name, fit in result.fits.items() if name in ranks}
        registry.renew(lake, renewed, work.plan.as_of, datetime.now(UTC))
