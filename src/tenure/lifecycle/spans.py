"""Spans: in which stage every customer was, from when to when, and what comes next.

The truths of the stages' rules are laid over each other, for every day: the first that holds is the stage, equal
neighbours are one span. Then terminal stages hold until a new fact, stepwise models pass through skipped stages, and a
person's override wins while it lasts. It never reads files and never asks what day it is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.facts.blocks import block_of, day_number_of, keys_of, who_of
from tenure.facts.frames import completed
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.records import newest_of
from tenure.facts.schema import DAY, TEXT
from tenure.facts.selection import CALENDAR_COLUMNS
from tenure.facts.streams import Stream
from tenure.lifecycle.arrivals import arrivals_of
from tenure.lifecycle.doubts import doubts_of
from tenure.lifecycle.history import ENCODED_SPANS, UNSTAGED, History, entered
from tenure.lifecycle.overrides import Overrides, overridden, overrides_of
from tenure.lifecycle.passages import passages
from tenure.lifecycle.published import populations_on, populations_read, with_populations
from tenure.lifecycle.reasons import ReasonColumns, causes, doubts, encoded, with_because
from tenure.lifecycle.settling import settled, walked
from tenure.lifecycle.state import state_measures, without_state
from tenure.rules.evaluation.compute import EvaluationContext, TextSteps
from tenure.rules.evaluation.published import SCORES, Published
from tenure.rules.evaluation.steps import Moments, merge, starts
from tenure.rules.evaluation.truth import TRUE, Truth, truth_of, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tenure.lifecycle.model import Model


class Staged(NamedTuple):
    """What the rules give of a block of customers under one model."""

    spans: pa.Table  # columns of :data:`ENCODED_SPANS`
    doubts: pa.Table  # columns of :data:`tenure.lifecycle.doubts.ENCODED_DOUBTS`
    arrivals: pa.Table  # columns of :data:`tenure.lifecycle.arrivals.ENCODED_ARRIVALS`


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
        Published figures, ``{name: {customer_id: number or text}}``; they hold for all days.

    Returns
    -------
    pyarrow.Table
        Columns of :data:`tenure.lifecycle.history.SPANS`, sorted by customer and day.

    Examples
    --------
    >>> from datetime import date
    >>> from tenure.lifecycle.model_file import read
    >>> orders = pa.table({"customer_id": ["a"], "at": [date(2024, 1, 1)], "amount": [9.5]})
    >>> spans = spans_of({"orders": orders}, read("retail-activity"), as_of=date(2024, 3, 1))
    >>> spans.select(["stage", "entered_on", "left_on", "next_stage"]).to_pylist()[0]["stage"]
    'active'
    """
    return with_because(stage_facts(facts, model, as_of, tz, customers, kinds, scores).spans)


def stage_facts(
    facts: Mapping[str, pa.Table],
    model: Model,
    as_of: date,
    tz: str = "UTC",
    customers: pa.Table | None = None,
    kinds: Mapping[str, Kind] = KINDS,
    scores: Mapping[str, Mapping[str, float]] | None = None,
) -> Staged:
    """Return the encoded spans, and the doubts, of some customers; see :func:`spans_of`."""
    block = block_of(
        streams_of({name: completed(name, table) for name, table in facts.items()}, [model], kinds),
        tz=tz,
        last_day=day_number(as_of),
        customers=newest_of(completed("customers", customers), tz) if customers is not None else None,
        kinds=kinds,
        subject=model.subject,
    )
    published = Published({name: _undated(numbers) for name, numbers in (scores or {}).items()})
    if nodes := populations_read([model]):
        compared = populations_on([EvaluationContext(block, published)], nodes, block.last_day)
        published = with_populations(published, compared)
    return stage_block(model, EvaluationContext(block, published))


def _undated(scores: Mapping[str, float]) -> pa.Table:
    columns = [pa.array(scores.keys(), TEXT), pa.nulls(len(scores), DAY), pa.array(map(str, scores.values()), TEXT)]
    return pa.table(columns, schema=SCORES)


#: Columns that a measure reads whatever field is written.
_FIELDS = {
    "balance": ("receivable", "payable"),
    "running": ("contract_id", "ends_at"),
    "days_until": ("contract_id", "ends_at"),
}


def streams_needed(models: Sequence[Model], kinds: Mapping[str, Kind] = KINDS) -> dict[Stream, tuple[str, ...]]:
    """Return the streams that some models of one subject read, each with the number fields they need."""
    needed: dict[Stream, dict[str, None]] = {Stream("overrides"): {}}
    for model in dict.fromkeys(part for given in models for part in given.with_others):
        for name in model.enters:
            needed.setdefault(Stream.of(kinds[name], model.subject), {})
        for measure in model.measures:
            for facts in measure.facts:
                for part in facts.all:
                    kind = kinds[part.kind]
                    stream = Stream.of(kind, model.subject)
                    if measure.name == "categories" and stream.table == "orders":  # they stand in the lines
                        needed.setdefault(Stream("order_lines", stream.who), {})
                    fields = (*_FIELDS.get(measure.name, (measure.field if part is facts else "",)), kind.present)
                    stored = [field for field in (*fields, *part.columns) if field and field not in CALENDAR_COLUMNS]
                    needed.setdefault(stream, {}).update(dict.fromkeys(stored))
    # Customers' records, and what they said before where a rule reads an attribute.
    if all(model.subject == "customer" for model in models):
        dated = any(part.reads_attributes for given in models for part in given.with_others)
        needed[Stream("customers")] = {"history": None} if dated else {}
    return {stream: tuple(fields) for stream, fields in needed.items()}


