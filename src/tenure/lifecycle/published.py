"""What models read that refreshes publish: scores, and how customers compare. Kept for good, by day."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from os import cpu_count
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number, day_of
from tenure.facts.blocks import keys_of, who_of
from tenure.facts.schema import DAY, TEXT
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.published import SCORES, Averages, Distribution, Published, population_key
from tenure.rules.evaluation.steps import Moments
from tenure.rules.syntax.tree import Measure, Population, measures_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from tenure.facts.lake import Lake
    from tenure.facts.slices import Slices
    from tenure.lifecycle.model import Model
    from tenure.rules.syntax.tree import RuleNode

POPULATIONS = pa.schema({"name": TEXT, "day": DAY, "data": TEXT})
SCORE_HISTORY = pa.schema([pa.field("name", TEXT), *SCORES])


def _nodes(models: Sequence[Model]) -> Iterator[RuleNode]:
    for model in (part for given in models for part in given.with_others):
        for rule in model.rules:
            yield from rule.walk()


def score_names(models: Sequence[Model]) -> list[str]:
    """Return the scores that rules of some models read."""
    nodes = (node for node in _nodes(models) if isinstance(node, Measure) and node.name == "score")
    return list(dict.fromkeys(node.argument for node in nodes))


def populations_read(models: Sequence[Model]) -> list[Population]:
    """Return how customers compare with all, as far as rules of some models read it."""
    return list(dict.fromkeys(node for node in _nodes(models) if isinstance(node, Population)))


def published_for(lake: Lake, models: Sequence[Model], customers: Sequence[str] | None = None) -> Published:
    """Return what a lake's refreshes have published so far that rules of some models read.

    Scores of some `customers` only, when they are given. One that no refresh has kept yet, because no rule read it, is
    known from the day of the scorecard.
    """
    names, nodes = score_names(models), [population_key(node) for node in populations_read(models)]
    kept = kept_scores(lake) if names else set()
    scores = _score_history(lake, [name for name in names if name in kept], customers)
    scores |= _scorecard(lake, [name for name in names if name not in kept], customers)
    return Published(scores, _populations(lake, nodes) if nodes else {})


def kept_scores(lake: Lake) -> set[str]:
    """Return the names of the scores that refreshes have kept by day."""
    return {row["name"] for row in lake.rows("score_history", "SELECT DISTINCT name FROM score_history")}


def _score_history(lake: Lake, names: Sequence[str], customers: Sequence[str] | None) -> dict[str, pa.Table]:
    con = lake.connect(("score_history",) if names else ())
    some, given = _of(customers)
    # Of two refreshes of one day the later one counts, also when it has no score any more.
    sql = f"""SELECT customer_id, day, arg_max_null(value, generation) AS value FROM score_history
              WHERE name = $name {some} GROUP BY ALL ORDER BY customer_id, day"""
    return {name: con.execute(sql, {"name": name, **given}).to_arrow_table() for name in names}


def _of(customers: Sequence[str] | None) -> tuple[str, dict[str, list[str]]]:
    """Return an SQL condition for some customers, and its parameters."""
    if customers is None:
        return "", {}
    return "AND customer_id IN (SELECT unnest($customers))", {"customers": list(customers)}


def _scorecard(lake: Lake, names: Sequence[str], customers: Sequence[str] | None) -> dict[str, pa.Table]:
    table = lake.table("scorecard") if names and lake.has("scorecard") else None
    if table is None:
        return {}
    known = {field.name for field in table.schema().fields}
    con = lake.connect(("scorecard",))
    some, given = _of(customers)
    # Numbers become texts in Arrow, as those of the next scorecard will: SQL writes them otherwise.
    sql = (
        f'SELECT customer_id, as_of AS day, "{{0}}" AS value FROM scorecard WHERE "{{0}}" IS NOT NULL {some} ORDER BY 1'
    )
    return {name: con.execute(sql.format(name), given).to_arrow_table().cast(SCORES) for name in names if name in known}


def not_kept(lake: Lake, names: Sequence[str]) -> pa.Table:
    """Return everybody's scores that only the scorecard tells, so that they outlast its next writing."""
    kept = kept_scores(lake) if names else set()
    scores = _scorecard(lake, [name for name in names if name not in kept], None)
    tables = [_named(name, rows) for name, rows in scores.items()]
    return pa.concat_tables([SCORE_HISTORY.empty_table(), *tables])


