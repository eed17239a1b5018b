"""Why a customer is in a stage: the rule, and the measures that made it true on the day of entering.

Answers the column ``because``, for millions of spans at once: equal reasons are written once and pointed to.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import who_of
from tenure.facts.schema import TEXT
from tenure.rules.evaluation.steps import starts
from tenure.rules.evaluation.truth import TRUE, UNKNOWN, Truth, truth_of
from tenure.rules.syntax.tree import Measure, Node, Otherwise, measures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.lifecycle.model import Model, Stage
    from tenure.rules.evaluation.compute import Reading


class Decisions(Protocol):
    """What people decided, see :class:`tenure.lifecycle.spans.Overrides`."""

    @property
    def reasons(self) -> list[str]:
        """The words of each decision."""
        ...


def reasons(
    model: Model,
    reading: Reading,
    truths: Sequence[Truth],
    keys: np.ndarray,
    stages: np.ndarray,
    overridden: np.ndarray,
    overrides: Decisions | None,
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return why, after which cause, and with which stages not to be judged, customers entered stages."""
    because = _Texts(len(keys))
    cause = _Texts(len(keys))
    doubts = _doubts(model, truths, keys, stages, overridden)
    for n, stage in enumerate(model.stages):
        rows = np.flatnonzero((stages == n) & (overridden < 0))
        if len(rows):
            because.put(rows, *_told(stage.rule, _looked_at(model, stage), reading, keys[rows]))
        if stage.causes:
            _put_causes(cause, stage, reading, keys, np.flatnonzero(stages == n))
    if overrides is not None and (overridden >= 0).any():
        rows = np.flatnonzero(overridden >= 0)
        because.put(rows, [f"override: {why}" for why in overrides.reasons], overridden[rows])
    doubting = doubts.array()
    told = because.array()
    if doubting.null_count < len(doubting):
        note = pc.binary_join_element_wise(told, doubting, "; cannot judge: ", null_handling="skip")
        told = note.cast(TEXT)
    return told, cause.array(), doubting


class _Texts:
    """A text column in which equal texts are written once."""

    def __init__(self, size: int) -> None:
        self.codes = np.full(size, -1, dtype=np.int64)
        self.texts: list[str] = []

    def put(self, rows: np.ndarray, texts: list[str], codes: np.ndarray) -> None:
        self.codes[rows] = codes + len(self.texts)
        self.texts += texts

    def array(self) -> pa.Array:
        return pa.array(self.texts, TEXT).take(pa.array(self.codes, mask=self.codes < 0))


def _looked_at(model: Model, stage: Stage) -> tuple[Measure, ...]:
    """Return the measures to tell: the rule's own, or for otherwise those of all rules that did not hold."""
    if not isinstance(stage.rule, Otherwise):
        return measures_of(stage.rule)
    return tuple(dict.fromkeys(measure for other in model.stages for measure in measures_of(other.rule)))


def _told(
    rule: Node, measures: tuple[Measure, ...], reading: Reading, keys: np.ndarray
) -> tuple[list[str], np.ndarray]:
    """Return the different reasons in words, and which of them each row has."""
    columns = [_readable(measure, reading, keys) for measure in measures]
    codes = np.zeros(len(keys), dtype=np.int64)
    for words, column in columns:
        codes = codes * len(words) + column
        _, codes = np.unique(codes, return_inverse=True)  # keeps the numbers small, however many measures there are
    first = np.unique(codes, return_index=True)[1]
    parts = [[words[place] for place in column[first]] for words, column in columns]
    text = str(rule)
    if not parts:
        return [text] * len(first), codes
    return [f"{text} [{', '.join(row)}]" for row in zip(*parts, strict=True)], codes


def _readable(measure: Measure, reading: Reading, keys: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the different readings of a measure, such as ``count(order) = 3``, and which each row has."""
    name = str(measure)
    if measure.name == "attribute":
        values = reading.texts(measure)
        given = np.array(["unknown" if values[who] is None else str(values[who]) for who in who_of(keys)], dtype=object)
        words, codes = np.unique(given.astype(str), return_inverse=True)
        return [f"{name} = {word}" for word in words], codes
    read = reading.values(measure, keys)
    numbers = np.where(read.known, read.now, np.nan) if read.known is not None else read.now
    different, codes = np.unique(numbers, return_inverse=True)
    say = _yes_or_no if measure.returns == "truth" else in_words
    return [f"{name} = {say(number)}" for number in different.tolist()], codes


def _yes_or_no(number: float) -> str:
    return "yes" if number > 0 else "no"


def in_words(number: float) -> str:
    """Return a number as short as it is exact to four decimals; ``unknown`` for NaN."""
    if math.isnan(number):
        return "unknown"
    return f"{number:.4f}".rstrip("0").rstrip(".")


def _doubts(
    model: Model, truths: Sequence[Truth], keys: np.ndarray, stages: np.ndarray, overridden: np.ndarray
) -> _Texts:
    """Return which stages before the taken one could not be judged."""
    codes = np.zeros(len(keys), dtype=np.int64)
    for n, truth in enumerate(truths):
        if (truth.values == UNKNOWN).any():
            # Moments of an override may lie before the entry, where there is no truth to look up.
            place = np.searchsorted(truth.keys, keys, side="right") - 1
            found = (place >= 0) & (who_of(truth.keys[place]) == who_of(keys))
            codes |= (found & (truth.values[place] == UNKNOWN) & (stages > n) & (overridden < 0)).astype(np.int64) << n
    texts = _Texts(len(keys))
    different, places = np.unique(codes, return_inverse=True)
    names = [",".join(stage.id for n, stage in enumerate(model.stages) if code >> n & 1) for code in different.tolist()]
    rows = np.flatnonzero(codes)
    texts.put(rows, names, places[rows])
    return texts


def _put_causes(column: _Texts, stage: Stage, reading: Reading, keys: np.ndarray, rows: np.ndarray) -> None:
    """Record for each entering of a setback the first cause that holds on that day."""
    if not len(rows):
        return
    moments = keys[rows]
    chosen = np.full(len(rows), -1)
    for n, cause in enumerate(stage.causes):
        first = moments[starts(moments)]
        truth = truth_of(cause.rule, reading, first)
        chosen[(chosen < 0) & (truth.at(moments) == TRUE)] = n
    found = chosen >= 0
    column.put(rows[found], [cause.id for cause in stage.causes], chosen[found])