def streams_of(
    facts: Mapping[str, pa.Table], models: Sequence[Model], kinds: Mapping[str, Kind] = KINDS
) -> dict[Stream, pa.Table]:
    """Return the streams that some models read, out of whole fact tables."""
    return {stream: facts[stream.table] for stream in streams_needed(models, kinds) if stream.table in facts}


def stage_block(model: Model, context: EvaluationContext) -> Staged:
    """Return the spans of a block of customers under a model, and what of them could not be judged."""
    context, first_facts, entries, evaluated = judged(model, context)
    block, history = context.block, evaluated
    truths = [truth_of(stage.rule, context) for stage in model.stages]
    overrides = overrides_of(model, block)
    if overrides is not None:
        history = overridden(evaluated, overrides, entries, block)
    passed = passages(model, block, evaluated, overrides) if model.stepwise else None
    return Staged(
        _table(model, context, truths, history, overrides, evaluated, passed),
        doubts_of(model, context, truths, history, (first_facts, entries), overrides),
        arrivals_of(model, block, history),
    )


class Judged(NamedTuple):
    """What the rules of a model say of a block of customers."""

    context: EvaluationContext  # in which every rule of the model has a truth
    first_facts: np.ndarray
    entries: np.ndarray
    history: History  # without overrides and passages


def judged(model: Model, context: EvaluationContext) -> Judged:
    """Judge a block of customers by the rules of a model."""
    _provide_others(model, context)
    first_facts, entries = entries_of(model, context)
    history = _history(model, context, first_facts, entries)
    if any(measure.of_state for measure in model.measures):  # where everybody was is known now, like anything else
        context = context.knowing(*state_measures(model, history, context.block))
    return Judged(context, first_facts, entries, history)


def _provide_others(model: Model, context: EvaluationContext) -> None:
    """Let rules read the stages of the models that this one refers to."""
    for other in model.others:
        _provide_others(other, context)
        if other.id not in context.stages:
            context.stages[other.id] = partial(_stage_texts, other)


def _stage_texts(model: Model, context: EvaluationContext) -> TextSteps:
    """Return the stages of a model as texts over time: unknown before the entry, empty in no stage."""
    _, _, entries, history = judged(model, context)
    overrides = overrides_of(model, context.block)
    if overrides is not None:
        history = overridden(history, overrides, entries, context.block)
    names = [*(stage.id for stage in model.stages), ""]
    codes = np.where(history.stages < 0, len(model.stages), history.stages)
    keys = np.concatenate((context.block.origins, history.keys))
    order = np.argsort(keys, kind="stable")
    return TextSteps(keys[order], np.concatenate((np.full(len(context.block), -1), codes))[order], names)


def entries_of(model: Model, context: EvaluationContext) -> tuple[np.ndarray, np.ndarray]:
    """Return every customer's first fact, and the moment of entry: that, or an earlier record that a stage claims."""
    first_facts = _firsts(*(context.firsts((kind,)) for kind in model.entry_kinds))
    days = context.block.recorded_on
    if not any(stage.without_facts for stage in model.stages) or days is None:
        return first_facts, first_facts
    who = np.flatnonzero(days <= context.block.last_day)
    return first_facts, _firsts(first_facts, keys_of(who, days[who]))


def _firsts(*columns: np.ndarray) -> np.ndarray:
    keys = merge(*columns)
    return keys[starts(keys)]


def _history(model: Model, context: EvaluationContext, first_facts: np.ndarray, entries: np.ndarray) -> History:
    """Return the history that the rules give: at every moment the first stage whose rule holds, once it has settled."""
    terminal = np.array([stage.terminal for stage in model.stages])
    facts = merge(*(context.days((kind,)) for kind in model.entry_kinds)) if terminal.any() else first_facts
    parts = without_state(model)
    moments, values = values_of([truth_of(part, context) for part in parts], entries, first_facts, facts)
    inside = np.flatnonzero(entered(moments, entries, len(context.block)))
    keys, truths = moments[inside], {part: value[inside] for part, value in zip(parts, values, strict=True)}
    # A customer without facts can only be where a stage claims such customers.
    has_facts = None if entries is first_facts else entered(keys, first_facts, len(context.block))
    fresh = Moments(keys).among(facts) | starts(keys) if terminal.any() else None
    if model.is_settling and (fresh is not None or model.remembers):
        return walked(model, context, keys, truths, has_facts, fresh)
    stages = np.full(len(keys), UNSTAGED, dtype=np.int64)
    for place in reversed(range(len(model.stages))):
        holds = truths[model.stages[place].rule] == TRUE
        if has_facts is not None and not model.stages[place].without_facts:
            holds &= has_facts
        stages[holds] = place
    if model.is_settling:
        return settled(model, History.of(keys, stages))
    return History.of(keys, stages if fresh is None else _held(stages, terminal, fresh))