def _named(name: str, rows: pa.Table) -> pa.Table:
    return rows.add_column(0, "name", pa.repeat(pa.scalar(name, TEXT), len(rows))).cast(SCORE_HISTORY)


def _populations(lake: Lake, names: Sequence[str]) -> dict[str, list[Distribution | Averages]]:
    sql = """SELECT name, day, arg_max(data, generation) AS data FROM populations
             WHERE name IN (SELECT unnest($names)) GROUP BY ALL ORDER BY day"""
    published: dict[str, list[Distribution | Averages]] = {}
    for row in lake.rows("populations", sql, {"names": list(names)}):
        data, day = json.loads(row["data"]), day_number(row["day"])
        if "means" in data:
            published.setdefault(row["name"], []).append(Averages(day, data["means"]))
        else:
            columns = (np.array(data[name]) for name in ("values", "below", "up_to"))
            published.setdefault(row["name"], []).append(Distribution(day, *columns))
    return published


def populations_on(
    contexts: Sequence[EvaluationContext], nodes: Sequence[Population], day: int
) -> dict[str, Distribution | Averages]:
    """Return how numbers are spread over all customers of some blocks on a day."""
    return _put_together(nodes, [[_numbers(node, context, day) for node in nodes] for context in contexts], day)


def compared_now(
    slices: Slices, nodes: Sequence[Population], published: Published, day: int, *, again: bool = False
) -> dict[str, Distribution | Averages]:
    """Return how all customers of a lake compare on a day, unless it has been published for that or a later day.

    With `again` also what has been published for that very day: facts of it may have come since.
    """

    def is_due(node: Population) -> bool:
        newest = _newest(published, population_key(node))
        return newest is None or newest.day < day or (again and newest.day == day)

    due = [node for node in nodes if is_due(node)]
    if not due:
        return {}

    def numbers(part: tuple[str | None, str | None]) -> list[pa.Table]:
        context = EvaluationContext(slices.block(*part, day), published)
        return [_numbers(node, context, day) for node in due]

    with ThreadPoolExecutor(cpu_count()) as threads:
        return _put_together(due, list(threads.map(numbers, slices.ranges())), day)


def _newest(published: Published, key: str) -> Distribution | Averages | None:
    return max(published.populations.get(key, ()), key=attrgetter("day"), default=None)


def differing(added: Mapping[str, Distribution | Averages], published: Published) -> dict[str, Distribution | Averages]:
    """Return the populations that differ from those published last: of a day like the one before nothing is kept.

    Rules look at every customer again on each day of a publication, so that days without a change would only cost.
    """
    newest = {key: _newest(published, key) for key in added}
    return {key: new for key, new in added.items() if (old := newest[key]) is None or _data(old) != _data(new)}


def _numbers(node: Population, context: EvaluationContext, day: int) -> pa.Table:
    """Return the numbers of a block's customers that are known on a day, each with its group."""
    size = len(context.block)
    moments = Moments(keys_of(np.arange(size), np.full(size, day)))
    values = context.values(node.operand, moments)
    known = np.ones(size, dtype=bool) if values.known is None else values.known
    names, codes = [""], np.zeros(size, dtype=np.int64)
    if node.by:
        texts = context.texts(Measure("attribute", arguments=(node.by,), returns="any"))
        names, codes = [str(name) for name in texts.names], texts.at(moments)
    rows = np.flatnonzero(known & (codes >= 0) & _are_customers(node, context))
    return pa.table({"group": pa.array(names, TEXT).take(pa.array(codes[rows])), "number": values.value[rows]})


