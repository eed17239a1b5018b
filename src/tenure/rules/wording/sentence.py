"""Reads a rule back as a sentence, so that whoever edits it sees what it says.

``过去 90 天的下单次数不到此前 90 天的一半``. Every construct of the language has a sentence in both languages; the
sentence says exactly what the rule says. The rule is first put into the shape in which one would say it.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from tenure.facts.selection import Condition, facts_of
from tenure.rules.syntax import tree
from tenure.rules.syntax.comparison import MIRRORED, OPPOSITE
from tenure.rules.syntax.tree import (
    ALWAYS,
    And,
    Comparison,
    Known,
    Measure,
    Not,
    NumberLiteral,
    Or,
    Population,
    RuleNode,
    TextLiteral,
)
from tenure.rules.wording.facts import is_described
from tenure.rules.wording.speaker import Speaker
from tenure.rules.wording.vocabulary import KIND_NAMES, field_name, kind_words
from tenure.words import current_language, language_of

if TYPE_CHECKING:
    from tenure.facts.selection import Facts
    from tenure.rules.syntax.tree import TimeWindow
    from tenure.rules.wording.facts import StageNames

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
        if left.name in ("days_since", "days_since_first"):
            return f"距{self.which(left)}的时间{_ELAPSED[sign]}{text}"
        if _unit(left) and sign in "<>":
            compared = {"<": "少于", ">": "多于"} if factor == 1 else _COUNTED
            return f"{self.value(left)}{compared[sign]}{text}"
        return self.phrases.bounded[sign].format(self.value(left), text)

    def noun(self, kind: str, *, plural: bool = False) -> str:
        return kind_words(kind).zh

    def after(self, facts: Facts) -> str:
        return self.described(facts, self.noun(facts.kind))

    def field(self, measure: Measure) -> str:
        if not measure.field or measure.window.unit == "fact" or not any(map(is_described, measure.facts)):
            return super().field(measure)
        total = "累计" if measure.name == "sum" and measure.window == ALWAYS else ""
        names = (
            self.described(facts, total + field_name((facts.kind,), measure.field, self.language))
            for facts in sorted(measure.facts, key=is_described)
        )
        return "与".join(names)

    def during(self, measure: Measure, previous: TimeWindow = ALWAYS) -> str:
        during = super().during(measure, previous)
        return f"{during}中" if measure.window.unit == "fact" and not measure.of_fact else during

    def which(self, measure: Measure) -> str:
        return f"{self.during(measure)}{super().which(measure)}"

    def ordinal(self, number: int) -> str:
        return str(number)

    def words(self, measure: Measure) -> dict[str, object]:
        words = super().words(measure)
        what, field, during = words["what"], words["field"], words["during"]
        described, of_facts = any(map(is_described, measure.facts)), measure.window.unit == "fact"
        is_noun = described or any(kind in _NOUNS or kind not in KIND_NAMES for kind in measure.kinds)
        # 累计 before a condition would seem to belong to it: 累计金额高于 500 的下单.
        so_far = "" if during or not described else "累计"
        in_all = "" if so_far and measure.name not in ("days", "months_with", "weeks_with") else "累计"
        possessive = "的" if of_facts or not (described or measure.name == "distinct") else ""
        return words | {
            "field": field or what,
            "total": f"{field}合计" if during else field,
            "of": f"{during}{possessive}" if during else in_all,
            "of_what": "" if of_facts else f"{what}的" if measure.name == "distinct" else f"{what}{so_far}",
            "inside": f"{during}的" if of_facts else during,
            "when": during or in_all,
            "so_far": so_far,
            "counted": field or f"{what}次数",
            "met": "购买的" if measure.kinds in (("order",), ("line",)) and not described else f"{what}涉及的",
            "had": "有过" if is_noun else "",
            "unit": _unit(measure),
        }


def _unit(measure: Measure) -> str:
    if measure.name in ("count", "open"):
        return kind_words(measure.facts[0].kind).unit
    return {
        **dict.fromkeys(("days_since", "days_since_first", "days", "typical_gap", "longest_gap"), "天"),
        **{"categories": "个", "distinct": "个", "months_with": "个月", "weeks_with": "周"},
    }.get(measure.name, "")


class English(Speaker):
    language = "en"

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        unit = {"days": "day", "months_with": "month", "weeks_with": "week"}.get(measure.name)
        if unit:
            number = f"{self.number(bound)} different {unit}{'' if bound == 1 else 's'}"
            words = self.words(measure)
            preposition = "on" if unit == "day" else "in"
            return f"there were {words['plural']} {preposition} {self.phrases.times[sign]} {number}{words['so_far']}"
        number = self.days(bound) if measure.name in ("typical_gap", "longest_gap") else self.number(bound)
        return self.phrases.bounded[sign].format(self.value(measure), number)

    def noun(self, kind: str, *, plural: bool = False) -> str:
        words = kind_words(kind)
        return words.plural if plural else words.en

    def some(self, where: str, noun: str) -> str:
        return f"{noun} {where}"

    def after(self, facts: Facts) -> str:
        noun = self.described(facts, self.noun(facts.kind))
        return f"{'an' if noun[0] in 'aeiouN' and facts.kind != 'use' else 'a'} {noun}"

    def words(self, measure: Measure) -> dict[str, object]:
        words = super().words(measure)
        plural, field = self.what(measure, plural=True), words["field"]
        if field and any(map(is_described, measure.facts)) and measure.window.unit != "fact":
            field = f"{field} of {plural}"
        return words | {
            "plural": plural,
            "of_what": "" if measure.window.unit == "fact" else f" of {plural}",
            "columns": re.sub("y$", "ie", str(words["column"])) + "s",
            "field": field or plural,
            "so_far": words["during"] or " so far",
            "counted": f"the {field or f'number of {plural}'}",
            "met": "bought" if measure.kinds in (("order",), ("line",)) else f"met in {plural}",
        }


_SPEAKERS: dict[str, type[Speaker]] = {"zh_Hans": Chinese, "en": English}


def sentence(rule: RuleNode, language: str | None = None, stage_names: StageNames | None = None) -> str:
    """Return a rule as a sentence; stages go by their ids unless `stage_names` knows their names."""
    speaker = _speaker(language, stage_names)
    return speaker.finish(speaker.truth(speakable(rule)))


def measure_phrase(
    measure: Measure | Population, language: str | None = None, stage_names: StageNames | None = None
) -> str:
    """Return what a measure is called, as a noun: ``过去 90 天的下单次数``."""
    speaker = _speaker(language, stage_names)
    return speaker.finish(speaker.value(measure))


def window_phrase(window: TimeWindow, kinds: tuple[str, ...], language: str | None = None) -> str:
    """Return what a time window is called: ``过去 90 天``."""
    speaker = _speaker(language, None)
    return speaker.finish(speaker.during(Measure("count", facts_of(kinds), window=window))).strip()


def value_phrase(column: str, value: float, language: str | None = None) -> str:
    """Return what a number in a calendar column stands for: ``周六``."""
    speaker = _speaker(language, None)
    return speaker.finish(speaker.where([Condition(column, "=", (value,))]))


def _speaker(language: str | None, stage_names: StageNames | None) -> Speaker:
    return _SPEAKERS[language_of(language) if language else current_language()](stage_names)


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
            return Comparison(MIRRORED[node.operator], right, node.left, place=node.place)
        case Not(operand=operand):
            return _negated(speakable(operand))
        case tree.Ever() | tree.Held():
            return dataclasses.replace(node, operand=speakable(node.operand))
    return node


def _negated(node: RuleNode) -> RuleNode:
    match node:
        case Not():
            return node.operand
        case Comparison():
            return dataclasses.replace(node, operator=OPPOSITE[node.operator])
        case Known():
            return dataclasses.replace(node, known=not node.known)
        case tree.Among():
            return dataclasses.replace(node, negated=not node.negated)
    return Not(node)
