"""The life cycle board: the stages of one model from left to right, on any day; and all models by family."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.words import current_language
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.customers.query import CustomerQuery
from tenure_app.lifecycle import catalogue, queries
from tenure_app.lifecycle.answers import Answers
from tenure_app.lifecycle.catalogue import Entry
from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.web import exports
from tenure_app.web.layout import as_of
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    import duckdb

    from tenure.lifecycle.model import Stage

PERIODS = (7, 30, 90, 365)


@dataclass(frozen=True, slots=True)
class Column:
    """One stage of the board with its words and the addresses of its rows."""

    place: queries.Place
    name: str
    family: str
    stage: Stage | None
    here: str
    came: str
    went: str
    soon: str

    @property
    def goal(self) -> str:
        """What we want in this stage."""
        return self.stage.goal.render() if self.stage else ""

    @property
    def traits(self) -> str:
        """What customers are like in this stage."""
        return self.stage.traits.render() if self.stage else ""

    @property
    def assumption(self) -> str:
        """What is ours in this stage, not the source's."""
        return self.stage.assumption.render() if self.stage else ""

    @property
    def rule(self) -> str:
        """Who belongs here, in words."""
        return sentence_of(self.stage.when, current_language()) if self.stage else ""

    @property
    def share_width(self) -> str:
        """The share as a style wants it."""
        return f"{100 * self.place.share:.2f}"

    @property
    def advised(self) -> list[str]:
        """What to do."""
        return [play.words.render() for play in self.stage.advised] if self.stage else []

    @property
    def discouraged(self) -> list[str]:
        """What not to do."""
        return [play.words.render() for play in self.stage.discouraged] if self.stage else []


def address(chosen: CustomerQuery, **changes: object) -> str:
    """Return the address of the customers that a figure counts."""
    return f"{reverse('customers')}?{replace(chosen, **changes).address()}"  # type: ignore[arg-type]


def period(request: HttpRequest, default: int = 30) -> int:
    """Return how many days back the page looks."""
    asked = request.GET.get("days", "")
    return int(asked) if asked.isascii() and asked.isdigit() and 0 < int(asked) <= 3660 else default


def chosen_entry(request: HttpRequest, entries: dict[str, Entry]) -> Entry | None:
    """Return the model that the address names, else the first that fits, else any."""
    asked = request.GET.get("model", "")
    if asked in entries:
        return entries[asked]
    return next(iter(entries.values()), None)


def answers(con: duckdb.DuckDBPyConnection) -> Answers:
    """Return the statistics of the lake as it is now."""
    return Answers(con, conf.versions())


@page("lifecycle/", "lifecycle", rule=SIGNED_IN)
def lifecycle(request: HttpRequest) -> HttpResponse:
    """Show the board."""
    con = conf.connection()
    if not (profile.has(con, "spans") and profile.has(con, "scorecard")):
        return render(request, "tenure_app/lifecycle/empty.html")
    entries = catalogue.catalogue(con)
    entry = chosen_entry(request, entries)
    if entry is None:
        return render(request, "tenure_app/lifecycle/empty.html")
    day, days = as_of(request), period(request)
    context = {
        "entry": entry,
        "entries": list(entries.values()),
        "days": days,
        "periods": PERIODS,
        "day": day,
        "since": day - timedelta(days=days),
        "warns": entry.model.warns.render(),
        "summary": entry.model.summary.render(),
        "help": entry.model.help.render(),
        "missing": missing_words(entry),
    }
    if not entry.fits:
        return render(request, "tenure_app/lifecycle/misfit.html", context)
    board = queries.board(answers(con), entry, day, day - timedelta(days=days))
    if request.GET.get("format") == "csv":
        return _board_csv(entry, board)
    context["board"] = board
    context["columns"] = [_column(entry, place, board) for place in board.places]
    context["aside"] = _unstaged(entry, board)
    return render(request, "tenure_app/lifecycle/board.html", context)


def missing_words(entry: Entry) -> list[str]:
    """Return the kinds of facts that a model lacks, as a reader calls them."""
    from tenure.rules.wording.vocabulary import kind_name

    return [kind_name(kind, current_language()) for kind in entry.missing]


