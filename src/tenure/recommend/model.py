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

from tenure.facts.schema import FACT_TABLES, TEXT
from tenure.recommend.backtest import Backtest, backtest
from tenure.recommend.candidates import AHEAD
from tenure.recommend.items import Catalogue, learn
from tenure.recommend.lines import Lines, changes, lines_in, lines_of
from tenure.recommend.lists import RECOMMENDATIONS, Recommender, recommendations
from tenure.recommend.pairs import PAIRS
from tenure.recommend.stored import packed, unpacked
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats.metrics import quantiles
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    from datetime import date

    from tenure.scorecard.model import Context, Options

#: Columns of the scorecard: the first of the customer's list, and its reason, see tenure.recommend.reasons.
SCHEMA = pa.schema({"next_product": TEXT, "next_product_reason": TEXT})
#: How many products the report says of how soon they are bought again.
REPLENISHED = 200


def fit_lines(lines: Lines, options: Options, least: int | None = None) -> tuple[Fit, Catalogue]:
    first, last = (int(lines.day.min()), int(lines.day.max())) if len(lines) else (0, 0)
    catalogue, seed = learn(lines, last, least), options.seed
    customers = catalogue.customers
    gates = (
        Gate("buyers", options.buyers, customers),
        Gate("days", options.days, last - first),
        Gate("products", 2, len(catalogue)),
    )
    if not all(gate.passed for gate in gates):
        params = packed(catalogue, Backtest())
        return Fit("recommend", "", "too-little-data", gates, params, customers=customers, seed=seed), catalogue
    tested = backtest(lines, seed, least)
    figures = {**tested.figures, "customers": tested.customers, "chosen": tested.chosen}
    verdict = "ok" if tested.customers and tested.weights else "not-tested"
    size, baskets = np.bincount(lines.basket), np.bincount(lines.who[changes(lines.basket)])
    inputs = {
        "basket": quantiles(size[size > 0]),
        "baskets": quantiles(baskets[baskets > 0]),
        "gap": quantiles(catalogue.gaps.mean),
        "price": quantiles(catalogue.price),
    }
    params = packed(catalogue, tested)
    return Fit("recommend", tested.chosen, verdict, gates, params, figures, inputs, customers, seed), catalogue


class Recommend(ScorecardModel):
    """What goes with what, and what a customer will probably want next; its fit is ``recommend``."""

    name = "recommend"
    schema = SCHEMA
    families = ()

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        return [fit_lines(_lines(context, None), context.options)[0]]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return the first of each customer's list, with the lists and the pairs as tables."""
        fit = fits.get(self.name)
        if fit is None or not fit.usable or context.lake is None:
            return _result(table, fits, None, context)
        everybody = len(table) >= fit.customers
        lines = _lines(context, None if everybody else table.column("customer_id").to_pylist())
        return _result(table, fits, lines, context)

    def run(self, table: pa.Table, context: Context, fits: Fits | None = None) -> Result:
        """Fit and score; everybody's purchases are read once."""
        if fits is not None:
            return self.score(table, fits, context)
        lines = _lines(context, None)
        fit = fit_lines(lines, context.options)[0]
        return _result(table, {self.name: fit}, lines if fit.usable else None, context)


def _lines(context: Context, customers: list[str] | None) -> Lines:
    if context.lake is None:
        return lines_of(FACT_TABLES["order_lines"].schema.empty_table(), context.as_of, context.tz)
    return lines_in(context.lake, context.as_of, customers)


def _result(table: pa.Table, fits: Fits, lines: Lines | None, context: Context) -> Result:
    fit = fits.get("recommend")
    if fit is None:
        nothing = pa.table([pa.nulls(len(table), TEXT)] * len(SCHEMA), schema=SCHEMA)
        return Result(nothing, fits, {"pairs": PAIRS.empty_table(), "recommendations": RECOMMENDATIONS.empty_table()})
    maker = unpacked(fit.params)
    lists, expected = RECOMMENDATIONS.empty_table(), np.empty(0)
    if lines is not None:
        lists, expected = recommendations(maker, lines, context.as_of)
    ids = table.column("customer_id").combine_chunks()
    lists = lists.filter(pc.is_in(lists.column("customer_id"), ids))
    first = lists.filter(pc.equal(lists.column("rank"), 1)).combine_chunks()
    place = pc.index_in(ids, first.column("customer_id").combine_chunks())
    best = first.select(["product_id", "reason"]).take(place).combine_chunks()
    tables = {"pairs": pairs_table(maker.known), "recommendations": lists}
    return Result(best.rename_columns(SCHEMA.names), fits, tables, partial(_report, fit, maker.known, expected))


def _report(fit: Fit, catalogue: Catalogue, expected: np.ndarray) -> dict[str, Any]:
    """Return what the page of products shows beside its tables: back-test, gates, what is bought again soon."""
    kinds = catalogue.categories.to_pylist()
    best = np.argsort(-expected, kind="stable")[:REPLENISHED]
    replenishment = [
        {
            "product": str(catalogue.items[int(item)]),
            "category": kinds[catalogue.category[item]] if catalogue.category[item] >= 0 else None,
            "expected": round(float(expected[item]), 1),
            "gap": round(float(catalogue.gaps.mean[item]), 1),
            "wanted": int(catalogue.wanted[item]),
        }
        for item in best
        if expected[item] >= 0.5
    ]
    body = {
        "model": fit.model,
        "verdict": fit.verdict,
        "customers": fit.customers,
        "figures": fit.figures,
        "gates": [{"name": gate.name, "needed": gate.needed, "found": gate.found} for gate in fit.gates],
        "products": len(catalogue),
        "baskets": catalogue.met.baskets,
        "ahead": AHEAD,
        "replenishment": replenishment,
    }
    return {"recommend": body}


def pairs_table(known: Catalogue) -> pa.Table:
    """Return the pairs of products and of categories as rows of :data:`tenure.recommend.pairs.PAIRS`."""
    of_item = known.categories.take(pa.array(known.category, mask=known.category < 0))
    products = known.met.to_arrow(known.items, of_item, "product")
    return pa.concat_tables([known.kinds.to_arrow(known.categories, known.categories, "category"), products])


def all_of(lines: Lines, as_of: date, options: Options, least: int | None = None) -> tuple[Fit, pa.Table, pa.Table]:
    """Return the fit, the pairs and the recommendations of some purchases, without a lake."""
    fit, known = fit_lines(lines, options, least)
    if not fit.usable:
        return fit, pairs_table(known), RECOMMENDATIONS.empty_table()
    maker: Recommender = unpacked(fit.params)
    return fit, pairs_table(known), recommendations(maker, lines, as_of)[0]
