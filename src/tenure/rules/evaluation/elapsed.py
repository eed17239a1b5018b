"""Comparisons that only wait, such as ``days_since(order) <= 45``: the quick road to the same truth.

After every fact such a comparison runs through the same few flips, for everybody: true for 45 days, then false. So its
truth is known from the breaks alone, and a daily buyer's thousand orders need not be looked at one by one. Most rules
of practice wait, and this is what makes everybody's exact history about as fast as reading the table.
"""

from __future__ import annotations

import numpy as np

from tenure.facts.blocks import DAYS
from tenure.rules.evaluation.steps import starts
from tenure.rules.syntax.tree import Arithmetic, Comparison, Measure, Negative, NumberLiteral, RuleNode


def elapsed_only(node: RuleNode) -> Measure | None:
    """Return the one waiting time that a comparison is about, when nothing else in it varies."""
    if not isinstance(node, Comparison):
        return None
    measures: set[Measure] = set()
    for part in node.walk():
        if isinstance(part, Measure) and part.elapsed:
            measures.add(part)
        elif not isinstance(part, Comparison | Arithmetic | Negative | NumberLiteral):
            return None
    return measures.pop() if len(measures) == 1 else None


class Breaks:
    """Facts from which something waits, and the breaks between them that are longer than a day.

    Only in such a break can anything have happened.
    """

    def __init__(self, facts: np.ndarray) -> None:
        self._facts = facts
        first = starts(facts)
        self._days_before = np.zeros(len(facts), dtype=np.int64)
        self._days_before[1:] = facts[1:] - facts[:-1]
        self._days_before[first] = 0
        self._begins = np.flatnonzero(first)
        self._ends = np.flatnonzero(np.append(first[1:], True)[: len(facts)])
        self._broken = np.flatnonzero(self._days_before > 1)

    def flips(self, days: np.ndarray, values: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the moments at which a comparison flips, and its values from there, in sorted columns.

        `days` says after how many days without a fact it flips, the first of them 0; `values` what it is from then on.
        """
        facts, before = self._facts, self._days_before
        patience = int(days[1]) if len(days) > 1 else DAYS
        # A fact changes something only after a break that was long enough to change something before it.
        late = self._broken[before[self._broken] > patience]
        at_end = values[np.searchsorted(days, before[late] - 1, side="right") - 1]
        resumed = late[at_end != values[0]]
        keys = [facts[self._begins], facts[resumed]]
        truths = [np.full(len(column), values[0]) for column in keys]
        for day, value in zip(days[1:].tolist(), values[1:].tolist(), strict=True):
            # The fact before a long break, and everybody's last fact, after which the break has no end.
            for waited in (late[before[late] > day] - 1, self._ends):
                keys.append(facts[waited] + day)
                truths.append(np.full(len(waited), value, dtype=values.dtype))
        return keys, truths
