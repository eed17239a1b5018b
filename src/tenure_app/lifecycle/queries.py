"""Reads about stages of many customers: the board, the overview's figures, the families across models.

Every figure comes from `tenure.lifecycle.statistics` or from the same spans, so that a figure equals the list that
its link opens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
from tenure.lifecycle.statistics import on_day
from tenure_app.customers.query import NOT_STAGED

if TYPE_CHECKING:
    from tenure_app.lifecycle.answers import Answers
    from tenure_app.lifecycle.catalogue import Entry

WEEK = 7


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage on one day; also those in no stage, and those not in the model."""

    stage: str
    people: int = 0
    share: float = 0.0
    amount: Decimal = Decimal(0)
    amount_share: float = 0.0
    average_days: float | None = None
    entries: int = 0
    exits: int = 0
    entered: int = 0
    left: int = 0
    leaving: int = 0

    @property
    def average_amount(self) -> Decimal | None:
        """What one customer of the stage brought."""
        return self.amount / self.people if self.people else None


@dataclass(frozen=True, slots=True)
class Board:
    """All stages of a model on a day, and those who are in none."""

    day: date
    since: date
    places: tuple[StageSummary, ...]
    no_stage: StageSummary
    outside: StageSummary
    known: int

    @property
    def inside(self) -> int:
        """How many customers are in a stage."""
        return sum(place.people for place in self.places)

    @property
    def amount(self) -> Decimal:
        """What the customers in stages brought."""
        return sum((place.amount for place in self.places), Decimal(0))


def board(ask: Answers, entry: Entry, day: date, since: date) -> Board:
    """Return the board of a model: its stages in the order of life, with people and movement after `since`."""
    totals = {row["stage"]: row for row in ask.ask("value_by_stage", entry.id, day, since)}
    # Different customers, not moves: a list of those who entered has that many rows.
    moved = {
        stage: (entered, left)
        for stage, entered, left in ask.sql(
            "select stage, count(distinct customer_id) filter (entered_on > ? and entered_on <= ?),"
            " count(distinct customer_id) filter (left_on > ? and left_on <= ?)"
            " from spans where model = ? and not passed_through group by stage",
            *(since, day, since, day, entry.id),
        )
    }
    leaving = dict(
        ask.sql(
            f"select stage, count(*) from spans where model = ? and {on_day('?')}"
            " and coalesce(left_on, next_change_on) > ? and coalesce(left_on, next_change_on) <= ? group by stage",
            *(entry.id, day, day, day, day + timedelta(days=WEEK)),
        )
    )
    stages = []
    for stage in entry.order + [stage for stage in totals if stage not in entry.order]:
        row, (entered, left) = totals.get(stage, {}), moved.get(stage, (0, 0))
        stages.append(
            StageSummary(
                stage,
                people=row.get("people") or 0,
                share=float(row.get("share") or 0),
                amount=Decimal(row.get("amount") or 0),
                amount_share=float(row.get("amount_share") or 0),
                average_days=row.get("average_days"),
                entries=row.get("entered") or 0,
                exits=row.get("left") or 0,
                entered=entered,
                left=left,
                leaving=leaving.get(stage, 0),
            )
        )
    known, staged, amount_known, amount_staged = _known(ask, entry.id, day)
    people, amount = sum(stage.people for stage in stages), sum((stage.amount for stage in stages), Decimal(0))
    return Board(
        day,
        since,
        tuple(stages),
        StageSummary(UNSTAGED, staged - people, amount=amount_staged - amount),
        StageSummary(NOT_IN_MODEL, known - staged, amount=amount_known - amount_staged),
        known,
    )


def _known(ask: Answers, model: str, day: date) -> tuple[int, int, Decimal, Decimal]:
    """Return how many customers were known on a day, how many of them had ever been staged by then, and their worth."""
    known = "e.customer_id is not null or k.first_seen_on is null or k.first_seen_on <= ?"
    ((people, staged, amount, amount_staged),) = ask.sql(
        "with ever as (select distinct customer_id from spans where model = ? and entered_on <= ?)"
        f" select count(*) filter ({known}), count(e.customer_id), coalesce(sum(k.amount) filter ({known}), 0),"
        " coalesce(sum(k.amount) filter (e.customer_id is not null), 0)"
        " from scorecard k left join ever e on e.customer_id = k.customer_id",
        *(model, day, day, day),
    )
    return int(people), int(staged), Decimal(amount), Decimal(amount_staged)


