"""Says rules in Chinese.

Takes trees in the shape of :func:`tenure.rules.wording.sentence.speakable`.
"""

from __future__ import annotations

import re

from tenure.rules.syntax.tree import (
    ALWAYS,
    And,
    Arithmetic,
    Comparison,
    Known,
    Measure,
    Negative,
    Node,
    Not,
    Number,
    Or,
    Otherwise,
    Text,
    Window,
)
from tenure.rules.wording.vocabulary import KIND_NAMES, field_name, kind_words
from tenure.words import formats

LANGUAGE = "zh_Hans"
_HAN, _LATIN = "[\u4e00-\u9fff]", "[A-Za-z0-9]"
_SEAM = re.compile(f"(?<={_HAN})(?={_LATIN}|-\\d)|(?<={_LATIN}|%)(?={_HAN})")
_NOUNS = ("csat", "nps", "expectation", "experience", "case", "balance", "contract", "volume")  # not "从未…"
_COMPARED = {"<": "低于", "<=": "不超过", "=": "等于", "!=": "不等于", ">=": "不低于", ">": "高于"}
_COUNTED = {"<": "不到", "<=": "不超过", "=": "恰好是", "!=": "不是", ">=": "至少", ">": "超过"}
_TIMES = {"<": "不到", "<=": "最多", "=": "恰好", "!=": "不是", ">=": "至少", ">": "超过"}
_LATER = {"<": "晚于{}", "<=": "不早于{}", ">": "早于{}", ">=": "不晚于{}", "=": "与{}在同一天", "!=": "与{}不在同一天"}
_SIGNS = {"+": "加上", "-": "减去"}
_WAITED = {"<": "不到", "<=": "不超过", "=": "恰好等于", "!=": "不等于", ">=": "已达到", ">": "已超过"}


def truth(node: Node) -> str:
    """Say something that is true or false."""
    return spaced(_truth(node))


def value(node: Node) -> str:
    """Say a number or a text as a noun."""
    return spaced(_value(node))


def spaced(text: str) -> str:
    """Put a space where Chinese meets Latin letters or digits, as one sets it in print."""
    return _SEAM.sub(" ", text)


def _truth(node: Node) -> str:
    match node:
        case Otherwise():
            return "以上条件都不符合"
        case And(parts=parts):
            return "，且".join(_bracketed(part, Or) for part in parts)
        case Or(parts=parts):
            return "，或".join(_bracketed(part, And) for part in parts)
        case Not(operand=Measure() as measure):
            return _has(measure, there=False)
        case Not(operand=operand):
            return f"并非“{_truth(operand)}”"
        case Known():
            return _known(node)
        case Comparison():
            return _comparison(node)
        case Measure():
            return _has(node, there=True)
    raise TypeError(f"{type(node).__name__} is no condition")


def _bracketed(part: Node, weaker: type[Node]) -> str:
    return f"（{_truth(part)}）" if isinstance(part, weaker) else _truth(part)


# Whether there is something


def _has(measure: Measure, *, there: bool) -> str:
    what, window = _kinds(measure), measure.window
    if window == ALWAYS:
        return f"有过{what}" if there else f"从未{what}" if _is_verb(measure) else f"从未有过{what}"
    return f"{_days(window)}{'有过' if there else '没有'}{what}"


def _known(node: Known) -> str:
    operand = node.operand
    if isinstance(operand, Measure) and operand.name in ("days_since", "days_since_first"):
        return _has(operand, there=node.known)
    if isinstance(operand, Measure) and operand.name == "attribute":
        return f"{'填写了' if node.known else '没有填写'}{_value(operand)}"
    return f"{_value(operand)}{'已知' if node.known else '未知'}"


# Comparisons


def _comparison(node: Comparison) -> str:
    left, right = node.left, node.right
    if isinstance(left, Measure):
        said = _against_number(left, node.operator, right) or _against_measure(left, node.operator, right)
        if said:
            return said
    compared = {"<": "小于", ">": "大于"}.get(node.operator, _COMPARED[node.operator])
    return f"{_value(left)}{compared}{_value(right)}"


