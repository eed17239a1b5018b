"""What saving a changed model would do: who would move, from where to where, and why.

Both models are staged by the same kernel as a
refresh, over the same blocks, so that what is previewed is what a refresh then does. Equal input gives equal output,
down to the twenty examples.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from hashlib import md5
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.facts.blocks import block_of, keys_of, who_of
from tenure.facts.completing import completed
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.slices import RECORDS, slices_of
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import read
from tenure.lifecycle.reasons import Reason
from tenure.lifecycle.spans import entries_of, stage_block, streams_needed, streams_of
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.steps import Moments
from tenure.rules.evaluation.truth import TRUE, truth_of
from tenure.rules.syntax.tree import Otherwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date

    from tenure.facts.lake import Lake

#: Where a customer can be besides in a stage: in the model but in no stage, and not in the model at all.
UNSTAGED, NOT_IN_MODEL = "-none-", "-outside-"
EXAMPLES = 20
PAIRS = 10
_CENTS = 10_000


@dataclass(frozen=True, slots=True)
class StageMove:
    """Customers who would go from one stage to another."""

    source: str
    target: str
    customers: int
    value: float


@dataclass(frozen=True, slots=True)
class Example:
    """One customer who would move, with the reason on either side."""

    customer_id: str
    source: str
    target: str
    reason_before: Reason | None
    reason: Reason | None
    value: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Customers for whom two rules hold at once; the first one wins."""

    first: str
    second: str
    customers: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What the changed model does on a day."""

    as_of: date  # the day
    customers: int  # all customers looked at
    value: float  # their net sales up to the day, and those of the customers who would move
    value_moved: float
    before: dict[str, int]  # customers per stage; ``UNSTAGED`` and ``NOT_IN_MODEL`` too
    after: dict[str, int]
    moves: tuple[StageMove, ...]  # from where to where, most customers first. Nobody who stays is among them.
    examples: tuple[Example, ...]  # at most twenty, from every move some
    overlapping: int  # customers for whom more than one rule holds (``otherwise`` is not counted)
    overlaps: tuple[Overlap, ...]  # which pairs of rules, most customers first
    nobody: tuple[str, ...]  # stages that hold nobody on the day
    # of these, those whose own rule does hold for somebody: an earlier stage takes them all
    shadowed: tuple[str, ...]

    @property
    def moved(self) -> int:
        """How many customers would be elsewhere."""
        return sum(move.customers for move in self.moves)

    def as_json(self) -> dict[str, Any]:
        """Return the preview as plain lists and mappings."""
        return {**asdict(self), "as_of": self.as_of.isoformat(), "moved": self.moved}


def compare(
    facts: Mapping[str, pa.Table],
    before: Model | None,
    after: Model,
    *,
    as_of: date,
    tz: str = "UTC",
    customers: pa.Table | None = None,
    kinds: Mapping[str, Kind] = KINDS,
) -> Preview:
    """Compare two models on some fact tables."""
    block = block_of(
        streams_of({name: completed(name, table) for name, table in facts.items()}, read_by(before, after), kinds),
        tz=tz,
        last_day=day_number(as_of),
        customers=completed("customers", customers) if customers is not None else None,
        kinds=kinds,
        subject=after.subject,
    )
    return compare_blocks([EvaluationContext(block)], before, after, as_of=as_of)


def compare_lake(
    lake: Lake,
    before: Model | None,
    after: Model,
    *,
    as_of: date,
    on_progress: Callable[[int, int], None] | None = None,
) -> Preview:
    """Compare two models on everybody in a lake, block by block."""
    day = day_number(as_of)
    needed = streams_needed(read_by(before, after), lake.kinds())
    if after.subject == "customer":
        needed[RECORDS] = ()
    with slices_of(lake, needed, subject=after.subject) as slices:
        ranges = slices.ranges()

        def contexts() -> Iterator[EvaluationContext]:
            for done, (low, high) in enumerate(ranges):
                yield EvaluationContext(slices.block(low, high, day))
                if on_progress is not None:
                    on_progress(done + 1, len(ranges))

        return compare_blocks(contexts(), before, after, as_of=as_of)


def compare_blocks(
    contexts: Iterable[EvaluationContext], before: Model | None, after: Model, *, as_of: date
) -> Preview:
    """Compare two models on blocks of customers, one after the other; only counts are kept."""
    tally = _Tally(before if before is not None and before.subject == after.subject else None, after)
    for context in contexts:
        tally.add(context)
    return tally.preview(as_of)


def read_by(before: Model | None, after: Model) -> list[Model]:
    """Return what the blocks of a comparison must hold the facts for: both models and the customers' value."""
    return [*([before] if before is not None else []), after, _value_model(after.subject)]


