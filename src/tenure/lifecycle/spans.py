"""Spans: in which stage every customer was, from when to when, and what comes next.

Answers the product's main question for a block of customers under one model, exact for every day: the truths of the
stages' rules are laid over each other, the first that holds is the stage, equal neighbours are one span. Then the
model's manners: terminal stages hold until a new fact, stepwise models pass through skipped stages, and a person's
override wins while it lasts. It never reads files and never asks what day it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.facts.blocks import Block, block_of, day_number_of, keys_of, who_of
from tenure.facts.completing import completed
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.schema import DAY, TEXT
from tenure.facts.streams import Stream
from tenure.lifecycle.because import reasons
from tenure.lifecycle.history import NOWHERE, SPANS, History
from tenure.lifecycle.overrides import Overrides, overridden
from tenure.lifecycle.passages import with_passages
from tenure.rules.evaluation.compute import Reading
from tenure.rules.evaluation.steps import merge, starts
from tenure.rules.evaluation.truth import TRUE, Truth, truth_of, within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tenure.lifecycle.model import Model


def spans_of(
    facts: Mapping[str, pa.Table],
    model: Model,
    *,
    as_of: date,
    tz: str = "UTC",
    customers: pa.Table | None = None,
    kinds: Mapping[str, Kind] = KINDS,
    scores: Mapping[str, Mapping[str, float]] | None = None,
) -> pa.Table:
    """Return the spans of some customers under a model.

    Parameters
    ----------
    facts : mapping of str to pyarrow.Table
        Fact tables by name. Columns that are missing count as empty, so ``{"orders": customer_id, at, amount}`` is
        enough for most models.
    model : Model
        The life-cycle model.
    as_of : date
        The day on which the customers are seen. Later facts are not looked at.
    tz : str, default "UTC"
        The business's time zone.
    customers : pyarrow.Table, optional
        Customer records, for attributes and for stages that claim customers without facts.
    kinds : mapping of str to Kind, optional
        The fact kinds known.
    scores : mapping, optional
        Published figures, ``{name: {customer_id: number}}``.

    Returns
    -------
    pyarrow.Table
        Columns of :data:`SPANS`, sorted by customer and day.

    Examples
    --------
    >>> from datetime import date
    >>> from tenure.lifecycle.model import read
    >>> orders = pa.table({"customer_id": ["a"], "at": [date(2024, 1, 1)], "amount": [9.5]})
    >>> spans = spans_of({"orders": orders}, read("retail-activity"), as_of=date(2024, 3, 1))
    >>> spans.select(["stage", "entered_on", "left_on", "next_stage"]).to_pylist()[0]["stage"]
    'active'
    """
    block = block_of(
        streams_of({name: completed(name, table) for name, table in facts.items()}, [model], kinds),
        tz=tz,
        last_day=day_number(as_of),
        customers=completed("customers", customers) if customers is not None else None,
        kinds=kinds,
        subject=model.subject,
    )
    return stage_block(model, Reading(block, scores or {}))


def streams_needed(models: Sequence[Model], kinds: Mapping[str, Kind] = KINDS) -> dict[Stream, tuple[str, ...]]:
    """Return the streams that some models of one subject read, each with the number fields they need."""
    needed: dict[Stream, dict[str, None]] = {Stream("overrides"): {}}
    for model in models:
        for name in model.enters:
            needed.setdefault(Stream.of(kinds[name], model.subject), {})
        for measure, name in ((one, name) for one in model.measures for name in one.kinds):
            stream = Stream.of(kinds[name], model.subject)
            if measure.name == "categories" and stream.table == "orders":  # they stand in the lines
                needed.setdefault(Stream("order_lines", stream.who), {})
            fields = ("receivable", "payable") if measure.name == "balance" else (measure.field, kinds[name].present)
            needed.setdefault(stream, {}).update(dict.fromkeys(field for field in fields if field))
    return {stream: tuple(fields) for stream, fields in needed.items()}


def streams_of(
    facts: Mapping[str, pa.Table], models: Sequence[Model], kinds: Mapping[str, Kind] = KINDS
) -> dict[Stream, pa.Table]:
    """Return the streams that some models read, out of whole fact tables."""
    return {stream: facts[stream.table] for stream in streams_needed(models, kinds) if stream.table in facts}


def stage_block(model: Model, reading: Reading) -> pa.Table:
    """Return the spans of a block of customers under a model, see :func:`spans_of`."""
    block = reading.block
    first_facts, entries = entries_of(model, block)
    truths = [truth_of(stage.rule, reading, entries) for stage in model.stages]
    judged = _laid_over(model, truths, first_facts, entries, block)
    history, overrides = overridden(judged, entries, model, block)
    table = _table(model, reading, truths, history, overrides)
    return with_passages(model, block, table, judged, overrides) if model.stepwise else table


def entries_of(model: Model, block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Return every customer's first fact, and the moment of entry: that, or an earlier record that a stage claims."""
    firsts = []
    for kind in model.entry_kinds:
        keys = block.events((kind,)).keys
        firsts.append(keys[starts(keys)] if len(keys) else keys)
    first_facts = _first_of_each(firsts)
    if not any(stage.without_facts for stage in model.stages) or block.customers is None:
        return first_facts, first_facts
    return first_facts, _first_of_each([first_facts, _records(block)])


