"""Writes about prospects: notes on what they want to know, which brands they consider, what drives them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from tenure.errors import FactsError
from tenure.facts import notes
from tenure.words import mark
from tenure_app.core import conf
from tenure_app.lifecycle.actions import day_of, evaluate_again, existing
from tenure_app.web.layout import default_day, today


def add_note(customer: str, topic: str, text: str, score: str, day: str, *, by: str) -> bool:
    """Add a note; `topic` is kind and category with a slash. Say whether the customer was evaluated again.

    The brand stands in `text` where it is compared. Only notes on how the brand is seen have a score.
    """
    kind, _slash, category = topic.partition("/")
    is_brand = kind == "competing_brand"
    customer = existing(customer)
    notes.add_note(
        conf.lake(),
        customer,
        kind=kind,
        category=text if is_brand else category,
        comment="" if is_brand else text,
        score=_score(score) if kind == "brand_perception" else None,
        at=_instant(day_of(day)),
        author=by,
        source=f"staff:{by}",
    )
    return evaluate_again(customer)


def withdraw_note(customer: str, fact_id: str) -> bool:
    """Withdraw a note, which stays among the replaced facts. Say whether the customer was evaluated again."""
    customer = existing(customer)
    notes.withdraw_note(conf.lake(), customer, fact_id)
    return evaluate_again(customer)


def _score(text: str) -> int | None:
    try:
        return int(text) if text else None
    except ValueError as error:
        low, high = notes.SCORES
        raise FactsError(notes.SCORE_PROBLEM, low=low, high=high, score=text) from error


def _instant(day: date | None) -> datetime:
    """Return the present time of a day, by default of the day that the pages speak of."""
    day, last = day or default_day(), today()
    if day > last:
        raise FactsError(mark("%(day)s is after today, %(last)s. Choose an earlier day."), day=day, last=last)
    now = datetime.now(ZoneInfo(conf.lake().settings.tz))
    return datetime.combine(day, now.timetz()).astimezone(UTC)