def _against_number(measure: Measure, sign: str, right: Node) -> str | None:
    bound = _literal(right)
    if bound is None:
        return _attribute(measure, sign, right)
    special = _SPECIAL.get(measure.name)
    if special and (said := special(measure, sign, bound)):
        return said
    unit = _unit(measure)
    compared = _COUNTED[sign] if unit else _COMPARED[sign]
    return f"{_value(measure)}{compared} {_number(bound)}{f' {unit}' if unit else ''}"


def _attribute(measure: Measure, sign: str, right: Node) -> str | None:
    if not isinstance(right, Text):
        return None
    return f"{_value(measure)}{'是' if sign == '=' else '不是'}“{right.value}”"


def _since(measure: Measure, sign: str, bound: float) -> str:
    which, days = _which(measure), _number(bound)
    if bound == 0 and sign in ("=", "<="):
        return f"{which}就在当天"
    return {
        "<=": f"{which}在 {days} 天以内",
        "<": f"距{which}不到 {days} 天",
        "=": f"距{which}正好 {days} 天",
        "!=": f"距{which}不是 {days} 天",
        ">=": f"距{which}已满 {days} 天",
        ">": f"距{which}已超过 {days} 天",
    }[sign]


def _count(measure: Measure, sign: str, bound: float) -> str:
    if bound == 0 and sign in ("=", "<="):
        return _has(measure, there=False)
    if (bound, sign) in ((0, ">"), (0, "!="), (1, ">=")):
        return _has(measure, there=True)
    if (bound, sign) == (1, "<"):
        return _has(measure, there=False)
    return f"{_when(measure)}{_kinds(measure)}{_TIMES[sign]} {_number(bound)} {kind_words(measure.kinds[0]).unit}"


def _slope(measure: Measure, sign: str, bound: float) -> str | None:
    if bound == 0 and sign in ("<", ">"):
        return f"{_days(measure.window)}{_slope_of(measure)}呈{'上升' if sign == '>' else '下降'}趋势"
    changed = {">": "增长超过", ">=": "增长至少"} if bound > 0 else {"<": "下降超过", "<=": "下降至少"}
    if sign in changed:
        quarter = (measure.window.last or 4) // 4
        by = f"{changed[sign]} {_number(abs(bound) * 100)}%"
        return f"{_days(measure.window)}{_slope_of(measure)}平均每 {quarter} 天{by}"
    return f"{_value(measure)}{_COMPARED[sign]} {_number(bound * 100)}%"


def _open(measure: Measure, sign: str, bound: float) -> str | None:
    what = _kinds(measure)
    if bound == 0 and sign in ("=", "<="):
        return f"没有未关闭的{what}"
    if (bound, sign) in ((0, ">"), (0, "!="), (1, ">=")):
        return f"有未关闭的{what}"
    return None


def _balance(measure: Measure, sign: str, bound: float) -> str | None:
    del measure
    if bound == 0 and sign in ("=", "!=", ">"):
        return "往来款项已结清" if sign == "=" else "往来款项尚未结清"
    return None


_SPECIAL = {
    "days_since": _since,
    "days_since_first": _since,
    "count": _count,
    "slope": _slope,
    "open": _open,
    "balance": _balance,
}


def _against_measure(left: Measure, sign: str, right: Node) -> str | None:
    """Say 过去 90 天的下单次数不到此前 90 天的一半, and 距最近一次下单已超过惯常下单间隔的 2 倍."""
    factor, other = _scaled(right)
    if other is None:
        return None
    if left.elapsed and other.elapsed and factor == 1:
        return f"{_which(left)}{_LATER[sign].format(_which(other))}"
    same = (left.name, left.kinds, left.field) == (other.name, other.kinds, other.field)
    said = _days(other.window, beside=left.window) if same and other.window != ALWAYS else _value(other)
    said += _share(factor)
    if left.elapsed:
        return f"距{_which(left)}的时间{_WAITED[sign]}{said}"
    compared = _COMPARED[sign]
    if _unit(left) and sign in "<>":
        compared = {"<": "少于", ">": "多于"}[sign] if factor == 1 else {"<": "不到", ">": "超过"}[sign]
    return f"{_value(left)}{compared}{said}"


def _share(factor: float) -> str:
    if factor == 1:
        return ""
    if factor == 0.5:
        return "的一半"
    return f"的 {_number(factor * 100)}%" if factor < 1 else f"的 {_number(factor)} 倍"


