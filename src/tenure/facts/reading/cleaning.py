"""From raw columns to facts.

Columns are read whole by DuckDB; only texts that it cannot read are read one by one. It does not compare rows with
each other or with the lake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import local_days, utc_of
from tenure.facts import reasons
from tenure.facts.kinds import REFUND, SALE
from tenure.facts.reading.dates import YEAR_1900, DateStyle, latest_instant, read_date
from tenure.facts.reading.numbers import read_number
from tenure.facts.reading.vocabulary import has_words, status_of, word
from tenure.facts.schema import DAY, ID_COLUMNS, INSTANT, NUMBER, TEXT
from tenure.facts.spelling import normal_email, normal_ids, normal_phone
from tenure.lake import views
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure.facts.reading.layout import Chunk

_CONTACT = {"phone": normal_phone, "email": normal_email}
_NAT = np.datetime64("NaT", "us")
_NO_TIME = int(_NAT.astype(np.int64))
_COMMA_NUMBER = "[-+]?([0-9]{1,3}([.][0-9]{3})*|[0-9]+)(,[0-9]+)?"


@dataclass(slots=True)
class Rejected:
    """A row that is no fact."""

    row: int
    column: str | None
    reason: str
    value: str | None
    raw: str


@dataclass(slots=True)
class ImportPlan:
    """How the columns of a file become the fields of a table."""

    table: str  # the fact table, or ``customers``
    schema: pa.Schema  # its columns
    required: tuple[str, ...]  # fields every row needs
    columns: dict[str, int]  # field to the position of its column, from 0
    constants: dict[str, str]  # field to a text that holds for every row
    names: tuple[str, ...]  # the file's headers
    tz: str
    source: str
    now: datetime
    date_styles: dict[str, DateStyle] = field(default_factory=dict)  # how each date column is written
    commas: dict[str, bool] = field(default_factory=dict)  # whether a number column has decimal commas
    extra: tuple[int, ...] = ()  # columns kept as attributes (customers)

    @property
    def read_columns(self) -> list[int]:
        """Positions of the columns that are read."""
        return sorted({*self.columns.values(), *self.extra})

    @property
    def given(self) -> frozenset[str]:
        """The fields that the file brings."""
        return frozenset((*self.columns, *self.constants))


class _Faults:
    """The first thing wrong with each row of a chunk."""

    def __init__(self, count: int) -> None:
        self.codes = np.zeros(count, dtype=np.int16)  # 0 where nothing is wrong
        self.named = [("", "")]  # the field and the reason of each code

    def mark(self, mask: np.ndarray, name: str, reason: str) -> None:
        """Note a reason for the rows of a mask that have none yet."""
        fresh = mask & (self.codes == 0)
        if fresh.any():
            self.named.append((name, reason))
            self.codes[fresh] = len(self.named) - 1

    def mark_distinct(self, gaps: np.ndarray, indices: np.ndarray, texts: list[str], name: str, ignored: str) -> None:
        """Note the reasons of rows that were read by their distinct texts, but one."""
        places, each = np.flatnonzero(gaps), np.array(texts, dtype=object)[indices]
        for reason in {*texts} - {"", ignored}:
            mask = np.zeros(len(gaps), dtype=bool)
            mask[places[each == reason]] = True
            self.mark(mask, name, reason)


class Cleaner:
    """Turns chunks of raw columns into facts and rejected rows, by a plan."""

    def __init__(self, plan: ImportPlan) -> None:
        self.plan = plan
        self._con = connect()

    def clean(self, chunk: Chunk) -> tuple[pa.Table, list[Rejected]]:
        """Return a chunk's facts (with the column `row`, without fact ids) and its rejected rows."""
        plan, count = self.plan, len(chunk.numbers)
        faults = _Faults(count)
        columns: dict[str, pa.Array] = {}
        for name in plan.schema.names:
            if name not in {"source", "batch_id"} and (name in plan.columns or name in plan.constants):
                columns[name] = self._column(name, chunk, faults)
        if plan.table == "orders" and count:
            columns["status"], columns["amount"] = _signed(columns.get("status"), columns["amount"])
        if plan.extra:
            columns["attributes"] = _attributes(chunk, plan)
        columns["source"] = pa.repeat(pa.scalar(plan.source), count)
        arrays = {f.name: columns.get(f.name, pa.nulls(count, f.type)) for f in plan.schema}
        table = pa.table({**arrays, "row": pa.array(chunk.numbers, pa.int64())})
        rejected = [Rejected(line.number, None, line.reason, None, _as_json({"": line.raw})) for line in chunk.bad]
        wrong = np.flatnonzero(faults.codes)
        if not len(wrong):
            return table, rejected
        for index in wrong.tolist():
            name, reason = faults.named[faults.codes[index]]
            raw = chunk.raw(index)
            header = plan.names[plan.columns[name]] if name in plan.columns else None
            value = raw.get(header, "") if header is not None else plan.constants.get(name)
            rejected.append(Rejected(int(chunk.numbers[index]), header or name, reason, value, _as_json(raw)))
        return table.filter(pa.array(faults.codes == 0)), rejected

    def _column(self, name: str, chunk: Chunk, faults: _Faults) -> pa.Array:
        """Read one field of all rows."""
        plan, kind = self.plan, self.plan.schema.field(name).type
        if name in plan.columns:
            raw = _combined(chunk.columns.column(str(plan.columns[name])))
        else:
            raw = pa.repeat(pa.scalar(plan.constants[name]), len(chunk.numbers))
        if pa.types.is_dictionary(raw.type):
            raw = raw.cast(raw.type.value_type)
        if kind == NUMBER:
            return self._numbers(name, raw, faults)
        if kind in (INSTANT, DAY):
            return self._dates(name, raw, faults, day=kind == DAY)
        return self._texts(name, raw, faults)

    def _texts(self, name: str, raw: pa.Array, faults: _Faults) -> pa.Array:
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
        if has_words(plan.table, name):
            known = _by_distinct(result, lambda text: word(plan.table, name, text) if text else None)
            unknown = pc.and_(pc.is_null(known), pc.is_valid(result))
            faults.mark(unknown.to_numpy(zero_copy_only=False), name, reasons.UNKNOWN_WORD)
            result = known
        if name in plan.required:
            missing = result.is_null().to_numpy(zero_copy_only=False)
            faults.mark(missing, name, reasons.NO_CUSTOMER if name == "customer_id" else reasons.NO_VALUE)
        return result

    def _numbers(self, name: str, raw: pa.Array, faults: _Faults) -> pa.Array:
        comma, text = self.plan.commas.get(name, False), _as_text(raw)
        fast = "try_cast(c AS DECIMAL(18,4))"
        if comma:
            plain = "replace(replace(c, '.', ''), ',', '.')"
            fast = f"CASE WHEN regexp_full_match(c, '{_COMMA_NUMBER}') THEN try_cast({plain} AS DECIMAL(18,4)) END"
        result = self._evaluate(fast, text)
        if not result.null_count:
            return result
        gaps = result.is_null().to_numpy(zero_copy_only=False)
        coded = pc.dictionary_encode(text.filter(pa.array(gaps)), null_encoding="encode")
        values, texts = zip(*(read_number(value, comma=comma) for value in coded.dictionary.to_pylist()), strict=True)
        ignored = "" if name in self.plan.required else reasons.NO_NUMBER
        faults.mark_distinct(gaps, coded.indices.to_numpy(zero_copy_only=False), list(texts), name, ignored)
        return pc.replace_with_mask(result, pa.array(gaps), pa.array(values, result.type).take(coded.indices))

    def _evaluate(self, expression: str, raw: pa.Array) -> pa.Array:
        """Return what an SQL expression makes of a column `c`."""
        self._con.register("raw", pa.table({"c": raw}))
        result = self._con.execute(f"SELECT {expression} AS v FROM raw").to_arrow_table()
        self._con.unregister("raw")
        return _combined(result.column(0))

    def _dates(self, name: str, raw: pa.Array, faults: _Faults, *, day: bool) -> pa.Array:
        style, tz = self.plan.date_styles.get(name, DateStyle()), self.plan.tz
        local, utc = self._fast_dates(raw, style)
        missing = np.isnat(local) & np.isnat(utc)
        if missing.any():
            coded = pc.dictionary_encode(_as_text(raw).filter(pa.array(missing)), null_encoding="encode")
            parsed = [read_date(text, style) for text in coded.dictionary.to_pylist()]
            indices = coded.indices.to_numpy(zero_copy_only=False)
            micros = np.array([_NO_TIME if date.micros is None else date.micros for date in parsed], dtype=np.int64)
            times, in_utc = micros.astype("datetime64[us]"), np.array([date.utc for date in parsed])
            local[missing] = np.where(in_utc, _NAT, times)[indices]
            utc[missing] = np.where(in_utc, times, _NAT)[indices]
            ignored = "" if name in self.plan.required else reasons.NO_DATE
            faults.mark_distinct(missing, indices, [date.reason for date in parsed], name, ignored)
        zoned = np.isnat(local)
        if day:
            days = local.astype("datetime64[D]")
            zoned &= ~np.isnat(utc)
            if zoned.any():
                days[zoned] = local_days(utc[zoned].astype(np.int64), tz).astype("datetime64[D]")
            absent = np.isnat(days)
            faults.mark(~absent & (days < np.datetime64("1900-01-01")), name, reasons.TOO_OLD)
            return pa.array(days.astype(np.int64).astype(np.int32), pa.int32(), mask=absent).cast(DAY)
        instants = np.where(zoned, utc, utc_of(np.where(zoned, 0, local.astype(np.int64)), tz).astype(utc.dtype))
        micros, absent = instants.astype(np.int64), np.isnat(instants)
        if name == "at":
            faults.mark(~absent & (micros > latest_instant(self.plan.now)), name, reasons.FUTURE)
        faults.mark(~absent & (micros < YEAR_1900), name, reasons.TOO_OLD)
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


