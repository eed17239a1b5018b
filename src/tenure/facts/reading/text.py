"""From bytes to lines of UTF-8.

Lines that are no text in that encoding are handed over apart, with their numbers. It knows nothing of columns.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tenure.facts.reasons import UNDECODABLE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

BLOCK = 8 << 20
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_TRIED = ("gb18030", "big5", "cp1252")
_SAMPLE_LINES = 20_000


@dataclass(slots=True)
class BadLine:
    """A line that is no row."""

    number: int
    reason: str
    raw: str


@dataclass(slots=True)
class Block:
    """Whole lines as UTF-8, the last one ended. `first` is the number of the first line; 1 is the file's first."""

    data: bytes
    first: int
    bad: list[BadLine] = field(default_factory=list)
    final: bool = False


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked when it is gzip (by its first bytes, not its name)."""
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file, judged by all of it.

    A file whose first megabytes are plain ASCII may still be GB18030 further down, so the whole file is looked at.
    """
    with opened(path) as handle:
        head = handle.read(4)
        for bom, name in _BOMS:
            if head.startswith(bom):
                return name
        rest = head
        while True:
            block = handle.read(BLOCK)
            data = rest + block
            cut = data.rfind(b"\n") + 1 if block else len(data)
            try:
                data[:cut].decode("utf-8")
            except UnicodeDecodeError as wrong:
                line = data.rfind(b"\n", 0, wrong.start) + 1
                return _other_than_utf8(data[line : line + (4 << 20)])
            rest = data[cut:]
            if not block:
                return "utf-8"


def _other_than_utf8(sample: bytes) -> str:
    """Return the encoding in which most of the lines that are not plain ASCII are text; UTF-8 wins a tie."""
    lines = [line for line in sample.split(b"\n")[:_SAMPLE_LINES] if not line.isascii()]
    read = {name: sum(_decodes(line, name) for line in lines) for name in ("utf-8", *_TRIED)}
    # cp1252 reads nearly everything, so that it only counts when nothing else fits at all.
    best = max(("utf-8", "gb18030", "big5"), key=lambda name: read[name])
    return best if read[best] * 2 >= len(lines) else "cp1252"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def blocks(path: Path, encoding: str, size: int = BLOCK) -> Generator[Block, None, None]:
    """Yield a text file as blocks of whole UTF-8 lines. Old Mac line ends become newlines."""
    with opened(path) as handle:
        if encoding == "utf-16":
            yield from _numbered(_utf16(handle, size))
            return
        if encoding == "utf-8-sig":
            handle.read(3)
        raw = _lines(handle, size)
        yield from _numbered(_decoded(data, encoding) for data in raw)


def _lines(handle: IO[bytes], size: int) -> Iterator[bytes]:
    rest, lone = b"", None
    while block := handle.read(size):
        if lone is None:
            lone = b"\n" not in block and b"\r" in block
        data = rest + (block.replace(b"\r", b"\n") if lone else block)
        cut = data.rfind(b"\n") + 1
        if cut:
            yield data[:cut]
        rest = data[cut:]
    if rest:
        yield rest + b"\n"


def _utf16(handle: IO[bytes], size: int) -> Iterator[tuple[bytes, list[tuple[int, str]]]]:
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    rest, more = "", True
    while more:
        block = handle.read(size)
        more = bool(block)
        data = rest + decoder.decode(block, final=not more)
        cut = data.rfind("\n") + 1
        if cut:
            yield _checked(data[:cut])
        rest = data[cut:]
    if rest:
        yield _checked(rest + "\n")


def _checked(text: str) -> tuple[bytes, list[tuple[int, str]]]:
    if "\ufffd" not in text:
        return text.encode(errors="replace"), []
    lines, bad = text.split("\n"), []
    for index, line in enumerate(lines):
        if "\ufffd" in line:
            bad.append((index, line.rstrip("\r")))
            lines[index] = ""
    return "\n".join(lines).encode(errors="replace"), bad


def _decoded(data: bytes, encoding: str) -> tuple[bytes, list[tuple[int, str]]]:
    """Return the lines as UTF-8, and those that are no text; in their place an empty line stays."""
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return _decoded_line_by_line(data, name)
    return (data if name == "utf-8" else text.encode()), []


def _decoded_line_by_line(data: bytes, encoding: str) -> tuple[bytes, list[tuple[int, str]]]:
    lines, bad = data.split(b"\n"), []
    for index, line in enumerate(lines):
        try:
            lines[index] = line if line.isascii() else line.decode(encoding).encode()
        except UnicodeDecodeError:
            bad.append((index, line.rstrip(b"\r").decode(encoding, errors="backslashreplace")))
            lines[index] = b""
    return b"\n".join(lines), bad


def _numbered(parts: Iterator[tuple[bytes, list[tuple[int, str]]]]) -> Iterator[Block]:
    first = 1
    for data, bad in parts:
        yield Block(data, first, [BadLine(first + index, UNDECODABLE, raw) for index, raw in bad])
        first += data.count(b"\n")
