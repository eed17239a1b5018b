"""How a file is laid out, and the chunks in which its rows come.

Answers: what are a file's columns called, and does its first row name them? It opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tenure.facts.reading.text import BadLine

SPACES = " "  # as delimiter: any run of blanks


@dataclass(slots=True)
class Chunk:
    """Some rows of a file.

    Attributes
    ----------
    columns : Table
        The columns asked for, named by their position from 0; texts, or the file's own types.
    numbers : ndarray of int64
        Each row's number in the file.
    bad : list of BadLine
        Lines that are no row.
    raw : callable
        The whole row at an index of this chunk, as {header: text}.
    done : int
        Bytes (or rows) of the file read so far.
    """

    columns: pa.Table
    numbers: np.ndarray
    bad: list[BadLine]
    raw: Callable[[int], dict[str, str]]
    done: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out.

    Attributes
    ----------
    kind : str
        text, excel, parquet or json.
    names : tuple of str
        Headers; positions ("1", "2", …) when the file has none.
    header : bool
        Whether the first row holds the headers.
    encoding, delimiter : str
        Of text files.
    sheet : str
        Of workbooks.
    sample : tuple of tuple of str
        The first rows.
    """

    kind: str
    names: tuple[str, ...]
    header: bool = True
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    sample: tuple[tuple[str, ...], ...] = ()
    skipped: int = 0  # lines above the header


def looks_like_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: all texts, none a number or a date, and not like those below."""
    first = [one.strip() for one in rows[0]]
    if not any(first) or any(_DATA.fullmatch(one) for one in first if one):
        return False
    return len(rows) > 1 or all(first)


_DATA = re.compile(r"[-+(¥$€£]*\d[\d.,:/\-+ T年月日时分秒Z)]*%?")


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, each only once: a repeated or empty one gets its position."""
    seen: set[str] = set()
    result = []
    for place, name in enumerate(names, 1):
        own = name if name and name not in seen else f"{name}#{place}" if name else str(place)
        seen.add(own)
        result.append(own)
    return tuple(result)
