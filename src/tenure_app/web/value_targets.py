"""Targets of the value page: which figures can be wanted, what they are called, and the form that sets them."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.columns import column
from tenure_app.core import conf
from tenure_app.lifecycle import catalogue
from tenure_app.value import actions, ranking_queries
from tenure_app.value import target_queries as targets
from tenure_app.web.formats import number, percent
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from tenure_app.lifecycle.catalogue import Entry
    from tenure_app.web.value_parts import Page

SENSES = ("min", "max")


def names(entries: dict[str, Entry]) -> dict[str, dict[str, str]]:
    """Return what can be wanted, in groups of the form: {group: {measure: name}}."""
    found = {
        str(_("Shares")): {
            "old_sales": _("Old customers' share of sales, 30 days"),
            "old_buyers": _("Old customers' share of buyers, 30 days"),
            "old_profit": _("Old customers' share of profit, 30 days"),
            "repurchase": _("Repurchase rate"),
            "second_90": _("Second order within 90 days"),
            "retention_1": _("Retention in the month after the first order"),
            "top_share": _("Top fifth's share of sales"),
        }
    }
    for definition in (column(name) for name in targets.GROUPS):
        found[str(definition.label)] = {
            f"group:{definition.id}:{code}": _("Customers: %(group)s") % {"group": name}
            for code, name in definition.values.items()
        }
    for entry in entries.values():
        if entry.fits:
            found[entry.name] = {
                f"stage:{entry.id}:{stage.id}": _("Customers in %(stage)s") % {"stage": entry.stage_name(stage.id)}
                for stage in entry.model.stages
            }
    return found


def standings(page: Page) -> dict[str, Any]:
    """Return the targets with where they stand, and what can be wanted."""
    offered = names(catalogue.catalogue(page.con))
    called = {measure: (name, group) for group, some in offered.items() for measure, name in some.items()}
    rows = []
    for standing in targets.standings(page.con, page.bodies, page.day):
        name, group = called.get(standing.target.measure, (standing.target.measure, ""))
        say = percent if targets.is_share(standing.target.measure) else number
        rows.append(
            {
                "id": standing.target.pk,
                "name": name,
                "group": group,
                "due_on": standing.target.due_on,
                "state": standing.state,
                "state_said": state(standing.state),
                "today": say(standing.today),
                "wanted": say(standing.target.value),
                "sense": "≥" if standing.target.sense == "min" else "≤",
                "began": say(standing.target.began_at),
                "width": f"{100 * (standing.progress or 0):.0f}",
                "url": _rows(page, standing.target.measure),
            }
        )
    return {"rows": rows, "offered": offered}


def _rows(page: Page, measure: str) -> str:
    """Return the address of the customers that a figure counts; none for shares."""
    kind, _sep, rest = measure.partition(":")
    name, _sep, value = rest.partition(":")
    if kind == "group":
        return page.rows(**{name: value})
    return page.rows(model=name, stage=value) if kind == "stage" else ""


def state(name: str) -> str:
    """Return what the state of a target is called."""
    return {"reached": _("reached"), "under-way": _("under way"), "missed": _("missed"), "unknown": _("cannot tell")}[
        name
    ]


@page("value/targets/", "value-targets", rule=SIGNED_IN, methods=("POST",))
def change(request: HttpRequest) -> HttpResponse:
    """Set a target, or take one away."""
    back = redirect(reverse("value") + "#targets")
    if request.POST.get("drop", "").isdecimal():
        actions.drop(int(request.POST["drop"]))
        messages.success(request, _("The target is gone."))
        return back
    wrong = _set(request)
    if wrong:
        messages.error(request, wrong)
    else:
        messages.success(request, _("The target is set."))
    return back


def _set(request: HttpRequest) -> str:
    """Set the target of a form; return what is wrong with it, empty when nothing is."""
    asked = request.POST
    con = conf.connection()
    bodies = ranking_queries.bodies(con)
    measure = asked.get("measure", "")
    if not any(measure in name for name in names(catalogue.catalogue(con)).values()) or "groups" not in bodies:
        return _("Choose what the target is about.")
    try:
        value = float(asked.get("value", "").replace(",", "").rstrip("%"))
        due_on = date.fromisoformat(asked["due_on"]) if asked.get("due_on") else None
    except ValueError:
        return _("Write the target as a number, such as 65, and the day like 2026-12-31.")
    if not math.isfinite(value) or value < 0:
        return _("Write the target as a number, such as 65, and the day like 2026-12-31.")
    if targets.is_share(measure):
        if value > 100:
            return _("A share is at most 100 (%%), not %(value)s.") % {"value": number(value)}
        value /= 100
    sense = asked.get("sense", "") if asked.get("sense") in SENSES else "min"
    author = request.user if request.user.is_authenticated else None
    actions.set_target(measure, sense, value, targets.figure(con, bodies, measure), due_on, author)
    return ""
