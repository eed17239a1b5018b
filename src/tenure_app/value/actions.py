"""Writes of the value package: set and delete targets."""

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
    """Set a target for a measure; it replaces the one before."""
    with transaction.atomic():
        Target.objects.filter(measure=measure).delete()
        return Target.objects.create(
            measure=measure, sense=sense, value=value, began_at=began_at, due_on=due_on, author=author
        )


def delete_target(number: int) -> None:
    """Delete a target."""
    Target.objects.filter(pk=number).delete()
