"""From raw columns to facts: columns are read whole by DuckDB, and only texts that it cannot read one by one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import local_days, utc_of
from tenure.facts import reasons
from tenure.facts.kinds import REFUND, SALE
from tenure.facts.reading.dates import YEAR_1900, DateStyle, latest_instant, read_date
from tenure.facts.reading.files import chunks
from tenure.facts.reading.guessing import BASKETS, Guess
from tenure.facts.reading.numbers import read_number, text_of
from tenure.facts.reading.vocabulary import WORDS, status_of, word
from tenure.facts.schema import DAY, ID_COLUMNS, INSTANT, NUMBER, TEXT
from tenure.facts.spelling import normal_email, normal_ids, normal_phone
from tenure.lake import views
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

    from tenure.facts.reading.layout import Chunk

_CONTACT = {"phone": normal_phone, "email": normal_email}
_NAT = np.datetime64("NaT", "us")
_NO_TIME = int(_NAT.astype(np.int64))
_OURS = {"source", "batch_id"}
# Ids and phone numbers with a leading zero stay texts.
_PLAIN_NUMBER = re.compile(r"(?!0\d)-?(\d+\.?\d*|\.\d+)")
_COMMA_NUMBER = "[-+]?([0-9]{1,3}([.][0-9]{3})*|[0-9]+)(,[0-9]+)?"


class Rejected(NamedTuple):
    row: int
    column: str | None
    reason: str
    value: str | None
    raw: str


@dataclass(frozen=True)
class ImportPlan:
    path: Path
    known: Guess
    schema: pa.Schema  # of the table
    required: tuple[str, ...]  # fields every row needs
    tz: str
    source: str
    now: datetime

    @property
    def table(self) -> str:
        return "order_lines" if self.known.as_ == BASKETS else self.known.as_

    @cached_property
    def extra(self) -> list[int]:
        """Positions of the columns kept as attributes (customers)."""
        if self.table != "customers" or "attributes" in self.known.mapping:
            return []
        used = set(self.known.columns.values())
        return [place for place in range(len(self.known.layout.names)) if place not in used]


def cleaned(plan: ImportPlan) -> Iterator[tuple[Chunk, pa.Table, list[Rejected]]]:
    """Yield a file's chunks with their facts (with the column `row`, without fact ids) and their rejected rows."""
    positions = sorted({*plan.known.columns.values(), *plan.extra})
    con = connect()
    for chunk in chunks(plan.path, plan.known.layout, positions):
        yield chunk, *_Cleaner(plan, chunk, con).clean()


