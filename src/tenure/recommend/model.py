"""The scorecard model "recommend": what goes with what, and what a customer will probably want next.

Pairs are shown whenever there are baskets; what one customer wants next is only said when there are enough buyers and
days, and by the ranking that won the back-test.
"""

from __future__ import annotations

from functools import partial
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
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    from datetime import date

    from tenure.scorecard.model import Context, Options

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


class Recommend(ScorecardModel):
    """What goes with what, and what a customer will probably want next; its fit is ``recommend``."""

    name = "recommend"
    schema = SCHEMA
    families = ()

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""
        return [fit_lines(_lines(context, None), context.as_of, context.options)[0]]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return the first of each customer's list, with the lists and the pairs as tables."""
        fit = fits.get(self.name)
        everybody = fit is not None and len(table) >= fit.customers
        lines = None
        if fit is not None and fit.usable and context.lake is not None:
            lines = _lines(context, None if everybody else table.column("customer_id").to_pylist())
        return _result(table, fits, lines, context)

    def run(self, table: pa.Table, context: Context, fits: Fits | None = None) -> Result:
        """Fit and score; everybody's purchases are read once."""
        if fits is not None:
            return self.score(table, fits, context)
        lines = _lines(context, None)
        fit = fit_lines(lines, context.as_of, context.options)[0]
        return _result(table, {self.name: fit}, lines if fit.usable else None, context)


def _result(table: pa.Table, fits: Fits, lines: Lines | None, context: Context) -> Result:
    fit = fits.get("recommend")
    if fit is None:
        nothing = pa.table([pa.nulls(len(table), TEXT)] * len(SCHEMA), schema=SCHEMA)
        return Result(nothing, fits, {"pairs": PAIRS.empty_table(), "recommendations": RECOMMENDATIONS.empty_table()})
    maker = unpacked(fit.params)
    lists, expected = RECOMMENDATIONS.empty_table(), np.empty(0)
    if lines is not None:
        lists, expected = recommendations(maker, lines, context.as_of)
    ids = table.column("customer_id")
    tables = {
        "pairs": pairs_table(maker.known),
        "recommendations": lists.filter(pc.is_in(lists.column("customer_id"), ids.combine_chunks())),
    }
    return Result(_columns(lists, ids), fits, tables, partial(_report, fit, maker.known, expected))


def _columns(lists: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    first = lists.filter(pc.equal(lists.column("rank"), 1))
    place = pc.index_in(ids, first.column("customer_id").combine_chunks())
    best = [first.column(name).combine_chunks() for name in ("product_id", "reason")]
    columns = [column.take(place) if len(column) else pa.nulls(len(ids), TEXT) for column in best]
    return pa.table([_flat(column) for column in columns], schema=SCHEMA)


def _report(fit: Fit, known: Catalogue, expected: np.ndarray) -> dict[str, Any]:
    """Return what the page of products shows beside its tables: back-test, gates, what is bought again soon."""
    body = {
        "model": fit.model, "verdict": fit.verdict, "customers": fit.customers, "figures": fit.figures,
        "gates": [{"name": gate.name, "needed": gate.needed, "found": gate.found} for gate in fit.gates],
        "products": len(known), "baskets": known.met.baskets, "ahead": AHEAD,
        "replenishment": _replenished(known, expected),
    }  # fmt: skip
    return {"recommend": body}


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
