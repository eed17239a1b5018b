"""Reads a rule back as a sentence, so that whoever edits it sees what it says.

``过去 90 天的下单次数不到此前 90 天的一半``. Every construct of the language has a sentence in both languages; the
sentence says exactly what the rule says. The rule is first put into the shape in which one would say it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tenure.rules.syntax.tree import And, Comparison, Known, Not, NumberLiteral, Or, RuleNode, TextLiteral
from tenure.rules.wording.chinese import Chinese
from tenure.rules.wording.english import English
from tenure.words import current_language, language_of

if TYPE_CHECKING:
    from tenure.rules.syntax.tree import Measure
    from tenure.rules.wording.speaker import Speaker

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
