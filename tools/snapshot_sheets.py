"""Sheets: the tables a snapshot is made of, how they are written, and how they are hashed column by column.

Numbers are written with 12 significant digits and hashed with 9. Where a hash differs because a last digit was rounded
the other way, sums over parts of the column still say that the column is the same.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WRITTEN, HASHED, BUCKETS = 12, 9, 8
HASHES = "hashes.json"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?")
_PART = re.compile(r"\[\d+\]")


@dataclass
class Sheet:
    """A table of texts, sorted by its key columns.

    Attributes
    ----------
    name : str
        Path of its file without the suffix, such as ``spans/crm-4``.
    keys : list of str
        Columns that name a row.
    columns : dict of str to list of str
        The cells, column by column.
    numbers : set of str
        Columns that hold numbers.
    """

    name: str
    keys: list[str]
    columns: dict[str, list[str]]
    numbers: set[str] = field(default_factory=set)

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def row_keys(self) -> list[str]:
        return ["|".join(cells) for cells in zip(*(self.columns[key] for key in self.keys), strict=True)]


def sheet_of(name: str, keys: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> Sheet:
    """Return a sheet of any values, its rows sorted by key."""
    texts = {column: _cells(values) for column, values in columns.items()}
    numbers = {column for column, values in columns.items() if _is_numeric(values)}
    sheet = Sheet(name, list(keys), texts, numbers)
    order = sorted(range(sheet.rows), key=sheet.row_keys().__getitem__)
    sheet.columns = {column: [values[place] for place in order] for column, values in texts.items()}
    return sheet


def sheet_of_file(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Sheet:
    """Return a downloaded table as a sheet: its rows are named by as few first columns as tell them apart."""
    names = [f"{head} ({place})" if heads.index(head) < place else head for place, head in enumerate(heads)]
    columns = {head: [_parsed(row[place]) for row in rows] for place, head in enumerate(names)}
    columns["#"] = list(range(1, len(rows) + 1))
    cells = [tuple(row) for row in rows]
    wide = next((n for n in range(1, len(names) + 1) if len({row[:n] for row in cells}) == len(cells)), 0)
    return sheet_of(name, names[:wide] or ["#"], columns)


def _cells(values: Sequence[Any]) -> list[str]:
    different = set(values)  # most columns of a large table hold few different values
    written = {value: cell(value) for value in different} if len(different) * 4 < len(values) else None
    # True equals 1 and 1.0: a column that mixes types is written cell by cell.
    if written is None or len({type(value) for value in different} - {type(None)}) > 1:
        return [cell(value) for value in values]
    return [written[value] for value in values]


def cell(value: Any) -> str:
    """Return a value as it is written."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        return f"{float(value):.{WRITTEN}g}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return '""' if value == "" else str(value)


def _is_numeric(values: Iterable[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in present)


def _parsed(text: str) -> Any:
    if text == "":
        return None
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if set(text) & set(".e") else int(text)


def summary(sheet: Sheet) -> dict[str, Any]:
    """Return what is kept of a sheet in `hashes.json`."""
    if "path" in sheet.keys:  # a JSON document: one entry a key, so that a difference has a name
        groups = {}
        prefixes = sheet.columns["section"] if "section" in sheet.keys else [""] * sheet.rows
        owners = [f"{prefix}:{_group(path)}" for prefix, path in zip(prefixes, sheet.columns["path"], strict=True)]
        members: dict[str, list[int]] = {}
        for place, owner in enumerate(owners):
            members.setdefault(owner.removeprefix(":"), []).append(place)
        names = sheet.row_keys()
        for owner, places in members.items():
            groups[owner] = _column([names[n] for n in places], [sheet.columns["value"][n] for n in places], None)
        return {"keys": sheet.keys, "rows": sheet.rows, "columns": groups}
    names = sheet.row_keys()
    columns = {name: _column(names, values, name in sheet.numbers) for name, values in sheet.columns.items()}
    return {"keys": sheet.keys, "rows": sheet.rows, "columns": columns}


def _group(path: str) -> str:
    return ".".join(_PART.sub("[]", path).split(".")[:3])


def _column(names: Sequence[str], values: Sequence[str], numeric: bool | None) -> dict[str, Any]:
    """Return hash, empty cells and, of fractions, sums by part; `numeric` None says that each cell decides."""
    numbers = [bool(_NUMBER.fullmatch(value)) for value in values] if numeric is not False else []
    # Whole numbers alone must be equal to the last digit; beside fractions they are fractions that happen to be whole.
    broken = any(("." in value or "e" in value) for value in compress(values, numbers))
    fractions = numbers if broken else []
    rounded = values
    if broken:
        rounded = [f"{float(v):.{HASHED}g}" if part else v for v, part in zip(values, fractions, strict=True)]
    found: dict[str, Any] = {"sha": _sha(names, rounded)}
    if empty := Counter(values)[""]:
        found["empty"] = empty
    if broken:
        rest = ["" if part else value for value, part in zip(values, fractions, strict=True)]
        sums, sizes = [0.0] * BUCKETS, [0.0] * BUCKETS
        for name, value in compress(zip(names, values, strict=True), fractions):
            bucket, number = zlib.crc32(name.encode()) % BUCKETS, float(value)
            sums[bucket] += number
            sizes[bucket] += abs(number)
        found |= {"rest": _sha(names, rest), "sums": [float(f"{one:.12g}") for one in sums]}
        if sums != sizes:
            found["sizes"] = [float(f"{one:.6g}") for one in sizes]
    return found


def _sha(names: Sequence[str], values: Sequence[str]) -> str:
    digest = hashlib.sha256("\n".join(names).encode())
    digest.update("\n".join(["", *values]).encode())
    return digest.hexdigest()[:12]


def write(folder: Path, sheets: Iterable[Sheet]) -> dict[str, Any]:
    """Write sheets as CSV below a folder, and `hashes.json`; return its content."""
    found = {}
    for sheet in sheets:
        path = folder / f"{sheet.name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(sheet.columns)
            writer.writerows(zip(*sheet.columns.values(), strict=True))
        found[sheet.name] = {**summary(sheet), "numbers": sorted(sheet.numbers)}
    text = json.dumps({name: found[name] for name in sorted(found)}, indent=1)
    (folder / HASHES).write_text(text + "\n", encoding="utf-8")
    return found


def read(folder: Path, name: str, about: Mapping[str, Any]) -> Sheet:
    """Return a sheet that was written, by what `hashes.json` says of it."""
    csv.field_size_limit(1 << 30)
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        heads = next(reader)
        cells = list(zip(*reader, strict=True)) or [()] * len(heads)
    return Sheet(name, list(about["keys"]), dict(zip(heads, map(list, cells), strict=True)), set(about["numbers"]))
