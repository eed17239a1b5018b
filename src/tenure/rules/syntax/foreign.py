"""What other languages and keyboards write for a sign, a word or a number of a rule, and the right spelling of it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal, NamedTuple

from tenure.rules.syntax.comparison import COMPARISONS, SPELLINGS
from tenure.rules.syntax.tree import PERIODS, Period
from tenure.words import mark

#: Signs that no rule can have; longer ones come first.
SIGNS = r"""&&? | \|\| | !== | === | =\s*[<>!] | [<>!]\s+= | =\s+= | <\s+>
      | [‹〈《⟨›〉》⟩](?:\s*=)? | [≦⩽≧⩾≯≮¬−–—] | !(?!=) | [‘「『«][^‘’「」『』«»\n]*[’」』»]"""
_CURRENCY, _UNIT = "[€¥￥$£]", r"(?:元|块钱?|人民币|(?:CNY|RMB|USD|EUR|GBP)\b)"
_DIGITS, _SCALE = r"(?:\d[\d_]*(?:[.,]\d+)*|\.\d+)", r"(?:万亿|千万|百万|[百千万亿]|[kK]|[eE]\+?\d{1,2})"
#: Amounts and large numbers as people write them, each of which is a plain number in a rule.
NUMBERS = rf"""{_CURRENCY}\s*{_DIGITS}{_SCALE}?{_UNIT}?
      | {_DIGITS}(?:{_SCALE}{_UNIT}? | {_UNIT} | \s*{_CURRENCY})(?!\w)"""
_NUMBER = re.compile(
    rf"(?P<money>{_CURRENCY}\s*)?(?P<digits>{_DIGITS})(?P<scale>{_SCALE})?(?P<unit>\s*(?:{_CURRENCY}|{_UNIT}))?",
    re.IGNORECASE,
)
#: What belongs to the number before it: a percent sign, more digits, a word that is none of a rule.
_MORE = re.compile(r"\s*(?:[%.\d]|,\d|(?P<word>[^\W\d]\w*))")
_BETWEEN = ("and", "or", "not", "for", "is", "in", "then", "within", "last", "before")
_PLAIN = re.compile(r"(?:0|[1-9][\d_]*)(?:\.\d+)?|\.\d+")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_POINTS = re.compile(r"[1-9]\d{0,2}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")  # of the continent: 1.000,50
_COMMA = re.compile(r"0,\d+|[1-9]\d*,\d{1,2}")
_EITHER = re.compile(r"[1-9]\d{0,2}\.\d{3}")  # an amount of 1.500 may be one and a half, or a thousand more
_SPELLED = {
    **{"&&": "and", "&": "and", "||": "or", "!": "not", "¬": "not", "===": "=", "!==": "!=", "=>": ">=", "=<": "<="},
    **{"==": "=", "<>": "!=", "=!": "!="},
    **{"≦": "<=", "⩽": "<=", "≯": "<=", "≧": ">=", "⩾": ">=", "≮": ">=", "−": "-", "–": "-", "—": "-"},
}
_BRACKETS = str.maketrans("‹〈《⟨›〉》⟩", "<<<<>>>>")
_WORDS = {
    "and": ("且", "并且", "而且", "和", "及", "以及", "与", "und"),
    "or": ("或", "或者", "或是", "oder"),
    "not": ("非", "不", "不是", "并非", "没有"),
    "otherwise": ("否则", "其他", "其余", "else", "default"),
    "unknown": ("null", "none", "nil", "nan", "empty", "空", "未知", "缺失"),
    "known": ("已知",),
    ">": ("大于", "多于", "超过", "高于"),
    "<": ("小于", "少于", "低于", "不足"),
    ">=": ("大于等于", "不小于", "不少于", "不低于", "至少"),
    "<=": ("小于等于", "不大于", "不超过", "不多于", "至多", "最多"),
    "=": ("等于", "equals"),
    "!=": ("不等于",),
    "%": ("percent", "pct"),
    "for": ("持续", "连续"),
}
#: The right spelling of words that other languages have.
WORDS = {foreign: right for right, words in _WORDS.items() for foreign in words}
_SCALES = {"百": 2, "千": 3, "万": 4, "百万": 6, "千万": 7, "亿": 8, "万亿": 12, "k": 3}
_QUOTED = re.compile("[‘「『«](.*)[’」』»]")
#: What people write behind a number when they mean a length of time.
_UNITS: dict[str, Period | Literal["day"]] = {
    **dict.fromkeys(("d", "day", "days", "天", "日"), "day"),
    **dict.fromkeys(("w", "wk", "week", "weeks", "周", "星期"), "week"),
    **dict.fromkeys(("m", "mo", "mon", "month", "months", "月", "个月"), "month"),
    **dict.fromkeys(("q", "quarter", "quarters", "季度", "个季度"), "quarter"),
    **dict.fromkeys(("y", "yr", "year", "years", "年"), "year"),
}
#: Units that mean something else behind a number that is compared: 5m may be millions, 5w is 50,000, 3月 is March.
_AMBIGUOUS = ("m", "w", "月", "日", "年")
#: The words and signs behind which a number is compared; in is that of a list, none the beginning of a rule.
_COMPARED = ("", "in", "+", "-", "*", "/", *COMPARISONS, *SPELLINGS)


class Mistake(NamedTuple):
    """A spelling that rules do not have: what is wrong with it, and what to write."""

    cause: str
    near: tuple[str, ...]


def in_sign(text: str) -> Mistake:
    """Return what is wrong with a sign of :data:`SIGNS`."""
    if quoted := _QUOTED.fullmatch(text):
        return Mistake(mark("Rules write texts in straight quotation marks."), (f'"{quoted[1]}"',))
    plain = "".join(text.split()).translate(_BRACKETS)
    return Mistake(mark("%(found)s is not used in rules."), (_SPELLED.get(plain, plain),))


def in_number(text: str, *, is_listed: bool = False, after: str = "") -> Mistake:
    """Return what is wrong with a number of :data:`NUMBERS`, and its value unless that may be another one.

    Parameters
    ----------
    text : str
        The number.
    is_listed : bool, optional
        Whether it stands among others, so that a comma may end it.
    after : str, optional
        The rest of the rule.
    """
    cause = mark("Rules write numbers in plain digits, without a currency or a unit.")
    match = _NUMBER.fullmatch(text)
    if not match or is_cut(after) or (is_listed and "," in match["digits"]):
        return Mistake(cause, ())
    scale = (match["scale"] or "").lower()
    is_amount = bool(match["money"] or match["unit"]) and not scale
    number = _value(match["digits"], is_amount=is_amount)
    if number is None:
        return Mistake(cause, ())
    power = int(scale[1:]) if scale.startswith("e") else _SCALES.get(scale, 0)
    return Mistake(cause, (_written(number * Decimal(10) ** power),))


def is_cut(after: str) -> bool:
    """Return whether the rest of a rule goes on with the number before it."""
    more = _MORE.match(after)
    return more is not None and (more["word"] or "").lower() not in (*_BETWEEN, *WORDS)


def unit_of_money(word: str) -> bool:
    """Return whether a word behind a number is a currency."""
    return re.fullmatch(_UNIT, word, re.IGNORECASE) is not None


def _value(digits: str, *, is_amount: bool) -> Decimal | None:
    """Return the value of digits with separators; None if they are no number, or may be two."""
    if _PLAIN.fullmatch(digits):
        return None if is_amount and _EITHER.fullmatch(digits) else Decimal(digits.replace("_", ""))
    if _THOUSANDS.fullmatch(digits):
        return Decimal(digits.replace(",", ""))
    if _POINTS.fullmatch(digits) or (is_amount and _COMMA.fullmatch(digits)):
        return Decimal(digits.replace(".", "").replace(",", "."))
    return None


def _written(number: Decimal) -> str:
    """Return a number as rules write it."""
    if number != number.to_integral_value():
        return f"{number.normalize():f}"
    return f"{int(number):_}" if abs(number) >= 10_000 else str(int(number))


def number_with_commas(text: str, *, is_closed: bool = True) -> str:
    """Return what numbers with commas between them are meant to be: 1,000 has thousands, 0,5 not.

    Parameters
    ----------
    text : str
        The numbers.
    is_closed : bool, optional
        Whether a comma that separates two numbers is impossible there, so that it may be a decimal one.
    """
    number = _value(text, is_amount=is_closed)
    return "" if number is None else _written(number)


def length_of(number: str, unit: str, before: str) -> str:
    """Return how to write so many days, weeks or months after a word or sign: ``90d``, or ``90`` to compare with.

    Empty if the unit may mean another number there.
    """
    known = _UNITS.get(unit.lower())
    if known is None or not number.isdecimal():
        return ""
    days = int(number) * (1 if known == "day" else PERIODS[known])
    window = f"{number}{known[0]}" if known in ("day", "week") else f"{number} {known}s"
    if before in ("for", "within"):
        return window if known in ("day", "week") else f"{days}d"
    if before in ("last", "before", "same", ","):
        return f"last {window}" if before == "," else window
    return str(days) if before in _COMPARED and unit.lower() not in _AMBIGUOUS else ""
