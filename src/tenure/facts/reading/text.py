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

BLOCK_BYTES = 8 << 20
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SAMPLE_LINES = 20_000

#: Lines as UTF-8, and those that are no text, by their place; an empty line stays in their place.
_Decoded = tuple[bytes, list[tuple[int, str]]]


@dataclass(slots=True)
class BadLine:
    """A line that is no row."""

    number: int
    reason: str
    raw: str


@dataclass(slots=True)
class TextBlock:
    """Complete lines as UTF-8, the last one ended. `first` is the number of the first line; 1 is the file's first."""

    data: bytes
    first: int
    bad: list[BadLine] = field(default_factory=list)


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
        rest = handle.read(4)
        for bom, name in _BOMS:
            if rest.startswith(bom):
                return name
        while True:
            block = handle.read(BLOCK_BYTES)
            data = rest + block
            cut = data.rfind(b"\n") + 1 if block else len(data)
            try:
                data[:cut].decode("utf-8")
            except UnicodeDecodeError as error:
                line = data.rfind(b"\n", 0, error.start) + 1
                return _encoding_of_lines(data[line : line + (4 << 20)])
            rest = data[cut:]
            if not block:
                return "utf-8"


def _encoding_of_lines(sample: bytes) -> str:
    """Return the encoding in which most of the lines that are not plain ASCII are text; UTF-8 wins a tie."""
    lines = [line for line in sample.split(b"\n")[:_SAMPLE_LINES] if not line.isascii()]

    def decoded(encoding: str) -> int:
        count = 0
        for line in lines:
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                continue
            count += 1
        return count

    counts = {name: decoded(name) for name in ("utf-8", "gb18030", "big5")}
    best = max(counts, key=lambda name: counts[name])
    # cp1252 reads nearly everything, so that it only counts when nothing else fits at all.
    return best if counts[best] * 2 >= len(lines) else "cp1252"


def blocks(path: Path, encoding: str, size: int = BLOCK_BYTES) -> Generator[TextBlock, None, None]:
    """Yield a text file as blocks of complete UTF-8 lines. Old Mac line ends become newlines."""
    with opened(path) as handle:
        if encoding == "utf-16":
            parts = _utf16_lines(handle, size)
        else:
            if encoding == "utf-8-sig":
                handle.read(3)
                encoding = "utf-8"
            parts = (_decoded(data, encoding) for data in _byte_lines(handle, size))
        first = 1
        for data, bad in parts:
            yield TextBlock(data, first, [BadLine(first + index, UNDECODABLE, raw) for index, raw in bad])
            first += data.count(b"\n")


def _byte_lines(handle: IO[bytes], size: int) -> Iterator[bytes]:
    rest, old_mac = b"", None
    while block := handle.read(size):
        if old_mac is None:
            old_mac = b"\n" not in block and b"\r" in block
        data = rest + (block.replace(b"\r", b"\n") if old_mac else block)
        cut = data.rfind(b"\n") + 1
        if cut:
            yield data[:cut]
        rest = data[cut:]
    if rest:
        yield rest + b"\n"


def _decoded(data: bytes, encoding: str) -> _Decoded:
    try:
        text = data.decode(encoding)
        return (data if encoding == "utf-8" else text.encode()), []
    except UnicodeDecodeError:
        lines, bad = data.split(b"\n"), []
    for index, line in enumerate(lines):
        try:
            lines[index] = line if line.isascii() else line.decode(encoding).encode()
        except UnicodeDecodeError:
            bad.append((index, line.rstrip(b"\r").decode(encoding, errors="backslashreplace")))
            lines[index] = b""
    return b"\n".join(lines), bad


def _utf16_lines(handle: IO[bytes], size: int) -> Iterator[_Decoded]:
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    rest, more = "", True
    while more:
        block = handle.read(size)
        more = bool(block)
        data = rest + decoder.decode(block, final=not more)
        if not more and data and not data.endswith("\n"):
            data += "\n"
        cut = data.rfind("\n") + 1
        lines, rest, bad = data[:cut], data[cut:], []
        if "\ufffd" in lines:
            split = lines.split("\n")
            bad = [(index, line.rstrip("\r")) for index, line in enumerate(split) if "\ufffd" in line]
            lines = "\n".join("" if "\ufffd" in line else line for line in split)
        if cut:
            yield lines.encode(errors="replace"), bad
