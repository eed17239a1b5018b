"""Why a customer is in a stage: the rule, and the values of its measures on the day of entering, as data.

A span keeps its reason in two columns. ``reason`` holds what many spans share, as JSON: the rule and its measures
(with attributes, which are texts), a person's note, or the stage on the way to which this one was passed through.
``reason_values`` holds the measures' values, in their order. So a reason costs a few numbers to write, can be read
without the model's file, and becomes words only for its reader.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import TEXT
from tenure.lifecycle.history import SPANS
from tenure.rules.evaluation.steps import Moments
from tenure.rules.evaluation.truth import TRUE, UNKNOWN, Truth, truth_of
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.tree import Otherwise, measures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.lifecycle.model import Model, Stage
    from tenure.rules.evaluation.compute import EvaluationContext

Value = float | str | bool | None
_DOUBTS = "; cannot judge: "


# Making reasons


class ReasonColumns:
    """The reasons of many spans as they are made: equal texts once, and the values of all measures."""

    def __init__(self, size: int) -> None:
        self._codes = np.zeros(size, dtype=np.int32)
        self._texts: list[str] = []
        self._widths = np.zeros(size, dtype=np.int32)
        self._values: list[tuple[np.ndarray, list[np.ndarray]]] = []

    def put(
        self, rows: np.ndarray, shared: list[dict[str, Any]], codes: np.ndarray | int, values: list[np.ndarray]
    ) -> None:
        """Give some rows one of the shared parts each, and a value per measure."""
        self._codes[rows] = codes + len(self._texts)
        self._texts += [json.dumps(part, ensure_ascii=False) for part in shared]
        self._widths[rows] = len(values)
        self._values.append((rows, values))

    def arrays(self) -> tuple[pa.Array, pa.Array]:
        """Return the columns ``reason`` and ``reason_values``."""
        offsets = np.concatenate(([0], np.cumsum(self._widths))).astype(np.int32)
        numbers = np.empty(offsets[-1])
        for rows, values in self._values:
            first = offsets[rows]
            for place, column in enumerate(values):
                numbers[first + place] = column
        known = pa.array(numbers, from_pandas=True)  # NaN, an unknown value, becomes null
        return encoded(self._codes, self._texts), pa.ListArray.from_arrays(pa.array(offsets), known)

    def put_rule(
        self, rows: np.ndarray, model: Model, stage: Stage, context: EvaluationContext, keys: np.ndarray
    ) -> None:
        """Give rows that entered a stage by its rule, at some moments, this rule and the values of its measures.

        For ``otherwise`` these are the measures of all rules, as none of them held.
        """
        rules = [other.rule for other in model.stages] if isinstance(stage.rule, Otherwise) else [stage.rule]
        measures = tuple(dict.fromkeys(measure for rule in rules for measure in measures_of(rule)))
        moments = Moments(keys).with_origins(context.block.origins)
        values = []
        for measure in measures:
            if measure.is_text:  # its text stands in the shared part
                values.append(np.full(len(moments), np.nan))
                continue
            numbers = context.values(measure, moments)
            known = numbers.known
            values.append(numbers.value if known is None else np.where(known, numbers.value, np.nan))
        shared = {"rule": str(stage.rule), "measures": [str(measure) for measure in measures]}
        texts = {str(measure): context.texts(measure) for measure in measures if measure.is_text}
        if not texts:
            self.put(rows, [shared], 0, values)
            return
        codes = np.stack([steps.at(moments) for steps in texts.values()])
        combinations, places = np.unique(codes, axis=1, return_inverse=True)
        parts = [
            {
                name: str(steps.names[code])
                for (name, steps), code in zip(texts.items(), given, strict=True)
                if code >= 0
            }
            for given in combinations.T.tolist()
        ]
        self.put(rows, [{**shared, "texts": part} for part in parts], places.astype(np.int32), values)


def doubts(
    model: Model, truths: Sequence[Truth], moments: Moments, stages: np.ndarray, by_hand: np.ndarray
) -> pa.Array:
    """Return which stages before the one entered could not be judged, as their ids with commas between."""
    codes = np.zeros(len(moments), dtype=np.int64)
    for place, truth in enumerate(truths):
        if (truth.values == UNKNOWN).any():
            codes |= ((truth.at(moments) == UNKNOWN) & (stages > place) & ~by_hand).astype(np.int64) << place
    if not codes.any():
        return encoded(np.full(len(codes), -1), ())
    different = np.flatnonzero(np.bincount(codes)) if len(model.stages) < 20 else np.unique(codes)
    names = [
        ",".join(stage.id for place, stage in enumerate(model.stages) if code >> place & 1)
        for code in different.tolist()
    ]
    return encoded(np.where(codes == 0, -1, np.searchsorted(different, codes)), names)


def causes(model: Model, context: EvaluationContext, keys: np.ndarray, stages: np.ndarray) -> pa.Array:
    """Return for each entering of a setback the first of its causes that holds on that day."""
    codes = np.full(len(keys), -1)
    ids: list[str] = []
    for place, stage in enumerate(model.stages):
        if not stage.causes:
            continue
        rows = np.flatnonzero(stages == place)
        moments = Moments(keys[rows])
        for cause in reversed(stage.causes):
            codes[rows[truth_of(cause.rule, context).at(moments) == TRUE]] = len(ids)
            ids.append(cause.id)
    return encoded(codes, ids)


def encoded(codes: np.ndarray, texts: Sequence[str]) -> pa.DictionaryArray:
    """Return a column of texts by their positions, null where the position is negative."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, TEXT))