class _Cleaner:
    """Turns a chunk of raw columns into facts and rejected rows, by a plan."""

    def __init__(self, plan: ImportPlan, chunk: Chunk, con: duckdb.DuckDBPyConnection) -> None:
        self.plan, self.chunk, self._con = plan, chunk, con
        # The first thing wrong with each row: 0 where nothing is, else the place of its field and reason.
        self._faults = np.zeros(len(chunk.numbers), dtype=np.int16)
        self._reasons = [("", "")]

    def clean(self) -> tuple[pa.Table, list[Rejected]]:
        plan, chunk, count = self.plan, self.chunk, len(self.chunk.numbers)
        mapping, names, places = plan.known.mapping, plan.known.layout.names, plan.known.columns
        columns = {name: self._column(name) for name in plan.schema.names if name in mapping and name not in _OURS}
        if plan.table == "orders" and count:
            columns["status"], columns["amount"] = _signed(columns.get("status"), columns["amount"])
        if plan.extra:
            columns["attributes"] = self._attributes()
        columns["source"] = pa.repeat(pa.scalar(plan.source), count)
        arrays = {f.name: columns.get(f.name, pa.nulls(count, f.type)) for f in plan.schema}
        table = pa.table({**arrays, "row": pa.array(chunk.numbers, pa.int64())})
        rejected = [Rejected(line.number, None, line.reason, None, _as_json({"": line.raw})) for line in chunk.bad]
        wrong = np.flatnonzero(self._faults)
        for index in wrong.tolist():
            name, reason = self._reasons[self._faults[index]]
            raw = chunk.raw(index)
            header = names[places[name]] if name in places else None
            value = raw.get(header, "") if header is not None else mapping[name][1:]
            rejected.append(Rejected(int(chunk.numbers[index]), header or name, reason, value, _as_json(raw)))
        return table.filter(pa.array(self._faults == 0)) if len(wrong) else table, rejected

    def _mark(self, mask: np.ndarray, name: str, reason: str) -> None:
        """Note a reason for the rows of a mask that have none yet."""
        fresh = mask & (self._faults == 0)
        if fresh.any():
            self._reasons.append((name, reason))
            self._faults[fresh] = len(self._reasons) - 1

    def _read_distinct(
        self, name: str, raw: pa.Array, gaps: np.ndarray, read: Callable[[str | None], tuple[Any, ...]], absent: str
    ) -> tuple[list[Any], np.ndarray]:
        """Read the rows of a mask by their distinct texts; return what these say, and which of them each row has.

        The last of what `read` says is why a text cannot be read; a field that nobody needs may be `absent`.
        """
        coded = pc.dictionary_encode(_as_text(raw).filter(pa.array(gaps)), null_encoding="encode")
        values = [read(text) for text in coded.dictionary.to_pylist()]
        indices, places = coded.indices.to_numpy(zero_copy_only=False), np.flatnonzero(gaps)
        whys = np.array([value[-1] for value in values], dtype=object)
        for reason in {*whys} - {"", absent if name not in self.plan.required else ""}:
            mask = np.zeros(len(gaps), dtype=bool)
            mask[places[(whys == reason)[indices]]] = True
            self._mark(mask, name, reason)
        return values, indices

    def _column(self, name: str) -> pa.Array:
        known, kind = self.plan.known, self.plan.schema.field(name).type
        if name in known.columns:
            raw = self.chunk.columns.column(str(known.columns[name])).combine_chunks()
        else:
            raw = pa.repeat(pa.scalar(known.mapping[name][1:]), len(self.chunk.numbers))
        if pa.types.is_dictionary(raw.type):
            raw = raw.cast(raw.type.value_type)
        if kind == NUMBER:
            return self._numbers(name, raw)
        return self._dates(name, raw, day=kind == DAY) if kind in (INSTANT, DAY) else self._texts(name, raw)

    def _texts(self, name: str, raw: pa.Array) -> pa.Array:
        plan, text = self.plan, _as_text(raw)
        if name in ID_COLUMNS:
            result = normal_ids(text)
        else:
            result = pc.utf8_trim_whitespace(text)
            result = pc.if_else(pc.equal(result, ""), pa.scalar(None, TEXT), result)
        if name in _CONTACT and plan.table == "customers":
            return _by_distinct(result, _CONTACT[name])
        if name == "status" and plan.table == "orders":
            return _by_distinct(result, status_of)
        if (plan.table, name) in WORDS:
            known = _by_distinct(result, lambda text: word(plan.table, name, text) if text else None)
            unknown = pc.and_(pc.is_null(known), pc.is_valid(result))
            self._mark(unknown.to_numpy(zero_copy_only=False), name, reasons.UNKNOWN_WORD)
            result = known
        if name in plan.required:
            missing = result.is_null().to_numpy(zero_copy_only=False)
            self._mark(missing, name, reasons.NO_CUSTOMER if name == "customer_id" else reasons.NO_VALUE)
        return result

    def _numbers(self, name: str, raw: pa.Array) -> pa.Array:
        comma, text = self.plan.known.commas.get(name, False), _as_text(raw)
        fast = "try_cast(c AS DECIMAL(18,4))"
        if comma:
            plain = "replace(replace(c, '.', ''), ',', '.')"
            fast = f"CASE WHEN regexp_full_match(c, '{_COMMA_NUMBER}') THEN try_cast({plain} AS DECIMAL(18,4)) END"
        result = self._evaluate(fast, text)
        if not result.null_count:
            return result
        gaps = result.is_null().to_numpy(zero_copy_only=False)
        read, indices = self._read_distinct(name, text, gaps, partial(read_number, comma=comma), reasons.NO_NUMBER)
        numbers = pa.array([number for number, _ in read], result.type).take(pa.array(indices))
        return pc.replace_with_mask(result, pa.array(gaps), numbers)

    def _evaluate(self, expression: str, raw: pa.Array) -> pa.Array:
        self._con.register("raw", pa.table({"c": raw}))
        result = self._con.execute(f"SELECT {expression} AS v FROM raw").to_arrow_table()
        self._con.unregister("raw")
        return result.column(0).combine_chunks()

    def _dates(self, name: str, raw: pa.Array, *, day: bool) -> pa.Array:
        style, tz = self.plan.known.date_styles.get(name, DateStyle()), self.plan.tz
        local, utc = self._fast_dates(raw, style)
        missing = np.isnat(local) & np.isnat(utc)
        if missing.any():
            read = partial(read_date, style=style)
            parsed, indices = self._read_distinct(name, raw, missing, read, reasons.NO_DATE)
            micros = np.array([_NO_TIME if date.micros is None else date.micros for date in parsed], dtype=np.int64)
            times, in_utc = micros.astype("datetime64[us]"), np.array([date.utc for date in parsed])
            local[missing] = np.where(in_utc, _NAT, times)[indices]
            utc[missing] = np.where(in_utc, times, _NAT)[indices]
        zoned = np.isnat(local)
        if day:
            days = local.astype("datetime64[D]")
            zoned &= ~np.isnat(utc)
            if zoned.any():
                days[zoned] = local_days(utc[zoned].astype(np.int64), tz).astype("datetime64[D]")
            absent = np.isnat(days)
            self._mark(~absent & (days < np.datetime64("1900-01-01")), name, reasons.TOO_OLD)
            return pa.array(days.astype(np.int64).astype(np.int32), pa.int32(), mask=absent).cast(DAY)
        instants = np.where(zoned, utc, utc_of(np.where(zoned, 0, local.astype(np.int64)), tz).astype(utc.dtype))
        micros, absent = instants.astype(np.int64), np.isnat(instants)
        if name == "at":
            self._mark(~absent & (micros > latest_instant(self.plan.now)), name, reasons.FUTURE)
        self._mark(~absent & (micros < YEAR_1900), name, reasons.TOO_OLD)
        return pa.array(micros, pa.int64(), mask=absent).cast(pa.timestamp("us")).cast(INSTANT)

    def _fast_dates(self, raw: pa.Array, style: DateStyle) -> tuple[np.ndarray, np.ndarray]:
        """Read local times and UTC times: typed ones, and texts by the patterns that the column's sample shows.

        Anything else is left to the careful way, and so is all before 1900, for it says what is wrong.
        """
        nothing = np.full(len(raw), _NAT)
        if pa.types.is_date(raw.type) or pa.types.is_timestamp(raw.type):
            tz = raw.type.tz if pa.types.is_timestamp(raw.type) else None
            micros = raw.cast(pa.timestamp("us", tz), safe=False).cast(pa.int64()).fill_null(_NO_TIME)
            times = micros.to_numpy(zero_copy_only=False).astype("datetime64[us]")
            return (times, nothing) if tz is None else (nothing, times)
        if pa.types.is_string(raw.type) and style.formats and "%z" not in style.forced.lower():
            patterns = ", ".join(map(views.quoted, style.formats))
            column = self._evaluate(f"try_strptime(c, [{patterns}])", raw)
            local = column.to_numpy(zero_copy_only=False).astype("datetime64[us]")
            local[local.astype(np.int64) < YEAR_1900] = _NAT
            return local, nothing
        return nothing, nothing.copy()

    def _attributes(self) -> pa.Array:
        """Return the columns that are no field of a customer record, as a JSON object a row."""
        names, columns = self.plan.known.layout.names, self.chunk.columns
        values = {names[place]: columns.column(str(place)).to_pylist() for place in self.plan.extra}
        records = [
            {name: _plain(value) for name, value in zip(values, row, strict=True) if value not in (None, "")}
            for row in zip(*values.values(), strict=True)
        ]
        return pa.array([_as_json(record) if record else None for record in records], TEXT)


