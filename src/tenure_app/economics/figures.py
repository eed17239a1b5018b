"""The figures of the economics page: chart, table and files of each, of one model."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.lifecycle.model import UNSTAGED
from tenure_app.customers.query import NOT_STAGED, CustomerQuery
from tenure_app.economics import queries, tables, titles
from tenure_app.lifecycle import queries as lifecycle
from tenure_app.lifecycle.answers import Answers
from tenure_app.lifecycle.figures import PERIODS
from tenure_app.lifecycle.titles import periods
from tenure_app.web.charts import Bar, Bars, Curve, Heatmap, Series
from tenure_app.web.figures import Figure, Switch
from tenure_app.web.formats import day as say_day

if TYPE_CHECKING:
    import duckdb

    from tenure_app.web.tables import Row, Table

#: Points of a survival curve.
_GRID = 60


@dataclass(frozen=True)
class StageEconomics(queries.Economics):
    """What the page shows: the economics of one model, compared with so many days before."""

    con: duckdb.DuckDBPyConnection
    days: int

    @property
    def since(self) -> date:
        return self.day - timedelta(days=self.days)

    @property
    def answers(self) -> Answers:
        return Answers(self.con)

    @cached_property
    def people(self) -> dict[str, int]:
        """How many are in each stage, as the lists count them."""
        return lifecycle.people_by_stage(self.answers, self.entry, self.day)

    def address(self, name: str, *args: str, **query: Any) -> str:
        return f"{reverse(name, args=args)}?{urlencode({'model': self.entry.id, **query})}"

    def list_of(self, stage: str, day: date | None = None) -> str:
        """Return the address of the customers who were in a stage on a day."""
        return CustomerQuery(model=self.entry.id, as_of=day or self.day, stage=stage).url()

    def named(self, stage: str) -> Row:
        return {"stage": self.entry.stage_name(stage), "family": self.entry.family(stage)}

    def stage(self, stage: str) -> Row:
        """Return a stage with its customers, as rows of tables hold it."""
        return {**self.named(stage), "people": self.people.get(stage, 0), "url": self.list_of(stage)}

    @cached_property
    def stages(self) -> list[Row]:
        # Young shops have no back-test: nothing was known so long ago.
        tested = {row["stage"]: row for row in (self.report["backtest"] or {}).get("stages", [])}
        return [
            {
                **stage,
                **{name: tested.get(stage["stage"], {}).get(name) for name in ("predicted", "actual")},
                **self.stage(stage["stage"]),
                "costs_known": self.report["costs_known"],
            }
            for stage in self.report["stages"]
            if stage["stage"] != UNSTAGED
        ]

    @cached_property
    def flows(self) -> list[lifecycle.Flow]:
        return lifecycle.flows(self.answers, self.entry, self.since, self.day)

    @cached_property
    def flow_stages(self) -> tuple[list[str], list[str]]:
        # Stages without anybody on either day would be empty rows.
        ends = {stage for flow in self.flows for stage in (flow.source, flow.target)}
        sources = [stage for stage in self.entry.order if stage in ends]
        left = [NOT_STAGED] if any(flow.target == NOT_STAGED for flow in self.flows) else []
        return sources, [*sources, *left]

    @cached_property
    def matrix(self) -> list[Row]:
        from tenure.stats.intervals import wilson

        people = {(flow.source, flow.target): flow.people for flow in self.flows}
        sources, targets = self.flow_stages
        base, rows = CustomerQuery(model=self.entry.id, as_of=self.day, was_on=self.since), []
        for source in sources:
            total, cells = sum(people.get((source, target), 0) for target in targets), {}
            for target in targets:
                if count := people.get((source, target), 0):
                    low, high = wilson(count, total)
                    url = base.url(was=source, stage=target)
                    cells[target] = {"people": count, "share": count / total, "low": low, "high": high, "url": url}
            url = self.list_of(source, self.since)
            rows.append({**self.named(source), "id": source, "people": total, "url": url, "cells": cells})
        return rows

    @cached_property
    def worth(self) -> dict[tuple[str, str], Row]:
        return {(value["source"], value["target"]): value for value in self.report["move_values"]}

    @property
    def moves(self) -> list[Row]:
        # A sample counts fewer moves than the list holds.
        complete = self.report["read"] == self.report["customers"]
        rows = []
        for move in self.report["moves"]:
            source, target = move["source"], move["target"]
            value = self.worth.get((source, target), {})
            rows.append(
                {
                    **move,
                    "exit_share": move["share"],
                    **self.entry.ends(source, target),
                    "worth": value.get("value"),
                    "worth_low": value.get("low"),
                    "worth_high": value.get("high"),
                    "url": self.address("economics-moves", source=source, target=target) if complete else "",
                }
            )
        return rows

    @property
    def stays(self) -> list[Row]:
        """The stages in which anybody was."""
        return [stage for stage in self.stages if stage["ended"] or stage["current"]]

    @cached_property
    def budget(self) -> list[Row]:
        """The budget by stage: what is spent, planned and decided, and what brings nothing back."""
        shares, known = queries.budget_by_stage(self), self.report["costs_known"]
        stages = ((share, share["stage"]) for share in shares if share["stage"] != UNSTAGED)
        return [{**share, **self.stage(stage), "costs_known": known} for share, stage in stages]

    @property
    def budget_total(self) -> Row:
        # Averages of one customer cannot be added up, so the sum leaves them out.
        names = ("people", "planned", "saved", "decided", "decided_spend", "decided_saved", "wasted_month", "gets_plan")
        sums = {name: sum(row[name] for row in self.budget) for name in names}
        return {**sums, "stage": _("All"), "family": "", "url": "", "costs_known": False}

    @cached_property
    def decided(self) -> list[Row]:
        """What was decided for single customers: each is a task."""
        names = ("customer_id", "cost", "low", "high", "owner", "due_on", "note")
        return [
            {
                **{name: getattr(choice, name) for name in names},
                "expected": choice.profit,
                "stage": self.entry.stage_name(choice.stage),
                "kind_name": titles.kind_name(choice.kind),
                "plan": titles.task_name(choice.task_zh, choice.task_en, choice.kind),
                "url": self.address("economics-choose", customer=choice.customer_id),
            }
            for choice in queries.choices(self.entry.id)
        ]


def _grid(data: StageEconomics, stages: list[str], corner: str, cell: Callable[[Any], str], *more: Any) -> Table:
    return tables.grid([(stage, data.entry.stage_name(stage)) for stage in stages], corner, cell, *more)


#: Figures of this page take its whole width, their tables are open, and notes stand below most of them.
_figure = partial(Figure, wide=True, open=True, note_below=True)


def _stage_values(data: StageEconomics) -> Bars | None:
    # To the cent, as the table shows it.
    bars = [
        Bar(row["stage"], round(row["value"], 2), row["family"], row["url"])
        for row in data.stages
        if row["value"] is not None
    ]
    return Bars(bars) if bars else None


def _stage_note(data: StageEconomics) -> str:
    note = _("Ranges hold the truth in 95 of 100 cases, as far as chance goes.")
    test = data.report["backtest"]
    if not test:
        return note
    text = _(
        "The back-test compares what one customer was predicted to bring in the %(days)s days after %(origin)s,"
        " judged by what was known then, with the actual amount."
    )
    return f"{note} {text % {'origin': say_day(test['origin']), 'days': test['days']}}"


STAGES = _figure(
    "stages",
    title=lambda data: titles.values(data.entry, data.report),
    chart=_stage_values,
    table=lambda data: tables.STAGES.only(lambda column: column.name != "backtest" or data.report["backtest"]),
    rows=lambda data: data.stages,
    file=tables.STAGES,
    note=_stage_note,
    term="stage-value",
)


def _matrix(data: StageEconomics) -> Heatmap | None:
    targets = data.flow_stages[1]
    cells = [
        [targets.index(target), at, cell["share"], cell["url"]]
        for at, row in enumerate(data.matrix)
        for target, cell in row["cells"].items()
    ]
    names = [data.entry.stage_name(stage) for stage in targets]
    return Heatmap(names, [row["stage"] for row in data.matrix], cells, percent=True) if cells else None


def _matrix_note(data: StageEconomics) -> str:
    if not data.flows:
        return _("Nobody stood in a stage so long ago. Choose a shorter period.")
    return _(
        "Rows: where customers stood on %(start)s. Columns: where the same customers stand on %(end)s. A number opens"
        " its customers."
    ) % {"start": say_day(data.since), "end": say_day(data.day)}


def _matrix_file(data: StageEconomics) -> list[Row]:
    return [
        {**cell, "source": row["stage"], "target": data.entry.stage_name(target)}
        for row in data.matrix
        for target, cell in row["cells"].items()
    ]


MATRIX = _figure(
    "matrix",
    title=lambda data: titles.flows(data.entry, data.matrix, data.days),
    chart=_matrix,
    table=lambda data: _grid(data, data.flow_stages[1], _("From"), tables.flow_cell, tables.PEOPLE),
    rows=lambda data: data.matrix,
    file=tables.MATRIX,
    file_rows=_matrix_file,
    note=_matrix_note,
    term="transition-matrix",
    switch=lambda data: Switch(_("Period"), "days", periods(PERIODS), data.days),
    note_below=False,
)
MOVES = _figure(
    "moves",
    title=lambda _data: _("All moves since the first fact"),
    table=tables.MOVES,
    rows=lambda data: data.moves,
    term="transition-rate",
)


def _survival(data: StageEconomics) -> Curve | None:
    rows = [row for row in data.stays if row["survival"]["days"]]
    if not rows:
        return None
    last = max(row["survival"]["days"][-1] for row in rows)
    # All curves share one grid, so that they can be compared and the page stays small.
    grid = [round(last * at / _GRID, 1) for at in range(_GRID + 1)]
    return Curve([_on_grid(row, grid) for row in rows], x=grid, percent=True, x_name=_("Days in the stage"))


def _on_grid(row: Row, grid: list[float]) -> Series:
    """Return a stage's curve with its interval on a grid; nothing beyond the last day on which anybody left."""
    curve = row["survival"]
    days, share = curve["days"], curve["share"]
    steps = [bisect_right(days, day) - 1 for day in grid]
    before = zip([-1, *steps[:-1]], grid, strict=True)
    over = [step >= 0 and (share[step] <= 0 or day > days[-1]) for step, day in before]

    def line(name: str) -> list[Any]:
        reached = [1.0 if step < 0 else curve[name][step] for step in steps]
        return [None if gone else value for value, gone in zip(reached, over, strict=True)]

    return Series(row["stage"], row["family"], line("share"), line("low"), line("high"))


