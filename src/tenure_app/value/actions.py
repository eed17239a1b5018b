"""Writes of the value room: want a figure to reach a value, and take that back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from tenure_app.value.models import Target

if TYPE_CHECKING:
    from datetime import date

    from django.contrib.auth.models import User


def set_target(
    measure: str, sense: str, value: float, began_at: float | None, due_on: date | None, author: User | None = None
) -> Target:
    """Want a figure to reach a value; a target for the same figure is replaced."""
    with transaction.atomic():
        Target.objects.filter(measure=measure).delete()
        return Target.objects.create(
            measure=measure, sense=sense, value=value, began_at=began_at, due_on=due_on, author=author
        )


def drop(number: int) -> None:
    """Take a target away."""
    Target.objects.filter(pk=number).delete()
