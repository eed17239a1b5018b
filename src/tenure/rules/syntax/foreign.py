"""What other languages and keyboards write for a sign, a word or a number of a rule, and the right spelling of it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from tenure.words import mark

#: Signs that no rule can have; longer ones come first.
SIGNS = r"""&&? | \|\| | !== | === | =\s*[<>!] | [<>!]\s+= | =\s+= | <\s+>
      | [‹〈《⟨›〉》⟩](?:\s*=)? | [≦⩽≧⩾≯≮¬−–—] | !(?!=) | [‘「『«][^‘’「」『』«»\n]*[’」』»]"""
_CURRENCY, _UNIT = "[€¥￥$£]", r"(?:元|块钱?|人民币|(?:CNY|RMB|USD|EUR|GBP)\b)"
_DIGITS, _SCALE = r"\d[\d_]*(?:[.,]\d+)*", r"(?:万亿|千万|百万|[百千万亿])"
#: Amounts and large numbers as people write them, each of which is a plain number in a rule.
NUMBERS = rf"""{_CURRENCY}\s*{_DIGITS}{_SCALE}?
      | \d[\d_]*(?:\.\d+)?(?:{_SCALE}{_UNIT}? | {_UNIT} | \s*{_CURRENCY})(?!\w)
      | \d[\d_]*(?:\.\d+)?(?:[kK] | [eE]\+?\d{{1,2}})(?!\w)"""
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
_SCALES = {"百": 2, "千": 3, "万": 4, "百万": 6, "千万": 7, "亿": 8, "万亿": 12, "k": 3, "K": 3}
_QUOTED = re.compile("[‘「『«](.*)[’」』»]")
#: What people write behind a number when they mean a length of time: how a window says it, and in days.
_UNITS = {
    **dict.fromkeys(("d", "day", "days", "天", "日"), ("d", 1)),
    **dict.fromkeys(("w", "wk", "week", "weeks", "周", "星期"), ("w", 7)),
    **dict.fromkeys(("m", "mo", "mon", "month", "months", "月", "个月"), (" months", 30)),
    **dict.fromkeys(("q", "quarter", "quarters", "季度", "个季度"), (" quarters", 90)),
    **dict.fromkeys(("y", "yr", "year", "years", "年"), (" years", 365)),
}


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


def in_number(text: str) -> Mistake:
    """Return what is wrong with a number of :data:`NUMBERS`."""
    digits = re.search(_DIGITS, text)
    scale = re.search(rf"{_SCALE}|[kK]|[eE]\+?(\d+)", text)
    number = Decimal(_plain(digits[0]) if digits else "0")
    if scale:
        number *= Decimal(10) ** (int(scale[1]) if scale[1] else _SCALES[scale[0]])
    whole = number == number.to_integral_value()
    right = f"{int(number):_}" if whole and abs(number) >= 10_000 else f"{number.normalize():f}"
    return Mistake(mark("Rules write numbers in plain digits, without a currency or a unit."), (right,))


def unit_of_money(word: str) -> bool:
    """Return whether a word behind a number is a currency."""
    return re.fullmatch(_UNIT, word, re.IGNORECASE) is not None


def _plain(digits: str) -> str:
    """Return digits without separators of thousands, with a decimal point."""
    without = re.sub(r",(?=\d{3}(?!\d))", "", digits.replace("_", ""))
    head, _sign, tail = without.replace(",", ".").rpartition(".")
    return f"{head.replace('.', '')}.{tail}" if head else without


def number_with_comma(before: str, after: str) -> str:
    """Return what two numbers with a comma between them are meant to be: 1,000 and 1.000,5 have thousands, 0,5 not."""
    if re.fullmatch(r"\d{1,3}(\.\d{3})+", before) and after.isdecimal():
        return f"{before.replace('.', '')}.{after}"
    if not (before.isdecimal() and after.isdecimal()):
        return ""
    return f"{before}{after}" if len(after) == 3 and before.strip("0") else f"{before}.{after}"


def length_of(number: str, unit: str, before: str) -> str:
    """Return how to write so many days, weeks or months after a word or sign: ``90d``, or ``90`` to compare with."""
    known = _UNITS.get(unit.lower())
    if known is None or not number.isdecimal():
        return ""
    window, days = known
    if before in ("last", "before", "same", "for", "within"):
        return f"{number}{window}"
    return f"last {number}{window}" if before == "," else str(int(number) * days)
