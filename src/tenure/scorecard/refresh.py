"""Refresh of everything that follows from the facts: stages, value, risk, decisions.

Stages come from the life-cycle room, block by block; in the same pass every other room reads its figures; then models
are fitted on everybody and the scorecard is published.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.lifecycle.context import Context
from tenure.lifecycle.judging import Asked, blocks_here
from tenure.lifecycle.refresh import Extras, RefreshReport, models_of
from tenure.lifecycle.refresh import refresh as stage
from tenure.rules.syntax.tree import Measure
from tenure.scorecard import registry
from tenure.scorecard.completing import Completed, complete
from tenure.scorecard.options import options_of
from tenure.scorecard.parts import columns, figures, parts
from tenure.words import Message, mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from tenure.facts.lake import Lake
    from tenure.lifecycle.context import Options
    from tenure.lifecycle.judging import Scores
    from tenure.lifecycle.model import Model
    from tenure.lifecycle.refresh import Progress
    from tenure.stats.record import Fit

_PARTS = {
    "lifetime": mark("Fitting purchase models"),
    "ranking": mark("Ranking customers"),
    "churn": mark("Learning who leaves"),
    "warnings": mark("Looking for early signs"),
    "recommend": mark("Finding what goes with what"),
    "decisions": mark("Weighing where to invest"),
}


def refresh(
    lake: Lake,
    as_of: date | None = None,
    models: Sequence[str | Path | Model] | None = None,
    engine: str = "duckdb",
    on_progress: Progress | None = None,
    *,
    customers: Sequence[str] | None = None,
    only_changed: bool = False,
    options: Options | None = None,
) -> RefreshReport:
    """Judge customers under models, work out value, risk and decisions, and write it all into the lake.

    Parameters
    ----------
    lake, as_of, models, engine, on_progress
        See :func:`tenure.lifecycle.refresh.refresh`.
    customers : sequence of str, optional
        Judge and score only these, with the models fitted by the last full refresh.
    only_changed : bool, default False
        Judge only those whose stages can have changed. On a later day than the last refresh everybody's figures are
        made anew, since they speak of a day; nothing is fitted anew.
    options : Options, optional
        Assumptions; the lake's own when omitted.

    Returns
    -------
    RefreshReport
        With `problems`: the parts that could not be worked out, and why.
    """
    work = _Work(lake, options or options_of(lake), on_progress or (lambda _text, _part: None))
    if not work.can_score():
        customers, only_changed = None, False
    before = _scored_on(lake)
    extras = Extras(figures(), work.finish, _scores(lake, models))
    report = stage(
        lake, as_of, models, engine, work.tell, customers=customers, only_changed=only_changed, extras=extras
    )
    if only_changed and report.mode == "touched" and before is not None and report.as_of > before:
        work.rescore(report)
    work.write(report)
    report.problems = work.problems
    report.finished_at = datetime.now(UTC)
    work.tell(mark("Done"), 1.0)
    return report


@dataclass
class _Work:
    """One refresh at work."""

    lake: Lake
    options: Options
    tell: Progress
    completed: Completed | None = None
    refitted: bool = False
    problems: dict[str, Message] = field(default_factory=dict)

    def can_score(self) -> bool:
        """Whether a full refresh of this version was made, whose fits can score a few customers."""
        there = self.lake.table("scorecard")
        names = {one.name for one in there.schema().fields} if there is not None else set()
        return set(columns().names) <= names and bool(registry.latest(self.lake))

    def finish(self, table: pa.Table, report: RefreshReport) -> pa.Table:
        """Return the rows to publish."""
        everybody = report.mode == "full"
        fits = None if everybody else registry.latest(self.lake)
        done = self._complete(table, report.as_of, fits, everybody=everybody)
        if everybody:
            self.completed, self.refitted = done, True
        else:
            self._renew_warnings(table, done)
        return done.table

    def rescore(self, report: RefreshReport) -> None:
        """Make everybody's figures anew, as of the new day, and score them with the stored fits."""
        rows = [block.roster for block in blocks_here(self.lake, Asked((), figures()), report.as_of, "customer")]
        table = pa.concat_tables(rows) if rows else Asked((), figures()).roster.empty_table()
        self.completed = self._complete(table, report.as_of, registry.latest(self.lake), everybody=True)
        stamp = pa.repeat(pa.scalar(report.generation, pa.int64()), len(table))
        self.lake.write("scorecard", self.completed.table.append_column("generation", stamp), replace=True)

    def _complete(self, table: pa.Table, as_of: date, fits: dict[str, Fit] | None, *, everybody: bool) -> Completed:
        settings = self.lake.settings
        context = Context(as_of, settings.tz, settings.currency, self.lake, self.options)
        names = [part.name for part in parts()]

        def tell(name: str) -> None:
            self.tell(_PARTS[name], 0.6 + 0.35 * names.index(name) / len(names))

        done = complete(table, context, fits, everybody=everybody, strict=self.options.strict, tell=tell)
        self.problems |= done.problems
        return done

    def _renew_warnings(self, table: pa.Table, done: Completed) -> None:
        """Put these customers' warnings and recommendations in the place of their old ones."""
        for name, rows in done.tables.items():
            if "customer_id" in rows.column_names and self.lake.has(name):
                self._renew(name, rows, table.column("customer_id"))

    def _renew(self, name: str, rows: pa.Table, who: pa.ChunkedArray) -> None:
        old = self.lake.connect((name,)).execute(f"SELECT * FROM {name}").to_arrow_table()
        kept = old.filter(pc.invert(pc.is_in(old.column("customer_id"), value_set=who.combine_chunks())))
        stamped = _stamped(rows, old.column("generation")[0].as_py() if len(old) else 0, None, old.schema)
        self.lake.write(name, pa.concat_tables([kept, stamped]), replace=True)

    def write(self, report: RefreshReport) -> None:
        """Write fits, reports and tables of everybody beside the scorecard."""
        done = self.completed
        if done is None:
            return
        if self.refitted:
            from tenure import __version__

            said: dict[str, Any] = {**asdict(self.options), "tenure": __version__, "tz": self.lake.settings.tz}
            done.reports["fits.drift"] = self._drift(done.fits)
            registry.write_fits(self.lake, done.fits, report.generation, report.as_of, datetime.now(UTC), said)
        registry.write_reports(self.lake, done.reports, report.generation, report.as_of)
        for name, rows in done.tables.items():
            self.lake.write(name, _stamped(rows, report.generation, report.as_of, None), replace=True)

    def _drift(self, fits: dict[str, Fit]) -> dict[str, Any]:
        before = registry.latest(self.lake)
        return {name: registry.drift(before[name], fit) for name, fit in fits.items() if name in before}


