"""What people do about warnings: give a customer's warnings to somebody, deal with them, open them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from tenure_app.risk.models import Followup, FollowupStep

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from django.contrib.auth.models import User

    from tenure_app.risk.queries import WarnedCustomer


def assign(warned: WarnedCustomer, owner: str, due_on: date | None, note: str = "", author: User | None = None) -> None:
    """Say who takes care of a customer's warnings, and until when."""
    values = {"owner": owner, "due_on": due_on.isoformat() if due_on else None, "note": note}
    with transaction.atomic():
        for row in _rows(warned, author):
            row.owner, row.due_on, row.note = owner, due_on, note
            row.save()
            _step(row, FollowupStep.ASSIGNED, values, author)


def handle(warned: WarnedCustomer, as_of: date, note: str = "", author: User | None = None) -> None:
    """Say that a customer's warnings were dealt with, as far as the data of that day tell."""
    with transaction.atomic():
        for row in _rows(warned, author):
            row.handled_as_of, row.handled_at = as_of, timezone.now()
            row.note = note or row.note
            row.save()
            _step(row, FollowupStep.HANDLED, {"as_of": as_of.isoformat(), "note": note}, author)


def reopen(customer: str, signals: Iterable[str], author: User | None = None) -> None:
    """Take back that warnings were dealt with."""
    with transaction.atomic():
        for row in Followup.objects.filter(customer_id=customer, signal__in=list(signals)):
            row.handled_as_of = row.handled_at = None
            row.save()
            _step(row, FollowupStep.REOPENED, {}, author)


def _rows(warned: WarnedCustomer, author: User | None) -> list[Followup]:
    """Return the rows of the warnings, each with what is seen today."""
    rows = []
    for signal in warned.signals:
        row, _created = Followup.objects.get_or_create(
            customer_id=warned.customer_id,
            signal=signal.signal,
            defaults={"owner": warned.owner, "due_on": warned.due_on},
        )
        row.author = author
        row.seen = {
            "score": signal.score,
            "since": signal.since.isoformat() if signal.since else None,
            "value_at_stake": warned.value_at_stake,
            "evidence": [message.to_dict() for message in signal.evidence],
        }
        rows.append(row)
    return rows


def _step(row: Followup, what: str, values: dict[str, Any], author: User | None) -> None:
    FollowupStep.objects.create(of=row, what=what, said=values, author=author)
