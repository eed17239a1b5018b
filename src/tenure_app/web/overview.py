"""The overview: where the customers stand, how that changed, who went where, and who moves next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.customers.queries import available, rows_of
from tenure_app.customers.query import NOT_IN_MODEL, NOT_STAGED, STAGED, UNSTAGED, CustomerQuery
from tenure_app.customers.tables import CUSTOMERS
from tenure_app.lifecycle import catalogue, queries
from tenure_app.web import exports, overview_said
from tenure_app.web.layout import as_of
from tenure_app.web.lifecycle import PERIODS, address, answers, chosen_entry, period
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from tenure_app.lifecycle.answers import Answers
    from tenure_app.lifecycle.catalogue import Entry

#: How far the trend looks back: days, and the step between two points.
SPANS = {"quarter": (91, "day"), "year": (364, "week"), "years": (364 * 3, "month")}


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage of the first chart."""

    name: str
    family: str
    people: int
    share: float
    change: int
    url: str
    width: str

    @property
    def change_abs(self) -> int:
        """How large the change is."""
        return abs(self.change)


@page("overview/", "overview", rule=SIGNED_IN)
def overview(request: HttpRequest) -> HttpResponse:
    """Show the overview of one model."""
    con = conf.connection()
    if not (profile.has(con, "spans") and profile.has(con, "scorecard")):
        return render(request, "tenure_app/overview/empty.html")
    entries = {key: entry for key, entry in catalogue.catalogue(con).items() if entry.fits}
    entry = chosen_entry(request, entries)
    if entry is None:
        return render(request, "tenure_app/overview/empty.html")
    ask, day, days = answers(con), as_of(request), period(request)
    span = request.GET.get("span", "")
    span = span if span in SPANS else "year"
    download = _DOWNLOADS.get(request.GET.get("format", ""))
    if download:
        return download(ask, entry, day, days, span)
    since = day - timedelta(days=days)
    board = queries.board(ask, entry, day, since)
    coming = queries.soon(ask, entry, day)
    context: dict[str, Any] = {
        "entry": entry, "entries": list(entries.values()), "day": day, "since": since, "days": days,
        "periods": PERIODS, "span": span, "spans": SPANS, "board": board,
        "bars": _bars(ask, entry, board, since),
        "trend": _trend(ask, entry, day, span),
        "flow": _flow(ask, entry, since, day, days),
        "coming": coming,
        "coming_said": overview_said.coming(entry, coming),
        "coming_moves": _coming_moves(entry, coming, day),
        "coming_url": address(
            CustomerQuery(model=entry.id, as_of=day, next_within=queries.WEEK, sort="next", down=False)
        ),
        "all_url": address(CustomerQuery(model=entry.id, as_of=day, stage=STAGED)),
        "no_stage_url": address(CustomerQuery(model=entry.id, as_of=day, stage=UNSTAGED)),
        "outside_url": address(CustomerQuery(model=entry.id, as_of=day, stage=NOT_IN_MODEL)),
        "people": _people(con, entry, coming, day),
    }  # fmt: skip
    context["bars_said"] = overview_said.standing(entry, board, context["bars"], days)
    return render(request, "tenure_app/overview/page.html", context)


def _bars(ask: Answers, entry: Entry, board: queries.Board, since: date) -> list[Bar]:
    before = {row["stage"]: row["people"] for row in ask.ask("stage_counts", entry.id, since)}
    most = max((place.people for place in board.places), default=0) or 1
    base = CustomerQuery(model=entry.id, as_of=board.day)
    return [
        Bar(
            entry.stage_name(place.stage),
            entry.family(place.stage),
            place.people,
            place.share,
            place.people - before.get(place.stage, 0),
            address(base, stage=place.stage),
            f"{100 * place.people / most:.2f}",
        )
        for place in board.places
    ]


def _trend(ask: Answers, entry: Entry, day: date, span: str) -> dict[str, Any]:
    """Return the trend as the chart's data and as a table."""
    back, every = SPANS[span]
    found = queries.trend(ask, entry, day - timedelta(days=back), day, every)
    base = CustomerQuery(model=entry.id)
    series = [
        {"name": entry.stage_name(stage), "family": entry.family(stage), "values": people, "stage": stage}
        for stage, people in found.people.items()
    ]
    days = [one.isoformat() for one in found.days]
    rows = [
        (one, [(line["values"][at], address(base, stage=line["stage"], as_of=one)) for line in series])
        for at, one in reversed(list(enumerate(found.days)))
    ]
    unit = _(" customers")
    return {
        "data": {"days": days, "series": series, "unit": unit},
        "series": series,
        "rows": rows,
        "said": overview_said.trend(entry, found),
        "empty": not any(any(line["values"]) for line in series),
    }