def _as_text(raw: pa.Array) -> pa.Array:
    if pa.types.is_floating(raw.type) or pa.types.is_nested(raw.type) or pa.types.is_binary(raw.type):
        return pa.array(map(text_of, raw.to_pylist()), TEXT)
    return raw.cast(TEXT)


def _by_distinct(column: pa.Array, answer: Callable[[Any], str | None]) -> pa.Array:
    coded = pc.dictionary_encode(column, null_encoding="encode")
    return pa.array([answer(text) for text in coded.dictionary.to_pylist()], TEXT).take(coded.indices)


def _signed(status: pa.Array | None, amount: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return status and amount that agree: refunds are negative, and what is negative is a refund."""
    negative = pc.fill_null(pc.less(amount, pa.scalar(0, NUMBER)), False)
    if status is None:
        status = pa.repeat(pa.scalar(SALE), len(amount))
    status = pc.if_else(pc.and_(negative, pc.equal(status, SALE)), REFUND, status)
    flip = pc.and_(pc.equal(status, REFUND), pc.invert(negative))
    return status, pc.if_else(flip, pc.negate(amount), amount).cast(NUMBER)


def _plain(value: Any) -> Any:
    """Return an attribute's value: a number where the text is plainly one, else the text."""
    if isinstance(value, (int, float, bool)):
        return value
    text = str(value).strip()
    if len(text) >= 16 or not _PLAIN_NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _as_json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
