"""The plan of a refresh: under which models, of which day, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.clock import EPOCH, day_of, local_days
from tenure.errors import EngineError
from tenure.facts.schema import FACT_TABLES
from tenure.lake import views
from tenure.lifecycle.choice import evaluated_models
from tenure.lifecycle.model_file import builtin_texts, models_of, own_model_ids
from tenure.lifecycle.published import published_for, reads_scores
from tenure.refreshing.changed import customers_to_evaluate
from tenure.refreshing.models import columns
from tenure.refreshing.numbers import NUMBER
from tenure.refreshing.report import FULL, RESTAGED, TOUCHED, ModelReport, published_since
from tenure.scorecard import registry
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.rules.evaluation.published import Published
    from tenure.scorecard.model import ScorecardModel

ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class RefreshPlan:
    """What a refresh is going to do."""

    as_of: date
    mode: str  # full, touched or restaged
    models: list[Model]  # life-cycle models whose facts are there
    reports: list[ModelReport]  # one for each model, also for those without facts, and those that were switched off
    scorecard: tuple[ScorecardModel, ...]
    published: Published  # what rules read besides facts
    customers: list[str] | None = None  # whose stages are evaluated; None for everybody
    rescored: bool = False  # whether everybody is scored, although only some are evaluated

    @cached_property
    def of_customers(self) -> list[Model]:
        """The models of customers."""
        return [model for model in self.models if model.subject == "customer"]

    @cached_property
    def readers(self) -> list[Model]:
        """Those that read scores, and so are evaluated when this refresh has published its own."""
        return [model for model in self.of_customers if self.scorecard and reads_scores(model)]

    @cached_property
    def others(self) -> list[Model]:
        """Those that are evaluated before."""
        return [model for model in self.of_customers if not (self.scorecard and reads_scores(model))]


def plan_of(
    lake: Lake,
    as_of: date | None,
    models: Sequence[str | Path | Model] | None,
    scorecard: tuple[ScorecardModel, ...],
    *,
    engine: str,
    customers: Sequence[str] | None,
    only_changed: bool,
) -> RefreshPlan:
    """Return the plan of a refresh, see :func:`tenure.refreshing.run.refresh`."""
    if engine not in ENGINES:
        raise EngineError(mark("Unknown engine %(engine)r. Choose duckdb or spark."), engine=engine)
    # A few customers can be scored only with the fits of a full refresh by this version.
    table = lake.table("scorecard")
    shown = {field.name for field in table.schema().fields} if table is not None else set()
    if scorecard and not ({*columns(scorecard).names, NUMBER.name} <= shown and registry.latest(lake)):
        customers, only_changed = None, False
    spans = lake.table("spans")
    # Spans of an older version cannot be joined, or lack what belongs to them: all are made anew.
    anew = spans is not None and not (
        NUMBER.name in {field.name for field in spans.schema().fields} and lake.has("doubts") and lake.has("arrivals")
    )
    if anew:
        customers, only_changed = None, False
    evaluated = evaluated_models(lake)
    selected = models_of(lake, evaluated if models is None else models)
    if models is not None and (anew or customers is not None or only_changed):
        selected = with_other_models(lake, selected)
    previous = published_since(lake, 0)
    last_day = previous[-1][2] if previous else None
    if as_of is None:
        as_of = last_day if customers is not None and last_day else last_fact_day(lake)
    available = lake.available_kinds()
    reports = [ModelReport(model.id, model.version, model.missing(available)) for model in selected]
    fitting = [model for model, report in zip(selected, reports, strict=True) if not report.missing]
    mode = FULL if customers is None else RESTAGED
    if customers is None and only_changed:
        customers = customers_to_evaluate(lake, fitting, as_of)
        mode = FULL if customers is None else TOUCHED
    if mode == FULL and {model.id for model in selected}.issuperset(evaluated):
        off = staged_models(lake) - {model.id for model in selected}
        reports += [ModelReport(model, "", off=True) for model in off]
    rescored = mode == TOUCHED and bool(scorecard) and last_day is not None and as_of > last_day
    named = None if customers is None else sorted(set(customers))
    # Any other refresh may score customers that it does not evaluate.
    published = published_for(lake, fitting, named if mode == RESTAGED else None)
    return RefreshPlan(as_of, mode, fitting, reports, scorecard, published, named, rescored)


def with_other_models(lake: Lake, models: Sequence[Model]) -> list[Model]:
    """Return models and the others that have rows: what is put over a customer's old rows hides them all."""
    staged = staged_models(lake) - {model.id for model in models}
    readable = {*own_model_ids(lake), *builtin_texts()}
    others = sorted(staged & readable)
    return [*models, *models_of(lake, others)]


def staged_models(lake: Lake) -> set[str]:
    """Return the models under which a lake holds results."""
    names = ("spans", "doubts", "arrivals")
    return {file.partition.get("model") or "" for name in names for file in lake.files(name)} - {""}


def last_fact_day(lake: Lake) -> date:
    """Return the last local day on which anything happened in a lake, or a customer came on record if nothing did."""
    newest = []
    con = lake.connect(tuple(FACT_TABLES))
    for name in views.names(con):
        row = con.execute(f'SELECT epoch_us(max("at")) FROM "{name}"').fetchone()
        newest += [row[0]] if row and row[0] is not None else []
    if newest:
        return day_of(int(local_days(np.array([max(newest)], dtype=np.int64), lake.settings.tz)[0]))
    # Nobody's record is known before it is imported, and a day to come is no day of a refresh.
    sql = """
        SELECT least(max(greatest(created_on, (first_seen_at AT TIME ZONE $tz)::DATE)),
            (now() AT TIME ZONE $tz)::DATE) AS day FROM customers"""
    recorded = [row["day"] for row in lake.rows("customers", sql, {"tz": lake.settings.tz})]
    return next(filter(None, recorded), EPOCH)