def _scaled(node: Node) -> tuple[float, Measure | None]:
    match node:
        case Measure():
            return 1, node
        case Arithmetic(operator="*", left=Number(value=factor), right=Measure() as measure) if factor > 0:
            return factor, measure
        case Arithmetic(operator="*", left=Measure() as measure, right=Number(value=factor)) if factor > 0:
            return factor, measure
        case Arithmetic(operator="/", left=Measure() as measure, right=Number(value=factor)) if factor > 0:
            return 1 / factor, measure
    return 1, None


# Values


def _value(node: Node) -> str:
    match node:
        case Number(value=number):
            return _number(number)
        case Text(value=text):
            return f"“{text}”"
        case Negative(operand=Number(value=number)):
            return _number(-number)
        case Negative(operand=operand):
            return f"{_grouped(operand)}的相反数"
        case Arithmetic():
            return _arithmetic(node)
        case Measure():
            return _measure(node)
    raise TypeError(f"{type(node).__name__} is no value")


def _arithmetic(node: Arithmetic) -> str:
    left, right = node.left, node.right
    if node.operator in _SIGNS:
        said = _grouped(right) if node.operator == "-" else _value(right)
        return f"{_value(left)}{_SIGNS[node.operator]}{said}"
    if node.operator == "/":
        return f"{_grouped(left)}除以{_grouped(right)}"
    factor, other = _scaled(node)
    if other is not None:
        return f"{_value(other)}{_share(factor)}"
    return f"{_grouped(left)}乘以{_grouped(right)}"


def _grouped(node: Node) -> str:
    return f"（{_value(node)}）" if isinstance(node, Arithmetic) else _value(node)


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


def _measure(measure: Measure) -> str:
    what, always = _kinds(measure), measure.window == ALWAYS
    during = "" if always else _days(measure.window)
    field = field_name(measure.kinds, measure.field, LANGUAGE) if measure.field else what
    return _MEASURES["avg in a window" if measure.name == "avg" and during else measure.name].format(
        what=what,
        field=f"{field}合计" if measure.name == "sum" and during else field,
        during=during,
        of=f"{during}的" if during else "累计",
        when=during or "累计",
        counted=_slope_of(measure),
        quarter=(measure.window.last or 4) // 4,
        met="购买的" if measure.kinds in (("order",), ("line",)) else f"{what}涉及的",
        name=measure.argument,
    )


def _slope_of(measure: Measure) -> str:
    return field_name(measure.kinds, measure.field, LANGUAGE) if measure.field else f"{_kinds(measure)}次数"


def _unit(measure: Measure) -> str:
    if measure.name in ("days_since", "days_since_first", "days", "typical_gap"):
        return "天"
    if measure.name in ("count", "open"):
        return kind_words(measure.kinds[0]).unit
    if measure.name == "categories":
        return "个"
    return ""


# Days, kinds and numbers


def _days(window: Window, beside: Window | None = None) -> str:
    """Say a window; `beside` is the one named just before, so that the days before it can be called 此前."""
    last, before = window.last, window.before
    if last is None:
        return f"{before} 天以前" if before else "迄今"
    if not before:
        return "当天" if last == 1 else f"过去 {last} 天"
    if beside is not None and beside.before == 0 and beside.last == before:
        return f"此前 {last} 天"
    return f"{before} 天前那一天" if last == 1 else f"{before} 至 {before + last - 1} 天前"


def _when(measure: Measure) -> str:
    return "累计" if measure.window == ALWAYS else _days(measure.window)


def _which(measure: Measure) -> str:
    return f"{'最近一次' if measure.name == 'days_since' else '首次'}{_kinds(measure)}"


def _kinds(measure: Measure) -> str:
    names = [kind_words(kind).zh for kind in measure.kinds]
    return "或".join(["、".join(names[:-1]), *names[-1:]]) if len(names) > 1 else "".join(names)


def _is_verb(measure: Measure) -> bool:
    return not any(kind in _NOUNS or kind not in KIND_NAMES for kind in measure.kinds)


def _literal(node: Node) -> float | None:
    match node:
        case Number(value=number):
            return number
        case Negative(operand=Number(value=number)):
            return -number
    return None


def _number(number: float) -> str:
    return formats.number(number, at_most=6, language="zh_Hans")
