"""The clerk's calendar: walk through every day, write down the stage, and read the spans off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from oracle.judge import Judge, State, World
from oracle.language import Node, days_in, kinds_read, parse
from oracle.people import Person, people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

HORIZON = 3_000


class Row(NamedTuple):
    """One span as it should be."""

    customer_id: str
    stage: str
    entered_on: date
    left_on: date | None
    passed_through: bool
    next_stage: str | None
    next_change_on: date | None


@dataclass
class Stage:
    """A stage with its rule read by the clerk's own parser."""

    id: str
    rule: Node
    setback: bool
    terminal: bool
    without_facts: bool
    stays_while: Node | None
    settles: int
    causes: list[tuple[str, Node]]


def parameters_of(mapping: Mapping[str, Any]) -> dict[str, Fraction | int]:
    """Return the values of a model's parameters; a length of time is a number of days."""
    values = {name: str(given["value"]) for name, given in (mapping.get("parameters") or {}).items()}
    return {name: _quantity(text) for name, text in values.items()}


def _quantity(text: str) -> Fraction | int:
    if text.endswith("%"):
        return Fraction(text.removesuffix("%")) / 100
    return days_in(text) if text[-1] in "dw" else Fraction(text)


class Model:
    """A life-cycle model, read from the same mapping (YAML) as the product's."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self.id, parameters = mapping["id"], parameters_of(mapping)
        self.stages = [
            Stage(
                stage["id"],
                parse(stage["when"], parameters),
                stage.get("setback", False),
                stage.get("terminal", False),
                stage.get("without_facts", False),
                parse(stage["stays_while"], parameters) if stage.get("stays_while") else None,
                days_in(stage.get("settles", mapping.get("settles", "0d"))),
                [(cause["id"], parse(cause["when"], parameters)) for cause in stage.get("causes") or ()],
            )
            for stage in mapping["stages"]
        ]
        self.stepwise = mapping.get("stepwise", False)
        by_id = {stage.id: stage for stage in self.stages}
        path = mapping.get("path") or list(by_id)
        self.ladder = [each for each in path if not by_id[each].setback and not by_id[each].terminal]
        self.terminal = {stage.id for stage in self.stages if stage.terminal}
        self.settles = days_in(mapping.get("settles", "0d"))
        rules = [rule for stage in self.stages for rule in (stage.rule, stage.stays_while) if rule is not None]
        read = (kinds_read(rule) for rule in rules)
        self.kinds = tuple(sorted(set(mapping.get("enters", ())).union(*read)))


@dataclass
class Day:
    """What the clerk writes down for one day."""

    stage: str | None
    passed: tuple[str, ...] = ()
    override: bool = False


class Calendar:
    """One customer's days under one model, written one after the other; `others` are models whose stages it reads."""

    def __init__(self, person: Person, model: Model, world: World | None = None, others: Iterable[Model] = ()) -> None:
        self.person, self.model, self.judge = person, model, Judge(person, world, self.state, self._stage_in)
        self.others = {other.id: Calendar(person, other, world, others) for other in others if other.id != model.id}
        self.fact_days = {fact.day for fact in person.facts(model.kinds)}
        self.first_fact = min(self.fact_days, default=None)
        starts = [] if self.first_fact is None else [self.first_fact]
        on_record = person.brought if person.created is None else person.created
        if on_record is not None and any(stage.without_facts for stage in model.stages):
            starts.append(on_record)
        self.entry = min(starts, default=None)
        self.position = -1
        self.states: list[State] = []  # at the end of each day from the entry on
        self.notes: list[Day] = []
        self.stage: str | None = None  # at the end of the day written last
        self.waiting: tuple[str | None, int] | None = None  # whose turn it is instead, and since which day
        self.freed = False  # whether a fact has led out of a terminal stage, where somebody only waits
        mine = [fact for fact in person.overrides if fact.row["model"] == model.id]
        self.decisions = sorted(mine, key=lambda fact: (fact.instant, fact.number))

    def state(self, day: int) -> State:
        """Return where the customer was at the end of the day before."""
        if self.entry is None or day <= self.entry:
            return State()
        self.note(day - 1)
        return self.states[day - 1 - self.entry]

    def _stage_in(self, model: str, day: int) -> str | None:
        other = self.others[model]
        return None if other.entry is None or day < other.entry else other.note(day).stage or ""

    def note(self, day: int) -> Day:
        """Return what is written down for a day from the entry on."""
        assert self.entry is not None
        while len(self.notes) <= day - self.entry:
            self.notes.append(self._write(self.entry + len(self.notes)))
        return self.notes[day - self.entry]

    def raw(self, day: int) -> str | None:
        """Return the first stage that claims the customer."""
        has_facts = self.first_fact is not None and day >= self.first_fact
        before = self.state(day).stage
        for stage in self.model.stages:
            if not has_facts and not stage.without_facts:
                continue
            if self.judge.holds(stage.rule, day):
                return stage.id
            if stage.id == before and stage.stays_while is not None and self.judge.holds(stage.stays_while, day):
                return stage.id
        return None

    def _decided(self, day: int) -> str | None:
        """Return the stage that a person decided for this day."""
        so_far = [fact for fact in self.decisions if fact.day <= day]
        if not so_far:
            return None
        newest = so_far[-1].row
        over = newest["until"] is not None and newest["until"].toordinal() < day
        return None if over else newest["stage"] or None

    def _settled(self, candidate: str | None, day: int) -> str | None:
        """Return the stage of a day, and remember what the next day has to know."""
        if self.stage in self.model.terminal:
            if candidate == self.stage:
                self.freed = False
            elif day in self.fact_days:
                self.freed = True
            if not self.freed:
                candidate = self.stage
        if candidate == self.stage:
            self.waiting = None
            return self.stage
        if self.waiting is None or self.waiting[0] != candidate:
            self.waiting = (candidate, day)
        settles = next((stage.settles for stage in self.model.stages if stage.id == candidate), self.model.settles)
        if self.stage is None or day - self.waiting[1] >= settles:
            self.stage, self.waiting, self.freed = candidate, None, False
        return self.stage

    def _write(self, day: int) -> Day:
        before = self.stage
        stage = self._settled(self.raw(day), day)
        if not self.states:  # nobody was anywhere before they came
            self.states.append(State(stage, None, None if stage is None else day))
        elif stage != before:
            self.states.append(State(stage, before or "", None if stage is None else day))
        else:
            self.states.append(self.states[-1])
        passed: tuple[str, ...] = ()
        if self.model.stepwise and stage in self.model.ladder:
            step = self.model.ladder.index(stage)
            passed = tuple(self.model.ladder[self.position + 1 : step])
            self.position = step
        decided = self._decided(day)
        return Day(decided, override=True) if decided else Day(stage, passed)

    def unjudged(self, day: int) -> tuple[str, ...]:
        """Return which stages before the one of the day, or of all when there is none, have an unknown rule."""
        note = self.note(day)
        if note.override:
            return ()
        has_facts = self.first_fact is not None and day >= self.first_fact
        before = takewhile(lambda other: other.id != note.stage, self.model.stages)
        possible = (other for other in before if has_facts or other.without_facts)
        return tuple(other.id for other in possible if self.judge.holds(other.rule, day) is None)


