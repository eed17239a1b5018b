"""What saving a changed model would do: who would move, from where to where, and why.

Both models are staged by the same kernel as a refresh, over the same blocks, so that what is previewed is what a
refresh then does. Equal input gives equal output, down to the twenty examples.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from hashlib import md5
from heapq import nsmallest
from itertools import combinations
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number, day_of
from tenure.facts.blocks import keys_of, who_of
from tenure.facts.schema import TEXT
from tenure.facts.slices import slices_of
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED, Model
from tenure.lifecycle.model_file import read
from tenure.lifecycle.published import compared_now, populations_read, published_for, with_populations
from tenure.lifecycle.reasons import Reason
from tenure.lifecycle.spans import entries_of, judged, stage_block, streams_needed
from tenure.lifecycle.statistics import UndoneMoves, undone_moves
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.steps import Moments
from tenure.rules.evaluation.truth import TRUE, truth_of
from tenure.rules.syntax.tree import Otherwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from tenure.facts.lake import Lake

EXAMPLES = 20
OVERLAPS = 10
_CENTS = 10_000
Pair = tuple[str, str]  # of stage ids, UNSTAGED or NOT_IN_MODEL


@dataclass(frozen=True, slots=True)
class StageMove:
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

    as_of: date
    customers: int  # all customers looked at
    value: float  # their net sales up to the day, and those of the customers who would move
    value_moved: float
    before: dict[str, int]  # customers per stage; UNSTAGED and NOT_IN_MODEL too
    after: dict[str, int]
    moves: tuple[StageMove, ...]  # from where to where, most customers first. Nobody who stays is among them.
    examples: tuple[Example, ...]  # at most twenty, from every move some
    overlapping: int  # customers for whom more than one rule holds (``otherwise`` is not counted)
    overlaps: tuple[Overlap, ...]  # which pairs of rules, most customers first
    nobody: tuple[str, ...]  # stages that hold nobody on the day
    # of these, those whose own rule does hold for somebody: an earlier stage takes them all
    shadowed: tuple[str, ...]
    # moves of the last year, and those whose stage did not last; of the model before None when there is none
    undone_before: UndoneMoves | None
    undone: UndoneMoves

    @property
    def moved(self) -> int:
        return sum(move.customers for move in self.moves)

    def as_json(self) -> dict[str, Any]:
        undone_before = self.undone_before and self.undone_before.as_json()
        undone = {"undone_before": undone_before, "undone": self.undone.as_json()}
        return {**asdict(self), **undone, "as_of": self.as_of.isoformat(), "moved": self.moved}


def compare_lake(
    lake: Lake,
    before: Model | None,
    after: Model,
    *,
    as_of: date,
    on_progress: Callable[[int, int], None] | None = None,
) -> Preview:
    """Compare two models on everybody in a lake, block by block."""
    models = read_by(before, after)
    needed = streams_needed(models, lake.kinds())
    with slices_of(lake, needed, subject=after.subject) as slices:
        ranges, day = slices.ranges(), day_number(as_of)
        published = published_for(lake, models)
        # What no refresh has published for this day is what the next one would publish.
        compared = compared_now(slices, populations_read(models), published, day)
        published = with_populations(published, compared)

        def contexts() -> Iterator[EvaluationContext]:
            for done, (low, high) in enumerate(ranges, 1):
                yield EvaluationContext(slices.block(low, high, day), published)
                if on_progress is not None:
                    on_progress(done, len(ranges))

        return compare_blocks(contexts(), before, after, as_of=as_of)


def count_places(lake: Lake, models: Sequence[Model], *, as_of: date) -> dict[str, Counter[str]]:
    """Return how many customers of a lake stand in each stage, and in none, under models of customers; by their ids."""
    counts: dict[str, Counter[str]] = {model.id: Counter() for model in models}
    day, published = day_number(as_of), published_for(lake, models)
    with slices_of(lake, streams_needed(models, lake.kinds()), subject="customer") as slices:
        published = with_populations(published, compared_now(slices, populations_read(models), published, day))
        for low, high in slices.ranges():
            context = EvaluationContext(slices.block(low, high, day), published)
            for model in models:
                counts[model.id].update(_standing(model, context).places.tolist())
    return counts


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
    """Counts over blocks; those who stay are a pair of the same stage twice."""

    old: Model | None
    new: Model
    people: Counter[Pair] = field(default_factory=Counter)
    worth: Counter[Pair] = field(default_factory=Counter)
    overlapping: int = 0
    overlaps: Counter[Pair] = field(default_factory=Counter)
    holding: Counter[str] = field(default_factory=Counter)
    examples: dict[Pair, list[tuple[str, Example]]] = field(default_factory=lambda: defaultdict(list))
    undone_before: UndoneMoves = field(default_factory=UndoneMoves)
    undone: UndoneMoves = field(default_factory=UndoneMoves)

    def add(self, context: EvaluationContext) -> None:
        worth = _worth(context, self.new.subject)
        before, after = _standing(self.old, context), _standing(self.new, context)
        places = {"source": pa.array(before.places, TEXT), "target": pa.array(after.places, TEXT)}
        pairs = pa.table({**places, "worth": worth})
        for row in pairs.group_by(["source", "target"]).aggregate([("worth", "count"), ("worth", "sum")]).to_pylist():
            self.people[row["source"], row["target"]] += row["worth_count"]
            self.worth[row["source"], row["target"]] += row["worth_sum"]
        self.undone_before += before.undone
        self.undone += after.undone
        self._count_overlaps(context)
        self._sample(context.block.ids, before, after, worth)

    def _count_overlaps(self, context: EvaluationContext) -> None:
        context, _, entries, _ = judged(self.new, context)
        today = Moments(keys_of(who_of(entries), np.full(len(entries), context.block.last_day)))
        rules = {stage.id: stage.rule for stage in self.new.stages if not isinstance(stage.rule, Otherwise)}
        if not rules or not len(entries):
            return
        holds = {stage: truth_of(rule, context).at(today) == TRUE for stage, rule in rules.items()}
        self.overlapping += int((np.sum(list(holds.values()), axis=0) > 1).sum())
        self.holding.update({stage: int(people.sum()) for stage, people in holds.items()})
        self.overlaps.update({pair: int((holds[pair[0]] & holds[pair[1]]).sum()) for pair in combinations(holds, 2)})

    def _sample(self, ids: pa.StringArray, before: _Standing, after: _Standing, worth: np.ndarray) -> None:
        """Keep for each move the customers whose hashed ids come first: a fair draw that is the same every time."""
        movers: dict[Pair, list[tuple[str, int]]] = defaultdict(list)
        for row in np.flatnonzero(before.places != after.places).tolist():
            digest = md5(ids[row].as_py().encode(), usedforsecurity=False).hexdigest()
            movers[before.places[row], after.places[row]].append((digest, row))
        for pair, rows in movers.items():
            for digest, row in nsmallest(EXAMPLES, rows):
                reasons, value = (before.reason(row), after.reason(row)), int(worth[row]) / _CENTS
                self.examples[pair].append((digest, Example(ids[row].as_py(), *pair, *reasons, value)))
            self.examples[pair] = nsmallest(EXAMPLES, self.examples[pair], key=itemgetter(0))

    def preview(self, as_of: date) -> Preview:
        order = sorted(
            (pair for pair in self.people if pair[0] != pair[1]), key=lambda pair: (-self.people[pair], pair)
        )
        overlaps = sorted((+self.overlaps).items(), key=lambda item: (-item[1], item[0]))
        after = self._places(self.new, 1)
        nobody = tuple(stage.id for stage in self.new.stages if not after[stage.id])
        # Examples are drawn from every move in turn, the bigger moves first, so that no kind of move stays unseen.
        turns = [(turn, rank) for rank, pair in enumerate(order) for turn in range(len(self.examples[pair]))]
        drawn = sorted(sorted(turns)[:EXAMPLES], key=itemgetter(1))
        return Preview(
            as_of=as_of,
            customers=self.people.total(),
            value=self.worth.total() / _CENTS,
            value_moved=sum(self.worth[pair] for pair in order) / _CENTS,
            before=self._places(self.old, 0),
            after=after,
            moves=tuple(StageMove(*pair, self.people[pair], self.worth[pair] / _CENTS) for pair in order),
            examples=tuple(self.examples[order[rank]][turn][1] for turn, rank in drawn),
            overlapping=self.overlapping,
            overlaps=tuple(Overlap(*pair, count) for pair, count in overlaps[:OVERLAPS]),
            nobody=nobody,
            shadowed=tuple(stage for stage in nobody if self.holding[stage]),
            undone_before=self.undone_before if self.old else None,
            undone=self.undone,
        )

    def _places(self, model: Model | None, side: int) -> dict[str, int]:
        """Return how many customers stand in each stage, in the order of life, and in none."""
        counts = dict.fromkeys([*(model.path if model else ()), UNSTAGED, NOT_IN_MODEL], 0)
        for pair, people in self.people.items():
            counts[pair[side]] += people
        return counts


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where every customer of a block stands on its last day under a model."""

    places: np.ndarray  # stages, or why there is none
    spans: pa.Table  # the current ones
    rows: np.ndarray  # the row of each customer among them, or -1
    undone: UndoneMoves = field(default_factory=UndoneMoves)

    def reason(self, customer: int) -> Reason | None:
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
    spans = stage_block(model, context).spans.select(SPANS.names).cast(SPANS)
    with duckdb.connect() as con:
        con.register("spans", spans)
        undone = undone_moves(con, day_of(block.last_day)).get(model.id, UndoneMoves())
    spans = spans.filter(pc.is_null(spans.column("left_on")))
    customers = pc.index_in(spans.column("customer_id"), block.ids).to_numpy()
    places[customers] = spans.column("stage").to_numpy(zero_copy_only=False)
    rows[customers] = np.arange(len(spans))
    return _Standing(places, spans, rows, undone)


def _worth(context: EvaluationContext, subject: str) -> np.ndarray:
    """Return every customer's net sales up to the block's last day, in ten-thousandths."""
    block = context.block
    today = Moments(keys_of(np.arange(len(block)), np.full(len(block), block.last_day)))
    amount = next(part for part in _value_model(subject).stages[0].rule.walk() if part.type == "number")
    worth: np.ndarray = np.rint(context.values(amount, today).value * _CENTS).astype(np.int64)
    return worth