@dataclass(frozen=True, slots=True)
class Trend:
    """People in every stage on a grid of days."""

    days: tuple[date, ...]
    people: dict[str, list[int]]


def trend(ask: Answers, entry: Entry, since: date, until: date, every: str) -> Trend:
    """Return how many people were in every stage over time, the stages in the order of life."""
    rows = ask.ask("trend", entry.id, since, until, every)
    days = tuple(sorted({row["day"] for row in rows}))
    people: dict[str, list[int]] = {}
    for row in rows:  # sorted by day, and every stage has a row on every day
        people.setdefault(row["stage"], []).append(row["people"])
    order = [*entry.order, *people]
    return Trend(days, {stage: people[stage] for stage in dict.fromkeys(order) if stage in people})


@dataclass(frozen=True, slots=True)
class Flow:
    """How many went from one stage to another between two days."""

    source: str
    target: str
    people: int
    before: int = 0  # … in the period of the same length before

    @property
    def stayed(self) -> bool:
        """Whether these are the people who are where they were."""
        return self.source == self.target


def flows(ask: Answers, entry: Entry, since: date, until: date) -> list[Flow]:
    """Return who went where between two days, in the order of life."""
    before = _flows(ask, entry, since - (until - since), since)
    rank = {stage: number for number, stage in enumerate([*entry.order, NOT_STAGED])}
    last = len(rank)
    return sorted(
        (Flow(*ends, people, before.get(ends, 0)) for ends, people in _flows(ask, entry, since, until).items()),
        key=lambda flow: (rank.get(flow.source, last), rank.get(flow.target, last)),
    )


def _flows(ask: Answers, entry: Entry, since: date, until: date) -> dict[tuple[str, str], int]:
    rows = ask.ask("flows", entry.id, since, until)
    return {(row["from_stage"] or NOT_STAGED, row["to_stage"] or NOT_STAGED): row["people"] for row in rows}


@dataclass(frozen=True, slots=True)
class Coming:
    """How many will move on a day, from where to where, if nothing happens."""

    day: date
    source: str
    target: str
    people: int


@dataclass(frozen=True, slots=True)
class Soon:
    """Who moves within a week."""

    until: date
    moves: tuple[Coming, ...] = ()
    customers: tuple[tuple[str, str, date, str], ...] = field(default=())

    @property
    def people(self) -> int:
        """How many they are."""
        return sum(move.people for move in self.moves)


def soon(ask: Answers, entry: Entry, day: date, most: int = 50) -> Soon:
    """Return who moves within a week after the day, the soonest first."""
    until = day + timedelta(days=WEEK)
    counts = [row for row in ask.ask("upcoming_counts", entry.id, until) if row["next_change_on"] > day]
    moves = tuple(
        Coming(row["next_change_on"], row["stage"], row["next_stage"] or UNSTAGED, row["people"]) for row in counts
    )
    people = ask.sql(
        "select customer_id, stage, next_change_on, next_stage from spans where model = ? and left_on is null"
        f" and next_change_on > ? and next_change_on <= ? order by next_change_on, customer_id limit {int(most)}",
        *(entry.id, day, until),
    )
    return Soon(until, moves, tuple((customer, stage, on, to or UNSTAGED) for customer, stage, on, to in people))


def families(ask: Answers, entries: list[Entry], day: date) -> dict[str, dict[str, int]]:
    """Return how many people each model puts on a day into each family: {model: {family: people}}."""
    by_id = {entry.id: entry for entry in entries}
    counts: dict[str, dict[str, int]] = {}
    for model, stage, people in ask.sql(
        f"select model, stage, count(*) from spans where {on_day('?')} group by all", day, day
    ):
        if model in by_id:
            families = counts.setdefault(model, {})
            family = by_id[model].family(stage)
            families[family] = families.get(family, 0) + people
    return counts
