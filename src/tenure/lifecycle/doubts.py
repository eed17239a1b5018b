"""Doubts: from when to when a stage could not be judged, because its rule was unknown.

A doubt counts only while it matters: a later stage in written order was taken, or none, so the unknown rule might have
taken the customer. Doubts begin and end on days of their own, whatever stage the customer is in meanwhile. Those ahead
are what time alone will bring, like a span's next change, so a doubt stays right until a new fact comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import SHIFT, day_number_of, who_of
from tenure.facts.schema import DAY, TEXT
from tenure.lifecycle.history import UNSTAGED, History, entry_of, in_memory
from tenure.lifecycle.reasons import encoded
from tenure.rules.evaluation.steps import Moments, is_origin, merge, ragged
from tenure.rules.evaluation.truth import UNKNOWN, Truth, truth_of
from tenure.rules.evaluation.windows import NEVER
from tenure.rules.syntax.tree import And, Not, Or, RuleNode, measures_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tenure.lifecycle.model import Model
    from tenure.lifecycle.overrides import Overrides
    from tenure.rules.evaluation.compute import EvaluationContext
    from tenure.rules.syntax.tree import Measure

DOUBTS = pa.schema(
    {
        "model": TEXT,
        "version": TEXT,
        "customer_id": TEXT,
        "stage": TEXT,  # which could not be judged
        "entered_on": DAY,
        "left_on": DAY,  # the first day on which it can be judged; null when only a new fact can end it
        "missing_facts": TEXT,  # fact kinds and attributes that were unknown on the first day, comma-separated
    }
)
ENCODED_DOUBTS = in_memory(DOUBTS)
_DECIDED = -2  # by a person


def doubts_of(
    model: Model,
    context: EvaluationContext,
    truths: Sequence[Truth],
    history: History,
    entries: tuple[np.ndarray, np.ndarray],
    overrides: Overrides | None,
) -> pa.Table:
    """Return the doubts of a block of customers, sorted by customer and day.

    `entries` are the moments of everybody's first fact and of entering the model; before a first fact only a stage that
    claims customers without facts can be in doubt.
    """
    first_facts, known_from = (entry_of(keys, len(context.block)) for keys in entries)
    cuts, stages = history.keys, history.stages
    if overrides is not None and len(cuts):
        cuts = merge(cuts, overrides.starts, overrides.known_ends)
        stages = stages[Moments(cuts).place(history.keys)]
        # A stage that a person decided is beyond doubt.
        stages = np.where(overrides.holding(cuts) >= 0, _DECIDED, stages)
    parts, texts = [np.empty((4, 0), dtype=np.int64)], [""]
    for place, (stage, truth) in enumerate(zip(model.stages, truths, strict=True)):
        begin, end = _unknown(truth, known_from if stage.without_facts else first_facts)
        if len(begin):
            begin, end = _while_open(begin, end, cuts, (stages > place) | (stages == UNSTAGED))
        if len(begin):
            missing, names = _missing(stage.rule, context, begin)
            parts.append(np.array([begin, end, np.full(len(begin), place), missing + len(texts)]))
            texts += names
    if len(parts) == 1:
        return ENCODED_DOUBTS.empty_table()
    columns = np.concatenate(parts, axis=1)
    return _table(model, context, columns[:, np.argsort(columns[0], kind="stable")], texts)


def _unknown(truth: Truth, entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return from which to which moment a rule is unknown, from each customer's entry on."""
    places = np.flatnonzero(truth.values == UNKNOWN)
    begin = truth.keys[places]
    begin = np.maximum(begin, entries[who_of(begin)])
    # The customer after, whose origin comes next, bounds what has no end.
    end = truth.keys.take(places + 1, mode="clip")
    if len(places) and places[-1] + 1 == len(truth.keys):
        end[-1] = len(entries) << SHIFT
    inside = begin < end
    return begin[inside], end[inside]


