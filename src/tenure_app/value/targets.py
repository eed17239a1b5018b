"""Targets of the value page: what a target can be about, how far each is, and the form that sets one."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from tenure.columns import column
from tenure.words.formats import number, percent
from tenure_app.core import conf
from tenure_app.lifecycle import catalogue
from tenure_app.value import actions, ranking_queries, titles
from tenure_app.value import target_queries as queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from django.contrib.auth.models import User

    from tenure_app.lifecycle.catalogue import Entry
    from tenure_app.value.figures import Value

SENSES = ("min", "max")


def measures(entries: Mapping[str, Entry]) -> dict[str, dict[str, str]]:
    """Return what a target can be about, in groups of the form: {group: {measure: name}}."""
    groups = {
        _("Shares"): {
            "old_sales": _("Existing customers' share of sales, 30 days"),
            "old_buyers": _("Existing customers' share of buyers, 30 days"),
            "old_profit": _("Existing customers' share of profit, 30 days"),
            "repurchase": _("Repurchase rate"),
            "second_90": _("Second order within 90 days"),
            "retention_1": _("Retention in the month after the first order"),
            "top_share": _("Top fifth's share of sales"),
        }
    }
    for definition in map(column, queries.GROUPS):
        groups[str(definition.label)] = {
            f"group:{definition.id}:{code}": _("Customers: %(group)s") % {"group": name}
            for code, name in definition.values.items()
        }
    for entry in entries.values():
        if entry.fits:
            groups[entry.name] = {
                f"stage:{entry.id}:{stage.id}": _("Customers in %(stage)s") % {"stage": entry.stage_name(stage.id)}
                for stage in entry.model.stages
            }
    return groups


def standings(data: Value) -> list[dict[str, Any]]:
    """Return the targets, each with its present value."""
    groups = measures(catalogue.catalogue(data.con))
    names = {measure: (name, group) for group, members in groups.items() for measure, name in members.items()}
    rows = []
    for standing in queries.standings(data.con, data.reports, data.day):
        target = standing.target
        name, group = names.get(target.measure, (target.measure, ""))
        # A model may be gone since the target was set: then its measure stands for its name.
        write = percent if queries.is_share(target.measure) else number
        rows.append(
            {
                "id": target.pk,
                "name": name,
                "group": group,
                "due_on": target.due_on,
                "state": standing.state,
                "state_name": titles.target_state(standing.state),
                "today": write(standing.today),
                "goal": write(target.value),
                "sense": "≥" if target.sense == "min" else "≤",
                "began": write(target.began_at),
                "width": f"{100 * (standing.progress or 0):.0f}",
                "url": _customers(data, target.measure),
            }
        )
    return rows


def _customers(data: Value, measure: str) -> str:
    """Return the address of the customers that a measure counts; none for shares."""
    kind, _sep, rest = measure.partition(":")
    name, _sep, value = rest.partition(":")
    if kind == "group":
        return data.customers(**{name: value})
    return data.customers(model=name, stage=value) if kind == "stage" else ""


def set_from_form(form: Mapping[str, str], author: User | None) -> str:
    """Set the target of a form; return what is wrong with it, empty when nothing is."""
    con = conf.connection()
    reports, measure = ranking_queries.reports(con), form.get("measure", "")
    groups = measures(catalogue.catalogue(con))
    if not any(measure in members for members in groups.values()) or "groups" not in reports:
        return _("Choose what the target is about.")
    unreadable = _("Write the target as a number, such as 65, and the day like 2026-12-31.")
    try:
        value = float(form.get("value", "").replace(",", "").rstrip("%"))
        due_on = date.fromisoformat(form["due_on"]) if form.get("due_on") else None
    except ValueError:
        return unreadable
    if not math.isfinite(value) or value < 0:
        return unreadable
    # Shares are typed in percent and kept as shares.
    if queries.is_share(measure):
        if value > 100:
            return _("A share is at most 100 (%%), not %(value)s.") % {"value": number(value)}
        value /= 100
    sense = form.get("sense", "") if form.get("sense") in SENSES else "min"
    actions.set_target(measure, sense, value, queries.figure(con, reports, measure), due_on, author)
    return ""
