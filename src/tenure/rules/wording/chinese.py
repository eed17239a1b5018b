"""Says rules in Chinese."""

from __future__ import annotations

import re

from tenure.rules.syntax.tree import ALWAYS, Measure, TimeWindow
from tenure.rules.wording.speaker import Speaker
from tenure.rules.wording.vocabulary import KIND_NAMES, kind_words

_HAN, _LATIN = "[\u4e00-\u9fff]", "[A-Za-z0-9]"
_SEAM = re.compile(f"(?<={_HAN})(?={_LATIN}|-\\d)|(?<={_LATIN}|%)(?={_HAN})")
_NOUNS = ("csat", "nps", "expectation", "experience", "case", "balance", "contract", "volume")  # not "从未…"
_COUNTED = {"<": "不到", "<=": "不超过", "=": "恰好是", "!=": "不是", ">=": "至少", ">": "超过"}
_TIMES = {"<": "不到", "<=": "最多", "=": "恰好", "!=": "不是", ">=": "至少", ">": "超过"}
_ELAPSED = {"<": "不到", "<=": "不超过", "=": "恰好等于", "!=": "不等于", ">=": "已达到", ">": "已超过"}


class Chinese(Speaker):
    language = "zh_Hans"

    def finish(self, text: str) -> str:
        """Put a space where Chinese meets Latin letters or digits, as one sets it in print."""
        return _SEAM.sub(" ", text)

    def has(self, measure: Measure, *, exists: bool) -> str:
        what, window = self.what(measure), measure.window
        if window != ALWAYS:
            return f"{_during(window)}{'有过' if exists else '没有'}{what}"
        is_verb = not any(kind in _NOUNS or kind not in KIND_NAMES for kind in measure.kinds)
        return f"有过{what}" if exists else f"从未{what}" if is_verb else f"从未有过{what}"

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        if unit := _unit(measure):
            return f"{self.value(measure)}{_COUNTED[sign]} {self.number(bound)} {unit}"
        return self.phrases.bounded[sign].format(self.value(measure), self.number(bound))

    def counted(self, measure: Measure, sign: str, bound: float) -> str:
        when = "累计" if measure.window == ALWAYS else _during(measure.window)
        return f"{when}{self.what(measure)}{_TIMES[sign]} {self.number(bound)} {_unit(measure)}"

    def same_in(self, window: TimeWindow, *, previous: TimeWindow) -> str:
        return _during(window, previous)

    def multiple(self, left: Measure, sign: str, factor: float, text: str) -> str:
        text = self.times(factor, text)
        if left.elapsed:
            return f"距{self.which(left)}的时间{_ELAPSED[sign]}{text}"
        if _unit(left) and sign in "<>":
            compared = {"<": "少于", ">": "多于"} if factor == 1 else _TIMES
            return f"{self.value(left)}{compared[sign]}{text}"
        return self.phrases.bounded[sign].format(self.value(left), text)

    def what(self, measure: Measure) -> str:
        return self.join([kind_words(kind).zh for kind in measure.kinds])

    def words(self, measure: Measure) -> dict[str, object]:
        what, field = self.what(measure), self.field(measure) if measure.field else ""
        during = "" if measure.window == ALWAYS else _during(measure.window)
        return {
            "what": what,
            "field": field or what,
            "total": f"{field}合计" if during else field,
            "during": during,
            "of": f"{during}的" if during else "累计",
            "when": during or "累计",
            "counted": field or f"{what}次数",
            "quarter": (measure.window.last or 4) // 4,
            "met": "购买的" if measure.kinds in (("order",), ("line",)) else f"{what}涉及的",
            "name": measure.argument,
        }

    def days(self, number: float) -> str:
        return f"{self.number(number)} 天"

    def times(self, factor: float, text: str) -> str:
        if factor in (0.5, 1):
            return text if factor == 1 else f"{text}的一半"
        return f"{text}的 {self.number(factor * 100)}%" if factor < 1 else f"{text}的 {self.number(factor)} 倍"


def _unit(measure: Measure) -> str:
    if measure.name in ("days_since", "days_since_first", "days", "typical_gap"):
        return "天"
    if measure.name in ("count", "open"):
        return kind_words(measure.kinds[0]).unit
    return "个" if measure.name == "categories" else ""


def _during(window: TimeWindow, previous: TimeWindow | None = None) -> str:
    """Say a window; `previous` is the one named just before, so that the days before it can be called 此前."""
    last, before = window.last, window.before
    if last is None:
        return f"{before} 天以前" if before else "迄今"
    if not before:
        return "当天" if last == 1 else f"过去 {last} 天"
    if previous is not None and previous.before == 0 and previous.last == before:
        return f"此前 {last} 天"
    return f"{before} 天前那一天" if last == 1 else f"{before} 至 {before + last - 1} 天前"