def _held(stages: np.ndarray, terminal: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Return the stages with terminal ones held until the next fact."""
    if not len(stages):
        return stages
    places = np.arange(len(stages))
    ended = np.where((stages >= 0) & terminal[stages], places, len(stages))
    # The first end in the stretch from one fact to the next.
    first = np.minimum.reduceat(ended, np.flatnonzero(fresh))[np.cumsum(fresh) - 1]
    return np.where(places > first, stages[np.minimum(first, len(stages) - 1)], stages)


_NO_DAY = -(1 << 30)


def _table(
    model: Model,
    context: EvaluationContext,
    truths: list[Truth],
    history: History,
    overrides: Overrides | None,
    evaluated: History,
    passed: tuple[np.ndarray, np.ndarray] | None,
) -> pa.Table:
    block, keys, stages = context.block, history.keys, history.stages
    days = day_number_of(keys)
    goes_on = ~np.append(starts(keys)[1:], True)[: len(keys)]
    left = np.where(goes_on, np.append(days[1:], 0)[: len(keys)], _NO_DAY)
    follower = np.where(goes_on, np.append(stages[1:], UNSTAGED)[: len(keys)], UNSTAGED)
    # The next change of a current span is only foreseen.
    foreseen = left > block.last_day
    shown = np.flatnonzero((days <= block.last_day) & (stages >= 0))
    rows = {
        "keys": keys,
        "stage": stages,
        "left": np.where(foreseen, _NO_DAY, left),
        "next": np.where(foreseen, follower, UNSTAGED),
        "change": np.where(foreseen, left, _NO_DAY),
        "override": history.overrides,
        "towards": np.full(len(keys), UNSTAGED),
    }
    rows = {name: column[shown] for name, column in rows.items()}
    if passed is not None and len(passed[0]):
        rows = _with_passages(rows, evaluated, *passed)
    return _arrow(model, context, truths, rows, overrides)


def _with_passages(
    rows: dict[str, np.ndarray], evaluated: History, jumps: np.ndarray, steps: np.ndarray
) -> dict[str, np.ndarray]:
    """Put a span of no days before every jump for each step that it skipped."""
    nothing = np.full(len(jumps), -1)
    no_day = np.full(len(jumps), _NO_DAY)
    keys = evaluated.keys[jumps]
    added = {
        "keys": keys,
        "stage": steps,
        "left": day_number_of(keys),
        "next": nothing,
        "change": no_day,
        "override": nothing,
        "towards": evaluated.stages[jumps],
    }
    order = np.argsort(np.concatenate((keys, rows["keys"])), kind="stable")  # passages first on the same day
    return {name: np.concatenate((added[name], column))[order] for name, column in rows.items()}


def _arrow(
    model: Model,
    context: EvaluationContext,
    truths: list[Truth],
    rows: dict[str, np.ndarray],
    overrides: Overrides | None,
) -> pa.Table:
    size, who = len(rows["keys"]), who_of(rows["keys"])
    names = [stage.id for stage in model.stages]

    def dates(numbers: np.ndarray) -> pa.Array:
        return pa.array(numbers.astype(np.int32), mask=numbers == _NO_DAY).cast(DAY)

    by_rule = (rows["override"] < 0) & (rows["towards"] < 0)
    keys, stages, moments = rows["keys"], rows["stage"], Moments(rows["keys"])
    reasons = ReasonColumns(size)
    for place, stage in enumerate(model.stages):
        entering = np.flatnonzero(by_rule & (stages == place))
        if len(entering):
            reasons.put_rule(entering, model, stage, context, keys[entering])
    if overrides is not None:
        decided = np.flatnonzero(rows["override"] >= 0)
        reasons.put(decided, [{"override": note} for note in overrides.notes], rows["override"][decided], [])
    through = np.flatnonzero(rows["towards"] >= 0)
    if len(through):
        reasons.put(through, [{"passed": stage.id} for stage in model.stages], rows["towards"][through], [])
    reason, values = reasons.arrays()
    columns = {
        "model": encoded(np.zeros(size), [model.id]),
        "version": encoded(np.zeros(size), [model.version]),
        "customer_id": context.block.ids.take(pa.array(who)),
        "stage": encoded(stages, names),
        "entered_on": dates(day_number_of(keys)),
        "left_on": dates(rows["left"]),
        "reason": reason,
        "reason_values": values,
        "cause": causes(model, context, keys, np.where(rows["towards"] < 0, stages, UNSTAGED)),
        "passed_through": pa.array(rows["towards"] >= 0),
        "cannot_judge": doubts(model, truths, moments, stages, ~by_rule),
        "next_stage": encoded(rows["next"], names),
        "next_change_on": dates(rows["change"]),
        "row": pa.array(who.astype(np.int32)),
    }
    return pa.table([columns[name] for name in ENCODED_SPANS.names], schema=ENCODED_SPANS)
