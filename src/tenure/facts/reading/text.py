"""From bytes to lines of UTF-8; lines that are no text in their encoding are handed over apart, with their numbers."""

from __future__ import annotations

import codecs
import gzip
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from tenure.facts.reasons import UNDECODABLE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

BLOCK_BYTES = 8 << 20
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SAMPLE_LINES = 20_000


class BadLine(NamedTuple):
    number: int
    reason: str
    raw: str


class TextBlock(NamedTuple):
    data: bytes  # complete lines as UTF-8, the last one ended
    first: int  # the number of the first line; 1 is the file's first
    bad: list[BadLine]


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked when it is gzip (by its first bytes, not its name)."""
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file, judged by all of it.

    A file whose first megabytes are plain ASCII may still be GB18030 further down, so the whole file is looked at.
    """
    with opened(path) as handle:
        start = handle.read(4)
        for bom, name in _BOMS:
            if start.startswith(bom):
                return name
        handle.seek(0)
        source = _complete_lines(iter(partial(handle.read, BLOCK_BYTES), b""), old_mac=False)
        for lines in source:
            try:
                lines.decode()
            except UnicodeDecodeError as error:
                first = lines.rfind(b"\n", 0, error.start) + 1
                sample = (lines[first:] + next(source, b""))[: 4 << 20].split(b"\n")[:_SAMPLE_LINES]
                break
        else:
            return "utf-8"
    # The encoding in which most lines that are not plain ASCII are text; UTF-8 wins a tie.
    sample = [line for line in sample if not line.isascii()]
    bad = {name: len(_decoded(b"\n".join(sample), name)[1]) for name in ("utf-8", "gb18030", "big5")}
    best = min(bad, key=lambda name: bad[name])
    # cp1252 reads nearly everything, so that it only counts when nothing else fits at all.
    return best if bad[best] * 2 <= len(sample) else "cp1252"


def blocks(path: Path, encoding: str, size: int = BLOCK_BYTES) -> Generator[TextBlock, None, None]:
    """Yield a text file as blocks of complete UTF-8 lines. Old Mac line ends become newlines."""
    with opened(path) as handle:
        parts: Iterable[bytes] = iter(partial(handle.read, size), b"")
        errors, old_mac = "backslashreplace", None  # how a line that is no text is shown
        if encoding == "utf-16":
            parts, encoding, errors, old_mac = _utf8_of_utf16(parts), "utf-8", "replace", False
        elif encoding == "utf-8-sig":
            handle.read(3)
            encoding = "utf-8"
        first = 1
        for lines in _complete_lines(parts, old_mac):
            data, bad = _decoded(lines, encoding, errors)
            yield TextBlock(data, first, [BadLine(first + index, UNDECODABLE, raw) for index, raw in bad])
            first += data.count(b"\n")


def _utf8_of_utf16(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield UTF-8, in which what was no text is none either."""
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    for part in parts:
        yield decoder.decode(part).encode().replace("\ufffd".encode(), b"\xff")
    yield b"\xff" if decoder.decode(b"", final=True) else b""


def _complete_lines(parts: Iterable[bytes], old_mac: bool | None) -> Iterator[bytes]:
    """Cut blocks anew behind the ends of lines; without `old_mac` the first one shows whether returns are line ends."""
    rest = b""
    for part in parts:
        if old_mac is None:
            old_mac = b"\n" not in part and b"\r" in part
        data = rest + (part.replace(b"\r", b"\n") if old_mac else part)
        cut = data.rfind(b"\n") + 1
        if cut:
            yield data[:cut]
        rest = data[cut:]
    if rest:
        yield rest + b"\n"


def _decoded(data: bytes, encoding: str, errors: str = "replace") -> tuple[bytes, list[tuple[int, str]]]:
    """Return lines as UTF-8, and those that are no text by their place; an empty line stays in their place."""
    try:
        text = data.decode(encoding)
        return (data if encoding == "utf-8" else text.encode()), []
    except UnicodeDecodeError:
        lines, bad = data.split(b"\n"), []
    for index, line in enumerate(lines):
        try:
            lines[index] = line if line.isascii() else line.decode(encoding).encode()
        except UnicodeDecodeError:
            bad.append((index, line.rstrip(b"\r").decode(encoding, errors)))
            lines[index] = b""
    return b"\n".join(lines), bad
