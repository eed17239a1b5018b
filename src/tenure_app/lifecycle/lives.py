"""A customer's life under one model: every stay in a stage in words, where they are now, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from tenure_app.customers.profile import Span
from tenure_app.lifecycle import reasons
from tenure_app.lifecycle.catalogue import Entry


@dataclass(frozen=True, slots=True)
class Stay:
    span: Span
    name: str
    family: str
    why: reasons.ReasonInWords
    cause: str
    doubts: tuple[str, ...]
    days: int
    lasts: bool  # on the day


@dataclass(frozen=True, slots=True)
class Life:
    """A customer's life under one model, the newest stay first."""

    entry: Entry
    stays: tuple[Stay, ...]
    now: Stay | None
    next_name: str = ""
    next_family: str = ""
    next_on: date | None = None

    @property
    def by_hand(self) -> bool:
        return bool(self.now and self.now.why.by_hand)


def life_of(entry: Entry, spans: list[Span], day: date) -> Life:
    stays = [_stay(entry, span, day) for span in spans if span.entered_on <= day]
    now = next((stay for stay in stays if stay.lasts), None)
    if now is not None and now.span.passed_through:
        now = None
    life = Life(entry, tuple(reversed(stays)), now)
    if now is None:
        return life
    following = next((span for span in spans if span.entered_on == now.span.left_on and not span.passed_through), None)
    stage = following.stage if following else now.span.next_stage
    on = now.span.left_on or now.span.next_change_on
    return replace(life, next_name=entry.stage_name(stage) if on else "", next_family=entry.family(stage), next_on=on)


def _stay(entry: Entry, span: Span, day: date) -> Stay:
    stage = entry.stage(span.stage)
    cause = next((cause for cause in (stage.causes if stage else ()) if cause.id == span.cause), None)
    return Stay(
        span,
        entry.stage_name(span.stage),
        entry.family(span.stage),
        reasons.in_words(span.reason),
        cause.name.render() if cause else (span.cause or ""),
        tuple(entry.stage_name(stage) for stage in span.cannot_judge),
        span.days(day),
        span.left_on is None or span.left_on > day,
    )
