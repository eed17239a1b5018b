"""What differs between two snapshots: by name of file, column and row, after renaming, within a tolerance."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapshot_sheets import HASHES, Sheet, read, summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[^.\[\]]+")
SHOWN = 3


@dataclass(frozen=True)
class Renames:
    """Names that were changed on purpose, old to new.

    Attributes
    ----------
    files : dict
        Names of files, such as ``reports/origins``; ``*`` at the end of both stands for the rest of the name.
    columns : dict
        Pattern of files to {old: new} names of columns.
    keys : dict
        Parts of the paths inside JSON documents.
    values : dict
        Column, or last part of a JSON path, to {old: new} cells, such as ids of models.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def old_file(self, name: str) -> str:
        """Return what a file was called before."""
        for old, new in self.files.items():
            if name == new:
                return old
            if new.endswith("*") and name.startswith(new[:-1]):
                return old[:-1] + name[len(new) - 1 :]
        return name

    def back(self, sheet: Sheet) -> Sheet:
        """Return a new sheet under its old names, so that it can be held against the old one, hashes included."""
        name = self.old_file(sheet.name)
        columns = {
            new: old
            for pattern, pairs in self.columns.items()
            if fnmatchcase(name, pattern)
            for old, new in pairs.items()
        }
        keys = {new: old for old, new in self.keys.items()}
        values = {columns.get(column, column): cells for column, cells in sheet.columns.items()}
        if "path" in sheet.keys:
            paths = [_NAME.sub(lambda part: keys.get(part[0], part[0]), path) for path in values["path"]]
            cells = zip(paths, values["value"], strict=True)
            values = {"path": paths, "value": [self._old_value(_NAME.findall(path)[-1:], text) for path, text in cells]}
        else:
            values = {column: [self._old_value([column], text) for text in cells] for column, cells in values.items()}
        renamed = Sheet(
            name,
            [columns.get(key, key) for key in sheet.keys],
            values,
            {columns.get(column, column) for column in sheet.numbers},
        )
        names = renamed.row_keys()
        order = sorted(range(renamed.rows), key=names.__getitem__)
        renamed.columns = {column: [cells[place] for place in order] for column, cells in values.items()}
        return renamed

    def _old_value(self, column: list[str], text: str) -> str:
        pairs = self.values.get(column[0], {}) if column else {}
        return next((old for old, new in pairs.items() if new == text), text)


@dataclass
class Report:
    """The differences, and those that are allowed."""

    shop: str
    allowed: Mapping[str, str]
    found: list[str] = field(default_factory=list)
    excepted: Counter[str] = field(default_factory=Counter)

    def note(self, name: str, column: str, text: str) -> None:
        """Note a difference, unless it is listed with a reason."""
        place = f"{self.shop}/{name}/{column}" if column else f"{self.shop}/{name}"
        for pattern in self.allowed:
            if fnmatchcase(place, pattern):
                self.excepted[pattern] += 1
                return
        self.found.append(f"{place}: {text}")


def compare(old: Path, new: Path, renames: Renames, report: Report, tolerance: float) -> None:
    """Compare a shop's new folder with an old folder, or with an old file of hashes."""
    full = old.is_dir()
    before = json.loads((old / HASHES if full else old).read_text("utf-8"))
    after = json.loads((new / HASHES).read_text("utf-8"))
    names = {renames.old_file(name): name for name in after}
    for name in sorted(before.keys() - names.keys()):
        report.note(name, "", "is missing")
    for name in sorted(names.keys() - before.keys()):
        report.note(name, "", "is new")
    for name in sorted(before.keys() & names.keys()):
        sheet = renames.back(read(new, names[name], after[names[name]]))
        hashed = summary(sheet)
        if hashed["columns"] == before[name]["columns"] and hashed["rows"] == before[name]["rows"]:
            continue
        told = (
            _cells(read(old, name, before[name]), sheet, tolerance)
            if full
            else _hashes(before[name], hashed, tolerance)
        )
        for column, text in told:
            report.note(name, column, text)


def _hashes(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: float) -> Iterator[tuple[str, str]]:
    if old["rows"] != new["rows"]:
        yield "rows", f"{old['rows']} rows, now {new['rows']}"
    for column in sorted(old["columns"].keys() | new["columns"].keys()):
        was, now = old["columns"].get(column), new["columns"].get(column)
        if was is None or now is None:
            yield column, "is new" if was is None else "is missing"
        elif was["sha"] != now["sha"] and not _close(was, now, tolerance):
            yield column, f"differs; {_sums(was, now)}"


def _close(was: Mapping[str, Any], now: Mapping[str, Any], tolerance: float) -> bool:
    if "sums" not in was or "sums" not in now or was["rest"] != now["rest"]:
        return False
    sizes = was.get("sizes", was["sums"])
    pairs = zip(was["sums"], now["sums"], sizes, strict=True)
    return all(abs(a - b) <= tolerance * max(abs(size), 1e-12) for a, b, size in pairs)


def _sums(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    empty = f"empty cells {was.get('empty', 0)}, now {now.get('empty', 0)}"
    if "sums" not in was or "sums" not in now:
        return empty
    return f"sum {sum(was['sums']):.12g}, now {sum(now['sums']):.12g}; {empty}"


def _cells(old: Sheet, new: Sheet, tolerance: float) -> Iterator[tuple[str, str]]:
    places = {name: place for place, name in enumerate(new.row_keys())}
    names = old.row_keys()
    gone = [name for name in names if name not in places]
    came = places.keys() - set(names)
    if gone:
        yield "rows", f"{len(gone)} rows are missing: {', '.join(gone[:SHOWN])}"
    if came:
        yield "rows", f"{len(came)} rows are new: {', '.join(sorted(came)[:SHOWN])}"
    for column in [*old.columns, *(column for column in new.columns if column not in old.columns)]:
        if column not in old.columns or column not in new.columns:
            yield column, "is new" if column not in old.columns else "is missing"
            continue
        other = new.columns[column]
        pairs = [
            (name, text, other[places[name]])
            for name, text in zip(names, old.columns[column], strict=True)
            if name in places and text != other[places[name]]
        ]
        gaps = [_gap(was, now) for _, was, now in pairs]
        wrong = [pair for pair, gap in zip(pairs, gaps, strict=True) if gap > tolerance]
        if wrong:
            shown = "; ".join(f"{name}: {was[:200]!r} → {now[:200]!r}" for name, was, now in wrong[:SHOWN])
            yield column, f"{len(wrong)} of {old.rows} cells differ (at most by {max(gaps):.3g}): {shown}"


def _gap(was: str, now: str) -> float:
    """Return the relative difference of two numbers; infinity for other texts."""
    try:
        a, b = float(was), float(now)
    except ValueError:
        return float("inf")
    return abs(a - b) / max(abs(a), abs(b), 1e-12)
