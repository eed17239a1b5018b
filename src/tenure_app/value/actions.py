"""Writes of the value package: set and delete targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from tenure.words.formats import number
from tenure_app.core import conf
from tenure_app.lifecycle import catalogue
from tenure_app.value import queries
from tenure_app.value.models import Target


def set_target(form: Mapping[str, str], author: User | None) -> str:
    """Set the target of a form in place of the one before; return what is wrong with it, empty when nothing is."""
    con = conf.connection()
    reports, measure = queries.reports(con), form.get("measure", "")
    groups = queries.measures(catalogue.catalogue(con))
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
    if measure in queries.SHARES:
        if value > 100:
            return _("A share is at most 100 (%%), not %(value)s.") % {"value": number(value)}
        value /= 100
    sense = Target.AT_MOST if form.get("sense") == Target.AT_MOST else Target.AT_LEAST
    began_at = queries.figure(con, reports, measure)
    with transaction.atomic():
        Target.objects.filter(measure=measure).delete()
        Target.objects.create(
            measure=measure, sense=sense, value=value, began_at=began_at, due_on=due_on, author=author
        )
    return ""


def delete_target(number: int) -> None:
    Target.objects.filter(pk=number).delete()
