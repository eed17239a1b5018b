"""The clerk's judgement: is this rule true, false or unknown for this customer on this day?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import isqrt
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import TYPE_CHECKING, Any, NamedTuple

from oracle.dates import days_until_named, days_until_return, is_on, window_days
from oracle.language import Condition, Node, Term, Window
from oracle.people import Pile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from oracle.people import Fact, Person, Value


class State(NamedTuple):
    """Where a customer was in the model at the end of a day: the stage, the one before it, the day of entry."""

    stage: str | None = None
    previous: str | None = None
    entered: int | None = None


@dataclass
class World:
    """What the clerk has to know beside the customer: the shop's dates, and what was published on which day."""

    named_dates: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"双十一": ("11-11",)})
    #: The scores of a day: ``(day, {name: {customer: score}})``, oldest first.
    scores: list[tuple[int, dict[str, dict[str, Value]]]] = field(default_factory=list)
    #: The days on which customers were compared, with everybody as they were known then, oldest first.
    comparisons: list[tuple[int, Mapping[str, Person]]] = field(default_factory=list)
    _numbers: dict[tuple[int, Node], list[tuple[Person, Value]]] = field(default_factory=dict)

    def score(self, name: str, customer: str, day: int) -> Value:
        published = [scores for since, scores in self.scores if since <= day]
        return published[-1].get(name, {}).get(customer) if published else None

    def population(self, tree: Node, by: str | None, day: int, mine: Value) -> list[Any]:
        """Return the newest published numbers, of those whose attribute is `mine` when `by` names one."""
        published = [(since, everybody) for since, everybody in self.comparisons if since <= day]
        if not published:
            return []
        since, everybody = published[-1]
        if (since, tree) not in self._numbers:
            people = [person for person in everybody.values() if person.is_known(since)]
            self._numbers[since, tree] = [(person, Judge(person, self).number(tree, since)) for person in people]
        return [
            number
            for person, number in self._numbers[since, tree]
            if number is not None and (by is None or person.attribute(by, since) == mine)
        ]


def _root(value: Fraction) -> Fraction:
    """Return a square root: exact when there is one, else to 60 digits."""
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    with localcontext() as context:
        context.prec = 60
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def _gaps(facts: list[Fact]) -> list[int]:
    days = sorted({fact.day for fact in facts})
    return [later - earlier for earlier, later in pairwise(days)]


def _median(values: list[Any]) -> Fraction | int | None:
    if not values:
        return None
    ranked, middle = sorted(values), len(values) // 2
    return ranked[middle] if len(ranked) % 2 else Fraction(ranked[middle - 1] + ranked[middle], 2)


