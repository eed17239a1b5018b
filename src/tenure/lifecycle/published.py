"""What models read that refreshes publish: scores, and how customers compare. Kept for good, by day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number, day_of
from tenure.facts.blocks import keys_of
from tenure.facts.schema import DAY, TEXT
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.published import SCORES, Averages, Distribution, Published
from tenure.rules.evaluation.steps import Moments
from tenure.rules.syntax.tree import Measure, Population

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from tenure.facts.lake import Lake
    from tenure.facts.slices import Slices
    from tenure.lifecycle.model import Model
    from tenure.rules.syntax.tree import RuleNode

POPULATIONS = pa.schema({"name": TEXT, "day": DAY, "data": TEXT})
SCORE_HISTORY = pa.schema([pa.field("name", TEXT), *SCORES])


def _nodes(models: Sequence[Model]) -> Iterator[RuleNode]:
    for model in (part for given in models for part in given.with_others):
        for stage in model.stages:
            for rule in (*stage.rules, *(cause.rule for cause in stage.causes)):
                yield from rule.walk()


def score_names(models: Sequence[Model]) -> list[str]:
    """Return the scores that rules of some models read."""
    nodes = (node for node in _nodes(models) if isinstance(node, Measure) and node.name == "score")
    return list(dict.fromkeys(node.argument for node in nodes))


def populations_read(models: Sequence[Model]) -> list[Population]:
    """Return how customers compare with all, as far as rules of some models read it."""
    return list(dict.fromkeys(node for node in _nodes(models) if isinstance(node, Population)))


def published_for(lake: Lake, models: Sequence[Model]) -> Published:
    """Return what a lake's refreshes have published so far that rules of some models read."""
    names, nodes = score_names(models), [str(node) for node in populations_read(models)]
    return Published(_scores(lake, names) if names else {}, _populations(lake, nodes) if nodes else {})


def _scores(lake: Lake, names: Sequence[str]) -> dict[str, pa.Table]:
    if lake.has("score_history"):
        # Of two refreshes of one day the later one counts.
        sql = """SELECT name, customer_id, day, arg_max(value, generation) AS value FROM score_history
                 WHERE name IN (SELECT unnest($names)) GROUP BY ALL ORDER BY customer_id, day"""
        rows = lake.connect(("score_history",)).execute(sql, {"names": list(names)}).to_arrow_table()
        return {name: rows.filter(pc.equal(rows.column("name"), name)).select(SCORES.names) for name in names}
    table = lake.table("scorecard")
    known = {field.name for field in table.schema().fields} if table is not None else set()
    con = lake.connect(("scorecard",)) if known else None
    sql = 'SELECT customer_id, as_of AS day, "{0}"::VARCHAR AS value FROM scorecard WHERE "{0}" IS NOT NULL ORDER BY 1'
    return {
        name: con.execute(sql.format(name)).to_arrow_table().cast(SCORES) for name in names if con and name in known
    }


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
    contexts: Iterable[EvaluationContext], nodes: Sequence[Population], day: int
) -> dict[str, Distribution | Averages]:
    """Return how numbers are spread over all customers of some blocks, on their last day."""
    numbers: dict[str, list[np.ndarray]] = {str(node): [] for node in nodes}
    groups: dict[str, list[np.ndarray]] = {str(node): [] for node in nodes}
    for context in contexts:
        size = len(context.block)
        moments = Moments(keys_of(np.arange(size), np.full(size, day)))
        for node in nodes:
            values = context.values(node.operand, moments)
            known = np.ones(size, dtype=bool) if values.known is None else values.known
            group = np.full(size, "", dtype=object)
            if node.by:
                texts = context.texts(Measure("attribute", arguments=(node.by,), returns="any"))
                codes = texts.at(moments)
                known = known & (codes >= 0)
                group = np.array([*map(str, texts.names), ""], dtype=object)[codes]
            numbers[str(node)].append(values.value[known])
            groups[str(node)].append(group[known])
    published: dict[str, Distribution | Averages] = {}
    for node in nodes:
        name = str(node)
        every = np.concatenate(numbers[name]) if numbers[name] else np.empty(0)
        if node.name == "percentile":
            published[name] = Distribution.of(every, day)
        else:
            table = pa.table({"group": pa.array(np.concatenate(groups[name]), TEXT), "number": every})
            means = table.group_by("group").aggregate([("number", "mean")]).to_pylist()
            published[name] = Averages(day, {row["group"]: row["number_mean"] for row in means})
    return published


def compared_now(
    slices: Slices, models: Sequence[Model], published: Published, day: int, *, again: bool = False
) -> dict[str, Distribution | Averages]:
    """Return how all customers of a lake compare on a day where rules read it; `again` where it is published too."""
    nodes = [node for node in populations_read(models) if again or str(node) not in published.populations]
    blocks = (EvaluationContext(slices.block(*part, day), published) for part in slices.ranges()) if nodes else ()
    return populations_on(blocks, nodes, day)


def with_populations(published: Published, added: Mapping[str, Distribution | Averages]) -> Published:
    """Return what was published, and after it what has been published now."""
    later = {
        name: [*(old for old in published.populations.get(name, ()) if old.day < new.day), new]
        for name, new in added.items()
    }
    return Published(published.scores, {**published.populations, **later})


def population_rows(added: Mapping[str, Distribution | Averages]) -> pa.Table:
    """Return populations as they are stored."""
    rows = []
    for name, new in added.items():
        if isinstance(new, Averages):
            data: dict[str, object] = {"means": dict(new.means)}
        else:
            data = {column: getattr(new, column).tolist() for column in ("values", "below", "up_to")}
        rows.append({"name": name, "day": day_of(new.day), "data": json.dumps(data, ensure_ascii=False)})
    return pa.Table.from_pylist(rows, POPULATIONS)


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


def changed_scores(known: Published, scorecard: pa.Table, names: Sequence[str], day: date) -> pa.Table:
    """Return the scores of a day that differ from those published before; nothing for a day before the newest."""
    tables = []
    for name in (name for name in names if name in scorecard.column_names):
        before = known.scores.get(name, SCORES.empty_table())
        if len(before) and pc.max(before.column("day")).as_py() > day:
            continue
        ids, values = scorecard.column("customer_id"), scorecard.column(name).cast(TEXT)
        # The newest score of a customer stands last.
        newest = before.group_by("customer_id", use_threads=False).aggregate([("value", "last")])
        old = newest.column("value_last").take(pc.index_in(ids, newest.column("customer_id")))
        same = pc.equal(old, values).fill_null(False)
        both_unknown = pc.and_(pc.is_null(old), pc.is_null(values))
        repeated = [pa.repeat(pa.scalar(value, kind), len(ids)) for value, kind in ((name, TEXT), (day, DAY))]
        rows = pa.table([repeated[0], ids, repeated[1], values], schema=SCORE_HISTORY)
        tables.append(rows.filter(pc.invert(pc.or_(same, both_unknown))))
    return pa.concat_tables(tables) if tables else SCORE_HISTORY.empty_table()
