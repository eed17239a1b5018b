"""Blocks: the facts of a range of customers as plain columns, ready to be calculated with.

A block is what both engines and the live path hand to the life-cycle kernel, so that one customer and ten million are
judged by the same lines of code. It never touches files.

A moment is written as one integer, its *key*: the customer's number in the block, shifted left, plus the local day.
Keys sort by customer, then day; ``key + 90`` is the same customer ninety days later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import local_days
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.matching import both, follows, is_in, is_text, meets, numbers_of
from tenure.facts.records import KnownRecords, known_records
from tenure.facts.schema import TEXT
from tenure.facts.selection import Facts, facts_of
from tenure.facts.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIFT = 22
DAYS = 1 << SHIFT
BIAS = 1 << 20  # day 0 sits here, so that a window never reaches into the previous customer's keys


def keys_of(who: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the keys of customers and days."""
    keys = who.astype(np.int64)
    keys <<= SHIFT
    keys += day
    keys += BIAS
    return keys


def who_of(keys: np.ndarray) -> np.ndarray:
    """Return the customers' numbers of keys."""
    return keys >> SHIFT


def day_number_of(keys: np.ndarray) -> np.ndarray:
    """Return the days (since 1970-01-01) of keys."""
    return (keys & (DAYS - 1)) - BIAS


