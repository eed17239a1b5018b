"""Comparisons that only wait, such as ``days_since(order) <= 45``: the quick road to the same truth.

After every fact such a comparison runs through the same few flips, for everybody: true for 45 days, then false. So its
truth is known from the breaks alone, and a daily buyer's thousand orders need not be looked at one by one. Most rules
of practice wait, and this is what makes everybody's exact history about as fast as reading the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import BIAS, DAYS, who_of
from tenure.rules.syntax.tree import Arithmetic, Comparison, Measure, Negative, Node, Number

if TYPE_CHECKING:
    from tenure.rules.evaluation.compute import Reading


def waits_only(node: Node) -> Measure | None:
    """Return the one waiting time that a comparison is about, when nothing else in it varies."""
    if not isinstance(node, Comparison):
        return None
    found: set[Measure] = set()
    for part in node.walk():
        if isinstance(part, Measure) and part.waits:
            found.add(part)
        elif not isinstance(part, Comparison | Arithmetic | Negative | Number):
            return None
    return found.pop() if len(found) == 1 else None


def flips_after(
    days: np.ndarray, values: np.ndarray, reading: Reading, measure: Measure
) -> tuple[np.ndarray, np.ndarray]:
    """Return the moments at which a comparison flips, for all customers with such a fact."""
    facts = reading.steps(measure).keys
    begins, before, broken = reading.breaks(measure)
    ends = np.append(begins[1:], len(facts)) - 1
    patience = int(days[1]) if len(days) > 1 else DAYS
    # A fact changes something only after a break that was long enough to change something before it.
    late = broken[before[broken] > patience]
    at_end = values[np.searchsorted(days, before[late] - 1, side="right") - 1]
    again = late[at_end != values[0]]
    keys, truths = [facts[begins], facts[again]], [np.full(len(begins) + len(again), values[0])]
    for day, value in zip(days[1:].tolist(), values[1:].tolist(), strict=True):
        waited = np.concatenate((late[before[late] > day] - 1, ends))
        keys.append(facts[waited] + day)
        truths.append(np.full(len(waited), value, dtype=np.int8))
    every, all_truths = np.concatenate(keys), np.concatenate(truths)
    order = np.argsort(every, kind="stable")
    return every[order], all_truths[order]


def covers(entries: np.ndarray, reading: Reading, measure: Measure) -> bool:
    """Whether everybody with such a fact enters no later than with the first one."""
    facts = reading.steps(measure).keys
    if not len(facts):
        return True
    firsts = facts[reading.breaks(measure)[0]]
    if len(firsts) == len(entries) and (firsts == entries).all():
        return True
    place = np.searchsorted(entries, firsts, side="right") - 1
    return bool((place >= 0).all()) and bool((who_of(entries[place]) == who_of(firsts)).all())


def not_among(entries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the entries at which there is no key yet."""
    if not len(keys):
        return entries
    place = np.minimum(np.searchsorted(keys, entries), len(keys) - 1)
    return entries[keys[place] != entries]


ORIGIN = np.array([BIAS], dtype=np.int64)  # one fact of one customer on day 0, to see what happens after it
