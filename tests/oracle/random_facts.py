"""Random facts with conditions, and windows over them, as rules write them."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from oracle.random_values import (
    ALIKE,
    CALENDAR,
    COLUMNS,
    COMMON,
    NAMED_DATES,
    SIGNS,
    UNITS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


class FactWriter:
    """Writes random rules, and counts which constructs it used.

    `varies` says whether a condition is true of some customers on some days only; most that are not are
    thrown away.
    """

    def __init__(
        self,
        seed: int,
        stages: Sequence[str] = ("s1", "s2"),
        without: Iterable[str] = (),
        varies: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.random, self.stages, self.without, self.varies = Random(seed), stages, set(without), varies
        self.used: Counter[str] = Counter()
        self.focus = ""  # the name of a method that most tests of the next rule come from
        self.over_time = 0  # how many for and ever are around

    def pick(self, *choices: Any) -> Any:
        """Return one of the choices; one that can be called is called."""
        choice = self.random.choice(choices)
        return choice() if callable(choice) else choice

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def use(self, construct: str) -> bool:
        """Count a construct, unless it is left out."""
        if construct in self.without:
            return False
        self.used[construct] += 1
        return True

    # Facts

    def condition(self, kind: str, calendar: bool = True) -> str:
        own, dated = COLUMNS[kind], calendar and self.chance(0.35)
        if dated and self.chance(0.3) and self.use("on"):
            return f'{self.pick("", "not ")}on "{self.pick(*NAMED_DATES)}"'
        values = CALENDAR if dated else own
        column = self.pick(*values)
        some = [written(value) for value in values[column]]
        if self.chance(0.15) and self.use("condition is known"):
            return f"{column} is {self.pick('known', 'unknown', 'not known')}"
        if self.chance(0.25) and self.use("condition in"):
            several = ", ".join(self.random.sample(some, min(len(some), self.pick(1, 2))))
            return f"{column} {self.pick('in', 'not in')} ({several})"
        is_text = isinstance(values[column][0], str) and column not in ("date", "ends_at", "period_start")
        self.use("condition on text" if is_text else "condition on " + ("a calendar column" if dated else "numbers"))
        if column == "amount" and self.chance(0.2) and self.use("parameter"):
            return f"amount {self.pick('<', '>=')} dear"
        return f"{column} {self.pick('=', '!=', '=') if is_text else self.pick(*SIGNS)} {self.pick(*some)}"

    def fact(self, kind: str, calendar: bool = True) -> str:
        if self.chance(0.55) or not self.use("conditions"):
            return kind
        return f"{kind}[{', '.join(self.condition(kind, calendar) for _ in range(self.pick(1, 1, 2)))}]"

    def kind(self) -> str:
        return self.pick(*COMMON, lambda: self.pick(*COLUMNS))

    def facts(self, kinds: tuple[str, ...] = (), alike: bool = False) -> tuple[str, str]:
        """Return facts, and a kind whose columns they all have; only of one table when `alike`."""
        kind = self.pick(*kinds) if kinds else self.kind()
        if self.chance(0.15) and self.use("then"):
            first = self.fact(self.pick("order", "view", "search", "csat", "complaint", kind))
            return f"{first} then {self.fact(kind)} within {self.days(longest=60)}", kind
        if self.chance(0.2) and self.use("several kinds"):
            if alike or kinds:
                pairs = [pair for pair in ALIKE if not kinds or set(pair) <= set(kinds)]
                one, other = self.pick(*pairs)
                poorer = min(one, other, key=lambda each: len(COLUMNS[each]))
                return f"{self.fact(one)} | {self.fact(other)}", poorer
            return f"{self.fact(kind)} | {self.fact(self.kind())}", kind
        return self.fact(kind), kind

    # Windows

    def days(self, longest: int = 200) -> str:
        if self.chance(0.1) and self.use("parameter"):
            return self.pick("silent_after", "long_time")
        if self.chance(0.1) and self.use("weeks of days"):
            return f"{self.pick(1, 2, 4, 12)}w"
        # Mostly lengths that also lie between the facts of random people, so that a day more or less is noticed.
        return f"{self.pick(1, 2, 7, 14, 30, 30, min(90, longest), self.random.randint(1, longest))}d"

    def units(self, most: int = 4) -> str:
        number, unit = self.random.randint(1, most), self.pick(*UNITS)
        return f"{number} {unit}{'s' if number > 1 or self.chance(0.3) else ''}"

    def window(self, noun: str = "") -> str:
        """Return a window; `noun` is what facts may be called, empty where they may not be counted."""
        return self.pick("", "", self._of_days, self._of_days, self._of_periods, self._of_a_year_ago,
                         lambda: self._of_facts(noun))  # fmt: skip

    def _of_days(self) -> str:
        parts = self.pick((1,), (1,), (1, 2), (2,))
        self.use("window of days")
        return "".join(f", {('last', 'before')[part - 1]} {self.days()}" for part in parts)

    def _of_periods(self) -> str:
        if self.chance(0.3) and self.use("this period"):
            return f", this {self.pick(*UNITS)}"
        units = self.units()
        if self.chance(0.3) and self.use("before periods"):
            unit = units.split()[1].removesuffix("s")
            before = f", before {self.random.randint(1, 4)} {unit}s"
            return f", last {units}{before}" if self.chance(0.7) else before
        self.use("last periods")
        return f", last {units}"

    def _of_a_year_ago(self) -> str:
        if not self.use("same last year"):
            return ""
        return f", same {self.pick(self.days, self.units, lambda: self.pick(*UNITS))} last year"

    def _of_facts(self, noun: str) -> str:
        if not noun or not self.use("last facts"):
            return ""
        return f", last {self.random.randint(1, 5)} {self.pick('facts', noun)}"

    # Numbers
