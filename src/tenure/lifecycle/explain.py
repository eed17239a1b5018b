"""Why this stage and not another: one customer, one day, every rule.

Answers the question that a colleague asks on the customer's page. Each stage's rule is judged on the day, true, false
or unknown, with the value of every measure in it, through the same kernel as everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.clock import day_number
from tenure.facts.blocks import Block, block_of, day_number_of, keys_of, who_of
from tenure.facts.completing import completed
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.slices import slices_of
from tenure.lifecycle.because import in_words
from tenure.lifecycle.spans import entries_of, stage_block, streams_needed, streams_of
from tenure.rules.evaluation.compute import Reading
from tenure.rules.evaluation.truth import TRUE, UNKNOWN, truth_of
from tenure.rules.syntax.tree import Measure, Node, Otherwise, measures_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model, Stage


@dataclass(frozen=True, slots=True)
class Seen:
    """A measure on a day: what it is, and its value, None when unknown."""

    measure: Measure
    value: float | str | bool | None

    @property
    def words(self) -> str:
        """The value as a short text."""
        if self.value is None:
            return "unknown"
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return self.value if isinstance(self.value, str) else in_words(self.value)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A stage's rule on a day."""

    stage: Stage  # the stage
    holds: bool | None  # whether its rule holds; None is unknown. For ``otherwise``, whether no rule before it holds.
    seen: tuple[Seen, ...]  # the measures of its rule
    taken: bool  # whether this is the first that holds


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer is where they are on a day."""

    customer_id: str  # who, under which model, on which day
    model: Model
    day: date
    entered_on: date | None  # day of entering the model; None when the customer is not in it by that day
    stage: str | None  # the stage on that day, overrides and the model's manners included
    because: str  # the reason recorded with the span
    judgements: tuple[Judgement, ...]  # every stage's rule, in the order in which they are tried


def explain(
    facts: Mapping[str, pa.Table],
    model: Model,
    customer_id: str,
    day: date,
    tz: str = "UTC",
    *,
    customers: pa.Table | None = None,
    kinds: Mapping[str, Kind] = KINDS,
) -> Explanation:
    """Explain one customer's stage on a day."""
    import pyarrow.compute as pc

    def own(table: pa.Table) -> pa.Table:
        return table.filter(pc.equal(table.column("customer_id").cast("string"), customer_id))

    whole = {name: completed(name, table) for name, table in facts.items()}
    if model.subject == "customer" and not any(kind.who != "customer_id" for kind in _kinds(model, kinds)):
        whole = {name: own(table) for name, table in whole.items()}
    block = block_of(
        streams_of(whole, [model], kinds),
        tz=tz,
        last_day=day_number(day),
        customers=own(completed("customers", customers)) if customers is not None else None,
        kinds=kinds,
        subject=model.subject,
    )
    return explain_in(block, model, customer_id, day)


def explain_from(lake: Lake, model: Model, customer_id: str, day: date) -> Explanation:
    """Explain one customer of a lake, see :func:`explain`."""
    from tenure.facts.slices import RECORDS

    kinds = lake.kinds()
    needed = {**streams_needed([model], kinds), RECORDS: ()}
    with slices_of(lake, needed, subject=model.subject, customers=[customer_id]) as slices:
        return explain_in(slices.block_of([customer_id], day_number(day)), model, customer_id, day)


def explain_in(block: Block, model: Model, customer_id: str, day: date) -> Explanation:
    """Explain one customer of a block whose last day is the asked day."""
    reading = Reading(block)
    found = [n for n, one in enumerate(block.ids.to_pylist()) if one == customer_id]
    _, entries = entries_of(model, block)
    mine = entries[who_of(entries) == found[0]] if found else entries[:0]
    if not len(mine):
        return Explanation(customer_id, model, day, None, None, "", ())
    point = keys_of(np.array(found), np.array([day_number(day)]))
    judgements: list[Judgement] = []
    for stage in model.stages:
        holds = _holds(stage.rule, reading, entries, point, judgements)
        taken = holds is True and not any(judgement.taken for judgement in judgements)
        seen = tuple(Seen(measure, _value(measure, reading, point)) for measure in measures_of(stage.rule))
        judgements.append(Judgement(stage, holds, seen, taken))
    now = [
        row
        for row in stage_block(model, reading).to_pylist()
        if row["customer_id"] == customer_id and not row["left_on"]
    ]
    from tenure.clock import day_of

    entered = day_of(int(day_number_of(mine)[0]))
    stage_now, because = (now[0]["stage"], now[0]["because"]) if now else (None, "")
    return Explanation(customer_id, model, day, entered, stage_now, because, tuple(judgements))


def _kinds(model: Model, kinds: Mapping[str, Kind]) -> list[Kind]:
    return [kinds[name] for name in (*model.kinds, *model.entry_kinds)]


def _holds(
    rule: Node, reading: Reading, entries: np.ndarray, point: np.ndarray, before: list[Judgement]
) -> bool | None:
    if isinstance(rule, Otherwise):
        return not any(one.holds for one in before)
    truth = truth_of(rule, reading, entries).at(point)[0]
    return None if truth == UNKNOWN else bool(truth == TRUE)


def _value(measure: Measure, reading: Reading, point: np.ndarray) -> float | str | bool | None:
    if measure.name == "attribute":
        value = reading.texts(measure)[int(who_of(point)[0])]
        return None if value is None else str(value)
    values = reading.values(measure, point)
    if values.known is not None and not values.known[0]:
        return None
    return bool(values.now[0] > 0) if measure.returns == "truth" else float(values.now[0])
