"""How a file is laid out, and the chunks in which its rows come."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

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


def looks_like_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: all texts, none a number or a date, and not like those below."""
    first = [cell.strip() for cell in rows[0]]
    if not any(first) or any(_DATA.fullmatch(cell) for cell in first if cell):
        return False
    return len(rows) > 1 or all(first)


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, each only once: a repeated or empty one gets its position."""
    result: list[str] = []
    for place, name in enumerate(names, 1):
        result.append(name if name and name not in result else f"{name}#{place}" if name else str(place))
    return tuple(result)