def _column(entry: Entry, place: queries.Place, board: queries.Board) -> Column:
    base = CustomerQuery(model=entry.id, as_of=board.day)
    moved = {"move_stage": place.stage, "move_from": board.since + timedelta(days=1), "move_to": board.day}
    return Column(
        place,
        entry.stage_name(place.stage),
        entry.family(place.stage),
        entry.stage(place.stage),
        address(base, stage=place.stage),
        address(base, moved="entered", **moved),
        address(base, moved="left", **moved),
        address(base, stage=place.stage, next_within=queries.WEEK),
    )


def _unstaged(entry: Entry, board: queries.Board) -> list[Column]:
    base = CustomerQuery(model=entry.id, as_of=board.day)
    return [
        Column(place, entry.stage_name(place.stage), "", None, address(base, stage=place.stage), "", "", "")
        for place in (board.no_stage, board.outside)
    ]


def _board_csv(entry: Entry, board: queries.Board) -> HttpResponse:
    heads = [
        _("Stage id"), _("Stage"), _("Customers"), _("Share"), _("Amount"), _("Average days in stage"),
        _("Entries"), _("Customers who entered"), _("Exits"), _("Customers who left"), _("Will change within 7 days"),
    ]  # fmt: skip
    rows = [
        [
            place.stage, entry.stage_name(place.stage), place.people, f"{place.share:.6f}", place.amount,
            place.average_days, place.entries, place.entered, place.exits, place.left, place.leaving,
        ]
        for place in (*board.places, board.no_stage, board.outside)
    ]  # fmt: skip
    return exports.csv_file(f"stages-{entry.id}-{board.day}", exports.Sheet("", heads, rows))


@page("lifecycle/families/", "lifecycle-families", rule=SIGNED_IN)
def families(request: HttpRequest) -> HttpResponse:
    """Show how many customers every model puts into every family of stages."""
    con = conf.connection()
    if not profile.has(con, "spans"):
        return render(request, "tenure_app/lifecycle/empty.html")
    entries = catalogue.catalogue(con)
    fitting = [entry for entry in entries.values() if entry.fits]
    day = as_of(request)
    counted = queries.families(answers(con), fitting, day)
    used = _families_used(fitting)
    rows = [(entry, [_cell(entry, family, counted, day) for family in used]) for entry in fitting]
    if request.GET.get("format") == "csv":
        heads = [_("Model"), *(f"{family} {name}" for family, name in used.items())]
        return exports.csv_file(
            f"families-{day}",
            exports.Sheet("", heads, [[entry.name, *(cell["people"] for cell in cells)] for entry, cells in rows]),
        )
    context = {
        "families": used, "rows": rows, "day": day,
        "others": [(entry, missing_words(entry)) for entry in entries.values() if not entry.fits],
    }  # fmt: skip
    return render(request, "tenure_app/lifecycle/families.html", context)


def family_names() -> dict[str, str]:
    """Return what each family of stages is called."""
    return {
        "F1": _("Awareness"), "F2": _("Consideration"), "F3": _("Purchase"), "F4": _("Activation"), "F5": _("Growth"),
        "F6": _("Maturity"), "F7": _("Loyalty"), "F8": _("Decline"), "F9": _("Dormant"), "F10": _("Lost"),
        "F11": _("Ended"), "F12": _("Satisfaction"), "": _("No family"),
    }  # fmt: skip


def _families_used(entries: list[Entry]) -> dict[str, str]:
    used = {stage.family for entry in entries for stage in entry.model.stages}
    return {family: name for family, name in family_names().items() if family in used}


def _cell(entry: Entry, family: str, counted: dict[str, dict[str, int]], day: date) -> dict[str, object]:
    stages = [stage for stage in entry.order if entry.family(stage) == family]
    return {
        "family": family,
        "stages": [entry.stage_name(stage) for stage in stages],
        "people": counted.get(entry.id, {}).get(family, 0) if stages else None,
        "url": address(CustomerQuery(model=entry.id, stage=",".join(stages), as_of=day)) if stages else "",
    }
