"""Writes about people who were met: notes on what they want to know, whom else they consider, what drives them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from tenure.errors import FactsError
from tenure.facts import notes
from tenure.words import mark
from tenure_app.core import conf
from tenure_app.lifecycle.definitions.queries import active_models
from tenure_app.web.layout import default_day


def add_note(customer: str, topic: str, text: str, score: str, day: str, *, by: str) -> None:
    """Write down a note; `topic` is kind and category with a slash, the brand stands in `text` where it is compared."""
    kind, _slash, category = topic.partition("/")
    is_brand = kind == "competing_brand"
    notes.add_note(
        conf.lake(),
        customer,
        kind=kind,
        category=text if is_brand else category,
        comment="" if is_brand else text,
        score=_score(score),
        at=_instant(day),
        author=by,
        source=f"staff:{by}",
    )
    _judge_again(customer)


def withdraw_note(customer: str, fact_id: str) -> None:
    """Take a note back; it stays among what was replaced."""
    notes.withdraw_note(conf.lake(), customer, fact_id)
    _judge_again(customer)


def _judge_again(customer: str) -> None:
    from tenure.refreshing.run import refresh

    refresh(conf.lake(), models=active_models(), customers=[customer])


def _score(text: str) -> int | None:
    try:
        return int(text) if text else None
    except ValueError as wrong:
        low, high = notes.SCORES
        problem = mark("A score from %(low)d to %(high)d says how the brand is seen; %(score)s is none.")
        raise FactsError(problem, low=low, high=high, score=text) from wrong


def _instant(text: str) -> datetime:
    """Return the present time of a day; a note of a later day than the pages speak of would not be seen."""
    last = default_day()
    try:
        day = date.fromisoformat(text) if text else last
    except ValueError as wrong:
        problem = mark("%(given)s is not a valid date. Use the format 2026-11-30, or leave it empty.")
        raise FactsError(problem, given=text) from wrong
    if day > last:
        raise FactsError(
            mark("%(day)s is after %(last)s, the last day of the data. Choose an earlier day."), day=day, last=last
        )
    now = datetime.now(ZoneInfo(conf.lake().settings.tz))
    return datetime.combine(day, now.timetz()).astimezone(UTC)