def _flow(ask: Answers, entry: Entry, since: date, day: date, days: int) -> dict[str, Any]:
    """Return the flow between two days as the chart's data and as a table."""
    found = queries.flows(ask, entry, since, day)
    base = CustomerQuery(model=entry.id, as_of=day, was_on=since)
    lines: list[dict[str, Any]] = [
        {
            "flow": one, "from": entry.stage_name(one.source), "to": entry.stage_name(one.target),
            "from_family": entry.family(one.source), "to_family": entry.family(one.target),
            "url": address(base, was=one.source, stage=one.target), "change": one.people - one.before,
        }
        for one in found
    ]  # fmt: skip
    nodes = [
        {"id": f"{side}-{stage}", "name": entry.stage_name(stage), "family": entry.family(stage), "depth": depth,
         "url": address(CustomerQuery(model=entry.id, as_of=on), stage=stage) if stage != NOT_STAGED else ""}
        for depth, (side, on) in enumerate((("from", since), ("to", day)))
        for stage in dict.fromkeys(_end(one, depth) for one in found)
    ]  # fmt: skip
    links = [
        {"source": f"from-{line['flow'].source}", "target": f"to-{line['flow'].target}", "value": line["flow"].people,
         "url": line["url"]}
        for line in lines
    ]  # fmt: skip
    moved = [line for line in lines if not line["flow"].stayed]
    return {
        "data": {"nodes": nodes, "links": links, "unit": _(" customers")},
        "lines": moved,
        "stayed": sum(one.people for one in found if one.stayed),
        "moved": sum(line["flow"].people for line in moved),
        "said": overview_said.flow(entry, found, since, day, days),
        "empty": not found,
    }


def _end(flow: queries.Flow, depth: int) -> str:
    return flow.target if depth else flow.source


def _coming_moves(entry: Entry, coming: queries.Soon, day: date) -> list[dict[str, Any]]:
    """Return the moves of the coming week by from and to, the largest first."""
    sums: dict[tuple[str, str], int] = {}
    for move in coming.moves:
        sums[move.source, move.target] = sums.get((move.source, move.target), 0) + move.people
    base = CustomerQuery(model=entry.id, as_of=day, next_within=queries.WEEK)
    return [
        {
            "from": entry.stage_name(source), "to": entry.stage_name(target), "people": people,
            "from_family": entry.family(source), "to_family": entry.family(target),
            "url": address(base, stage=source, next_stage=target),
        }
        for (source, target), people in sorted(sums.items(), key=lambda one: -one[1])
    ]  # fmt: skip


def _people(con: Any, entry: Entry, coming: queries.Soon, day: date, most: int = 10) -> list[dict[str, Any]]:
    """Return the first customers that will move."""
    first = coming.customers[:most]
    ids = [customer for customer, *_rest in first]
    rows = {row["customer_id"]: row for row in rows_of(con, available(con, CUSTOMERS), ids, entry.id, day)}
    return [
        {
            "row": rows[customer], "on": on, "from": entry.stage_name(source), "from_family": entry.family(source),
            "to": entry.stage_name(target), "to_family": entry.family(target),
            "why": overview_said.why_next(entry, source, target),
        }
        for customer, source, on, target in first
        if customer in rows
    ]  # fmt: skip


# Downloads


def _trend_csv(ask: Answers, entry: Entry, day: date, _days: int, span: str) -> HttpResponse:
    found = _trend(ask, entry, day, span)
    heads = [_("Date"), *(line["name"] for line in found["series"])]
    rows = ([one, *(people for people, _url in cells)] for one, cells in reversed(found["rows"]))
    return exports.csv_file(f"trend-{entry.id}-{day}", exports.Sheet("", heads, rows))


def _flow_csv(ask: Answers, entry: Entry, day: date, days: int, _span: str) -> HttpResponse:
    found = queries.flows(ask, entry, day - timedelta(days=days), day)
    heads = [_("From"), _("To"), _("Customers"), _("In the period before")]
    rows = ([entry.stage_name(one.source), entry.stage_name(one.target), one.people, one.before] for one in found)
    return exports.csv_file(f"flow-{entry.id}-{day}", exports.Sheet("", heads, rows))


def _soon_csv(ask: Answers, entry: Entry, day: date, _days: int, _span: str) -> HttpResponse:
    found = queries.soon(ask, entry, day, 1_000_000)
    heads = [_("Customer id"), _("Date"), _("From"), _("To")]
    rows = (
        [one, on, entry.stage_name(source), entry.stage_name(target)] for one, source, on, target in found.customers
    )
    return exports.csv_file(f"next-{entry.id}-{day}", exports.Sheet("", heads, rows))


_DOWNLOADS = {"trend.csv": _trend_csv, "flow.csv": _flow_csv, "next.csv": _soon_csv}