# Reading reasons


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a customer is in a stage."""

    rule: str = ""  # the rule as it is written in the model
    measures: tuple[tuple[str, Value], ...] = ()  # its measures and their values; None is unknown
    note: str | None = None  # a person's reason, where a person decided
    towards: str | None = None  # the stage on the way to which this one was only passed through
    doubts: tuple[str, ...] = ()  # stages tried before that could not be judged

    @classmethod
    def read(cls, reason: str | None, values: Sequence[float | None] | None, cannot_judge: str | None = None) -> Reason:
        """Return a reason from a span's columns."""
        shared = _shared(reason or "{}")
        measures = shared.get("measures", ())
        texts = shared.get("texts", {})
        pairs = zip(measures, values or (), strict=True)
        return cls(
            rule=shared.get("rule", ""),
            measures=tuple((name, texts.get(name, _typed(name, value))) for name, value in pairs),
            note=shared.get("override"),
            towards=shared.get("passed"),
            doubts=tuple(stage for stage in (cannot_judge or "").split(",") if stage),
        )

    def __str__(self) -> str:
        """Return the reason in one line, in the rule's own terms."""
        before, after = self._around
        values = ", ".join(f"{name} = {value_in_words(value)}" for name, value in self.measures)
        return before + values + after + (f"{_DOUBTS}{','.join(self.doubts)}" if self.doubts else "")

    @property
    def _around(self) -> tuple[str, str]:
        """What stands before and after the values in the line."""
        if self.note is not None:
            return f"override: {self.note}", ""
        if self.towards is not None:
            return f"passed through on the way to {self.towards}", ""
        return (f"{self.rule} [", "]") if self.measures else (self.rule, "")


@lru_cache(maxsize=1024)
def _shared(reason: str) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(reason)
    return parts


def _typed(measure: str, value: float | None) -> Value:
    signature = MEASURES.get(measure.partition("(")[0])
    return value > 0 if value is not None and signature is not None and signature.returns == "truth" else value


def value_in_words(value: Value) -> str:
    """Return a measure's value as a short text, a number as short as it is exact to four decimals."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:.4f}".rstrip("0").rstrip(".")


def with_because(spans: pa.Table) -> pa.Table:
    """Return encoded spans with ``because``, each reason in one line, in place of the two columns of it as data."""
    place = spans.column_names.index("reason")
    schema = SPANS.remove(place + 1).set(place, pa.field("because", TEXT))
    if not len(spans):
        return schema.empty_table()
    column, lists = (spans.column(name).combine_chunks() for name in ("reason", "reason_values"))
    codes = column.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(column.dictionary) + 1))
    offsets, numbers = lists.offsets.to_numpy(), lists.values.to_numpy(zero_copy_only=False)
    lines = []
    for code, text in enumerate(column.dictionary.to_pylist()):
        first = offsets[order[bounds[code] : bounds[code + 1]]]  # where each row's values begin
        lines.append(_lines(text, first, numbers))
    because = pa.concat_arrays(lines).take(pa.array(np.argsort(order, kind="stable")))
    doubting = spans.column("cannot_judge").cast(TEXT).combine_chunks()
    because = pc.binary_join_element_wise(because, doubting, _DOUBTS, null_handling="skip")
    return spans.add_column(place, "because", because).select(schema.names).cast(schema)


def _lines(reason: str, first: np.ndarray, numbers: np.ndarray) -> pa.Array:
    """Return the lines of rows that share a reason; equal values are put into words once."""
    measures = _shared(reason).get("measures", ())
    example = Reason.read(reason, [None] * len(measures))
    before, after = example._around
    columns = []
    for place, (name, text) in enumerate(example.measures):
        different, codes = np.unique(numbers[first + place], return_inverse=True)
        values = [text if np.isnan(number) else _typed(name, number) for number in different.tolist()]
        columns.append(pa.array([f"{name} = {value_in_words(value)}" for value in values], TEXT).take(pa.array(codes)))
    if not columns:
        return pa.repeat(pa.scalar(before + after, TEXT), len(first))
    joined = pc.binary_join_element_wise(*columns, ", ")
    return pc.binary_join_element_wise(before, joined, after, "").cast(TEXT)