@dataclass(frozen=True)
class StreamRows:
    """The rows of one stream in one block, sorted by customer and instant."""

    who: np.ndarray  # number of the customer in the block
    at: np.ndarray  # instant, microseconds since 1970-01-01 UTC
    columns: pa.Table  # the other columns
    tz: str  # the business's time zone

    @cached_property
    def keys(self) -> np.ndarray:
        """Keys of the rows."""
        return keys_of(self.who, self.days)

    @cached_property
    def days(self) -> np.ndarray:
        """Local days of the rows."""
        return local_days(self.at, self.tz)

    def scaled(self, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Return a number column times 10,000 as int64, and which rows have one (None when all do)."""
        return numbers_of(self, name)


@dataclass
class Events:
    """Facts of some kinds, sorted by key, then instant."""

    keys: np.ndarray  # moments; a key stands once per fact
    values: np.ndarray | None = None  # the field's value times 10,000, where one was requested
    labels: np.ndarray | None = None  # numbers of the different values of a column; -1 when missing
    names: list[str] = field(default_factory=list)  # what the labels are called
    present: np.ndarray | None = None  # which facts have the value; None when all do


@dataclass
class Block:
    """The facts of some customers."""

    ids: pa.StringArray  # the customers, sorted; their position is their number
    rows: dict[Stream, StreamRows]  # the rows per stream
    last_day: int  # facts after this day (since 1970-01-01) are not looked at
    customers: pa.Table | None = None  # the customer records of `ids`, aligned, null where there is none
    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)  # the fact kinds known here
    subject: str = "customer"  # ``customer``, or ``product`` when the ids are products
    tz: str = "UTC"  # the business's time zone
    _events: dict[tuple[object, ...], Events] = field(default_factory=dict)
    _selected: dict[tuple[Stream, tuple[Facts, ...]], tuple[np.ndarray, np.ndarray | None]] = field(
        default_factory=dict
    )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def origins(self) -> np.ndarray:
        """A moment before all facts of each customer, at which every history begins."""
        return np.arange(len(self), dtype=np.int64) << SHIFT

    @cached_property
    def records(self) -> KnownRecords:
        """What was known of the customers, and since when."""
        return known_records(self.customers, self.tz, self.last_day)

    @cached_property
    def recorded_on(self) -> np.ndarray | None:
        """Since which day each customer is on record: ``created_on``, or else that of the first record.

        A day after the last where nobody is; None without records.
        """
        if self.customers is None:
            return None
        created = self.customers.column("created_on").cast(pa.int32()).combine_chunks()
        # Without several records of one customer, there is no column for the first.
        first = "first_seen_at" if "first_seen_at" in self.customers.column_names else "seen_at"
        seen = self.customers.column(first).cast(pa.int64()).combine_chunks()
        brought = pa.array(local_days(seen.fill_null(0).to_numpy(zero_copy_only=False), self.tz))
        days = pc.coalesce(created, pc.if_else(seen.is_valid(), brought, None), self.last_day + 1)
        return days.to_numpy(zero_copy_only=False).astype(np.int64)

    def events(
        self, facts: tuple[str | Facts, ...], value: str = "", label: str = "", *, whole: bool = False
    ) -> Events:
        """Return some facts up to the last day; those without the value too when `whole`."""
        request = (facts_of(facts), value, label, whole)
        if request not in self._events:
            flows: dict[Stream, list[Facts]] = {}
            for part in request[0]:
                stream = self.stream_of(part)
                in_lines = label == "category" and stream.table == "orders"  # an order's categories stand there
                flow = Stream("order_lines", stream.who) if in_lines else stream
                flows.setdefault(flow, []).append(Facts("line") if in_lines else part)
            parts = [
                self._of_stream(stream, tuple(some), value, label, whole=whole)
                for stream, some in flows.items()
                if stream in self.rows and len(self.rows[stream].who)
            ]
            self._events[request] = _together(parts)
        return self._events[request]

    def stream_of(self, facts: Facts) -> Stream:
        return Stream.of(self.kinds[facts.kind], self.subject)

    def rows_of(self, facts: tuple[Facts, ...]) -> tuple[StreamRows, np.ndarray] | None:
        """Return the rows of some facts of one table up to the last day, and their places; None when there are none."""
        rows = self.rows.get(self.stream_of(facts[0]))
        if rows is None or not len(rows.who):
            return None
        mask = self._mask(rows, facts)
        return rows, np.arange(len(rows.who)) if mask is None else np.flatnonzero(mask)

    def _of_stream(self, stream: Stream, facts: tuple[Facts, ...], value: str, label: str, *, whole: bool) -> _Part:
        rows = self.rows[stream]
        # Selected once for all fields of these facts: measures then share one column of moments, and all made of it.
        if (stream, facts) not in self._selected:
            mask = self._mask(rows, facts)
            self._selected[stream, facts] = (
                (rows.keys, None) if mask is None else (rows.keys[mask], np.flatnonzero(mask))
            )
        keys, selected = self._selected[stream, facts]
        values, present = rows.scaled(value) if value else (None, None)
        text = _labels(rows, label) if label else None
        if present is not None and not whole:
            mask = present if selected is None else present[selected]
            if not mask.all():
                keys, selected = keys[mask], np.flatnonzero(mask) if selected is None else selected[mask]
            present = None
        if selected is None:
            return _Part(keys, rows.at, values, text, present)
        values, present = (None if column is None else column[selected] for column in (values, present))
        return _Part(keys, rows.at[selected], values, None if text is None else text.take(pa.array(selected)), present)

    def _mask(self, rows: StreamRows, facts: tuple[Facts, ...]) -> np.ndarray | None:
        """Return which rows are among some facts (a row counts once), up to the last day; None when all are."""
        mask: np.ndarray | None = np.zeros(len(rows.who), dtype=bool)
        for part in facts:
            kind = self.kinds[part.kind]
            matches = _all_or(is_in(rows.columns.column(kind.column), kind.values)) if kind.column else None
            if kind.present:
                matches = both(matches, rows.columns.column(kind.present).is_valid().to_numpy())
            for condition in part.where:
                matches = both(matches, meets(rows, condition))
            if part.after is not None:
                earlier = self.rows.get(self.stream_of(part.after))
                if earlier is None or not len(earlier.who):
                    continue
                matches = both(matches, follows(rows, earlier, self._mask(earlier, (part.after,)), part.within))
            mask = None if matches is None or mask is None else mask | matches
        if len(rows.days) and rows.days.max() > self.last_day:
            mask = both(mask, rows.days <= self.last_day)
        return mask


def _labels(rows: StreamRows, column: str) -> pa.ChunkedArray:
    """Return a column as texts to tell its values apart; numbers become their digits."""
    if is_text(rows, column):
        return rows.columns.column(column).cast(TEXT)
    numbers, present = numbers_of(rows, column)
    return pa.chunked_array([pa.array(numbers, mask=None if present is None else ~present).cast(TEXT)])


def _all_or(mask: np.ndarray) -> np.ndarray | None:
    return None if mask.all() else mask


class _Part(NamedTuple):
    """The facts of one stream."""

    keys: np.ndarray
    at: np.ndarray
    values: np.ndarray | None
    text: pa.ChunkedArray | None
    present: np.ndarray | None


def _together(parts: list[_Part]) -> Events:
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return Events(nothing, nothing, nothing.astype(np.int32))
    keys, at, values, text, present = parts[0]
    if len(parts) > 1:
        keys, at = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
        order = np.lexsort((at, keys))
        keys = keys[order]
        if values is not None:
            values = np.concatenate([part.values for part in parts if part.values is not None])[order]
        if text is not None:
            chunks = [chunk for part in parts if part.text is not None for chunk in part.text.chunks]
            text = pa.chunked_array(chunks, TEXT).take(pa.array(order))
        if any(part.present is not None for part in parts):
            masks = [np.ones(len(part.keys), bool) if part.present is None else part.present for part in parts]
            present = np.concatenate(masks)[order]
    if text is None:
        return Events(keys, values, present=present)
    if not len(text):
        return Events(keys, values, np.empty(0, dtype=np.int32), present=present)
    coded = pa.concat_arrays(text.chunks).dictionary_encode()
    labels = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Events(keys, values, labels, coded.dictionary.to_pylist(), present)


def block_of(
    tables: Mapping[Stream, pa.Table],
    *,
    tz: str,
    last_day: int,
    customers: pa.Table | None = None,
    kinds: Mapping[str, Kind] = KINDS,
    subject: str = "customer",
) -> Block:
    """Make a block of Arrow tables."""
    coded = {stream: _coded(table.column(stream.who)) for stream, table in tables.items()}
    lists = [column.dictionary.cast(TEXT) for column in coded.values()]
    record_ids = None if customers is None else customers.column("customer_id").cast(TEXT).combine_chunks()
    if record_ids is not None and subject == "customer":
        lists.append(record_ids)
    ids = lists[0] if len(lists) == 1 else pa.chunked_array(lists, TEXT).unique()
    ids = ids.drop_null()
    if len(ids) > 1 and not pc.all(pc.less(ids[:-1], ids[1:])).as_py():
        ids = ids.unique()
        ids = ids.take(pc.sort_indices(ids))
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    rows = {stream: _rows(table, stream, coded[stream], ids, tz) for stream, table in tables.items()}
    aligned = None if customers is None else customers.take(pc.index_in(ids, record_ids))
    return Block(ids, rows, last_day, aligned, kinds, subject, tz)


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    coded = (column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.cast(TEXT)).combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # combine_chunks of nothing
        coded = pa.array([], TEXT)
    coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    # A slice cut out of a row group still lists its neighbours' customers: only those of its own rows count.
    used = pc.unique(coded.indices).drop_null()
    return pa.DictionaryArray.from_arrays(pc.index_in(coded.indices, used), coded.dictionary.take(used))


def _rows(table: pa.Table, stream: Stream, coded: pa.DictionaryArray, ids: pa.StringArray, tz: str) -> StreamRows:
    places = pc.index_in(coded.dictionary.cast(TEXT), ids).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    who = np.append(places, np.int32(-1))[codes]
    at = table.column("at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).combine_chunks()
    at = at.to_numpy(zero_copy_only=False) if len(at) else np.empty(0, dtype=np.int64)
    # A referrer or a product may be asked for like any other column.
    columns = table.drop_columns(list({"customer_id", "at"} & set(table.column_names)))
    # Rows that belong to nobody (an order without a referrer) have no place in this stream.
    if (who < 0).any():
        keep = np.flatnonzero(who >= 0)
        who, at, columns = who[keep], at[keep], columns.take(keep)
    if len(who) > 1:
        back = np.flatnonzero(at[1:] < at[:-1])  # where a customer begins, or where something is out of order
        if (who[1:] < who[:-1]).any() or (who[back + 1] == who[back]).any():
            order = np.lexsort((at, who))
            who, at, columns = who[order], at[order], columns.take(order)
    return StreamRows(who, at, columns, tz)
