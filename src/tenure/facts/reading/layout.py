"""How a file is laid out, and the chunks in which its rows come."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.facts.reading.text import BadLine

SPACES = " "  # as delimiter: any run of blanks
_DATA = re.compile(r"[-+(¥$€£]*\d[\d.,:/\-+ T年月日时分秒Z)]*%?")


@dataclass(slots=True)
class Chunk:
    columns: pa.Table  # the columns asked for, named by their position from 0; texts, or the file's own types
    numbers: np.ndarray  # each row's number in the file
    bad: list[BadLine]  # lines that are no row
    raw: Callable[[int], dict[str, str]]  # the whole row at an index of this chunk, as {header: text}
    done: int = 0  # bytes (or rows) of the file read so far


@dataclass(frozen=True, slots=True)
class Layout:
    kind: str  # text, excel, parquet or json
    names: tuple[str, ...]  # headers; positions ("1", "2", …) when the file has none
    header: bool = True  # whether the first row holds the headers
    encoding: str = ""  # of text files
    delimiter: str = ""
    sheet: str = ""  # of workbooks
    sheets: tuple[str, ...] = ()
    sample: tuple[tuple[str, ...], ...] = ()  # the first rows
    skipped: int = 0  # lines above the header

    def sample_of(self, place: int) -> list[str]:
        """Return what the first rows have in a column; a short row has nothing there."""
        return [row[place] for row in self.sample if place < len(row)]

    def record(self, rows: list[list[str]], index: int) -> dict[str, str]:
        """Return one of some rows as {header: text}; fields beyond the headers get their position as name."""
        row = rows[index]
        names = [*self.names, *(str(place + 1) for place in range(len(self.names), len(row)))]
        return dict(zip(names, row, strict=False))


def layout_of_rows(kind: str, rows: list[list[str]], head: bool | None, **about: Any) -> Layout:
    """Return the layout of a file by its first rows; `head` says whether the first one holds the headers, if known."""
    first, width = [cell.strip() for cell in rows[0]], Counter(map(len, rows)).most_common(1)[0][0]
    if head is None:  # headers are all texts, none a number or a date, and there are rows below
        head = any(first) and not any(_DATA.fullmatch(cell) for cell in first if cell)
        head = head and (len(rows) > 1 or all(first))
    names = first if head else [str(place + 1) for place in range(width)]
    if head and len(names) > 1 and not names[-1] and width == len(names) - 1:  # only the header ends in a delimiter
        names = names[:-1]
    distinct: list[str] = []  # a repeated or empty name gets its position
    for place, name in enumerate(names, 1):
        distinct.append(name if name and name not in distinct else f"{name}#{place}" if name else str(place))
    sample = tuple(map(tuple, rows[int(head) :][:50]))
    return Layout(kind, tuple(distinct), head, sample=sample, **about)
