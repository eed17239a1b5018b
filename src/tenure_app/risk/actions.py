"""What people do about warnings: give a customer's warnings to somebody, deal with them, open them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from tenure_app.risk.models import Followup, FollowupStep

if TYPE_CHECKING:
    from datetime import date

    from django.contrib.auth.models import User

    from tenure_app.risk.queries import WarnedCustomer


def assign(warned: WarnedCustomer, owner: str, due_on: date | None, note: str, author: User) -> None:
    words = {"owner": owner, "due_on": due_on.isoformat() if due_on else None, "note": note}
    _decide(warned, author, FollowupStep.ASSIGNED, words, owner=owner, due_on=due_on, note=note)


def handle(warned: WarnedCustomer, as_of: date, author: User) -> None:
    """Say that a customer's warnings were dealt with, as far as the data of that day tell."""
    words = {"as_of": as_of.isoformat(), "note": ""}
    _decide(warned, author, FollowupStep.HANDLED, words, handled_as_of=as_of, handled_at=timezone.now())


@transaction.atomic
def reopen(warned: WarnedCustomer, author: User) -> None:
    signals = [signal.signal for signal in warned.signals]
    for row in Followup.objects.filter(customer_id=warned.customer_id, signal__in=signals):
        row.handled_as_of = row.handled_at = None
        row.save()
        FollowupStep.objects.create(of=row, what=FollowupStep.REOPENED, author=author)


@transaction.atomic
def _decide(warned: WarnedCustomer, author: User, what: str, words: dict[str, Any], **decided: Any) -> None:
    """Write down what was decided about each warning, with what is seen today."""
    for signal in warned.signals:
        seen = {
            "score": signal.score,
            "since": signal.since.isoformat() if signal.since else None,
            "value_at_stake": warned.value_at_stake,
            "evidence": [message.to_dict() for message in signal.evidence],
        }
        values = {"author": author, "seen": seen, **decided}
        row, _created = Followup.objects.update_or_create(
            customer_id=warned.customer_id,
            signal=signal.signal,
            defaults=values,
            create_defaults={"owner": warned.owner, "due_on": warned.due_on, **values},
        )
        FollowupStep.objects.create(of=row, what=what, said=words, author=author)
