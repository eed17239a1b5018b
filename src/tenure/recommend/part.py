"""The recommendations as one part of the scorecard.

Pairs are shown whenever there are baskets; what one customer wants next is only said when there are enough buyers and
days, and by the ranking that won the back-test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import TEXT
from tenure.recommend.backtest import Backtest, backtest
from tenure.recommend.candidates import AHEAD
from tenure.recommend.items import Catalogue, learn
from tenure.recommend.lines import Lines, lines_in
from tenure.recommend.lists import RECOMMENDATIONS, Recommender, recommendations
from tenure.recommend.pairs import PAIRS
from tenure.recommend.stored import packed, unpacked
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tenure.lifecycle.context import Context, Options

#: Columns of the scorecard: the first of the customer's list, and its reason, see tenure.recommend.reasons.
SCHEMA = pa.schema({"next_product": TEXT, "next_product_reason": TEXT})
#: How many products the report says of how soon they are bought again.
REPLENISHED = 200


def fit_lines(lines: Lines, as_of: date, options: Options, least: int | None = None) -> tuple[Fit, Catalogue]:
    """Return what is learnt of some purchases."""
    last_day = int(lines.day.max()) if len(lines) else 0
    known = learn(lines, last_day, least)
    days = last_day - int(lines.day.min()) if len(lines) else 0
    gates = (
        Gate("buyers", options.buyers, known.customers),
        Gate("days", options.days, days),
        Gate("products", 2, len(known)),
    )
    if not all(gate.passed for gate in gates):
        params = packed(known, Backtest())
        return Fit(
            "recommend", "", "too-little-data", gates, params, customers=known.customers, seed=options.seed
        ), known
    tested = backtest(lines, options.seed, least)
    figures = {**tested.figures, "customers": tested.customers, "chosen": tested.chosen}
    verdict = "ok" if tested.customers and tested.weights else "not-tested"
    params, inputs = packed(known, tested), _inputs(lines, known)
    fit = Fit("recommend", tested.chosen, verdict, gates, params, figures, inputs, known.customers, options.seed)
    return fit, known


def _inputs(lines: Lines, known: Catalogue) -> dict[str, list[float]]:
    """Return quantiles of what went in."""
    size = np.bincount(lines.basket)
    baskets = np.bincount(lines.who[np.append(True, lines.basket[1:] != lines.basket[:-1])], minlength=1)
    seen = {"basket": size[size > 0], "baskets": baskets[baskets > 0], "gap": known.gaps.mean, "price": known.price}
    steps = np.linspace(0, 1, 11)
    return {name: [float(one) for one in np.quantile(values, steps)] for name, values in seen.items() if len(values)}


class Recommend:
    """What goes with what, and what a customer will probably want next.

    Lists are made once for ``score``, ``report`` and ``tables``, which are called in turn with the same fit.
    """

    name = "recommend"
    schema = SCHEMA

    def __init__(self) -> None:
        self._lines: tuple[str, Lines] | None = None
        self._made: tuple[str, pa.Table, np.ndarray] | None = None

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers: one fit, ``recommend``."""
        lines = self._everybody(context)
        return [fit_lines(lines, context.as_of, context.options)[0]]

    def score(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> pa.Table:
        """Return the columns of `schema` for these customers, in their order."""
        ids = table.column("customer_id")
        lists = self._lists(table, fits, context)[0]
        first = lists.filter(pc.equal(lists.column("rank"), 1))
        place = pc.index_in(ids, first.column("customer_id").combine_chunks())
        best = [first.column(name).combine_chunks() for name in ("product_id", "reason")]
        columns = [one.take(place) if len(one) else pa.nulls(len(ids), TEXT) for one in best]
        return pa.table([_flat(column) for column in columns], schema=SCHEMA)

    def report(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
        """Return what the page of products shows beside its tables: back-test, gates, what is bought again soon."""
        fit = fits.get("recommend")
        if fit is None:
            return {}
        _lists, expected = self._lists(table, fits, context)
        known = unpacked(fit.params).known
        body = {
            "model": fit.model, "verdict": fit.verdict, "customers": fit.customers, "figures": fit.figures,
            "gates": [{"name": gate.name, "needed": gate.needed, "found": gate.found} for gate in fit.gates],
            "products": len(known), "baskets": known.met.baskets, "ahead": AHEAD,
            "replenishment": _replenished(known, expected),
        }  # fmt: skip
        return {"recommend": body}

    def tables(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, pa.Table]:
        """Return the tables ``pairs`` and ``recommendations``."""
        fit = fits.get("recommend")
        if fit is None:
            return {"pairs": PAIRS.empty_table(), "recommendations": RECOMMENDATIONS.empty_table()}
        lists = self._lists(table, fits, context)[0]
        lists = lists.filter(pc.is_in(lists.column("customer_id"), table.column("customer_id").combine_chunks()))
        self._lines = self._made = None  # the last one asks for them; what comes later is another shop or another day
        return {"pairs": pairs_table(unpacked(fit.params).known), "recommendations": lists}

    def _everybody(self, context: Context) -> Lines:
        key = _state(context)
        if self._lines is None or self._lines[0] != key:
            self._lines = (key, _lines(context, None))
        return self._lines[1]

    def _lists(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> tuple[pa.Table, np.ndarray]:
        fit = fits.get("recommend")
        if fit is None or not fit.usable or context.lake is None:
            return RECOMMENDATIONS.empty_table(), np.empty(0)
        everybody = len(table) >= fit.customers
        key = f"{_state(context)}|{len(table)}|{hash(fit.params['arrays'])}"
        if everybody and self._made is not None and self._made[0] == key:
            return self._made[1:]
        lines = self._everybody(context) if everybody else _lines(context, table.column("customer_id").to_pylist())
        lists, expected = recommendations(unpacked(fit.params), lines, context.as_of)
        if everybody:
            self._made = (key, lists, expected)
        return lists, expected


def _state(context: Context) -> str:
    """Return a text that changes whenever the facts, or the day, do."""
    if context.lake is None:
        return ""
    files = [file.path for name in ("order_lines", "orders") for file in context.lake.files(name)]
    return "|".join([str(context.lake.path), str(context.as_of), *files])


def _lines(context: Context, customers: list[str] | None) -> Lines:
    if context.lake is None:
        from tenure.facts.schema import FACT_TABLES
        from tenure.recommend.lines import lines_of

        return lines_of(FACT_TABLES["order_lines"].schema.empty_table(), context.as_of, context.tz)
    return lines_in(context.lake, context.as_of, customers)


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _replenished(known: Catalogue, expected: np.ndarray) -> list[dict[str, Any]]:
    """Return the products that most customers will probably buy again soon."""
    best = np.argsort(-expected, kind="stable")[:REPLENISHED]
    kinds = known.categories.to_pylist()
    return [
        {
            "product": str(known.items[int(item)]),
            "category": kinds[known.category[item]] if known.category[item] >= 0 else None,
            "expected": round(float(expected[item]), 1),
            "gap": round(float(known.gaps.mean[item]), 1),
            "wanted": int(known.wanted[item]),
        }
        for item in best
        if expected[item] >= 0.5
    ]


def pairs_table(known: Catalogue) -> pa.Table:
    """Return the pairs of products and of categories as rows of :data:`tenure.recommend.pairs.PAIRS`."""
    of_item = known.categories.take(pa.array(known.category, mask=known.category < 0))
    products = known.met.to_arrow(known.items, of_item, "product")
    return pa.concat_tables([known.kinds.to_arrow(known.categories, known.categories, "category"), products])


def all_of(lines: Lines, as_of: date, options: Options, least: int | None = None) -> tuple[Fit, pa.Table, pa.Table]:
    """Return the fit, the pairs and the recommendations of some purchases, without a lake."""
    fit, known = fit_lines(lines, as_of, options, least)
    if not fit.usable:
        return fit, pairs_table(known), RECOMMENDATIONS.empty_table()
    maker: Recommender = unpacked(fit.params)
    return fit, pairs_table(known), recommendations(maker, lines, as_of)[0]


PART = Recommend()
