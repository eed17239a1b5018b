"""No line is lost: whatever a file holds, its rows are found or named as broken."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.facts.reading.scanner import scan

CELL = st.text(st.sampled_from("ab1,;\"\n '会"), max_size=6)
ROW = st.lists(CELL, min_size=3, max_size=3)
DIRT = st.text(st.sampled_from('a1,"\n\r 会'), max_size=80)


def _written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def _in_blocks(data: bytes, cuts: list[int]) -> tuple[list[str], list[str], list[int]]:
    """Scan a text in blocks of whole lines, as files are, and return good rows, bad lines, and all their numbers."""
    lines = data.split(b"\n")[:-1]
    edges = sorted({cut % (len(lines) + 1) for cut in cuts} | {0, len(lines)})
    blocks = [b"".join(line + b"\n" for line in lines[low:high]) for low, high in pairwise(edges)]
    good: list[str] = []
    bad: list[str] = []
    numbers: list[int] = []
    carried, first = b"", 1
    for place, block in enumerate(blocks):
        found = scan(carried + block, first, ",", 3, final=place == len(blocks) - 1)
        good += [found.raw(index) for index in range(len(found.starts))]
        bad += [one.raw for one in found.bad]
        numbers += [*found.numbers.tolist(), *(one.number for one in found.bad)]
        first += (carried + block).count(b"\n", 0, found.rest)
        carried = (carried + block)[found.rest :]
    assert carried == b""
    return good, bad, numbers


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=8), st.lists(st.integers(0, 30), max_size=3))
def test_what_csv_writes_is_read_back_unless_it_looks_like_two_broken_rows(
    rows: list[list[str]], cuts: list[int]
) -> None:
    data = _written(rows)
    good, bad, _ = _in_blocks(data, cuts)
    read = [row for one in good for row in csv.reader(io.StringIO(one, newline=""))]
    if not bad:
        assert read == rows
    else:  # a field of several lines, each of which is a row by itself, counts as broken
        assert any("\n" in cell for row in rows for cell in row)


@settings(max_examples=400, deadline=None)
@given(DIRT, st.lists(st.integers(0, 30), max_size=3))
def test_every_line_of_any_text_belongs_to_one_row_or_is_named_as_broken(text: str, cuts: list[int]) -> None:
    data = text.replace("\r", "").encode()
    data += b"" if data.endswith(b"\n") else b"\n"
    good, bad, numbers = _in_blocks(data, cuts)
    covered = [line for one in good for line in one.split("\n")] + bad
    wanted = [line for line in data.decode().split("\n") if line.strip()]
    assert sorted(line for line in covered if line.strip()) == sorted(wanted)
    assert len(set(numbers)) == len(numbers)


@settings(max_examples=300, deadline=None)
@given(DIRT)
def test_every_good_row_has_its_fields_and_its_line_number(text: str) -> None:
    data = text.replace("\r", "").encode() + b"\n"
    found = scan(data, 1, ",", 3, final=True)
    lines = data.decode().split("\n")
    for index, number in enumerate(found.numbers.tolist()):
        raw = found.raw(index)
        rows = list(csv.reader(io.StringIO(raw, newline="")))
        assert [len(row) for row in rows] == [3]
        assert raw.split("\n")[0] == lines[number - 1].rstrip("\r")


def test_one_broken_line_costs_one_row() -> None:
    data = b'1,a,b\n2,"a,b\n3,a,b\n4,a,"b"x\n5,"a\nb",c\n6,a,b\n'
    found = scan(data, 1, ",", 3, final=True)
    assert [found.raw(index) for index in range(len(found.starts))] == ["1,a,b", "3,a,b", '5,"a\nb",c', "6,a,b"]
    assert [(one.number, one.reason) for one in found.bad] == [(2, "broken-quoting"), (4, "broken-quoting")]
    assert found.numbers.tolist() == [1, 3, 5, 7]


def test_two_broken_marks_in_different_rows_do_not_swallow_what_lies_between() -> None:
    found = scan(b'1,"a,b\n2,a,b\n3,a,b"\n', 1, ",", 3, final=True)
    assert [found.raw(index) for index in range(len(found.starts))] == ["2,a,b", '3,a,b"']


def test_a_mark_inside_a_bare_field_is_just_a_mark() -> None:
    found = scan(b'1,5" pipe,b\n2,a,b\n', 1, ",", 3, final=True)
    assert len(found.starts) == 2 and found.bad == []
