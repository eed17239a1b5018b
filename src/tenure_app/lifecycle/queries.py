"""Reads about stages of many customers: the board, the overview's figures, the families across models.

Every figure comes from `tenure.lifecycle.statistics` or from the same spans, so that a figure equals the list that
its link opens.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from tenure.lifecycle.families import reactivations
from tenure.lifecycle.grid import Every, grid
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
from tenure.lifecycle.statistics import (
    CANNOT_JUDGE,
    FLOWS,
    REACTIVATED,
    STAGE_COUNTS,
    TREND,
    UPCOMING,
    VALUE_BY_STAGE,
    on_day,
    within,
)
from tenure_app.customers.profile import has
from tenure_app.customers.query import NOT_STAGED
from tenure_app.lifecycle.answers import Answers
from tenure_app.lifecycle.catalogue import Entry

WEEK = 7

# Who entered and left are different customers, not moves: a list of those who entered has that many rows.
_BOARD = f"""
WITH customers AS (
    SELECT stage,
        count(DISTINCT customer_id) FILTER (NOT passed_through AND {within("entered_on")}) AS entered,
        count(DISTINCT customer_id) FILTER (NOT passed_through AND {within("left_on")}) AS "left",
        count(*) FILTER (
            {on_day("$day")} AND coalesce(left_on, next_change_on) > $day AND coalesce(left_on, next_change_on) <= $week
        ) AS leaving
    FROM spans WHERE model = $model GROUP BY stage
)
SELECT stage, people, coalesce(share, 0) AS share, amount, coalesce(amount_share, 0)::DOUBLE AS amount_share,
    average_days, v.entered AS entries, v."left" AS exits, c.entered, c."left", leaving
FROM ({VALUE_BY_STAGE}) AS v JOIN customers AS c USING (stage)"""

# How many customers were known on a day, how many of them had ever been staged by then, and their worth.
_KNOWN = """
WITH ever AS (SELECT DISTINCT customer_id FROM spans WHERE model = $model AND entered_on <= $day),
known AS (
    SELECT amount, e.customer_id IS NOT NULL AS staged FROM scorecard AS k LEFT JOIN ever AS e USING (customer_id)
    WHERE e.customer_id IS NOT NULL OR k.first_seen_on IS NULL OR k.first_seen_on <= $day
)
SELECT count(*) AS people, count(*) FILTER (staged) AS staged, coalesce(sum(amount), 0) AS amount,
    coalesce(sum(amount) FILTER (staged), 0) AS staged_amount
FROM known"""

_SOON = f"SELECT * FROM ({UPCOMING}) WHERE next_change_on > $day"


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage on one day; also those in no stage, and those not in the model."""

    stage: str
    people: int = 0
    share: float = 0.0
    amount: Decimal = Decimal(0)
    amount_share: float = 0.0
    average_days: float | None = None
    entries: int = 0  # moves, while `entered` and `left` are different customers
    exits: int = 0
    entered: int = 0
    left: int = 0
    leaving: int = 0
    cannot_judge: int = 0  # customers who may belong here, as far as is known

    @property
    def average_amount(self) -> Decimal | None:
        return self.amount / self.people if self.people else None


@dataclass(frozen=True, slots=True)
class Board:
    """All stages of a model on a day, and those who are in none."""

    day: date
    since: date
    places: list[StageSummary]
    no_stage: StageSummary
    outside: StageSummary
    known: int
    inside: int  # customers in a stage


def board(ask: Answers, entry: Entry, day: date, since: date) -> Board:
    """Return the board of a model: its stages in the order of life, with people and movement after `since`."""
    days = {"day": day, "until": day, "since": since, "week": day + timedelta(days=WEEK)}
    stages = {row["stage"]: StageSummary(**row) for row in ask.ask(_BOARD, entry.id, **days)}
    doubts = ask.ask(CANNOT_JUDGE, entry.id, day=day) if has(ask.con, "doubts") else []
    undetermined = {row["stage"]: row["people"] for row in doubts}
    places = [
        replace(stages.get(stage) or StageSummary(stage), cannot_judge=undetermined.get(stage, 0))
        for stage in dict.fromkeys([*entry.order, *stages])
    ]
    (known,) = ask.ask(_KNOWN, entry.id, day=day)
    people, amount = sum(place.people for place in places), sum((place.amount for place in places), Decimal(0))
    no_stage = StageSummary(UNSTAGED, known["staged"] - people, amount=known["staged_amount"] - amount)
    outside = StageSummary(
        NOT_IN_MODEL, known["people"] - known["staged"], amount=known["amount"] - known["staged_amount"]
    )
    return Board(day, since, places, no_stage, outside, known["people"], people)


