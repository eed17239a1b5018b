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

from tenure.clock import utc_of
from tenure.facts import reasons
from tenure.facts.kinds import REFUND, SALE
from tenure.facts.reading.dates import Habit, Read, day_limits, read_date
from tenure.facts.reading.numbers import read_number
from tenure.facts.reading.vocabulary import has_words, status_of, word
from tenure.facts.schema import DAY, INSTANT, NUMBER, TEXT
from tenure.facts.spelling import normal_email, normal_ids, normal_phone
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenure.facts.reading.layout import Chunk

IDS = ("customer_id", "referrer_id")
_CONTACT = {"phone": normal_phone, "email": normal_email}


@dataclass(slots=True)
class Rejected:
    """A row that is no fact."""

    row: int
    column: str | None
    reason: str
    value: str | None
    raw: str


@dataclass(slots=True)
class Plan:
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
    habits: dict[str, Habit] = field(default_factory=dict)  # how each date column and number column is written
    commas: dict[str, bool] = field(default_factory=dict)
    extra: tuple[int, ...] = ()  # columns kept as attributes (customers)

    def header(self, name: str) -> str | None:
        """Return what the file calls the column of a field."""
        return self.names[self.columns[name]] if name in self.columns else None


@dataclass(slots=True)
class _Faults:
    """The first thing wrong with each row."""

    codes: np.ndarray
    fields: np.ndarray
    names: list[str] = field(default_factory=lambda: [""])
    whose: list[str] = field(default_factory=lambda: [""])

    def mark(self, mask: np.ndarray, name: str, reason: str) -> None:
        """Note a reason for the rows of a mask that have none yet."""
        fresh = mask & (self.codes == 0)
        if fresh.any():
            self.names.append(reason)
            self.whose.append(name)
            self.codes[fresh] = len(self.names) - 1