STAY = _figure(
    "stay",
    title=lambda data: titles.stays(data.stays),
    chart=_survival,
    table=tables.STAY,
    rows=lambda data: data.stays,
    note=lambda _data: (
        _(
            "Days. A customer still in the stage counts for as long as they were observed (Kaplan and Meier);"
            " the band is the %(level)d%% interval."
        )
        % {"level": 95}
    ),
    term="stage-survival",
)


def _worth_stages(data: StageEconomics) -> list[str]:
    sources = {source for source, _target in data.worth}
    return [stage for stage in data.entry.order if stage in sources]


def _worth_rows(data: StageEconomics) -> list[Row]:
    stages = _worth_stages(data)
    return [
        {**data.stage(source), "cells": {target: data.worth.get((source, target)) for target in stages}}
        for source in stages
    ]


WORTH = _figure(
    "worth",
    title=lambda data: titles.worth(data.entry, data.report),
    table=lambda data: _grid(data, _worth_stages(data), _("From ↓ to →"), tables.worth_cell),
    rows=_worth_rows,
    file=tables.WORTH,
    file_rows=lambda data: [
        {**value, "source": data.entry.stage_name(source), "target": data.entry.stage_name(target)}
        for (source, target), value in data.worth.items()
    ],
    note=gettext_lazy(
        "What a customer who has just entered the column's stage brings more than one of the same tier who stands in"
        " the row's. An association, not an effect: those who went there by themselves may differ from those who are"
        " brought there. Only a hold-out shows the effect."
    ),
    term="move-value",
)