def people_by_stage(ask: Answers, entry: Entry, day: date) -> dict[str, int]:
    return {row["stage"]: row["people"] for row in ask.ask(STAGE_COUNTS, entry.id, day=day)}


@dataclass(frozen=True, slots=True)
class Trend:
    days: list[date]
    people: dict[str, list[int]]


def trend(ask: Answers, entry: Entry, since: date, until: date, every: Every) -> Trend:
    """Return how many people were in every stage over time, the stages in the order of life."""
    days = grid(since, until, every)
    people: dict[str, list[int]] = defaultdict(list)
    for row in ask.ask(TREND, entry.id, days=days):  # sorted by day, and every stage has a row on every day
        people[row["stage"]].append(row["people"])
    order = [stage for stage in dict.fromkeys([*entry.order, *people]) if stage in people]
    return Trend(days if people else [], {stage: people[stage] for stage in order})


@dataclass(frozen=True, slots=True)
class Flow:
    """How many went from one stage to another between two days."""

    source: str
    target: str
    people: int
    before: int = 0  # … in the period of the same length before

    @property
    def stayed(self) -> bool:
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
    rows = ask.ask(FLOWS, entry.id, since=since, until=until)
    return {(row["from_stage"] or NOT_STAGED, row["to_stage"] or NOT_STAGED): row["people"] for row in rows}


def reactivated(ask: Answers, entry: Entry, since: date, until: date) -> dict[str, tuple[int, int]]:
    """Return who was brought back after `since`, up to `until`: customers and times, by stage."""
    moves = reactivations(entry.model)
    fallen, active = (sorted(set(stages)) for stages in (zip(*moves, strict=True) if moves else ((), ())))
    rows = ask.ask(REACTIVATED, entry.id, since=since, until=until, fallen=fallen, active=active) if moves else []
    counts = {row["stage"]: (row["people"], row["times"]) for row in rows}
    return {stage: counts.get(stage, (0, 0)) for stage in active}


@dataclass(frozen=True, slots=True)
class Soon:
    """Who moves within a week if nothing happens."""

    until: date
    moves: dict[tuple[str, str], int]  # from, to -> customers; the largest first
    customers: list[tuple[str, str, date, str]]  # id, from, day, to; the soonest first

    @property
    def people(self) -> int:
        return sum(self.moves.values())


def soon(ask: Answers, entry: Entry, day: date, most: int = 50) -> Soon:
    until = day + timedelta(days=WEEK)
    moves = ask.ask(
        f"SELECT stage, next_stage, count(*) AS people FROM ({_SOON}) GROUP BY ALL"
        " ORDER BY people DESC, min(next_change_on), stage, next_stage",
        entry.id,
        day=day,
        until=until,
    )
    customers = ask.ask(
        f"{_SOON} ORDER BY next_change_on, customer_id LIMIT {int(most)}", entry.id, day=day, until=until
    )
    return Soon(
        until,
        {(row["stage"], row["next_stage"] or UNSTAGED): row["people"] for row in moves},
        [(row["customer_id"], row["stage"], row["next_change_on"], row["next_stage"] or UNSTAGED) for row in customers],
    )


def families(ask: Answers, entries: list[Entry], day: date) -> Counter[tuple[str, str]]:
    """Return how many people each model puts on a day into each family, by model and family."""
    by_id = {entry.id: entry for entry in entries}
    counts: Counter[tuple[str, str]] = Counter()
    for model, stage, people in ask.sql(
        f"select model, stage, count(*) from spans where {on_day('?')} group by all", day, day
    ):
        if model in by_id:
            counts[model, by_id[model].family(stage)] += people
    return counts
