"""The pages of the life cycle: the overview, the board of one model's stages, and all models by family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import duckdb
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.columns import column
from tenure.lifecycle.choice import Suitability, one_stage_message
from tenure.lifecycle.families import metrics_of
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED, Stage
from tenure.lifecycle.reach import Unreachable
from tenure_app.core import conf
from tenure_app.customers.profile import has
from tenure_app.customers.queries import names_of
from tenure_app.customers.query import STAGED, CustomerQuery
from tenure_app.lifecycle import catalogue, queries, tables, titles
from tenure_app.lifecycle import figures as declared
from tenure_app.lifecycle.answers import Answers
from tenure_app.lifecycle.catalogue import Entry
from tenure_app.lifecycle.definitions.labels import attributes_known, businesses
from tenure_app.lifecycle.definitions.queries import unreachable_of
from tenure_app.lifecycle.figures import PERIODS, SPANS, Overview
from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.web import exports
from tenure_app.web.figures import Switch, sheets
from tenure_app.web.layout import as_of, business
from tenure_app.web.pages import SIGNED_IN, page

#: Customers shown of those who move next.
SHOWN = 10


def period(request: HttpRequest, default: int = 30) -> int:
    """Return how many days back a page looks."""
    asked = request.GET.get("days", "")
    return int(asked) if asked.isascii() and asked.isdigit() and 0 < int(asked) <= 3660 else default


def chosen_entry(request: HttpRequest, entries: dict[str, Entry]) -> Entry | None:
    """Return the model that the address names, else the first that fits, else any."""
    return entries.get(request.GET.get("model", "")) or next(iter(entries.values()), None)


# The overview


@page("overview/", "overview", rule=SIGNED_IN)
def overview(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    ready = has(con, "spans") and has(con, "scorecard")
    entries = {name: entry for name, entry in catalogue.catalogue(con).items() if entry.fits} if ready else {}
    entry = chosen_entry(request, entries)
    if entry is None:
        return render(request, "lifecycle/overview_empty.html")
    span = request.GET.get("span", "")
    data = Overview(Answers(con), entry, as_of(request), period(request), span if span in SPANS else "year")
    files = {
        **sheets(declared.FIGURES, data),
        "next": lambda: tables.NEXT_MOVES.sheet(_moves(con, data, queries.soon(data.ask, entry, data.day, 1_000_000))),
    }
    if file := exports.requested(request, files, f"{entry.id}-{data.day}"):
        return file
    board, soon = queries.board(data.ask, entry, data.day, data.since), queries.soon(data.ask, entry, data.day)
    standing, base = _standing(data, board), CustomerQuery(model=entry.id, as_of=data.day)
    context = {
        "title": _("Overview"),
        "businesses": businesses(),
        "entry": entry,
        "entries": catalogue.offered(entries, request.GET),
        "day": data.day,
        "since": data.since,
        "board": board,
        "standing_title": titles.standing(board, standing, data.days),
        "standing": tables.STANDING.show(standing),
        "soon": soon,
        "soon_title": titles.coming(soon),
        "soon_moves": [
            {
                **entry.ends(source, target),
                "people": people,
                "url": base.url(stage=source, next_stage=target, next_within=queries.WEEK),
            }
            for (source, target), people in soon.moves.items()
        ],
        "soon_url": base.url(next_within=queries.WEEK, sort="next", down=False),
        "next_moves": tables.NEXT_MOVES.show(_moves(con, data, soon)[:SHOWN]),
        "staged_url": base.url(stage=STAGED),
        "unstaged_url": base.url(stage=UNSTAGED),
        "outside_url": base.url(stage=NOT_IN_MODEL),
        "figures": [figure.show(data) for figure in declared.FIGURES],
    }
    return render(request, "lifecycle/overview.html", context)


def _standing(data: Overview, board: queries.Board) -> list[tables.Row]:
    """Return how many are in each stage, beside how many were."""
    before = queries.people_by_stage(data.ask, data.entry, data.since)
    most = max((place.people for place in board.places), default=0) or 1
    base = CustomerQuery(model=data.entry.id, as_of=board.day)
    return [
        {
            "stage": data.entry.stage_name(place.stage),
            "family": data.entry.family(place.stage),
            "people": place.people,
            "share": place.share,
            "change": place.people - before.get(place.stage, 0),
            "url": base.url(stage=place.stage),
            "width": f"{100 * place.people / most:.2f}",
        }
        for place in board.places
    ]


def _moves(con: duckdb.DuckDBPyConnection, data: Overview, soon: queries.Soon) -> list[tables.Row]:
    """Return who moves within a week, the soonest first."""
    names = names_of(con, [customer for customer, *_rest in soon.customers])
    return [
        {
            **data.entry.ends(source, target),
            "customer_id": customer,
            "name": names[customer],
            "url": f"{reverse('customer', args=[customer])}?model={data.entry.id}",
            "on": on,
            "why": titles.why_next(data.entry, source, target),
        }
        for customer, source, on, target in soon.customers
        if customer in names
    ]


# The board


@page("lifecycle/", "lifecycle", rule=SIGNED_IN)
def lifecycle(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    entries = catalogue.catalogue(con) if has(con, "spans") and has(con, "scorecard") else {}
    entry = chosen_entry(request, entries)
    if entry is None:
        return render(request, "lifecycle/empty.html")
    day, days = as_of(request), period(request)
    since = day - timedelta(days=days)
    context = {
        "title": entry.name,
        "entry": entry,
        "entries": catalogue.offered(entries, request.GET),
        "day": day,
        "since": since,
        "subtitle": entry.model.summary.render(),
        "missing": titles.missing_facts(entry),
    }
    if not entry.fits:
        return render(request, "lifecycle/misfit.html", context)
    board = queries.board(Answers(con), entry, day, since)
    rows = [
        {**asdict(place), "stage_id": place.stage, "stage": entry.stage_name(place.stage)}
        for place in (*board.places, board.no_stage, board.outside)
    ]
    if file := exports.requested(request, {"": lambda: tables.BOARD.sheet(rows)}, f"stages-{entry.id}-{day}"):
        return file
    unreachable_stages = unreachable_of(entry.model)
    reactivated = queries.reactivated(Answers(con), entry, since, day)
    places = {place.stage: place.people for place in (*board.places, board.no_stage, board.outside)}
    suitability = Suitability(entry.model, unreachable_stages, places)
    better = entries.get(business().recommended)
    context |= {
        "one_stage": one_stage_message(suitability).render() if suitability.is_one_stage else "",
        "better": better if better is not None and better is not entry else None,
        "board": board,
        "cards": [_card(entry, place, board, unreachable_stages, reactivated) for place in board.places],
        "aside": [_card(entry, place, board, {}, {}) for place in (board.no_stage, board.outside)],
        "period": Switch(_("Period"), "days", titles.periods(PERIODS), days),
        "warns": entry.model.warns.render(),
        "attributes_known": attributes_known(entry.model),
        "help": entry.model.help.render(),
    }
    return render(request, "lifecycle/board.html", context)


def _card(
    entry: Entry,
    place: queries.StageSummary,
    board: queries.Board,
    unreachable_stages: Mapping[str, Unreachable],
    reactivated: Mapping[str, tuple[int, int]],
) -> dict[str, Any]:
    """Return one stage of the board with its words and the addresses of its rows."""
    base, stage = CustomerQuery(model=entry.id, as_of=board.day), entry.stage(place.stage)
    return {
        "place": place,
        "name": entry.stage_name(place.stage),
        "family": entry.family(place.stage),
        "stage": stage,
        "rule": sentence_of(stage.rule, entry.model) if stage else "",
        # Somebody may have been put there by hand.
        "unreachable": unreachable_stages[place.stage].message.render()
        if place.stage in unreachable_stages and not place.people
        else "",
        "share_width": f"{100 * place.share:.2f}",
        "url": base.url(stage=place.stage),
        "texts": _texts(entry, stage) if stage else [],
        "moves": _moves_of(place, base, board.since, reactivated.get(place.stage)),
    }


def _texts(entry: Entry, stage: Stage) -> list[str]:
    """Return what customers of a stage are like and need, and what to look at there."""
    described = " ".join(text.render() for text in (stage.traits, stage.needs_text) if text)
    metrics = " · ".join(metric.render() for metric in metrics_of(entry.model, stage.family))
    look_at = _("%(title)s: %(text)s") % {"title": _("What to look at"), "text": metrics}
    return [text for text in (described, metrics and look_at) if text]


def _moves_of(
    place: queries.StageSummary, base: CustomerQuery, since: date, reactivated: tuple[int, int] | None
) -> list[tuple[str, str, str, int, int]]:
    """Return who came, left, will leave or may belong to a stage: label, term, address, customers and times."""
    moved = {"move_stage": place.stage, "move_from": since + timedelta(days=1), "move_to": base.as_of}
    leaving = base.url(stage=place.stage, next_within=queries.WEEK)
    moves = [
        (_("Entered"), "", base.url(moved="entered", **moved), place.entered, place.entries),
        (_("Left"), "", base.url(moved="left", **moved), place.left, place.exits),
        (_("Leaving within 7 days"), "", leaving, place.leaving, place.leaving),
    ]
    if reactivated is not None:
        moves.insert(1, (_("Re-activated"), "reactivated", base.url(moved="reactivated", **moved), *reactivated))
    if undetermined := place.cannot_judge:
        label, url = str(column("cannot_judge").label), base.url(cannot_judge=place.stage)
        moves.append((label, "cannot_judge", url, undetermined, undetermined))
    return moves


# All models


@page("lifecycle/families/", "lifecycle-families", rule=SIGNED_IN)
def families(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    if not has(con, "spans"):
        return render(request, "lifecycle/empty.html")
    entries = catalogue.catalogue(con)
    offered, day = catalogue.offered(entries, request.GET), as_of(request)
    fitting = [entry for entry in offered if entry.fits]
    counts = queries.families(Answers(con), fitting, day)
    used = {stage.family for entry in fitting for stage in entry.model.stages}
    table = tables.families_table([item for item in titles.family_names().items() if item[0] in used])
    rows = []
    for entry in fitting:
        row: tables.Row = {"entry": entry, "url": f"{reverse('lifecycle')}?model={entry.id}"}
        for family in used:
            row[f"{family}-cell"] = cell = _cell(entry, family, counts[entry.id, family], day)
            row[family] = cell["people"]
        rows.append(row)
    if file := exports.requested(request, {"": lambda: table.sheet(rows)}, f"families-{day}"):
        return file
    context = {
        "title": _("All models by family"),
        "day": day,
        "table": table.show(rows),
        "others": [(entry, titles.missing_facts(entry)) for entry in offered if not entry.fits],
    }
    return render(request, "lifecycle/families.html", context)


def _cell(entry: Entry, family: str, people: int, day: date) -> tables.Row:
    stages = [stage for stage in entry.order if entry.family(stage) == family]
    return {
        "stages": [entry.stage_name(stage) for stage in stages],
        "people": people if stages else None,
        "url": CustomerQuery(model=entry.id, stage=",".join(stages), as_of=day).url() if stages else "",
    }
