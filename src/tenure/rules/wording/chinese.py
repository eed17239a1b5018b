"""Says rules in Chinese."""

from __future__ import annotations

import re

from tenure.rules.syntax.tree import ALWAYS, Arithmetic, Measure, RuleNode, TimeWindow
from tenure.rules.wording.speaker import Speaker, scaled
from tenure.rules.wording.vocabulary import KIND_NAMES, kind_words

_HAN, _LATIN = "[\u4e00-\u9fff]", "[A-Za-z0-9]"
_SEAM = re.compile(f"(?<={_HAN})(?={_LATIN}|-\\d)|(?<={_LATIN}|%)(?={_HAN})")
_NOUNS = ("csat", "nps", "expectation", "experience", "case", "balance", "contract", "volume")  # not "从未…"
_COMPARED = {"<": "低于", "<=": "不超过", "=": "等于", "!=": "不等于", ">=": "不低于", ">": "高于"}
_COUNTED = {"<": "不到", "<=": "不超过", "=": "恰好是", "!=": "不是", ">=": "至少", ">": "超过"}
_TIMES = {"<": "不到", "<=": "最多", "=": "恰好", "!=": "不是", ">=": "至少", ">": "超过"}
_LATER = {"<": "晚于{}", "<=": "不早于{}", ">": "早于{}", ">=": "不晚于{}", "=": "与{}在同一天", "!=": "与{}不在同一天"}
_ELAPSED = {"<": "不到", "<=": "不超过", "=": "恰好等于", "!=": "不等于", ">=": "已达到", ">": "已超过"}
_SINCE = {
    "<=": "{which}在 {days} 天以内",
    "<": "距{which}不到 {days} 天",
    "=": "距{which}正好 {days} 天",
    "!=": "距{which}不是 {days} 天",
    ">=": "距{which}已满 {days} 天",
    ">": "距{which}已超过 {days} 天",
}
_MEASURES = {
    "days_since": "距最近一次{what}的天数",
    "days_since_first": "距首次{what}的天数",
    "count": "{of}{what}次数",
    "days": "{when}有{what}的天数",
    "sum": "{of}{field}",
    "avg": "平均{field}",
    "avg in a window": "{during}{field}的平均值",
    "max": "{during}最高{field}",
    "min": "{during}最低{field}",
    "last": "{during}最近一次{field}",
    "slope": "{during}{counted}平均每 {quarter} 天的增幅",
    "categories": "{when}{met}品类数",
    "typical_gap": "该客户惯常{what}间隔",
    "gap_variation": "{what}间隔的波动系数",
    "open": "未关闭的{what}数",
    "balance": "待结清的往来余额",
    "has": "{during}是否有{what}",
    "attribute": "客户属性“{name}”",
    "score": "评分“{name}”",
}