class Cleaner:
    """Turns chunks of raw columns into facts and rejected rows, by a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._con = connect()

    def clean(self, chunk: Chunk) -> tuple[pa.Table, list[Rejected]]:
        """Return a chunk's facts (with the columns `row` and `timed`, without fact ids) and its rejected rows."""
        plan = self.plan
        count = len(chunk.numbers)
        faults = _Faults(np.zeros(count, dtype=np.int16), np.zeros(0))
        made: dict[str, pa.Array] = {}
        for name in plan.schema.names:
            if name not in {"source", "batch_id"} and (name in plan.columns or name in plan.constants):
                made[name] = self._column(name, chunk, count, faults)
        if plan.table == "orders" and count:
            made["status"], made["amount"] = _signed(made.get("status"), made["amount"], count)
        if plan.extra:
            made["attributes"] = _attributes(chunk, plan)
        rejected = [Rejected(one.number, None, one.reason, None, _raw_line(one.raw)) for one in chunk.bad]
        wrong = np.flatnonzero(faults.codes)
        rejected += [self._rejected(chunk, int(index), faults) for index in wrong]
        return self._table(made, chunk.numbers, count, faults.codes == 0 if len(wrong) else None), rejected

    def _table(
        self, made: Mapping[str, pa.Array], numbers: np.ndarray, count: int, good: np.ndarray | None
    ) -> pa.Table:
        columns = {one.name: made.get(one.name, pa.nulls(count, one.type)) for one in self.plan.schema}
        columns["source"] = pa.repeat(pa.scalar(self.plan.source), count)
        table = pa.table({**columns, "row": pa.array(numbers, pa.int64())})
        return table if good is None else table.filter(pa.array(good))

    def _rejected(self, chunk: Chunk, index: int, faults: _Faults) -> Rejected:
        code = int(faults.codes[index])
        name = faults.whose[code]
        raw = chunk.raw(index)
        header = self.plan.header(name)
        value = raw.get(header, "") if header is not None else self.plan.constants.get(name)
        row = int(chunk.numbers[index])
        return Rejected(row, header or name, faults.names[code], value, json.dumps(raw, ensure_ascii=False))

    def _column(self, name: str, chunk: Chunk, count: int, faults: _Faults) -> pa.Array:
        """Read one field of all rows."""
        kind = self.plan.schema.field(name).type
        if name in self.plan.columns:
            raw = chunk.columns.column(str(self.plan.columns[name])).combine_chunks()
        else:
            raw = pa.repeat(pa.scalar(self.plan.constants[name]), count)
        if isinstance(raw, pa.ChunkedArray):  # an empty column combines to a chunked array
            raw = pa.concat_arrays(raw.chunks) if raw.num_chunks else pa.array([], raw.type)
        if pa.types.is_dictionary(raw.type):
            raw = raw.cast(raw.type.value_type)
        if kind == NUMBER:
            return self._numbers(name, raw, faults)
        if kind in (INSTANT, DAY):
            return self._instants(name, raw, faults, day=kind == DAY)
        return self._texts(name, raw, faults)

    # Texts

    def _texts(self, name: str, raw: pa.Array, faults: _Faults) -> pa.Array:
        plan = self.plan
        text = raw if pa.types.is_string(raw.type) else _as_text(raw)
        if name in IDS:
            result = normal_ids(text)
        else:
            result = pc.utf8_trim_whitespace(text)
            result = pc.if_else(pc.equal(result, ""), pa.scalar(None, TEXT), result)
        if name in _CONTACT and plan.table == "customers":
            return _by_distinct(result, _CONTACT[name])
        if name == "status" and plan.table == "orders":
            return _by_distinct(result, status_of)
        if has_words(plan.table, name):
            known = _by_distinct(result, lambda one: word(plan.table, name, one) if one else None)
            unknown = pc.and_(pc.is_null(known), pc.is_valid(result))
            faults.mark(unknown.to_numpy(zero_copy_only=False), name, reasons.UNKNOWN_WORD)
            result = known
        if name in plan.required:
            missing = result.is_null().to_numpy(zero_copy_only=False)
            faults.mark(missing, name, reasons.NO_CUSTOMER if name == "customer_id" else reasons.NO_VALUE)
        return result

    # Numbers

    def _numbers(self, name: str, raw: pa.Array, faults: _Faults) -> pa.Array:
        comma = self.plan.commas.get(name, False)
        if not pa.types.is_string(raw.type):
            raw = _as_text(raw)
        fast = (
            "CASE WHEN regexp_full_match(c, '[-+]?([0-9]{1,3}([.][0-9]{3})*|[0-9]+)(,[0-9]+)?')"
            " THEN try_cast(replace(replace(c, '.', ''), ',', '.') AS DECIMAL(18,4)) END"
            if comma
            else "try_cast(c AS DECIMAL(18,4))"
        )
        result = self._query(f"SELECT {fast} AS v FROM raw", raw).column(0)
        return self._mended(
            result, raw, lambda one: read_number(one, comma=comma), name, faults, optional=reasons.NO_NUMBER
        )

    def _query(self, sql: str, raw: pa.Array) -> pa.Table:
        self._con.register("raw", pa.table({"c": raw}))
        found = self._con.execute(sql).to_arrow_table()
        self._con.unregister("raw")
        return found

    def _mended(
        self,
        column: pa.ChunkedArray,
        raw: pa.Array,
        read: Callable[[str | None], tuple[Any, str]],
        name: str,
        faults: _Faults,
        *,
        optional: str,
    ) -> pa.Array:
        """Fill the gaps that the fast way left, each distinct text read once, and note what cannot be read."""
        result = _one(column)
        if not result.null_count:
            return result
        gaps = result.is_null().to_numpy(zero_copy_only=False)
        coded = pc.dictionary_encode(raw.filter(pa.array(gaps)), null_encoding="encode")
        answers = [read(one) for one in coded.dictionary.to_pylist()]
        indices = coded.indices.to_numpy(zero_copy_only=False)
        values = pa.array([value for value, _ in answers], result.type).take(coded.indices)
        told = np.array([reason for _, reason in answers], dtype=object)[indices]
        places = np.flatnonzero(gaps)
        for reason in {reason for _, reason in answers if reason}:
            if reason == optional and name not in self.plan.required:
                continue
            mask = np.zeros(len(gaps), dtype=bool)
            mask[places[told == reason]] = True
            faults.mark(mask, name, reason)
        return pc.replace_with_mask(result, pa.array(gaps), values)

    # Dates

    def _instants(self, name: str, raw: pa.Array, faults: _Faults, *, day: bool) -> pa.Array:
        habit = self.plan.habits.get(name, Habit())
        local, utc = self._local(raw, habit) if pa.types.is_string(raw.type) else _typed(raw)
        missing = np.isnat(local) & np.isnat(utc)
        if missing.any():
            self._read_one_by_one(name, raw, habit, missing, local, utc, faults)
        if day:
            return self._days(name, local, utc, faults)
        named = np.isnat(local)
        whole = np.where(named, utc, utc_of(np.where(named, 0, local.astype(np.int64)), self.plan.tz).astype(utc.dtype))
        micros = whole.astype(np.int64)
        absent = np.isnat(whole)
        if name == "at":
            faults.mark(~absent & (micros > day_limits(self.plan.now)), name, reasons.FUTURE)
        faults.mark(~absent & (micros < _YEAR_1900), name, reasons.TOO_OLD)
        return pa.array(micros, pa.int64(), mask=absent).cast(pa.timestamp("us")).cast(INSTANT)

    def _local(self, raw: pa.Array, habit: Habit) -> tuple[np.ndarray, np.ndarray]:
        """Read local times by the patterns that the column's sample shows."""
        nothing = np.full(len(raw), np.datetime64("NaT", "us"))
        if not habit.formats:
            return nothing, nothing.copy()
        patterns = ", ".join("'" + one.replace("'", "''") + "'" for one in habit.formats)
        if "%z" in habit.forced or "%Z" in habit.forced:
            return nothing, nothing.copy()
        found = self._query(f"SELECT try_strptime(c, [{patterns}]) AS v FROM raw", raw).column(0)
        local = _one(found).to_numpy(zero_copy_only=False).astype("datetime64[us]")
        local[local.astype(np.int64) < _YEAR_1900] = np.datetime64("NaT", "us")  # the careful way says why
        return local, nothing

    def _read_one_by_one(
        self,
        name: str,
        raw: pa.Array,
        habit: Habit,
        missing: np.ndarray,
        local: np.ndarray,
        utc: np.ndarray,
        faults: _Faults,
    ) -> None:
        text = raw if pa.types.is_string(raw.type) else _as_text(raw)
        coded = pc.dictionary_encode(text.filter(pa.array(missing)), null_encoding="encode")
        answers = [read_date(one, habit) for one in coded.dictionary.to_pylist()]
        indices = coded.indices.to_numpy(zero_copy_only=False)
        places = np.flatnonzero(missing)
        local[places] = _micros(answers, utc=False)[indices]
        utc[places] = _micros(answers, utc=True)[indices]
        told = np.array([answer.reason for answer in answers], dtype=object)[indices]
        for reason in {answer.reason for answer in answers if answer.reason}:
            if reason == reasons.NO_DATE and name not in self.plan.required:
                continue
            mask = np.zeros(len(missing), dtype=bool)
            mask[places[told == reason]] = True
            faults.mark(mask, name, reason)

    def _days(self, name: str, local: np.ndarray, utc: np.ndarray, faults: _Faults) -> pa.Array:
        from tenure.clock import local_days

        days = local.astype("datetime64[D]")
        named = np.isnat(local) & ~np.isnat(utc)
        if named.any():
            days[named] = local_days(utc[named].astype(np.int64), self.plan.tz).astype("datetime64[D]")
        absent = np.isnat(days)
        faults.mark(~absent & (days < np.datetime64("1900-01-01")), name, reasons.TOO_OLD)
        return pa.array(days.astype(np.int64).astype(np.int32), pa.int32(), mask=absent).cast(DAY)