def _value_model(subject: str) -> Model:
    value = "sum(line.amount)" if subject == "product" else "sum(order.amount) + sum(refund.amount)"
    return read({"id": "value", "subject": subject, "stages": [{"id": "any", "when": f"{value} > 0"}]})


@dataclass
class _Tally:
    """Counts over blocks."""

    old: Model | None
    new: Model
    customers: int = 0
    value: int = 0
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    worth: Counter[tuple[str, str]] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    overlapping: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    holding: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[tuple[str, Example]]] = field(default_factory=dict)

    def add(self, context: EvaluationContext) -> None:
        """Count one block."""
        block = context.block
        self.customers += len(block)
        worth = _worth(context, self.new.subject)
        self.value += int(worth.sum())
        before, after = _standing(self.old, context), _standing(self.new, context)
        self._count(before.places, after.places, worth)
        self._overlaps(context)
        self._sample(block.ids, before, after, worth)

    def _count(self, source: np.ndarray, target: np.ndarray, worth: np.ndarray) -> None:
        for places, counter in ((source, self.before), (target, self.after)):
            names, counts = np.unique(places.astype(str), return_counts=True)
            counter.update(dict(zip(names.tolist(), counts.tolist(), strict=True)))
        went = np.flatnonzero(source != target)
        pairs, numbers = _pairs(source[went], target[went])
        counts = np.bincount(numbers, minlength=len(pairs))
        sums = np.zeros(len(pairs), dtype=np.int64)
        np.add.at(sums, numbers, worth[went])
        for pair, count, total in zip(pairs, counts.tolist(), sums.tolist(), strict=True):
            self.moved[pair] += count
            self.worth[pair] += total

    def _overlaps(self, context: EvaluationContext) -> None:
        entries = entries_of(self.new, context)[1]
        if not len(entries):
            return
        today = Moments(keys_of(who_of(entries), np.full(len(entries), context.block.last_day)))
        rules = [stage for stage in self.new.stages if not isinstance(stage.rule, Otherwise)]
        holds = [truth_of(stage.rule, context).at(today) == TRUE for stage in rules]
        self.overlapping += int((np.sum(holds, axis=0) > 1).sum()) if holds else 0
        for n, first in enumerate(rules):
            self.holding[first.id] += int(holds[n].sum())
            for m in range(n + 1, len(rules)):
                both = int((holds[n] & holds[m]).sum())
                if both:
                    self.pairs[first.id, rules[m].id] += both

    def _sample(self, ids: pa.StringArray, before: _Standing, after: _Standing, worth: np.ndarray) -> None:
        """Keep for each move the customers whose hashed ids come first: a fair draw that is the same every time."""
        went = np.flatnonzero(before.places != after.places)
        pairs, numbers = _pairs(before.places[went], after.places[went])
        for number, pair in enumerate(pairs):
            rows = went[numbers == number]
            hashed = ((md5(ids[int(row)].as_py().encode(), usedforsecurity=False), int(row)) for row in rows)
            kept = self.examples.setdefault(pair, [])
            for digest, row in sorted((digest.hexdigest(), row) for digest, row in hashed)[:EXAMPLES]:
                value = int(worth[row]) / _CENTS
                kept.append((digest, Example(ids[row].as_py(), *pair, before.reason(row), after.reason(row), value)))
            kept.sort(key=itemgetter(0))
            del kept[EXAMPLES:]

    def preview(self, as_of: date) -> Preview:
        """Return what was counted."""
        order = sorted(self.moved, key=lambda pair: (-self.moved[pair], pair))
        moves = tuple(StageMove(*pair, self.moved[pair], self.worth[pair] / _CENTS) for pair in order)
        overlaps = sorted(self.pairs.items(), key=lambda item: (-item[1], item[0]))
        nobody = tuple(stage.id for stage in self.new.stages if not self.after[stage.id])
        return Preview(
            as_of=as_of,
            customers=self.customers,
            value=self.value / _CENTS,
            value_moved=sum(self.worth.values()) / _CENTS,
            before=_in_order(self.old, self.before),
            after=_in_order(self.new, self.after),
            moves=moves,
            examples=self._drawn(order),
            overlapping=self.overlapping,
            overlaps=tuple(Overlap(*pair, count) for pair, count in overlaps[:PAIRS]),
            nobody=nobody,
            shadowed=tuple(stage for stage in nobody if self.holding[stage]),
        )

    def _drawn(self, order: list[tuple[str, str]]) -> tuple[Example, ...]:
        """Draw from every move in turn, the bigger moves first, so that no kind of move stays unseen."""
        drawn: list[tuple[int, Example]] = []
        for turn in range(EXAMPLES):
            for rank, pair in enumerate(order):
                if turn < len(self.examples[pair]) and len(drawn) < EXAMPLES:
                    drawn.append((rank, self.examples[pair][turn][1]))
        return tuple(example for _rank, example in sorted(drawn, key=itemgetter(0)))


