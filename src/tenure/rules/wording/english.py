"""Says rules in English."""

from __future__ import annotations

from tenure.rules.syntax.tree import Measure, TimeWindow
from tenure.rules.wording.speaker import Speaker
from tenure.rules.wording.vocabulary import kind_words

_TIMES = {"<": "fewer than", "<=": "at most", "=": "exactly", "!=": "not exactly", ">=": "at least", ">": "more than"}


class English(Speaker):
    language = "en"
    otherwise = "none of the rules above holds"
    all_of, any_of = ", and ", ", or "
    opposite = "it is not so that ({})"
    brackets = "({})"
    minus = "minus {}"
    listed = (", ", " or ")
    known = ("{} is unknown", "{} is known")
    filled = ("{} is not filled in", "{} is filled in")
    equal = ("{} is not “{}”", "{} is “{}”")
    settled = ("something is still to be settled", "everything is settled on either side")
    exists_open = ("there is no open {}", "there is an open {}")
    last = ("the first {}", "the last {}")
    rising = ("{counted} is falling over the last {length} days", "{counted} is rising over the last {length} days")
    measures = {
        "days_since": "the time since the last {singular}",
        "days_since_first": "the time since the first {singular}",
        "count": "the number of {plural}{when}",
        "days": "the number of days with {plural}{when}",
        "sum": "the total {field}{when}",
        "avg": "the average {field}{when}",
        "avg in a window": "the average {field}{when}",
        "max": "the highest {field}{when}",
        "min": "the lowest {field}{when}",
        "last": "the latest {field}{when}",
        "slope": "the average growth of {counted} every {quarter} days{when}",
        "categories": "the number of categories {met}{when}",
        "typical_gap": "this customer's usual time between {plural}",
        "gap_variation": "the irregularity of the time between {plural}",
        "open": "the number of open {plural}",
        "balance": "the amount still to be settled",
        "has": "whether there was any {singular}{when}",
        "attribute": "the attribute “{name}”",
        "score": "the score “{name}”",
    }
    calculated = {"+": "{} plus {}", "-": "{} minus {}", "/": "{} divided by {}", "*": "{} times {}"}
    compared = bounded = {
        "<": "{} is less than {}",
        "<=": "{} is at most {}",
        "=": "{} is exactly {}",
        "!=": "{} is not {}",
        ">=": "{} is at least {}",
        ">": "{} is more than {}",
    }
    later = {
        "<": "{} was later than {}",
        "<=": "{} was no earlier than {}",
        ">": "{} was earlier than {}",
        ">=": "{} was no later than {}",
        "=": "{} was on the same day as {}",
        "!=": "{} was on another day than {}",
    }
    since = {sign: f"{{which}} was {text} {{days}} ago" for sign, text in {**_TIMES, "<": "less than"}.items()}
    same_day = "{which} was on that very day"
    change = "{counted} {changed} {share} every {quarter} days{when}"
    grown = {">": "grew by more than", ">=": "grew by at least"}
    fallen = {"<": "fell by more than", "<=": "fell by at least"}

    def has(self, measure: Measure, *, exists: bool) -> str:
        quantity = "at least one" if exists else "no"
        return f"there was {quantity} {self.what(measure)}{_during(measure.window) or ' so far'}"

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        if measure.name == "days":
            days = f"{_TIMES[sign]} {self.number(bound)} different day{'' if bound == 1 else 's'}"
            return f"there were {self._plural(measure)} on {days}{_during(measure.window) or ' so far'}"
        number = self.days(bound) if measure.name == "typical_gap" else self.number(bound)
        return self.bounded[sign].format(self.value(measure), number)

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