def _variation(gaps: list[int]) -> Fraction | None:
    if len(gaps) < 2:
        return None
    mean = Fraction(sum(gaps), len(gaps))
    return _root(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean


def _mean(values: list[Any]) -> Fraction | None:
    return sum(values, Fraction(0)) / len(values) if values else None


def _months(facts: list[Fact]) -> int:
    return len({(fact.local.year, fact.local.month) for fact in facts})


def _weeks(facts: list[Fact]) -> int:
    return len({fact.local.isocalendar()[:2] for fact in facts})


#: Measures that look at facts, and measures that look at the values of those facts that have one.
_OF_FACTS: dict[str, Callable[[list[Fact]], Value]] = {
    "count": len,
    "has": bool,
    "days": lambda facts: len({fact.day for fact in facts}),
    "months_with": _months,
    "weeks_with": _weeks,
    "categories": lambda facts: len({fact.row.get("category") for fact in facts} - {None}),
    "typical_gap": lambda facts: _median(_gaps(facts)),
    "longest_gap": lambda facts: max(_gaps(facts), default=None),
    "gap_variation": lambda facts: _variation(_gaps(facts)),
    "balance": lambda facts: Fraction(facts[-1].row["receivable"] + facts[-1].row["payable"]) if facts else None,
}
_OF_VALUES: dict[str, Callable[[list[Fraction]], Value]] = {
    "sum": lambda values: sum(values, Fraction(0)),
    "avg": _mean,
    "median": _median,
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "last": lambda values: values[-1] if values else None,
}


def _over_facts(name: str, column: str | None, place: int, facts: list[Fact]) -> Value:
    """Return a measure that depends only on which facts it looks at."""
    if name in _OF_FACTS:
        return _OF_FACTS[name](facts)
    if name == "distinct":
        return len({fact.column(column) for fact in facts} - {None})
    if name == "column":
        number = len(facts) + place if place < 0 else place - 1
        return facts[number].column(column) if 0 <= number < len(facts) else None
    values = [value for fact in facts if (value := fact.value(column)) is not None]
    if name == "largest":
        return sorted(values, reverse=True)[place - 1] if len(values) >= place else None
    return _OF_VALUES[name](values)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": add, "-": sub, "*": mul}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, "=": eq, "!=": ne, ">=": ge, ">": gt}


def _last_known(events: list[Fact], column: str) -> Value:
    """Return the last known value of a column among the events of a case or a contract."""
    return next((value for fact in reversed(events) if (value := fact.column(column)) is not None), None)


class Judge:
    """Judges rules about one person. Remembers what it worked out for the same facts of the same measure.

    `state` says where the person was in the judged model at the end of the day before a day, `stage_in` in which stage
    of another model on a day: None before entry, empty in no stage.
    """

    def __init__(
        self,
        person: Person,
        world: World | None = None,
        state: Callable[[int], State] = lambda _: State(),
        stage_in: Callable[[str, int], str | None] = lambda *_: None,
    ) -> None:
        self.person, self.world, self.state, self.stage_in = person, world or World(), state, stage_in
        self._piles: dict[tuple[Term, ...], Pile] = {}
        self._known: dict[tuple[object, ...], Value] = {}
        self._truths: dict[tuple[Node, int], bool | None] = {}
        self._ever: dict[Node, list[bool | None]] = {}

    def holds(self, tree: Node, day: int) -> bool | None:  # noqa: C901, PLR0911 - a case a construct
        """Return whether a rule holds on a day; None is unknown."""
        match tree[0]:
            case "otherwise":
                return True
            case "or":
                left, right = self.holds(tree[1], day), self.holds(tree[2], day)
                return True if left or right else None if left is None or right is None else False
            case "and":
                left, right = self.holds(tree[1], day), self.holds(tree[2], day)
                return False if left is False or right is False else None if left is None or right is None else True
            case "not":
                inner = self.holds(tree[1], day)
                return None if inner is None else not inner
            case "for":
                return self._held(tree[1], tree[2], day)
            case "ever":
                return self._once(tree[1], day)
            case "compare":
                left, right = self.number(tree[2], day), self.number(tree[3], day)
                return None if left is None or right is None else _ORDER[tree[1]](left, right)
            case "among":
                value = self.number(tree[1], day)
                return None if value is None else (value in tree[2]) is tree[3]
            case "known":
                return (self.number(tree[1], day) is not None) is tree[2]
        truth = self.number(tree, day)
        if truth is not None and not isinstance(truth, bool):
            raise ValueError(f"{tree} is no condition")
        return truth

    def _on(self, tree: Node, day: int) -> bool | None:
        """Return whether a rule holds, remembering it for the next days that look back."""
        if (tree, day) not in self._truths:
            self._truths[tree, day] = self.holds(tree, day)
        return self._truths[tree, day]

    def _held(self, tree: Node, days: int, day: int) -> bool | None:
        """Return whether a rule held on a day and on all of so many days before it."""
        truths = {self._on(tree, each) for each in range(day - days, day + 1)}
        return False if False in truths else None if None in truths else True

    def _once(self, tree: Node, day: int) -> bool | None:
        """Return whether a rule ever held up to a day."""
        if day < self._beginning:
            return self._on(tree, day)
        so_far = self._ever.setdefault(tree, [])
        while len(so_far) <= day - self._beginning:
            now, before = self._on(tree, self._beginning + len(so_far)), so_far[-1] if so_far else False
            so_far.append(True if before or now else None if before is None or now is None else False)
        return so_far[day - self._beginning]

    @cached_property
    def _beginning(self) -> int:
        """The day before anything was known of the customer; before it, every day is like it."""
        known = [fact.day for facts in self.person.by_kind.values() for fact in facts]
        known += [since for since, _ in self.person.records if since > date.min.toordinal()]
        published = [since for since, _ in (*self.world.scores, *self.world.comparisons)]
        return min(known + published, default=date.max.toordinal()) - 1

    def number(self, tree: Node, day: int) -> Value:
        """Return the value of a number, a text or a yes-or-no measure on a day; None is unknown."""
        match tree[0]:
            case "literal":
                return tree[1]
            case "minus":
                inner = self.number(tree[1], day)
                return None if inner is None else -inner  # type: ignore[operator]
            case "+" | "-" | "*" | "/":
                left, right = self.number(tree[1], day), self.number(tree[2], day)
                if left is None or right is None or (tree[0] == "/" and right == 0):
                    return None
                return Fraction(left) / right if tree[0] == "/" else _ARITHMETIC[tree[0]](left, right)  # type: ignore
            case "measure":
                return self._measure(*tree[1:], day=day)
            case "of":
                return self._named(tree[1], tree[2:], day)
            case "percentile" | "average":
                return self._among_everybody(*tree, day=day)
        return self.holds(tree, day)

    def _named(self, name: str, names: tuple[str, ...], day: int) -> Value:
        """Return what is not read from facts."""
        state = self.state(day)
        match name:
            case "attribute":
                return self.person.attribute(names[0], day)
            case "score":
                return self.world.score(names[0], self.person.customer_id, day)
            case "stage":
                return self.stage_in(names[0], day)
            case "in_stage":
                return state.stage in names
            case "previous_stage":
                return state.previous
            case "days_in_stage":
                return None if state.entered is None else day - state.entered
            case "days_until_attribute":
                return days_until_return(day, self.person.attribute(names[0], day))
        key = (name, names, day)
        if key not in self._known:
            self._known[key] = days_until_named(day, self.world.named_dates[names[0]])
        return self._known[key]

    def _among_everybody(self, name: str, tree: Node, by: str | None, day: int) -> Value:
        mine = self.person.attribute(by, day) if by else None
        if by and mine is None:
            return None
        numbers = self.world.population(tree, by, day, mine)
        if name == "average" or not numbers:
            return _mean(numbers)
        own = self.number(tree, day)
        if own is None:
            return None
        below, equal = (sum(compare(number, own) for number in numbers) for compare in (lt, eq))
        return (below + Fraction(equal, 2)) / len(numbers)

    # Facts

    def pile(self, terms: tuple[Term, ...]) -> Pile:
        """Return the facts that are meant, in the order of time, each once."""
        if terms not in self._piles:
            each = {fact.number: fact for term in terms for fact in self._facts_of(term)}
            self._piles[terms] = Pile(list(each.values()))
        return self._piles[terms]

    def _facts_of(self, term: Term) -> Iterator[Fact]:
        before = self.pile((term.after,)).facts if term.after else []
        for fact in self.person.facts((term.kind,)):
            if not all(self._meets(fact.column(condition.column), condition) for condition in term.conditions):
                continue
            if term.after is None or any(
                earlier.instant < fact.instant and fact.day - earlier.day <= term.within for earlier in before
            ):
                yield fact

    def _meets(self, value: Any, condition: Condition) -> bool:
        sign, values = condition.sign, condition.values
        if value is None or sign in ("known", "unknown"):
            return sign == ("unknown" if value is None else "known")
        if sign in ("on", "not on"):
            return is_on(value, self.world.named_dates[values[0]]) is (sign == "on")
        if sign in ("in", "not in"):
            return (value in values) is (sign == "in")
        return _ORDER[sign](value, values[0])

    def _measure(
        self, name: str, terms: tuple[Term, ...], column: str | None, window: Window, place: int, day: int
    ) -> Value:
        if name in ("open", "days_open", "running", "days_until"):
            return self._of_files(name, terms, day)
        if name == "categories":  # of an order: those of its lines; of an interaction: what was looked at
            terms = tuple(dict.fromkeys(term._replace(kind="line") if term.kind == "order" else term for term in terms))
        pile = self.pile(terms)
        if window.unit == "fact":
            end = pile.between(None, day)[1]
            start = max(0, end - (window.last or 0))
        else:
            start, end = pile.between(*window_days(window, day))
        if name in ("days_since", "days_since_first"):
            if start == end:
                return None
            return day - pile.days[end - 1 if name == "days_since" else start]
        if name == "slope":
            return self._slope(terms, column, window, day)
        key = (name, terms, column, place, start, end)
        if key not in self._known:
            self._known[key] = _over_facts(name, column, place, pile.facts[start:end])
        return self._known[key]

    def _slope(self, terms: tuple[Term, ...], column: str | None, window: Window, day: int) -> Fraction | None:
        assert window.last is not None
        part = window.last // 4
        measure = "sum" if column else "count"
        windows = [Window(part, window.before + part * (3 - which)) for which in range(4)]
        parts: list[Any] = [self._measure(measure, terms, column, each, 0, day) for each in windows]
        mean = sum(parts, Fraction(0)) / 4
        if mean == 0:
            return None
        middle = Fraction(3, 2)
        rise = sum(((which - middle) * (value - mean) for which, value in enumerate(parts)), Fraction(0))
        return rise / sum(((which - middle) ** 2 for which in range(4)), Fraction(0)) / mean

    # Cases and contracts: files in which events are kept together

    def _of_files(self, name: str, terms: tuple[Term, ...], day: int) -> Value:
        """Return what is read from cases or contracts, each seen with all its events so far."""
        if name in ("open", "days_open"):
            since = [opened for events in self._files("case_id", terms, day) if (opened := _open_since(events))]
            return len(since) if name == "open" else day - min(since) if since else None
        ends = [_last_day(events) for events in self._files("contract_id", terms, day)]
        if name == "running":
            return any(day <= end for end in ends)
        return min((end - day for end in ends if day <= end < _OPEN_END), default=None)

    def _files(self, key: str, terms: tuple[Term, ...], day: int) -> Iterator[list[Fact]]:
        files: dict[str, list[Fact]] = {}
        for fact in Pile(self.person.facts(term.kind for term in terms)).facts:
            if fact.day <= day:
                files.setdefault(fact.row[key], []).append(fact)
        for events in files.values():
            events.sort(key=lambda fact: (fact.instant, _RANK.get(fact.row["event"], 1)))
            # It is of the kind that its newest event says.
            if any(
                events[-1] in self.person.by_kind.get(term.kind, ())
                and all(self._meets(_last_known(events, each.column), each) for each in term.conditions)
                for term in terms
            ):
                yield events


#: Of two events at one instant, as in files with days only, the beginning comes first.
_RANK = {"opened": 0, "started": 0, "closed": 2, "cancelled": 2}


def _open_since(events: list[Fact]) -> int | None:
    """Return the day on which a case was opened, if it is open now: the last time that it was."""
    since = None
    for fact in events:
        if fact.row["event"] != "opened":
            since = None
        elif since is None:
            since = fact.day
    return since


_OPEN_END = date.max.toordinal()


def _last_day(events: list[Fact]) -> int:
    """Return the last day on which a contract runs, as far as its events tell; day 0 when it never began."""
    last = 0
    for fact in events:
        ends = fact.column("ends_at")
        if fact.row["event"] != "cancelled":
            last = _OPEN_END if ends is None else ends
        elif last:
            last = min(last, fact.day - 1 if ends is None else ends)
    return last