def _budget_note(data: StageEconomics) -> str:
    notes = [_("What is lost a month is invested in a stage and does not come back, for all its customers.")]
    if data.book.budget is not None:
        rest = titles.amount(data.book.budget - data.budget_total["planned"])
        notes.insert(0, _("%(rest)s of the budget is not planned.") % {"rest": rest})
    if not data.report["costs_known"]:
        notes.append(_("There are no cost facts, so what was invested is not known. Import costs to see it."))
    return " ".join(notes)


BUDGET = _figure(
    "budget",
    title=lambda _data: _("Budget by stage"),
    table=tables.BUDGET,
    rows=lambda data: [*data.budget, data.budget_total],
    file_rows=lambda data: data.budget,
    note=_budget_note,
    term="budget-by-stage",
)


DECIDED = _figure(
    "decided",
    title=lambda data: titles.decided(len(data.decided)),
    table=tables.DECIDED,
    rows=lambda data: data.decided,
    note=lambda data: (
        ""
        if data.decided
        else _(
            "Open a customer from the list of who gets what to compare all options and decide otherwise. Decisions are"
            " listed here with their owner and due day."
        )
    ),
    term="customer-choice",
    note_below=False,
)
#: The figures above and below the plans.
ABOVE, BELOW = (STAGES, MATRIX, MOVES, STAY, WORTH), (BUDGET, DECIDED)