def _combined(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # an empty column combines to a chunked array
        return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array


def _as_text(raw: pa.Array) -> pa.Array:
    if pa.types.is_string(raw.type):
        return raw
    if pa.types.is_floating(raw.type):  # 13812345678.0 is the number of a phone
        texts = [
            value if value is None else str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
            for value in raw.to_pylist()
        ]
        return pa.array(texts, TEXT)
    if pa.types.is_nested(raw.type) or pa.types.is_binary(raw.type):
        return pa.array([None if value is None else str(value) for value in raw.to_pylist()], TEXT)
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


def _attributes(chunk: Chunk, plan: ImportPlan) -> pa.Array:
    """Return the columns that are no field of a customer record, as a JSON object a row."""
    columns = [(plan.names[place], chunk.columns.column(str(place)).to_pylist()) for place in plan.extra]
    records = []
    for index in range(len(chunk.numbers)):
        record = {name: _plain(values[index]) for name, values in columns if values[index] not in (None, "")}
        records.append(_as_json(record) if record else None)
    return pa.array(records, TEXT)


def _plain(value: Any) -> Any:
    """Return an attribute's value: a number where the text is plainly one, else the text."""
    if isinstance(value, (int, float, bool)):
        return value
    text = str(value).strip()
    # Ids and phone numbers with a leading zero stay texts.
    leading_zero = text[:1] == "0" and text[1:2].isdigit()
    if text.lstrip("-").replace(".", "", 1).isdigit() and len(text) < 16 and not leading_zero:
        return float(text) if "." in text else int(text)
    return text


def _as_json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