def _are_customers(node: Population, context: EvaluationContext) -> np.ndarray:
    """Return who counts: whoever is on record, or has a fact of a kind that the number reads, by the block's last day.

    Who else is in the block depends on what other rules read.
    """
    kinds = {kind for measure in measures_of(node) for kind in measure.kinds}
    result = np.full(len(context.block), not kinds)
    result[context.block.records.who] = True
    for kind in kinds:
        result[who_of(context.firsts((kind,)))] = True
    return result


def _put_together(
    nodes: Sequence[Population], blocks: Sequence[Sequence[pa.Table]], day: int
) -> dict[str, Distribution | Averages]:
    published: dict[str, Distribution | Averages] = {}
    for place, node in enumerate(nodes):
        table = pa.concat_tables([block[place] for block in blocks])
        if node.name == "percentile":
            published[population_key(node)] = Distribution.of(table.column("number").to_numpy(), day)
        else:  # without threads, so that the same numbers are added in the same order every time
            means = table.group_by("group", use_threads=False).aggregate([("number", "mean")]).to_pylist()
            published[population_key(node)] = Averages(day, {row["group"]: row["number_mean"] for row in means})
    return published


def with_populations(published: Published, added: Mapping[str, Distribution | Averages]) -> Published:
    """Return what was published, and after it what has been published now."""
    later = {
        name: [*(old for old in published.populations.get(name, ()) if old.day < new.day), new]
        for name, new in added.items()
    }
    return Published(published.scores, {**published.populations, **later})


def population_rows(added: Mapping[str, Distribution | Averages]) -> pa.Table:
    """Return populations as they are stored."""
    rows = [{"name": name, "day": day_of(new.day), "data": _data(new)} for name, new in added.items()]
    return pa.Table.from_pylist(rows, POPULATIONS)


def _data(population: Distribution | Averages) -> str:
    """Return a population without its day as JSON."""
    if isinstance(population, Averages):
        data: dict[str, object] = {"means": dict(sorted(population.means.items()))}
    else:
        data = {column: getattr(population, column).tolist() for column in ("values", "below", "up_to")}
    return json.dumps(data, ensure_ascii=False)


def with_scores(published: Published, rows: pa.Table) -> Published:
    """Return what was published, and after it the scores that have been published now."""
    scores = dict(published.scores)
    for name in pc.unique(rows.column("name")).to_pylist():
        added = rows.filter(pc.equal(rows.column("name"), name)).select(SCORES.names)
        scores[name] = pa.concat_tables([scores.get(name, SCORES.empty_table()), added])
    return Published(scores, published.populations)


def reads_scores(model: Model) -> bool:
    """Return whether a rule of a model reads a score."""
    return bool(score_names([model]))


def compares_scores(node: Population) -> bool:
    """Return whether a score is among what is compared."""
    return any(measure.name == "score" for measure in measures_of(node))


def changed_scores(known: Published, scorecard: pa.Table, names: Sequence[str], day: date) -> pa.Table:
    """Return the scores of a day that differ from those published before; nothing for a day before the newest."""
    tables = []
    for name in (name for name in names if name in scorecard.column_names):
        before = known.scores.get(name, SCORES.empty_table())
        if len(before) and pc.max(before.column("day")).as_py() > day:
            continue
        ids, values = scorecard.column("customer_id"), scorecard.column(name).cast(TEXT)
        # The newest score of a customer stands last, and may be none any more.
        last = ("value", "last", pc.ScalarAggregateOptions(skip_nulls=False))
        newest = before.group_by("customer_id", use_threads=False).aggregate([last])
        old = newest.column("value_last").take(pc.index_in(ids, newest.column("customer_id")))
        same = pc.equal(old, values).fill_null(False)
        both_unknown = pc.and_(pc.is_null(old), pc.is_null(values))
        rows = pa.table({"customer_id": ids, "day": pa.repeat(pa.scalar(day, DAY), len(ids)), "value": values})
        tables.append(_named(name, rows.filter(pc.invert(pc.or_(same, both_unknown)))))
    return pa.concat_tables([SCORE_HISTORY.empty_table(), *tables])