def _while_open(
    begin: np.ndarray, end: np.ndarray, cuts: np.ndarray, is_open: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of some stretches in which the stage was open; parts that touch are joined."""
    first = np.searchsorted(cuts, begin, side="right") - 1
    count = np.searchsorted(cuts, end, side="left") - first
    row, piece = ragged(first, count)
    kept = is_open[piece]
    row, piece = row[kept], piece[kept]
    begin = np.maximum(begin[row], cuts[piece])
    end = np.minimum(end[row], np.append(cuts[1:], NEVER)[piece])
    apart = begin[1:] != end[:-1]
    return begin[np.append(True, apart)[: len(begin)]], end[np.append(apart, True)[: len(end)]]


def _missing(rule: RuleNode, context: EvaluationContext, keys: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return what makes a rule unknown at some moments: a code for each, and the texts of the codes."""
    moments = Moments(keys)
    unknown: dict[str, np.ndarray] = {}
    for measure, mask in _unknown_measures(rule, context, moments, np.ones(len(keys), dtype=bool)):
        for name in measure.kinds or (str(measure),):
            unknown[name] = unknown.get(name, False) | mask
    if not unknown:
        return np.zeros(len(keys), dtype=np.int64), [""]
    different, codes = np.unique(np.column_stack(list(unknown.values())), axis=0, return_inverse=True)
    return codes.ravel(), [
        ",".join(name for name, lacks in zip(unknown, row, strict=True) if lacks) for row in different
    ]


def _unknown_measures(
    node: RuleNode, context: EvaluationContext, moments: Moments, mask: np.ndarray
) -> Iterator[tuple[Measure, np.ndarray]]:
    """Yield the measures that make a rule unknown where it is, and at which moments.

    A part of the rule that is decided is not to blame.
    """
    measures = [measure for measure in measures_of(node) if not measure.of_state]
    if isinstance(node, And | Or | Not) and len(measures) == len(measures_of(node)):
        for part in node.children:
            unknown = mask & (truth_of(part, context).at(moments) == UNKNOWN)
            if unknown.any():
                yield from _unknown_measures(part, context, moments, unknown)
        return
    for measure in measures:
        if measure.is_text:
            lacks = context.texts(measure).at(moments) < 0
        else:
            known = context.values(measure, moments).known
            lacks = np.zeros(len(mask), dtype=bool) if known is None else ~known
        if (mask & lacks).any():
            yield measure, mask & lacks


def _table(model: Model, context: EvaluationContext, rows: np.ndarray, texts: list[str]) -> pa.Table:
    begin, end, places, missing = rows
    who, nothing = who_of(begin), np.zeros(len(begin))
    named = np.array([bool(text) for text in texts])[missing]
    columns = {
        "model": encoded(nothing, [model.id]),
        "version": encoded(nothing, [model.version]),
        "customer_id": context.block.ids.take(pa.array(who)),
        "stage": encoded(places, [stage.id for stage in model.stages]),
        "entered_on": pa.array(day_number_of(begin).astype(np.int32)).cast(DAY),
        "left_on": pa.array(day_number_of(end).astype(np.int32), mask=is_origin(end)).cast(DAY),
        "missing_facts": encoded(np.where(named, missing, -1), texts),
        "row": pa.array(who.astype(np.int32)),
    }
    return pa.table([columns[name] for name in ENCODED_DOUBTS.names], schema=ENCODED_DOUBTS)


def doubts_until(doubts: pa.Table, day: date) -> pa.Table:
    """Return encoded doubts as they are known on a day: those that began by then, without the ends that lie ahead."""
    doubts = doubts.filter(pc.less_equal(doubts.column("entered_on"), day)).select(DOUBTS.names).cast(DOUBTS)
    left = doubts.column("left_on")
    left = pc.if_else(pc.less_equal(left, day), left, None)
    return doubts.set_column(DOUBTS.get_field_index("left_on"), DOUBTS.field("left_on"), left)


def count_on(doubts: pa.Table, day: date) -> dict[tuple[str, str], int]:
    """Return of how many customers a stage of a model cannot be judged on a day, by model and stage."""
    entered, left = doubts.column("entered_on"), doubts.column("left_on")
    lasting = pc.and_(pc.less_equal(entered, day), pc.or_kleene(pc.is_null(left), pc.greater(left, day)))
    rows = doubts.filter(lasting).select(["model", "stage"])
    counts = rows.cast(pa.schema([DOUBTS.field(name) for name in rows.column_names])).group_by(rows.column_names)
    return {(row["model"], row["stage"]): row["count_all"] for row in counts.aggregate([([], "count_all")]).to_pylist()}
