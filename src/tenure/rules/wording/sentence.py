"""Reads a rule back as a sentence, so that whoever edits it sees what it says.

``过去 90 天的下单次数不到此前 90 天的一半``. Every construct of the language has a sentence in both languages; the
sentence says exactly what the rule says. The rule is first put into the shape in which one would say it.
"""

from __future__ import annotations

import dataclasses
import re

from tenure.rules.syntax.tree import And, Comparison, Known, Measure, Not, NumberLiteral, Or, RuleNode, TextLiteral
from tenure.rules.wording.speaker import Speaker
from tenure.rules.wording.vocabulary import KIND_NAMES, kind_words
from tenure.words import current_language, language_of

_HAN, _LATIN = "[\u4e00-\u9fff]", "[A-Za-z0-9]"
_SEAM = re.compile(f"(?<={_HAN})(?={_LATIN}|-\\d)|(?<={_LATIN}|%)(?={_HAN})")
# not "从未…"
_NOUNS = (
    "csat", "nps", "expectation", "experience", "case", "balance", "contract", "volume", "information_need",
    "psychology", "brand_perception",
)  # fmt: skip
_COUNTED = {"<": "不到", "<=": "不超过", "=": "恰好是", "!=": "不是", ">=": "至少", ">": "超过"}
_ELAPSED = {"<": "不到", "<=": "不超过", "=": "恰好等于", "!=": "不等于", ">=": "已达到", ">": "已超过"}


class Chinese(Speaker):
    language = "zh_Hans"

    def finish(self, text: str) -> str:
        """Put a space where Chinese meets Latin letters or digits, as one sets it in print."""
        return _SEAM.sub(" ", text)

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        if unit := _unit(measure):
            return f"{self.value(measure)}{_COUNTED[sign]} {self.number(bound)} {unit}"
        return super().measured(measure, sign, bound)

    def multiple(self, left: Measure, sign: str, factor: float, text: str) -> str:
        text = self.times(factor, text)
        if left.elapsed:
            return f"距{self.which(left)}的时间{_ELAPSED[sign]}{text}"
        if _unit(left) and sign in "<>":
            compared = {"<": "少于", ">": "多于"} if factor == 1 else _COUNTED
            return f"{self.value(left)}{compared[sign]}{text}"
        return self.phrases.bounded[sign].format(self.value(left), text)

    def words(self, measure: Measure) -> dict[str, object]:
        words = super().words(measure)
        what, field, during = words["what"], words["field"], words["during"]
        is_noun = any(kind in _NOUNS or kind not in KIND_NAMES for kind in measure.kinds)
        return words | {
            "field": field or what,
            "total": f"{field}合计" if during else field,
            "of": f"{during}的" if during else "累计",
            "when": during or "累计",
            "counted": field or f"{what}次数",
            "met": "购买的" if measure.kinds in (("order",), ("line",)) else f"{what}涉及的",
            "had": "有过" if is_noun else "",
            "unit": _unit(measure),
        }


def _unit(measure: Measure) -> str:
    if measure.name in ("days_since", "days_since_first", "days", "typical_gap"):
        return "天"
    if measure.name in ("count", "open"):
        return kind_words(measure.kinds[0]).unit
    return "个" if measure.name == "categories" else ""


class English(Speaker):
    language = "en"

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        if measure.name == "days":
            days = f"{self.number(bound)} different day{'' if bound == 1 else 's'}"
            words = self.words(measure)
            return f"there were {words['plural']} on {self.phrases.times[sign]} {days}{words['so_far']}"
        number = self.days(bound) if measure.name == "typical_gap" else self.number(bound)
        return self.phrases.bounded[sign].format(self.value(measure), number)

    def words(self, measure: Measure) -> dict[str, object]:
        words = super().words(measure)
        plural = self.join([kind_words(kind).plural for kind in measure.kinds])
        return words | {
            "plural": plural,
            "field": words["field"] or plural,
            "so_far": words["during"] or " so far",
            "counted": f"the {words['field'] or f'number of {plural}'}",
            "met": "bought" if measure.kinds in (("order",), ("line",)) else f"met in {plural}",
        }


_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_SPEAKERS: dict[str, Speaker] = {"zh_Hans": Chinese(), "en": English()}


def sentence(rule: RuleNode, language: str | None = None) -> str:
    speaker = _speaker(language)
    return speaker.finish(speaker.truth(speakable(rule)))


def measure_phrase(measure: Measure, language: str | None = None) -> str:
    """Return what a measure is called, as a noun: ``过去 90 天的下单次数``."""
    speaker = _speaker(language)
    return speaker.finish(speaker.value(measure))


def _speaker(language: str | None) -> Speaker:
    return _SPEAKERS[language_of(language) if language else current_language()]


def speakable(node: RuleNode) -> RuleNode:
    """Return an equal rule in the shape in which one would say it.

    ``not`` moves inwards where that changes nothing (also for what is unknown), and a comparison puts its number last.
    """
    match node:
        case And() | Or():
            return dataclasses.replace(node, parts=tuple(speakable(part) for part in node.parts))
        case Comparison(left=NumberLiteral() | TextLiteral(), right=right):
            if isinstance(right, NumberLiteral | TextLiteral):
                return node
            return Comparison(_MIRRORED[node.operator], right, node.left, place=node.place)
        case Not(operand=operand):
            inner = speakable(operand)
            match inner:
                case Not():
                    return inner.operand
                case Comparison():
                    return dataclasses.replace(inner, operator=_OPPOSITE[inner.operator])
                case Known():
                    return dataclasses.replace(inner, known=not inner.known)
            return Not(inner)
    return node