def _first_of_each(columns: list[np.ndarray]) -> np.ndarray:
    keys = merge(*columns)
    return keys[starts(keys)] if len(keys) else keys


def _records(block: Block) -> np.ndarray:
    """Return the moments at which customer records were created, as far as they are known and past."""
    assert block.customers is not None
    created = block.customers.column("created_on").cast(pa.int32()).combine_chunks()
    seen = block.customers.column("seen_at").cast(pa.date32()).cast(pa.int32()).combine_chunks()
    days = pc.coalesce(created, seen).fill_null(block.last_day + 1).to_numpy(zero_copy_only=False)
    who = np.flatnonzero(days <= block.last_day)
    return keys_of(who, days[who])


def _laid_over(
    model: Model, truths: list[Truth], first_facts: np.ndarray, entries: np.ndarray, block: Block
) -> History:
    terminal = np.array([stage.terminal for stage in model.stages])
    facts = merge(*(block.events((kind,)).keys for kind in model.entry_kinds)) if terminal.any() else first_facts
    keys = within(merge(entries, first_facts, facts, *(truth.keys for truth in truths)), entries)
    stages = np.full(len(keys), NOWHERE, dtype=np.int64)
    # A customer without facts can only be where a stage claims such customers.
    has_facts = _started(first_facts, keys) if entries is not first_facts else None
    for n in reversed(range(len(truths))):
        holds = truths[n].at(keys) == TRUE
        if has_facts is not None and not model.stages[n].without_facts:
            holds &= has_facts
        stages[holds] = n
    if terminal.any():
        stages = _held(stages, terminal, np.isin(keys, facts) | starts(keys))
    return History.of(keys, stages)


def _started(first_facts: np.ndarray, keys: np.ndarray) -> np.ndarray:
    if not len(first_facts):
        return np.zeros(len(keys), dtype=bool)
    place = np.searchsorted(first_facts, keys, side="right") - 1
    return (place >= 0) & (who_of(first_facts[place]) == who_of(keys))


def _held(stages: np.ndarray, terminal: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Return the stages with terminal ones held until the next fact."""
    if not len(stages):
        return stages
    stretch = np.cumsum(fresh) - 1
    begins = np.flatnonzero(fresh)
    here = np.where((stages >= 0) & terminal[stages], np.arange(len(stages)), len(stages))
    first = np.minimum.reduceat(here, begins)[stretch]
    return np.where(np.arange(len(stages)) > first, stages[np.minimum(first, len(stages) - 1)], stages)


def _table(
    model: Model, reading: Reading, truths: list[Truth], history: History, overrides: Overrides | None
) -> pa.Table:
    block = reading.block
    keys, stages = history.keys, history.stages
    goes_on = ~np.append(starts(keys)[1:], True) if len(keys) else np.empty(0, dtype=bool)
    following = np.append(keys[1:], 0)
    follower = np.append(stages[1:], NOWHERE)
    days = day_number_of(keys)
    past = days <= block.last_day
    left = np.where(goes_on, day_number_of(following), 0)
    current = past & ~(goes_on & (left <= block.last_day))
    shown = np.flatnonzero(past & (stages >= 0))
    because, cause, doubts = reasons(
        model, reading, truths, keys[shown], stages[shown], history.overrides[shown], overrides
    )
    columns = {
        "who": who_of(keys)[shown],
        "stage": stages[shown],
        "entered": days[shown],
        "left": np.where(goes_on & ~current, left, -(1 << 30))[shown],
        "next": np.where(current & goes_on, follower, NOWHERE)[shown],
        "change": np.where(current & goes_on, left, -(1 << 30))[shown],
    }
    return _arrow(model, block, columns, because, cause, doubts)


def _arrow(
    model: Model, block: Block, columns: dict[str, np.ndarray], because: pa.Array, cause: pa.Array, doubts: pa.Array
) -> pa.Table:
    size = len(columns["who"])
    names = pa.array([stage.id for stage in model.stages], TEXT)

    def stage_names(places: np.ndarray) -> pa.Array:
        return names.take(pa.array(places, mask=places < 0))

    def dates(numbers: np.ndarray) -> pa.Array:
        return pa.array(numbers.astype(np.int32), mask=numbers == -(1 << 30)).cast(DAY)

    arrays = [
        pa.repeat(pa.scalar(model.id, TEXT), size),
        pa.repeat(pa.scalar(model.version, TEXT), size),
        block.ids.take(pa.array(columns["who"])),
        stage_names(columns["stage"]),
        dates(columns["entered"]),
        dates(columns["left"]),
        because,
        cause,
        pa.repeat(pa.scalar(False), size),
        doubts,
        stage_names(columns["next"]),
        dates(columns["change"]),
    ]
    return pa.table(arrays, schema=SPANS)
