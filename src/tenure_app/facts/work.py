"""What the facts room's jobs do: read files into the lake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tenure.facts.schema import FACT_TABLES
from tenure.words import mark, say
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.core.work.running import Running
from tenure_app.facts import actions, queries

if TYPE_CHECKING:
    from tenure.facts.importing import Progress

READING = mark("Reading the files")
STEPS = {"reading": READING, "settling": mark("Comparing with existing data"), "done": READING}
COUNTED = ("accepted", "corrected", "quarantined", "duplicates")


def ask_for_refresh() -> None:
    """Let stages follow; customers without any fact are seen from today, for no fact says a day."""
    lake = conf.lake()
    if any(lake.has(name) for name in FACT_TABLES):
        jobs.enqueue("refresh")
    else:
        today = datetime.now(ZoneInfo(lake.settings.tz)).date()
        jobs.enqueue("refresh", as_of=today.isoformat())


def _reporter(running: Running, before: int, files: int) -> Callable[[Progress], None]:
    """Return what an import reports to, when so many of all files were read before."""

    def report(progress: Progress) -> None:
        share = progress.done / progress.total if progress.total else 1
        running.share(STEPS[progress.step], (before + progress.number - 1 + share) / files)

    return report


def run_import(running: Running) -> dict[str, Any]:
    """Read an import's files into the lake; doing it twice adds nothing twice."""
    from tenure.facts.importing import import_files

    upload = queries.import_of(running.payload["import_id"])
    if upload is None:
        return {}
    total, batches = dict.fromkeys(COUNTED, 0), []
    groups = actions.payload(upload)
    files, before = sum(len(group["paths"]) for group in groups), 0
    running.report(READING)
    for group in groups:
        report = import_files(
            conf.lake(),
            group["paths"],
            upload.table,
            group["mapping"],
            on_progress=_reporter(running, before, files),
            date_format=upload.date_format,
            corrections=upload.corrections,
            valid_from=upload.valid_from,
        )
        before += len(group["paths"])
        for name in COUNTED:
            total[name] += getattr(report, name)
        batches += [batch.batch_id for batch in report.batches]
    ask_for_refresh()
    actions.drop_files(upload)
    return {**total, "batches": batches}


def run_demo(running: Running) -> dict[str, Any]:
    from tenure.practices.samples import SAMPLES, bring

    # Work that was asked for before there was a choice names no sample.
    lake, sample = conf.lake(), SAMPLES[running.payload.get("sample", "complete-journey")]
    if not lake.has("batches"):
        name = say(sample.name, running.payload.get("language"))
        lake.save_settings(tz=sample.tz, currency=sample.currency, business=name)
    running.report(mark("Reading the sample data"))
    bring(lake, sample, lambda _file, before, files: _reporter(running, before, files))
    ask_for_refresh()
    return {}
