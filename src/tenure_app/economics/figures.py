"""The figures of the economics page: chart, table and files of each, of one model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
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

    from tenure_app.economics.queries import Economics
    from tenure_app.lifecycle.catalogue import Entry
    from tenure_app.web.tables import Row, Table

#: Points of a survival curve.
_GRID = 60


@dataclass(frozen=True)
class StageEconomics:
    """What the page shows: the economics of one model, compared with so many days before."""

    con: duckdb.DuckDBPyConnection
    entry: Entry
    economics: Economics
    days: int

    @property
    def report(self) -> dict[str, Any]:
        """What was estimated."""
        return self.economics.body

    @cached_property
    def day(self) -> date:
        """The day of the last refresh."""
        return date.fromisoformat(self.report["as_of"])

    @property
    def since(self) -> date:
        """The day with which the page compares."""
        return self.day - timedelta(days=self.days)

    @property
    def answers(self) -> Answers:
        """The statistics of the lake."""
        return Answers(self.con)

    @cached_property
    def people(self) -> dict[str, int]:
        """How many are in each stage, as the lists count them."""
        board = lifecycle.board(self.answers, self.entry, self.day, self.since)
        return {place.stage: place.people for place in board.places}

    def address(self, name: str, **query: Any) -> str:
        """Return the address of a page of this package about the same model."""
        return f"{reverse(name)}?{urlencode({'model': self.entry.id, **query})}"

    def customer(self, customer_id: str) -> str:
        """Return the address of a customer's page."""
        return f"{reverse('customer', args=[customer_id])}?{urlencode({'model': self.entry.id})}"

    def stage(self, stage: str) -> Row:
        """Return a stage with its customers, as rows of tables hold it."""
        return {
            "stage": self.entry.stage_name(stage),
            "family": self.entry.family(stage),
            "people": self.people.get(stage, 0),
            "url": CustomerQuery(model=self.entry.id, as_of=self.day, stage=stage).url(),
        }

    @cached_property
    def stages(self) -> list[Row]:
        """Money, value and time of every stage."""
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
        """Who went where between the two days."""
        return lifecycle.flows(self.answers, self.entry, self.since, self.day)

    @cached_property
    def flow_stages(self) -> tuple[list[str], list[str]]:
        """The stages that customers came from and went to."""
        # Stages without anybody on either day would be empty rows.
        ends = {stage for flow in self.flows for stage in (flow.source, flow.target)}
        sources = [stage for stage in self.entry.order if stage in ends]
        left = [NOT_STAGED] if any(flow.target == NOT_STAGED for flow in self.flows) else []
        return sources, [*sources, *left]

    @cached_property
    def matrix(self) -> list[Row]:
        """Where customers of each stage went, with the interval of each share."""
        from tenure.economics.transitions import wilson

        people = {(flow.source, flow.target): flow.people for flow in self.flows}
        sources, targets = self.flow_stages
        base, rows = CustomerQuery(model=self.entry.id, as_of=self.day, was_on=self.since), []
        for source in sources:
            total = sum(people.get((source, target), 0) for target in targets)
            cells = {}
            for target in targets:
                if count := people.get((source, target), 0):
                    low, high = wilson(count, total)
                    url = base.url(was=source, stage=target)
                    cells[target] = {"people": count, "share": count / total, "low": low, "high": high, "url": url}
            url = CustomerQuery(model=self.entry.id, as_of=self.since, stage=source).url()
            rows.append({**self.stage(source), "id": source, "people": total, "url": url, "cells": cells})
        return rows

    @property
    def moves(self) -> list[Row]:
        """Every kind of move that was observed, and what it is worth."""
        worth = {(value["source"], value["target"]): value for value in self.report["move_values"]}
        complete = self.report["read"] == self.report["customers"]
        rows = []
        for move in self.report["moves"]:
            source, target = move["source"], move["target"]
            value = worth.get((source, target), {})
            rows.append(
                {
                    **move,
                    "exit_share": move["share"],
                    "source": self.entry.stage_name(source),
                    "target": self.entry.stage_name(target),
                    "source_family": self.entry.family(source),
                    "target_family": self.entry.family(target),
                    "worth": value.get("value"),
                    "worth_low": value.get("low"),
                    "worth_high": value.get("high"),
                    # A sample counts fewer moves than the list holds.
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
        known = self.report["costs_known"]
        return [
            {**asdict(share), **self.stage(share.stage), "costs_known": known}
            for share in queries.budget_by_stage(self.economics)
            if share.stage != UNSTAGED
        ]

    @property
    def budget_total(self) -> Row:
        """The whole budget as its last row."""
        # Averages of one customer cannot be added up, so the sum leaves them out.
        names = ("people", "planned", "saved", "decided", "decided_spend", "decided_saved", "wasted_month", "gets_plan")
        sums = {name: sum(row[name] for row in self.budget) for name in names}
        return {**sums, "stage": _("All"), "family": "", "url": "", "costs_known": False}

    @cached_property
    def decided(self) -> list[Row]:
        """What was decided for single customers: each is a task."""
        return [
            {
                **{name: getattr(choice, name) for name in ("customer_id", "cost", "low", "high", "owner", "due_on")},
                "note": choice.note,
                "expected": choice.profit,
                "stage": self.entry.stage_name(choice.stage),
                "kind_name": titles.kind_name(choice.kind),
                "plan": titles.task_name(choice.task_zh, choice.task_en, choice.kind),
                "url": self.address("economics-choose", customer=choice.customer_id),
            }
            for choice in queries.choices(self.entry.id)
        ]


def _stage_values(data: StageEconomics) -> Bars | None:
    # To the cent, as the table shows it.
    bars = [
        Bar(row["stage"], round(row["value"], 2), row["family"], row["url"])
        for row in data.stages
        if row["value"] is not None
    ]
    return Bars(bars) if bars else None


def _stage_table(data: StageEconomics) -> Table:
    return tables.STAGES if data.report["backtest"] else tables.STAGES.only(lambda column: column.name != "backtest")


def _stage_note(data: StageEconomics) -> str:
    note = _("Ranges hold the truth in 95 of 100 cases, as far as chance goes.")
    test = data.report["backtest"]
    if not test:
        return note
    words = {"origin": say_day(test["origin"]), "days": test["days"]}
    return f"{note} " + (
        _(
            "The back-test compares what one customer was predicted to bring in the %(days)s days after %(origin)s,"
            " judged by what was known then, with the actual amount."
        )
        % words
    )


STAGES = Figure(
    "stages",
    title=lambda data: titles.values(data.entry, data.report),
    chart=_stage_values,
    table=_stage_table,
    rows=lambda data: data.stages,
    file=tables.STAGES,
    note=_stage_note,
    note_below=True,
    term="stage-value",
    wide=True,
    open=True,
)


def _matrix(data: StageEconomics) -> Heatmap | None:
    targets = data.flow_stages[1]
    cells = [
        [targets.index(target), at, cell["share"], cell["url"]]
        for at, row in enumerate(data.matrix)
        for target, cell in row["cells"].items()
    ]
    if not cells:
        return None
    names = [data.entry.stage_name(stage) for stage in targets]
    return Heatmap(names, [row["stage"] for row in data.matrix], cells, percent=True)


def _matrix_table(data: StageEconomics) -> Table:
    heads = [(stage, data.entry.stage_name(stage)) for stage in data.flow_stages[1]]
    return tables.grid(heads, _("From"), tables.flow_cell, tables.PEOPLE)


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


MATRIX = Figure(
    "matrix",
    title=lambda data: titles.flows(data.entry, data.matrix, data.days),
    chart=_matrix,
    table=_matrix_table,
    rows=lambda data: data.matrix,
    file=tables.MATRIX,
    file_rows=_matrix_file,
    note=_matrix_note,
    term="transition-matrix",
    switch=lambda data: Switch(_("Period"), "days", periods(PERIODS), data.days),
    wide=True,
    open=True,
)
MOVES = Figure(
    "moves",
    title=lambda _data: _("All moves since the first fact"),
    chart=lambda _data: None,
    table=tables.MOVES,
    rows=lambda data: data.moves,
    term="transition-rate",
    wide=True,
    open=True,
)


def _survival(data: StageEconomics) -> Curve | None:
    rows = [row for row in data.stays if row["survival"]["days"]]
    if not rows:
        return None
    last = max(row["survival"]["days"][-1] for row in rows)
    # All curves share one grid, so that they can be compared and the page stays small.
    grid = [round(last * at / _GRID, 1) for at in range(_GRID + 1)]
    series = [Series(row["stage"], row["family"], *_on_grid(row["survival"], grid)) for row in rows]
    return Curve(series, x=grid, percent=True, x_name=_("Days in the stage"))


def _on_grid(curve: dict[str, list[float]], grid: list[float]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return a curve's share and interval on a grid; nothing beyond the last day on which anybody left."""
    lines: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    days, at, over = curve["days"], -1, False
    for day in grid:
        over = over or (at >= 0 and (curve["share"][at] <= 0 or day > days[-1]))
        while at + 1 < len(days) and days[at + 1] <= day:
            at += 1
        for line, name in zip(lines, ("share", "low", "high"), strict=True):
            line.append(None if over else 1.0 if at < 0 else curve[name][at])
    return lines


STAY = Figure(
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
    note_below=True,
    term="stage-survival",
    wide=True,
    open=True,
)


def _worth_stages(data: StageEconomics) -> list[str]:
    sources = {move["source"] for move in data.report["move_values"]}
    return [stage for stage in data.entry.order if stage in sources]


def _worth_table(data: StageEconomics) -> Table:
    heads = [(stage, data.entry.stage_name(stage)) for stage in _worth_stages(data)]
    return tables.grid(heads, _("From ↓ to →"), tables.worth_cell)


def _worth_rows(data: StageEconomics) -> list[Row]:
    values = {(value["source"], value["target"]): value for value in data.report["move_values"]}
    stages = _worth_stages(data)
    return [
        {**data.stage(source), "cells": {target: values.get((source, target)) for target in stages}}
        for source in stages
    ]


def _worth_file(data: StageEconomics) -> list[Row]:
    name = data.entry.stage_name
    return [
        {**value, "source": name(value["source"]), "target": name(value["target"])}
        for value in data.report["move_values"]
    ]


WORTH = Figure(
    "worth",
    title=lambda data: titles.worth(data.entry, data.report),
    chart=lambda _data: None,
    table=_worth_table,
    rows=_worth_rows,
    file=tables.WORTH,
    file_rows=_worth_file,
    note=gettext_lazy(
        "What a customer who has just entered the column's stage brings more than one of the same tier who stands in"
        " the row's. An association, not an effect: those who went there by themselves may differ from those who are"
        " brought there. Only a hold-out shows the effect."
    ),
    note_below=True,
    term="move-value",
    wide=True,
    open=True,
)


def _budget_note(data: StageEconomics) -> str:
    notes = [_("What is lost a month is invested in a stage and does not come back, for all its customers.")]
    if data.economics.book.budget is not None:
        rest = titles.amount(data.economics.book.budget - data.budget_total["planned"])
        notes.insert(0, _("%(rest)s of the budget is not planned.") % {"rest": rest})
    if not data.report["costs_known"]:
        notes.append(_("There are no cost facts, so what was invested is not known. Import costs to see it."))
    return " ".join(notes)


BUDGET = Figure(
    "budget",
    title=lambda _data: _("Budget by stage"),
    chart=lambda _data: None,
    table=tables.BUDGET,
    rows=lambda data: [*data.budget, data.budget_total],
    file_rows=lambda data: data.budget,
    note=_budget_note,
    note_below=True,
    term="budget-by-stage",
    wide=True,
    open=True,
)


def _decided_note(data: StageEconomics) -> str:
    if data.decided:
        return ""
    return _(
        "Open a customer from the list of who gets what to compare all options and decide otherwise. Decisions are"
        " listed here with their owner and due day."
    )


DECIDED = Figure(
    "decided",
    title=lambda data: titles.decided(len(data.decided)),
    chart=lambda _data: None,
    table=tables.DECIDED,
    rows=lambda data: data.decided,
    note=_decided_note,
    term="customer-choice",
    wide=True,
    open=True,
)
#: The figures above and below the plans.
ABOVE, BELOW = (STAGES, MATRIX, MOVES, STAY, WORTH), (BUDGET, DECIDED)