def _in_order(model: Model | None, counts: Counter[str]) -> dict[str, int]:
    places = [*(model.path if model else ()), *(stage.id for stage in (model.stages if model else ()))]
    return {place: counts[place] for place in dict.fromkeys([*places, UNSTAGED, NOT_IN_MODEL])}


def _pairs(source: np.ndarray, target: np.ndarray) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Return the different pairs, and which of them each row is."""
    if not len(source):
        return [], np.empty(0, dtype=np.int64)
    names, codes = np.unique(np.concatenate([source, target]).astype(str), return_inverse=True)
    both = codes[: len(source)] * len(names) + codes[len(source) :]
    different, numbers = np.unique(both, return_inverse=True)
    pairs = [(str(names[code // len(names)]), str(names[code % len(names)])) for code in different.tolist()]
    return pairs, numbers


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where every customer of a block stands on its last day under a model."""

    places: np.ndarray  # stages, or why there is none
    spans: pa.Table  # the current ones
    rows: np.ndarray  # the row of each customer among them, or -1

    def reason(self, customer: int) -> Reason | None:
        """Return why a customer stands there."""
        if self.rows[customer] < 0:
            return None
        span = self.spans.slice(self.rows[customer], 1).to_pylist()[0]
        return Reason.read(span["reason"], span["reason_values"], span["cannot_judge"])


def _standing(model: Model | None, context: EvaluationContext) -> _Standing:
    block = context.block
    places, rows = np.full(len(block), NOT_IN_MODEL, dtype=object), np.full(len(block), -1)
    if model is None:
        return _Standing(places, SPANS.empty_table(), rows)
    places[who_of(entries_of(model, context)[1])] = UNSTAGED
    spans = stage_block(model, context).cast(SPANS)
    spans = spans.filter(pc.is_null(spans.column("left_on")))
    customers = pc.index_in(spans.column("customer_id"), block.ids).to_numpy()
    places[customers] = spans.column("stage").to_numpy(zero_copy_only=False)
    rows[customers] = np.arange(len(spans))
    return _Standing(places, spans, rows)


def _worth(context: EvaluationContext, subject: str) -> np.ndarray:
    """Return every customer's net sales up to the block's last day, in ten-thousandths."""
    block = context.block
    today = Moments(keys_of(np.arange(len(block)), np.full(len(block), block.last_day)))
    amount = next(part for part in _value_model(subject).stages[0].rule.walk() if part.type == "number")
    worth: np.ndarray = np.rint(context.values(amount, today).value * _CENTS).astype(np.int64)
    return worth
