"""Reads a rule back as a sentence, so that whoever edits it sees what it says.

``过去 90 天的下单次数不到此前 90 天的一半``. Every construct of the language has a sentence in both languages; the
sentence says exactly what the rule says, no less and no more.

The grammar of the two languages differs too much for templates with holes, so each has its own speaker,
:mod:`tenure.rules.wording.chinese` and :mod:`tenure.rules.wording.english`. What they share stands here: a rule is
first put into the shape in which one would say it (the number last, no doubled not).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tenure.rules.syntax.tree import And, Comparison, Known, Node, Not, Number, Or, Text
from tenure.rules.wording import chinese, english
from tenure.words import current_language, language_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure.rules.syntax.tree import Measure

_TRUTH: dict[str, Callable[[Node], str]] = {"zh_Hans": chinese.truth, "en": english.truth}
_VALUE: dict[str, Callable[[Node], str]] = {"zh_Hans": chinese.value, "en": english.value}

_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def sentence(rule: Node, language: str | None = None) -> str:
    """Read a rule back as a sentence."""
    return _TRUTH[_chosen(language)](speakable(rule))


def measure_phrase(measure: Measure, language: str | None = None) -> str:
    """Return what a measure is called, as a noun: ``过去 90 天的下单次数``."""
    return _VALUE[_chosen(language)](measure)


def _chosen(language: str | None) -> str:
    return language_of(language) if language else current_language()


def speakable(node: Node) -> Node:
    """Return an equal rule in the shape in which one would say it.

    ``not`` moves inwards where that changes nothing (also for what is unknown), and a comparison puts its number last.
    """
    if isinstance(node, And | Or):
        return dataclasses.replace(node, parts=tuple(speakable(part) for part in node.parts))
    if isinstance(node, Comparison):
        return _number_last(node)
    if isinstance(node, Not):
        return _opposite(speakable(node.operand))
    return node


def _opposite(node: Node) -> Node:
    if isinstance(node, Not):
        return node.operand
    if isinstance(node, Comparison):
        return dataclasses.replace(node, operator=_OPPOSITE[node.operator])  # type: ignore[arg-type]
    if isinstance(node, Known):
        return dataclasses.replace(node, known=not node.known)
    return Not(node)


def _number_last(node: Comparison) -> Comparison:
    if isinstance(node.left, Number | Text) and not isinstance(node.right, Number | Text):
        return Comparison(_MIRRORED[node.operator], node.right, node.left, place=node.place)  # type: ignore[arg-type]
    return node