def _stamped(rows: pa.Table, generation: int, as_of: date | None, schema: pa.Schema | None) -> pa.Table:
    """Return rows with their generation and day, where they do not have them."""
    size = len(rows)
    if "generation" not in rows.column_names:
        rows = rows.append_column("generation", pa.repeat(pa.scalar(generation, pa.int64()), size))
    if "as_of" not in rows.column_names:
        rows = rows.append_column("as_of", pa.repeat(pa.scalar(as_of, pa.date32()), size))
    return rows if schema is None else rows.select(schema.names).cast(schema)


def _scored_on(lake: Lake) -> date | None:
    if not lake.has("refreshes"):
        return None
    row = (
        lake.connect(("refreshes",)).execute("SELECT as_of FROM refreshes ORDER BY generation DESC LIMIT 1").fetchone()
    )
    return row[0] if row else None


def _scores(lake: Lake, models: Sequence[str | Path | Model] | None) -> Scores:
    """Return the published figures that rules of these models read: those of the last refresh."""
    wanted = {
        measure.argument
        for model in models_of(lake, models)
        for measure in model.measures
        if isinstance(measure, Measure) and measure.name == "score"
    }
    table = lake.table("scorecard") if wanted else None
    if table is None:
        return {}
    there = {one.name for one in table.schema().fields}
    con = lake.connect(("scorecard",))
    found = {}
    for name in sorted(wanted & there - {"customer_id"}):
        rows = con.execute(f'SELECT customer_id, "{name}"::DOUBLE FROM scorecard WHERE "{name}" IS NOT NULL').fetchall()
        found[name] = dict(rows)
    return found
