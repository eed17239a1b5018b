"""Evidence from a whole column, where its first rows leave a doubt.

A file sorted by date may begin with twelve days that say nothing, so doubts are settled by reading on, not by
guessing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.reading.rows import chunks

if TYPE_CHECKING:
    from pathlib import Path

    from tenure.facts.reading.dates import Habit
    from tenure.facts.reading.layout import Layout

_LARGE = r"(1[3-9]|2[0-9]|3[01])"
_DAY_FIRST = rf"^\s*{_LARGE}[-/.][0-9]{{1,2}}[-/.][0-9]{{2,4}}"
_MONTH_FIRST = rf"^\s*[0-9]{{1,2}}[-/.]{_LARGE}[-/.][0-9]{{2,4}}"
_COMMA = r"[0-9],[0-9]{1,2}\D*$|[0-9]\.[0-9]{3}\.[0-9]{3}|[0-9]\.[0-9]{3},"
_POINT = r"[0-9]\.[0-9]{1,2}\D*$|[0-9],[0-9]{3},[0-9]{3}|[0-9],[0-9]{3}\."


def settle_habits(path: Path, layout: Layout, columns: dict[str, int], habits: dict[str, Habit]) -> dict[str, Habit]:
    """Return the habits with every doubt settled that the whole file can settle."""
    doubtful = {name: columns[name] for name, habit in habits.items() if habit.ambiguous and name in columns}
    if not doubtful:
        return habits
    found = _counts(path, layout, doubtful, {"dmy": _DAY_FIRST, "mdy": _MONTH_FIRST})
    settled = dict(habits)
    for name in doubtful:
        day, month = found[name, "dmy"], found[name, "mdy"]
        if day != month:
            order = "dmy" if day > month else "mdy"
            formats = habits[name].formats if order == habits[name].order else tuple(map(_turned, habits[name].formats))
            settled[name] = replace(habits[name], order=order, ambiguous=False, formats=formats)
    return settled


def _turned(pattern: str) -> str:
    """Return a pattern with day and month in the other order, when it ends in the year."""
    if pattern.startswith("%Y"):
        return pattern
    return pattern.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def settle_commas(path: Path, layout: Layout, columns: dict[str, int], doubtful: list[str]) -> dict[str, bool]:
    """Return which of the doubtful number columns write their decimals with a comma."""
    asked = {name: columns[name] for name in doubtful if name in columns}
    found = _counts(path, layout, asked, {"comma": _COMMA, "point": _POINT}) if asked else Counter()
    return {name: found[name, "comma"] > found[name, "point"] for name in asked}


def _counts(path: Path, layout: Layout, columns: dict[str, int], patterns: dict[str, str]) -> Counter[tuple[str, str]]:
    """Count the rows of each column that match each pattern."""
    counts: Counter[tuple[str, str]] = Counter()
    for chunk in chunks(path, layout, sorted(set(columns.values()))):
        for name, place in columns.items():
            column = chunk.columns.column(str(place))
            if pa.types.is_string(column.type):
                for key, pattern in patterns.items():
                    counts[name, key] += pc.sum(pc.match_substring_regex(column, pattern)).as_py() or 0
    return counts
