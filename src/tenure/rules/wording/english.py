"""Says rules in English."""

from __future__ import annotations

from tenure.rules.syntax.tree import Measure, TimeWindow
from tenure.rules.wording.speaker import Speaker
from tenure.rules.wording.vocabulary import kind_words

_TIMES = {"<": "fewer than", "<=": "at most", "=": "exactly", "!=": "not exactly", ">=": "at least", ">": "more than"}


class English(Speaker):
    language = "en"

    def has(self, measure: Measure, *, exists: bool) -> str:
        quantity = "at least one" if exists else "no"
        return f"there was {quantity} {self.what(measure)}{_during(measure.window) or ' so far'}"

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        if measure.name == "days":
            days = f"{_TIMES[sign]} {self.number(bound)} different day{'' if bound == 1 else 's'}"
            return f"there were {self._plural(measure)} on {days}{_during(measure.window) or ' so far'}"
        number = self.days(bound) if measure.name == "typical_gap" else self.number(bound)
        return self.phrases.bounded[sign].format(self.value(measure), number)

    def counted(self, measure: Measure, sign: str, bound: float) -> str:
        facts = f"was {_TIMES[sign]} {self.number(bound)} {self.what(measure)}"
        if bound != 1:
            facts = f"were {_TIMES[sign]} {self.number(bound)} {self._plural(measure)}"
        return f"there {facts}{_during(measure.window) or ' so far'}"

    def same_in(self, window: TimeWindow, *, previous: TimeWindow) -> str:
        return f"that{_during(window, previous)}"

    def what(self, measure: Measure) -> str:
        return self.join([kind_words(kind).en for kind in measure.kinds])

    def words(self, measure: Measure) -> dict[str, object]:
        plural, field = self._plural(measure), self.field(measure) if measure.field else ""
        return {
            "singular": self.what(measure),
            "plural": plural,
            "field": field or plural,
            "when": _during(measure.window),
            "counted": f"the {field or f'number of {plural}'}",
            "length": measure.window.last,
            "quarter": (measure.window.last or 4) // 4,
            "met": "bought" if measure.kinds in (("order",), ("line",)) else f"met in {plural}",
            "name": measure.argument,
        }

    def days(self, number: float) -> str:
        return f"{self.number(number)} day{'' if number == 1 else 's'}"

    def times(self, factor: float, text: str) -> str:
        if factor in (0.5, 1):
            return text if factor == 1 else f"half of {text}"
        return f"{self.number(factor * 100)}% of {text}" if factor < 1 else f"{self.number(factor)} times {text}"

    def _plural(self, measure: Measure) -> str:
        return self.join([kind_words(kind).plural for kind in measure.kinds])


def _during(window: TimeWindow, previous: TimeWindow | None = None) -> str:
    """Say a window; `previous` is the one named just before, so that the days before it can be called so."""
    last, before = window.last, window.before
    if last is None:
        return f" at least {before} day{'' if before == 1 else 's'} ago" if before else ""
    if not before:
        return " on that day" if last == 1 else f" in the last {last} days"
    if previous is not None and previous.before == 0 and previous.last == before:
        return f" in the {last} days before"
    if last == 1:
        return f" {before} days before"
    return f" from {before + last - 1} to {before} days ago"