class Chinese(Speaker):
    """The phrases of Chinese."""

    language = "zh_Hans"
    otherwise = "以上条件都不符合"
    all_of, any_of = "，且", "，或"
    opposite = "并非“{}”"
    brackets = "（{}）"
    minus = "{}的相反数"
    known = ("{}未知", "{}已知")
    filled = ("没有填写{}", "填写了{}")
    equal = ("{}不是“{}”", "{}是“{}”")
    settled = ("往来款项尚未结清", "往来款项已结清")
    listed = ("、", "或")

    def finish(self, text: str) -> str:
        """Put a space where Chinese meets Latin letters or digits, as one sets it in print."""
        return _SEAM.sub(" ", text)

    def has(self, measure: Measure, *, exists: bool) -> str:
        what, window = self._kinds(measure), measure.window
        if window != ALWAYS:
            return f"{_during(window)}{'有过' if exists else '没有'}{what}"
        is_verb = not any(kind in _NOUNS or kind not in KIND_NAMES for kind in measure.kinds)
        return f"有过{what}" if exists else f"从未{what}" if is_verb else f"从未有过{what}"

    def open(self, measure: Measure, *, exists: bool) -> str:
        return f"{'有' if exists else '没有'}未关闭的{self._kinds(measure)}"

    def compared(self, left: RuleNode, sign: str, right: RuleNode) -> str:
        compared = {"<": "小于", ">": "大于"}.get(sign, _COMPARED[sign])
        return f"{self.value(left)}{compared}{self.value(right)}"

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        unit = _unit(measure)
        compared = (
            f"{_COUNTED[sign]} {self.number(bound)} {unit}" if unit else f"{_COMPARED[sign]} {self.number(bound)}"
        )
        return f"{self.value(measure)}{compared}"

    def since(self, measure: Measure, sign: str, bound: float) -> str:
        if bound == 0 and sign in ("=", "<="):
            return f"{self._which(measure)}就在当天"
        return _SINCE[sign].format(which=self._which(measure), days=self.number(bound))

    def counted(self, measure: Measure, sign: str, bound: float) -> str:
        when = "累计" if measure.window == ALWAYS else _during(measure.window)
        unit = kind_words(measure.kinds[0]).unit
        return f"{when}{self._kinds(measure)}{_TIMES[sign]} {self.number(bound)} {unit}"

    def days_counted(self, measure: Measure, sign: str, bound: float) -> str:
        return self.measured(measure, sign, bound)

    def slope(self, measure: Measure, sign: str, bound: float) -> str:
        counted = f"{_during(measure.window)}{self._counted(measure)}"
        if bound == 0 and sign in ("<", ">"):
            return f"{counted}呈{'上升' if sign == '>' else '下降'}趋势"
        changed = {">": "增长超过", ">=": "增长至少"} if bound > 0 else {"<": "下降超过", "<=": "下降至少"}
        if sign not in changed:
            return f"{self.value(measure)}{_COMPARED[sign]} {self.number(bound * 100)}%"
        quarter = (measure.window.last or 4) // 4
        return f"{counted}平均每 {quarter} 天{changed[sign]} {self.number(abs(bound) * 100)}%"

    def later(self, left: Measure, sign: str, right: Measure) -> str:
        return f"{self._which(left)}{_LATER[sign].format(self._which(right))}"

    def same_in(self, window: TimeWindow, *, previous: TimeWindow) -> str:
        return _during(window, previous)

    def multiple(self, left: Measure, sign: str, factor: float, text: str) -> str:
        text += self._share(factor)
        if left.elapsed:
            return f"距{self._which(left)}的时间{_ELAPSED[sign]}{text}"
        compared = _COMPARED[sign]
        if _unit(left) and sign in "<>":
            compared = {"<": "少于", ">": "多于"}[sign] if factor == 1 else {"<": "不到", ">": "超过"}[sign]
        return f"{self.value(left)}{compared}{text}"

    def _share(self, factor: float) -> str:
        if factor == 1:
            return ""
        if factor == 0.5:
            return "的一半"
        return f"的 {self.number(factor * 100)}%" if factor < 1 else f"的 {self.number(factor)} 倍"

    def arithmetic(self, node: Arithmetic) -> str:
        left, right = node.left, node.right
        if node.operator == "+":
            return f"{self.value(left)}加上{self.value(right)}"
        if node.operator == "-":
            return f"{self.value(left)}减去{self.grouped(right)}"
        if node.operator == "/":
            return f"{self.grouped(left)}除以{self.grouped(right)}"
        factor, other = scaled(node)
        if other is not None:
            return f"{self.value(other)}{self._share(factor)}"
        return f"{self.grouped(left)}乘以{self.grouped(right)}"

    def measure(self, measure: Measure) -> str:
        what = self._kinds(measure)
        during = "" if measure.window == ALWAYS else _during(measure.window)
        field = self.field(measure) if measure.field else what
        return _MEASURES["avg in a window" if measure.name == "avg" and during else measure.name].format(
            what=what,
            field=f"{field}合计" if measure.name == "sum" and during else field,
            during=during,
            of=f"{during}的" if during else "累计",
            when=during or "累计",
            counted=self._counted(measure),
            quarter=(measure.window.last or 4) // 4,
            met="购买的" if measure.kinds in (("order",), ("line",)) else f"{what}涉及的",
            name=measure.argument,
        )

    def _counted(self, measure: Measure) -> str:
        return self.field(measure) if measure.field else f"{self._kinds(measure)}次数"

    def _which(self, measure: Measure) -> str:
        return f"{'最近一次' if measure.name == 'days_since' else '首次'}{self._kinds(measure)}"

    def _kinds(self, measure: Measure) -> str:
        return self.join([kind_words(kind).zh for kind in measure.kinds])


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
