"""The signs that compare two values: how else they are written, and what becomes of them turned round or negated."""

from __future__ import annotations

from tenure.facts.selection import COMPARE

COMPARISONS = tuple(COMPARE)
SPELLINGS = {"==": "=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}
#: What holds where a comparison does not, and what holds with its sides exchanged.
OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