_YEAR_1900 = int(np.datetime64("1900-01-01", "us").astype(np.int64))


def _micros(answers: list[Read], *, utc: bool) -> np.ndarray:
    nat = np.iinfo(np.int64).min
    values = [answer.micros if answer.micros is not None and answer.utc is utc else nat for answer in answers]
    return np.array(values, dtype=np.int64).astype("datetime64[us]")


def _typed(raw: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read a column that the file itself stores as days or instants; anything else is left to the careful way."""
    nothing = np.full(len(raw), np.datetime64("NaT", "us"))
    if pa.types.is_date(raw.type) or pa.types.is_timestamp(raw.type):
        zoned = pa.types.is_timestamp(raw.type) and raw.type.tz is not None
        values = pc.cast(
            raw.cast(pa.timestamp("us", raw.type.tz) if zoned else pa.timestamp("us"), safe=False), pa.int64()
        )
        micros = values.to_numpy(zero_copy_only=False)
        found = np.where(np.isnan(micros), np.iinfo(np.int64).min, micros) if micros.dtype.kind == "f" else micros
        times = found.astype(np.int64).astype("datetime64[us]")
        return (nothing, times) if zoned else (times, nothing)
    return nothing, nothing.copy()


def _as_text(raw: pa.Array) -> pa.Array:
    if pa.types.is_floating(raw.type):  # 13812345678.0 is the number of a phone
        return pa.array([None if one is None else _float_text(one) for one in raw.to_pylist()], TEXT)
    if pa.types.is_nested(raw.type) or pa.types.is_binary(raw.type):
        return pa.array([None if one is None else str(one) for one in raw.to_pylist()], TEXT)
    return raw.cast(TEXT)


def _float_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return whole


def _by_distinct(column: pa.Array, answer: Callable[[Any], str | None]) -> pa.Array:
    coded = pc.dictionary_encode(column, null_encoding="encode")
    return pa.array([answer(one) for one in coded.dictionary.to_pylist()], TEXT).take(coded.indices)


def _signed(status: pa.Array | None, amount: pa.Array, count: int) -> tuple[pa.Array, pa.Array]:
    """Return status and amount that agree: refunds are negative, and what is negative is a refund."""
    zero = pa.scalar(0, NUMBER)
    negative = pc.fill_null(pc.less(amount, zero), False)
    said = status if status is not None else pa.repeat(pa.scalar(SALE), count)
    said = pc.if_else(pc.and_(negative, pc.equal(said, SALE)), REFUND, said)
    flip = pc.and_(pc.equal(said, REFUND), pc.invert(negative))
    return said, pc.if_else(flip, pc.negate(amount), amount).cast(NUMBER)


def _attributes(chunk: Chunk, plan: Plan) -> pa.Array:
    columns = [(plan.names[place], chunk.columns.column(str(place)).to_pylist()) for place in plan.extra]
    made = []
    for index in range(len(chunk.numbers)):
        own = {name: _plain(values[index]) for name, values in columns if values[index] not in (None, "")}
        made.append(json.dumps(own, ensure_ascii=False) if own else None)
    return pa.array(made, TEXT)


def _plain(value: Any) -> Any:
    """Return an attribute's value: a number where the text is plainly one, else the text."""
    if isinstance(value, (int, float, bool)):
        return value
    text = str(value).strip()
    # Ids and phone numbers with a leading zero stay texts.
    if (
        text.lstrip("-").replace(".", "", 1).isdigit()
        and len(text) < 16
        and not (text[:1] == "0" and text[1:2].isdigit())
    ):
        return float(text) if "." in text else int(text)
    return text


def _raw_line(line: str) -> str:
    return json.dumps({"": line}, ensure_ascii=False)
