"""Reads about stages of many customers: the board, the overview's figures, the families across models.

Every figure comes from `tenure.lifecycle.statistics` or from the same spans, so that a figure equals the list that
its link opens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tenure.lifecycle.statistics import on_day
from tenure_app.customers.query import NOT_IN_MODEL, NOT_STAGED, UNSTAGED

if TYPE_CHECKING:
    from tenure_app.lifecycle.answers import Answers
    from tenure_app.lifecycle.catalogue import Entry

WEEK = 7


@dataclass(frozen=True, slots=True)
class Place:
    """What there is to say about one stage on one day; also about being in no stage, and in no model."""

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
    places: tuple[Place, ...]
    no_stage: Place
    outside: Place
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
    figures = {row["stage"]: row for row in ask.value_by_stage(entry.id, day, since)}
    moved = {row[0]: row[1:] for row in _movers(ask, entry.id, day, since)}
    leaving = _leaving(ask, entry.id, day)
    order = entry.order + [stage for stage in figures if stage not in entry.order]
    places = []
    for stage in order:
        row, (entered, left) = figures.get(stage, {}), moved.get(stage, (0, 0))
        places.append(
            Place(
                stage,
                row.get("people") or 0,
                float(row.get("share") or 0),
                Decimal(row.get("amount") or 0),
                float(row.get("amount_share") or 0),
                row.get("average_days"),
                row.get("entered") or 0,
                row.get("left") or 0,
                entered,
                left,
                leaving.get(stage, 0),
            )
        )
    known, staged, amount_known, amount_staged = _known(ask, entry.id, day)
    standing = sum(place.people for place in places)
    inside_amount = sum((place.amount for place in places), Decimal(0))
    return Board(
        day,
        since,
        tuple(places),
        Place(UNSTAGED, staged - standing, amount=amount_staged - inside_amount),
        Place(NOT_IN_MODEL, known - staged, amount=amount_known - amount_staged),
        known,
    )


def _movers(ask: Answers, model: str, day: date, since: date) -> list[tuple[str, int, int]]:
    """Return how many different customers entered and left each stage: a list of them has that many rows."""
    return ask.sql(
        "select stage, count(distinct customer_id) filter (entered_on > ? and entered_on <= ?),"
        " count(distinct customer_id) filter (left_on > ? and left_on <= ?)"
        " from spans where model = ? and not passed_through group by stage",
        *(since, day, since, day, model),
    )


def _leaving(ask: Answers, model: str, day: date) -> dict[str, int]:
    """Return how many leave each stage within a week after the day."""
    rows = ask.sql(
        f"select stage, count(*) from spans where model = ? and {on_day('?')}"
        " and coalesce(left_on, next_change_on) > ? and coalesce(left_on, next_change_on) <= ? group by stage",
        *(model, day, day, day, day + timedelta(days=WEEK)),
    )
    return dict(rows)


def _known(ask: Answers, model: str, day: date) -> tuple[int, int, Decimal, Decimal]:
    """Return how many customers were known on a day, how many of them had ever been staged by then, and their worth."""
    row = ask.sql(
        "with ever as (select distinct customer_id from spans where model = ? and entered_on <= ?)"
        " select count(*) filter (e.customer_id is not null or k.first_seen_on is null or k.first_seen_on <= ?),"
        " count(e.customer_id),"
        " coalesce(sum(k.amount) filter"
        " (e.customer_id is not null or k.first_seen_on is null or k.first_seen_on <= ?), 0),"
        " coalesce(sum(k.amount) filter (e.customer_id is not null), 0)"
        " from scorecard k left join ever e on e.customer_id = k.customer_id",
        *(model, day, day, day),
    )[0]
    return int(row[0]), int(row[1]), Decimal(row[2]), Decimal(row[3])


@dataclass(frozen=True, slots=True)
class Trend:
    """People in every stage on a grid of days."""

    days: tuple[date, ...]
    people: dict[str, list[int]]


def trend(ask: Answers, entry: Entry, since: date, until: date, every: str) -> Trend:
    """Return how many people were in every stage over time, the stages in the order of life."""
    rows = ask.ask("trend", entry.id, since, until, every)
    days = tuple(sorted({row["day"] for row in rows}))
    place = {day: number for number, day in enumerate(days)}
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row["stage"], [0] * len(days))[place[row["day"]]] = row["people"]
    order = [stage for stage in entry.order if stage in found]
    return Trend(days, {stage: found[stage] for stage in order + [one for one in found if one not in order]})


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
    earlier = since - (until - since)
    past = {_ends(row): row["people"] for row in ask.ask("flows", entry.id, earlier, since)}
    found = [
        Flow(*_ends(row), row["people"], past.get(_ends(row), 0)) for row in ask.ask("flows", entry.id, since, until)
    ]
    rank = {stage: number for number, stage in enumerate([*entry.order, NOT_STAGED])}
    last = len(rank)
    return sorted(found, key=lambda one: (rank.get(one.source, last), rank.get(one.target, last)))


def _ends(row: dict[str, object]) -> tuple[str, str]:
    return str(row["from_stage"] or NOT_STAGED), str(row["to_stage"] or NOT_STAGED)


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
    return Soon(until, moves, tuple((one, at, on, to or UNSTAGED) for one, at, on, to in people))


def families(ask: Answers, entries: list[Entry], day: date) -> dict[str, dict[str, int]]:
    """Return how many people each model puts on a day into each family: {model: {family: people}}."""
    found: dict[str, dict[str, int]] = {}
    for model, stage, people in _counts(ask, day):
        entry = next((one for one in entries if one.id == model), None)
        if entry is not None:
            per = found.setdefault(model, {})
            family = entry.family(stage)
            per[family] = per.get(family, 0) + people
    return found


def _counts(ask: Answers, day: date) -> list[tuple[str, str, int]]:
    return ask.sql(
        f"select model, stage, count(*) from spans where {on_day('?')} group by all",
        *(day, day),
    )
