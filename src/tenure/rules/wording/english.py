"""Says rules in English."""

from __future__ import annotations

from tenure.rules.syntax.tree import Arithmetic, Measure, RuleNode, TimeWindow
from tenure.rules.wording.speaker import Speaker, scaled
from tenure.rules.wording.vocabulary import kind_words

_COMPARED = {
    "<": "is less than",
    "<=": "is at most",
    "=": "is exactly",
    "!=": "is not",
    ">=": "is at least",
    ">": "is more than",
}
_TIMES = {"<": "fewer than", "<=": "at most", "=": "exactly", "!=": "not exactly", ">=": "at least", ">": "more than"}
_AGO = {**_TIMES, "<": "less than"}
_LATER = {
    "<": "later than",
    "<=": "no earlier than",
    ">": "earlier than",
    ">=": "no later than",
    "=": "on the same day as",
    "!=": "on another day than",
}
_SIGNS = {"+": "plus", "-": "minus", "/": "divided by", "*": "times"}
_MEASURES = {
    "days_since": "the time since the last {singular}",
    "days_since_first": "the time since the first {singular}",
    "count": "the number of {plural}{when}",
    "days": "the number of days with {plural}{when}",
    "sum": "the total {field}{when}",
    "avg": "the average {field}{when}",
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


class English(Speaker):
    """The phrases of English."""

    language = "en"
    otherwise = "none of the rules above holds"
    all_of, any_of = ", and ", ", or "
    opposite = "it is not so that ({})"
    brackets = "({})"
    minus = "minus {}"
    known = ("{} is unknown", "{} is known")
    filled = ("{} is not filled in", "{} is filled in")
    equal = ("{} is not “{}”", "{} is “{}”")
    settled = ("something is still to be settled", "everything is settled on either side")
    listed = (", ", " or ")

    def has(self, measure: Measure, *, exists: bool) -> str:
        quantity = "at least one" if exists else "no"
        return f"there was {quantity} {self._singular(measure)}{_during(measure.window) or ' so far'}"

    def open(self, measure: Measure, *, exists: bool) -> str:
        return f"there is {'an' if exists else 'no'} open {self._singular(measure)}"

    def compared(self, left: RuleNode, sign: str, right: RuleNode) -> str:
        return f"{self.value(left)} {_COMPARED[sign]} {self.value(right)}"

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        unit = "" if measure.name != "typical_gap" else " day" if bound == 1 else " days"
        return f"{self.value(measure)} {_COMPARED[sign]} {self.number(bound)}{unit}"

    def since(self, measure: Measure, sign: str, bound: float) -> str:
        if bound == 0 and sign in ("=", "<="):
            return f"{self._which(measure)} was on that very day"
        days = f"{self.number(bound)} day{'' if bound == 1 else 's'}"
        return f"{self._which(measure)} was {_AGO[sign]} {days} ago"

    def counted(self, measure: Measure, sign: str, bound: float) -> str:
        facts = f"was {_TIMES[sign]} {self.number(bound)} {self._singular(measure)}"
        if bound != 1:
            facts = f"were {_TIMES[sign]} {self.number(bound)} {self._plural(measure)}"
        return f"there {facts}{_during(measure.window) or ' so far'}"

    def days_counted(self, measure: Measure, sign: str, bound: float) -> str:
        days = f"{self.number(bound)} different day{'' if bound == 1 else 's'}"
        return f"there were {self._plural(measure)} on {_TIMES[sign]} {days}{_during(measure.window) or ' so far'}"

    def slope(self, measure: Measure, sign: str, bound: float) -> str:
        counted = self._counted(measure)
        if bound == 0 and sign in ("<", ">"):
            return f"{counted} is {'rising' if sign == '>' else 'falling'} over the last {measure.window.last} days"
        changed = {">": "grew by more than", ">=": "grew by at least"}
        if bound < 0:
            changed = {"<": "fell by more than", "<=": "fell by at least"}
        if sign not in changed:
            return f"{self.value(measure)} {_COMPARED[sign]} {self.number(bound * 100)}%"
        by = f"{changed[sign]} {self.number(abs(bound) * 100)}%"
        return f"{counted} {by} every {(measure.window.last or 4) // 4} days{_during(measure.window)}"

    def later(self, left: Measure, sign: str, right: Measure) -> str:
        return f"{self._which(left)} was {_LATER[sign]} {self._which(right)}"

    def same_in(self, window: TimeWindow, *, previous: TimeWindow) -> str:
        return f"that{_during(window, previous)}"

    def multiple(self, left: Measure, sign: str, factor: float, text: str) -> str:
        if factor == 0.5:
            text = f"half of {text}"
        elif factor != 1:
            text = f"{self.number(factor * 100)}% of {text}" if factor < 1 else f"{self.number(factor)} times {text}"
        return f"{self.value(left)} {_COMPARED[sign]} {text}"

    def arithmetic(self, node: Arithmetic) -> str:
        factor, other = scaled(node)
        if other is not None and node.operator == "*":
            return (
                f"half of {self.value(other)}" if factor == 0.5 else f"{self.number(factor)} times {self.value(other)}"
            )
        strong = node.operator in "*/"
        left = self.grouped(node.left) if strong else self.value(node.left)
        right = self.grouped(node.right) if strong or node.operator == "-" else self.value(node.right)
        return f"{left} {_SIGNS[node.operator]} {right}"

    def measure(self, measure: Measure) -> str:
        plural = self._plural(measure)
        return _MEASURES[measure.name].format(
            singular=self._singular(measure),
            plural=plural,
            field=self.field(measure) if measure.field else plural,
            when=_during(measure.window),
            counted=self._counted(measure),
            quarter=(measure.window.last or 4) // 4,
            met="bought" if measure.kinds in (("order",), ("line",)) else f"met in {plural}",
            name=measure.argument,
        )

    def _counted(self, measure: Measure) -> str:
        return f"the {self.field(measure)}" if measure.field else f"the number of {self._plural(measure)}"

    def _which(self, measure: Measure) -> str:
        return f"the {'last' if measure.name == 'days_since' else 'first'} {self._singular(measure)}"

    def _singular(self, measure: Measure) -> str:
        return self.join([kind_words(kind).en for kind in measure.kinds])

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
