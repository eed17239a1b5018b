"""The figures of the overview: how the stages changed, and who went where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from tenure.lifecycle.grid import Every
from tenure_app.customers.query import NOT_STAGED, CustomerQuery
from tenure_app.lifecycle import queries, tables, titles
from tenure_app.lifecycle.answers import Answers
from tenure_app.lifecycle.catalogue import Entry
from tenure_app.web.charts import Area, FlowNode, Link, Sankey, Series
from tenure_app.web.figures import Figure, Switch
from tenure_app.web.formats import day, number

#: How many days back "entered" and the flow look.
PERIODS = (7, 30, 90, 365)
#: How far the trend looks back: days, and the step between two points.
SPANS: dict[str, tuple[int, Every]] = {"quarter": (91, "day"), "year": (364, "week"), "years": (364 * 3, "month")}


@dataclass
class Overview:
    """What the overview shows: one model on one day."""

    ask: Answers
    entry: Entry
    day: date
    days: int
    span: str

    @property
    def since(self) -> date:
        return self.day - timedelta(days=self.days)

    @cached_property
    def trend(self) -> queries.Trend:
        back, every = SPANS[self.span]
        return queries.trend(self.ask, self.entry, self.day - timedelta(days=back), self.day, every)

    @cached_property
    def flows(self) -> list[queries.Flow]:
        return queries.flows(self.ask, self.entry, self.since, self.day)

    @property
    def moves(self) -> list[queries.Flow]:
        return [flow for flow in self.flows if not flow.stayed]


def _trend_rows(data: Overview) -> list[dict[str, Any]]:
    base = CustomerQuery(model=data.entry.id)
    return [
        {
            "on": on,
            **{stage: people[at] for stage, people in data.trend.people.items()},
            **{f"url-{stage}": base.url(stage=stage, as_of=on) for stage in data.trend.people},
        }
        for at, on in enumerate(data.trend.days)
    ]


def _flow(data: Overview) -> Sankey | None:
    if not data.flows:
        return None
    entry, nodes = data.entry, []
    for depth, (side, on) in enumerate((("from", data.since), ("to", data.day))):
        for stage in dict.fromkeys((flow.source, flow.target)[depth] for flow in data.flows):
            url = "" if stage == NOT_STAGED else CustomerQuery(model=entry.id, as_of=on, stage=stage).url()
            nodes.append(FlowNode(f"{side}-{stage}", entry.stage_name(stage), entry.family(stage), depth, url))
    links = [
        Link(f"from-{flow.source}", f"to-{flow.target}", flow.people, _flow_url(data, flow)) for flow in data.flows
    ]
    return Sankey(nodes, links, _(" customers"))


def _flow_url(data: Overview, flow: queries.Flow) -> str:
    base = CustomerQuery(model=data.entry.id, as_of=data.day, was_on=data.since)
    return base.url(was=flow.source, stage=flow.target)


def _flow_rows(data: Overview, flows: list[queries.Flow]) -> list[dict[str, Any]]:
    return [
        {
            **data.entry.ends(flow.source, flow.target),
            "people": flow.people,
            "before": flow.before,
            "url": _flow_url(data, flow),
        }
        for flow in flows
    ]


def _flow_note(data: Overview) -> str:
    people, moved = sum(flow.people for flow in data.flows), sum(flow.people for flow in data.moves)
    return _("Left: %(start)s, right: %(end)s. %(moved)s changed, %(stayed)s stayed where they were.") % {
        "start": day(data.since),
        "end": day(data.day),
        "moved": number(moved),
        "stayed": number(people - moved),
    }


TREND = Figure(
    "trend",
    title=lambda data: titles.trend(data.entry, data.trend),
    chart=lambda data: Area(
        data.trend.days,
        [
            Series(data.entry.stage_name(stage), data.entry.family(stage), people, stage=stage)
            for stage, people in data.trend.people.items()
        ],
        _(" customers"),
    ),
    table=lambda data: tables.trend_table({stage: data.entry.stage_name(stage) for stage in data.trend.people}),
    rows=lambda data: reversed(_trend_rows(data)),
    file_rows=_trend_rows,
    term="trend",
    switch=lambda data: Switch(
        _("Time shown"), "span", (("quarter", _("3 months")), ("year", _("1 year")), ("years", _("3 years"))), data.span
    ),
    wide=True,
)
FLOW = Figure(
    "flow",
    title=lambda data: titles.flow(data.entry, data.flows, data.since, data.day, data.days),
    chart=_flow,
    table=tables.FLOWS,
    rows=lambda data: _flow_rows(data, data.moves),
    file_rows=lambda data: _flow_rows(data, data.flows),
    note=_flow_note,
    term="flow",
    switch=lambda data: Switch(_("Period"), "days", titles.periods(PERIODS), data.days),
    wide=True,
)
#: The figures of the overview.
FIGURES = (TREND, FLOW)
