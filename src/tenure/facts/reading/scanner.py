"""From lines to rows.

Well-formed rows are found with whole-array arithmetic; only a block with irregular quotation marks is walked line by
line, so that one broken line costs one row and never the rest of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tenure.facts.reading.text import BadLine
from tenure.facts.reasons import BROKEN_QUOTES, RAGGED

_QUOTE, _NEWLINE, _RETURN = 34, 10, 13
_LONGEST = 1 << 20  # bytes that one quoted field may span before its opening mark counts as broken


@dataclass(slots=True)
class Scanned:
    data: bytes
    starts: np.ndarray  # where each well-formed row lies in `data` (the line end excluded)
    ends: np.ndarray
    numbers: np.ndarray  # the number of each row's first line
    bad: list[BadLine] = field(default_factory=list)  # lines that are no row
    rest: int = 0  # where an unfinished row begins; its bytes belong to the next block

    def rows(self) -> bytes:
        """Return the bytes of the well-formed rows, one after the other."""
        if not len(self.starts):
            return b""
        after = np.append(self.starts[1:], self.rest)
        gaps = np.flatnonzero(after[:-1] != self.ends[:-1] + 1) + 1
        edges = [0, *gaps.tolist(), len(self.starts)]
        pieces = [self.data[self.starts[low] : self.ends[high - 1] + 1] for low, high in pairwise(edges)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def raw(self, index: int) -> str:
        return self.data[self.starts[index] : self.ends[index]].decode().rstrip("\r")


def scan(data: bytes, first: int, delimiter: str, fields: int, *, final: bool, quotes: bool = True) -> Scanned:
    block = np.frombuffer(data, dtype=np.uint8)
    lines = np.flatnonzero(block == _NEWLINE)
    delimiters = np.flatnonzero(block == ord(delimiter))
    if not quotes or data.find(b'"') < 0:
        return _counted(data, lines, lines, delimiters, first, fields)
    marks = np.flatnonzero(block == _QUOTE)
    if len(marks) % 2 or not _regular(block, marks, ord(delimiter)):
        return _walked(data, first, delimiter, fields, final=final)
    # Behind an even number of marks no field is open: only there line ends and delimiters count.
    ends = lines[np.searchsorted(marks, lines) % 2 == 0]
    delimiters = delimiters[np.searchsorted(marks, delimiters) % 2 == 0]
    scanned = _counted(data, lines, ends, delimiters, first, fields)
    # Two broken marks in different rows may look like one long field: then look line by line.
    spans = np.flatnonzero(np.diff(np.append(scanned.numbers, scanned.numbers[-1:] + 2)) > 1)
    long = (data[scanned.starts[index] : scanned.ends[index]] for index in spans)
    if any("\n" in line.raw for line in scanned.bad) or any(_swallowed(row, delimiter, fields) for row in long):
        return _walked(data, first, delimiter, fields, final=final)
    return scanned


def _regular(block: np.ndarray, marks: np.ndarray, delimiter: int) -> bool:
    """Whether every opening mark begins a field and every closing one ends it (or doubles)."""
    opening, closing = marks[0::2], marks[1::2]
    before = np.where(opening > 0, block[opening - 1], _NEWLINE)
    doubled = np.isin(opening, closing + 1)
    after = block[np.minimum(closing + 1, len(block) - 1)]
    fine = (before == delimiter) | (before == _NEWLINE) | doubled
    ended = (after == delimiter) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
    return bool(fine.all() and ended.all())


def _swallowed(row: bytes, delimiter: str, fields: int) -> bool:
    """Whether every line of a row of several lines would be a row by itself."""
    comma, lines = delimiter.encode(), row.split(b"\n")
    return len(lines) > 1 and all(line.count(comma) + 1 == fields for line in lines)


def _counted(
    data: bytes, lines: np.ndarray, ends: np.ndarray, delimiters: np.ndarray, first: int, fields: int
) -> Scanned:
    """Cut rows at their ends and tell by the number of their delimiters which are well-formed."""
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64) if len(ends) else np.empty(0, np.int64)
    if len(ends) == len(lines):
        numbers = np.arange(first, first + len(ends), dtype=np.int64)
    else:
        numbers = first + np.searchsorted(lines, starts)
    good = np.diff(np.concatenate([[0], np.searchsorted(delimiters, ends)])) + 1 == fields
    blank = np.zeros(len(ends), dtype=bool)
    for index in np.flatnonzero(~good | (ends - starts <= 1)):
        blank[index] = not data[starts[index] : ends[index]].strip(b" \t\r\x0b\x0c")
    bad = [
        BadLine(int(numbers[index]), RAGGED, data[starts[index] : ends[index]].decode().rstrip("\r"))
        for index in np.flatnonzero(~good & ~blank)
    ]
    good &= ~blank
    return Scanned(data, starts[good], ends[good], numbers[good], bad, len(data))


def _fields(row: bytes, delimiter: str) -> int:
    """Return the number of fields of one row; 0 when its quotation marks are broken."""
    mark, place, count = re.escape(delimiter).encode(), 0, 0
    # A quoted field, or a bare one in which marks mean nothing unless they begin it.
    field = re.compile(
        rb'(?:"[^"]*(?:""[^"]*)*"|(?!")[^' + mark + rb"\n]*)(?P<end>" + mark + rb"|\r?\n\Z|\Z)", re.DOTALL
    )
    while match := field.match(row, place):
        count, place = count + 1, match.end()
        if match["end"] != delimiter.encode():
            return count
    return 0


def _walked(data: bytes, first: int, delimiter: str, fields: int, *, final: bool) -> Scanned:
    """Find the rows line by line; after a broken line go on with the very next one."""
    lines = data.split(b"\n")[:-1]
    offsets = np.concatenate([[0], np.cumsum([len(line) + 1 for line in lines])]).astype(np.int64)
    rows: list[tuple[int, int]] = []  # first line, line after the last
    bad: list[BadLine] = []
    index, comma, rest = 0, delimiter.encode(), len(data)
    while index < len(lines):
        line = lines[index]
        if b'"' not in line:
            reason = "" if line.count(comma) + 1 == fields else RAGGED
            last = index + 1
        else:
            last, reason = _one_row(lines, index, delimiter, fields, final=final)
            if last < 0:
                rest = int(offsets[index])
                break
        if not reason and line.strip():
            rows.append((index, last))
        elif line.strip():
            bad.append(BadLine(first + index, reason, line.decode().rstrip("\r")))
        index = last
    starts = np.array([offsets[low] for low, _ in rows], dtype=np.int64)
    ends = np.array([offsets[high] - 1 for _, high in rows], dtype=np.int64)
    numbers = np.array([first + low for low, _ in rows], dtype=np.int64)
    return Scanned(data, starts, ends, numbers, bad, rest)


def _one_row(lines: list[bytes], index: int, delimiter: str, fields: int, *, final: bool) -> tuple[int, str]:
    """Return the line after a row, and why it is none; (-1, "") when its end is not here yet."""
    count = _fields(lines[index], delimiter)
    if count:
        return index + 1, "" if count == fields else RAGGED
    row = bytearray(lines[index])
    for last in range(index + 1, len(lines)):
        row += b"\n" + lines[last]
        if len(row) > _LONGEST:
            return index + 1, BROKEN_QUOTES
        if b'"' not in lines[last]:
            continue
        count = _fields(bytes(row), delimiter)
        if count == fields and not _swallowed(bytes(row), delimiter, fields):
            return last + 1, ""
        if count or not _still_open(bytes(row), delimiter):
            return index + 1, BROKEN_QUOTES
    if not final and _still_open(bytes(row), delimiter):
        return -1, ""
    return index + 1, BROKEN_QUOTES


def _still_open(row: bytes, delimiter: str) -> bool:
    """Whether a row only lacks the end of its last quoted field."""
    return _fields(row + b'"', delimiter) > 0