def history(
    person: Person,
    model: Model,
    as_of: date,
    horizon: int = HORIZON,
    world: World | None = None,
    others: Iterable[Model] = (),
) -> list[Row]:
    """Return one customer's spans up to `as_of`, oldest first, with the next change on the current one."""
    calendar, today = Calendar(person, model, world, others), as_of.toordinal()
    if calendar.entry is None or calendar.entry > today:
        return []
    spans: list[list[Any]] = []  # stage, entered, left, passed through
    before: str | None = None
    for day in range(calendar.entry, today + 1):
        note = calendar.note(day)
        if note.stage != before or note.passed:
            if before is not None:
                spans[-1][2] = day
            spans += [[passed, day, day, True] for passed in note.passed]
            if note.stage is not None:
                spans.append([note.stage, day, None, False])
        before = note.stage
    coming = _next_change(calendar, today, before, horizon) if before is not None else (None, None)
    return [
        Row(
            person.customer_id,
            stage,
            date.fromordinal(entered),
            None if left is None else date.fromordinal(left),
            passed,
            *(coming if left is None else (None, None)),
        )
        for stage, entered, left, passed in spans
    ]


def _next_change(calendar: Calendar, today: int, now: str, horizon: int) -> tuple[str | None, date | None]:
    for day in range(today + 1, today + 1 + horizon):
        stage = calendar.note(day).stage
        if stage != now:
            return stage, date.fromordinal(day)
    return None, None


def oracle_spans(
    facts: Mapping[str, pa.Table],
    mapping: Mapping[str, Any],
    as_of: date,
    tz: str,
    customers: pa.Table | None = None,
    horizon: int = HORIZON,
    only: Iterable[str] | None = None,
    *,
    world: World | None = None,
    others: Iterable[Mapping[str, Any]] = (),
) -> list[Row]:
    """Return everybody's spans, by customer and day."""
    model, everybody = Model(mapping), people(facts, as_of, tz, customers)
    chosen = sorted(everybody) if only is None else sorted(set(only) & set(everybody))
    read = [Model(other) for other in others]
    return [row for customer in chosen for row in history(everybody[customer], model, as_of, horizon, world, read)]
