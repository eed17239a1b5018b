"""The steps of one refresh: evaluate blocks, run the scorecard models, and write what comes into a draft."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.facts.schema import TEXT
from tenure.facts.slices import slices_of
from tenure.lifecycle.arrivals import ARRIVALS
from tenure.lifecycle.doubts import DOUBTS
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.published import (
    changed_scores,
    compared_now,
    compares_scores,
    differing,
    not_kept,
    population_rows,
    populations_read,
    score_names,
    with_populations,
    with_scores,
)
from tenure.refreshing import ranks
from tenure.refreshing.blocks import EvaluationRequest, evaluate_customers, evaluate_here
from tenure.refreshing.models import DOING, GENERATION, features_of
from tenure.refreshing.numbers import NUMBER, CustomerNumbers
from tenure.refreshing.planning import staged_models
from tenure.refreshing.scoring import Scorecard, run_models
from tenure.scorecard.model import Context
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tenure.facts.lake import Lake
    from tenure.refreshing.blocks import Engine, EvaluatedBlock
    from tenure.refreshing.draft import LakeDraft
    from tenure.refreshing.planning import RefreshPlan
    from tenure.refreshing.report import Progress, RefreshReport
    from tenure.rules.evaluation.published import Published
    from tenure.rules.syntax.tree import Population
    from tenure.scorecard.model import Fits, Options
    from tenure.stats.record import Fit

SPANS_IN_LAKE = SPANS.append(NUMBER).append(GENERATION)
#: What is written beside the spans, by table.
_BESIDE_SPANS = {
    name: schema.append(NUMBER).append(GENERATION) for name, schema in (("doubts", DOUBTS), ("arrivals", ARRIVALS))
}
#: Doubts of blocks wait to be written until there are so many: a file for each model and block would be too small.
_WAITING = 1_000_000


@dataclass
class Work:
    """One refresh at work."""

    lake: Lake
    plan: RefreshPlan
    report: RefreshReport
    draft: LakeDraft
    options: Options
    progress: Progress

    @property
    def request(self) -> EvaluationRequest:
        """What is computed of customers before they are scored."""
        return EvaluationRequest(self.plan.others, features_of(self.plan.scorecard), self.published)

    @cached_property
    def published(self) -> Published:
        """What rules read besides facts. A refresh of everybody publishes first how customers compare on its day."""
        first = [node for node in populations_read(self.plan.of_customers) if not self._waits(node)]
        return self._compared(first, self.plan.published)

    def _waits(self, node: Population) -> bool:
        return bool(self.plan.scorecard) and compares_scores(node)

    def _compared(self, nodes: Sequence[Population], published: Published) -> Published:
        """Return what is published, and with it how customers compare now, which is written down."""
        if self.plan.customers is not None or not nodes:
            return published
        models = [model for model in self.plan.of_customers if not set(nodes).isdisjoint(populations_read([model]))]
        with slices_of(self.lake, EvaluationRequest(models).streams(self.lake.kinds())) as slices:
            now = compared_now(slices, nodes, published, day_number(self.plan.as_of), again=True)
        if added := differing(now, published):
            self.draft.write("populations", self._stamped(population_rows(added)))
        return with_populations(published, added)

    @property
    def context(self) -> Context:
        """What scorecard models are given: the lake as it will be, so that they read the new spans."""
        settings = self.lake.settings
        return Context(self.plan.as_of, settings.tz, settings.currency, self.draft.lake_after(), self.options)

    @cached_property
    def numbers(self) -> CustomerNumbers:
        """The numbers of customers."""
        return CustomerNumbers.of_lake(self.lake, self.report.generation)

    # Everybody

    def evaluate_everybody(self) -> pa.Table:
        """Write everybody's spans, doubts and arrivals as they come, and return the features."""
        features: list[pa.Table] = []
        # Models without facts, and those that were switched off, lose their spans too.
        missing = [model.id for model in self.report.models if model.missing or model.off]
        products = EvaluationRequest([model for model in self.plan.models if model.subject == "product"])
        staged = staged_models(self.lake) - {model.id for model in (*products.models, *self.plan.readers)}
        for subject, request in (("customer", self.request), ("product", products)):
            if subject == "product" and not request.models:
                continue
            replaced = [model.id for model in request.models] + (missing if subject == "customer" else [])
            # Markers of touched refreshes go too, unless a model keeps rows to which they still apply.
            if subject == "customer" and staged <= set(replaced):
                replaced.append("")
            blocks = self._engine(self.lake, request, self.plan.as_of, subject)
            self._write_everybody(self._noted(blocks, features if subject == "customer" else []), replaced)
        return pa.concat_tables(features) if features else self.request.schema.empty_table()

    @property
    def _engine(self) -> Engine:
        if self.report.engine != "spark":
            return evaluate_here
        from tenure.refreshing.spark import evaluate_on_spark

        return evaluate_on_spark

    def evaluate_readers_of_everybody(self) -> None:
        """Write everybody's spans, doubts and arrivals under the models that read scores."""
        readers = self.plan.readers
        if not readers:
            return
        later = [node for node in populations_read(readers) if self._waits(node)]
        self.published = self._compared(later, self.published)
        request = EvaluationRequest(readers, features_of(()), self.published)
        blocks = self._engine(self.lake, request, self.plan.as_of, "customer")
        self._write_everybody(blocks, [model.id for model in readers])

    def _noted(self, blocks: Iterable[EvaluatedBlock], features: list[pa.Table]) -> Iterator[EvaluatedBlock]:
        share = 0.55 if self.plan.scorecard else 0.9
        for block in blocks:
            self.report.customers += len(block.features)
            features.append(block.features)
            yield block
            self.progress(mark("Evaluating customers"), 0.05 + share * block.share)

    def _write_everybody(self, blocks: Iterable[EvaluatedBlock], replaced: list[str]) -> None:
        """Write blocks in the place of all that there was under some models."""
        replace = {"model": replaced}
        spans = self._spans_of(blocks, replace)
        self.draft.write("spans", spans, schema=SPANS_IN_LAKE, partition_by="model", replace=replace)

    def _spans_of(self, blocks: Iterable[EvaluatedBlock], replace: dict[str, list[str]]) -> Iterator[pa.RecordBatch]:
        """Count blocks, write their doubts and arrivals, and yield their spans."""
        # Markers of nobody, so that a lake without doubts is no lake in which none were looked for.
        waiting = {name: self._markers([""], schema).to_batches() for name, schema in _BESIDE_SPANS.items()}
        for block in blocks:
            self.report.count(block.spans, block.doubts)
            numbers = self._numbers_of(block.features)
            for name, rows in (("doubts", block.doubts), ("arrivals", block.arrivals)):
                waiting[name] += self._numbered(rows, numbers).to_batches()
                if sum(map(len, waiting[name])) >= _WAITING:
                    self._write_beside(name, waiting[name], replace)
                    waiting[name] = []
            yield from self._numbered(block.spans, numbers).to_batches()
        for name, batches in waiting.items():
            self._write_beside(name, batches, replace)

    def _write_beside(self, name: str, rows: Iterable[pa.RecordBatch], replace: dict[str, list[str]]) -> None:
        self.draft.write(name, rows, schema=_BESIDE_SPANS[name], partition_by="model", replace=replace)

    def features_of_everybody(self) -> pa.Table:
        """Return everybody's features; no stages are evaluated."""
        request = replace(self.request, models=())
        blocks = [block.features for block in evaluate_here(self.lake, request, self.plan.as_of, "customer")]
        return pa.concat_tables(blocks) if blocks else request.schema.empty_table()

    def score_everybody(self, features: pa.Table, fits: Fits | None) -> Scorecard:
        """Run the scorecard models over everybody's features, fitted anew unless `fits` are given."""
        result = self._run(features, fits, everybody=True)
        self.draft.write("scorecard", self._with_numbers(result.table), replace=True)
        self._publish_scores(result.table)
        for name, rows in result.tables.items():
            self.draft.rewrite(name, self._dated(rows))
        return result

    def _run(self, features: pa.Table, fits: Fits | None, *, everybody: bool) -> Scorecard:
        models = self.plan.scorecard
        names = [model.name for model in models]

        def on_model(name: str) -> None:
            self.progress(DOING[name], 0.6 + 0.35 * names.index(name) / len(names))

        result = run_models(features, models, self.context, fits, everybody=everybody, on_model=on_model)
        self.report.problems |= result.problems
        return result

    # Some customers

    def evaluate(self, customers: Sequence[str], *, counted: bool = True) -> pa.Table:
        """Put the spans, doubts and arrivals of some customers over their old ones, and return their features."""
        if not customers:
            return self.request.schema.empty_table()
        features = self._evaluate_some(self.request, customers, counted=counted, hidden=customers)
        if counted:
            self.report.customers = len(features)
        return features

    def evaluate_readers(self, customers: Sequence[str], *, counted: bool = True) -> None:
        """Add what the models that read scores give of some customers, whose older rows are hidden already."""
        if self.plan.readers and customers:
            request = EvaluationRequest(self.plan.readers, features_of(()), self.published)
            self._evaluate_some(request, customers, counted=counted)

    def _evaluate_some(
        self, request: EvaluationRequest, customers: Sequence[str], *, counted: bool, hidden: Sequence[str] = ()
    ) -> pa.Table:
        """Write what is requested of some customers and return the features; older rows of `hidden` are old then."""
        evaluated = evaluate_customers(self.lake, request, self.plan.as_of, customers)
        if counted:
            self.report.count(evaluated.spans, evaluated.doubts)
        numbers = self._numbers_of(evaluated.features)
        for name, rows, schema in (
            ("spans", evaluated.spans, SPANS_IN_LAKE),
            ("doubts", evaluated.doubts, _BESIDE_SPANS["doubts"]),
            ("arrivals", evaluated.arrivals, _BESIDE_SPANS["arrivals"]),
        ):
            stored = [self._markers(hidden, schema), self._numbered(rows, numbers).cast(schema)]
            self.draft.write(name, pa.concat_tables(stored), partition_by="model")
        return evaluated.features

    def with_features_of(self, customers: Sequence[str], features: pa.Table) -> pa.Table:
        """Return features with those of some customers below, who are evaluated too where a rule reads their scores."""
        if not customers:
            return features
        if self.plan.readers:
            more = self.evaluate(customers, counted=False)
        else:
            request = replace(self.request, models=())
            more = evaluate_customers(self.lake, request, self.plan.as_of, customers).features
        return pa.concat_tables([features, more]).sort_by("customer_id")

    def ranks(self, features: pa.Table, fits: Fits) -> tuple[dict[str, Fit], list[str]]:
        """Return the ranks of everybody fitted anew, and who else has another one now."""
        return ranks.renewed(self.lake, features, self.plan.scorecard, fits, self.context)

    def score(self, customers: Sequence[str], features: pa.Table, fits: Fits) -> Scorecard:
        """Score some customers and put their rows over the old ones."""
        self.progress(mark("Writing"), 0.8)
        result = self._run(features, fits, everybody=False)
        gone = set(customers).difference(features.column("customer_id").to_pylist())
        rows = pa.concat_tables([result.table, _only_ids(gone, result.table.schema)])
        self.draft.write("scorecard", self._with_numbers(rows))
        self._publish_scores(rows)
        for name, table in result.tables.items():
            if "customer_id" in table.column_names and self.lake.has(name):
                # A table that is kept as one set: the rows of these customers take the place of their old ones.
                old = self.draft.lake_after().connect((name,)).execute(f"SELECT * FROM {name}").to_arrow_table()
                kept = old.filter(pc.invert(pc.is_in(old.column("customer_id"), value_set=pa.array(customers, TEXT))))
                generation = old.column("generation")[0].as_py() if len(old) else 0
                stamped = self._dated(table, generation).select(old.column_names).cast(old.schema)
                self.draft.rewrite(name, pa.concat_tables([kept, stamped]))
        return result

    def _publish_scores(self, scorecard: pa.Table) -> None:
        """Keep the scores that rules read, as they are from this day on."""
        names = score_names(self.plan.of_customers)
        rows = changed_scores(self.plan.published, scorecard, names, self.plan.as_of)
        # What was scored before a rule read it is older than whatever this refresh has to say.
        for generation, kept in ((0, not_kept(self.lake, names)), (self.report.generation, rows)):
            if len(kept):
                self.draft.write("score_history", self._stamped(kept, generation))
        self.published = with_scores(self.published, rows)

    # Rows

    def _with_numbers(self, rows: pa.Table) -> pa.Table:
        numbers = self.numbers.of(rows.column("customer_id").combine_chunks())
        return self._stamped(rows.append_column(NUMBER, pa.array(numbers)))

    def _numbers_of(self, features: pa.Table) -> pa.Array | None:
        """Return the numbers of a block's customers; products, which have no features, get none."""
        if "customer_id" not in features.column_names:
            return None
        return pa.array(self.numbers.of(features.column("customer_id").combine_chunks()))

    def _numbered(self, rows: pa.Table, numbers: pa.Array | None) -> pa.Table:
        """Return encoded spans or doubts as they are stored."""
        column = pa.nulls(len(rows), NUMBER.type) if numbers is None else numbers.take(rows.column("row"))
        return self._stamped(rows.drop_columns("row").append_column(NUMBER, column))

    def _markers(self, customers: Iterable[str], schema: pa.Schema) -> pa.Table:
        """Return rows without a model, which say that what is older of these customers is old."""
        markers = self._stamped(_only_ids(customers, schema.remove(len(schema) - 1)))
        return markers.set_column(0, "model", pa.repeat(pa.scalar("", TEXT), len(markers)))

    def _stamped(self, table: pa.Table, generation: int | None = None) -> pa.Table:
        number = self.report.generation if generation is None else generation
        return table.append_column(GENERATION, pa.repeat(pa.scalar(number, pa.int64()), len(table)))

    def _dated(self, rows: pa.Table, generation: int | None = None) -> pa.Table:
        """Return rows with their generation and day, where they do not have them."""
        if "generation" not in rows.column_names:
            rows = self._stamped(rows, generation)
        if "as_of" not in rows.column_names:
            rows = rows.append_column("as_of", pa.repeat(pa.scalar(self.plan.as_of, pa.date32()), len(rows)))
        return rows


def _only_ids(customers: Iterable[str], schema: pa.Schema) -> pa.Table:
    """Return rows that say nothing but whose older rows are old."""
    ids = pa.array(sorted(set(customers)), TEXT)
    columns = [ids if field.name == "customer_id" else pa.nulls(len(ids), field.type) for field in schema]
    return pa.table(columns, schema=schema)
