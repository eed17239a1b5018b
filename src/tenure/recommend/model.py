"""The scorecard model "recommend": what goes with what, and what a customer will probably want next.

Pairs are shown whenever there are baskets; what one customer wants next is only said when there are enough buyers and
days, and by the ranking that won the back-test.
"""

from __future__ import annotations

import base64
import io
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import FACT_TABLES, TEXT
from tenure.recommend.buy_again import Gaps
from tenure.recommend.candidates import AHEAD, Near
from tenure.recommend.items import Catalogue, Moves, learn
from tenure.recommend.lines import Lines, changes, lines_in, lines_of
from tenure.recommend.lists import RECOMMENDATIONS, Recommender, recommendations
from tenure.recommend.pairs import PAIRS, Pairs
from tenure.recommend.ranking import Backtest, Weights, backtest
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats.metrics import quantiles
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    from collections.abc import Mapping
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
        all_customers = len(table) >= fit.customers
        lines = _lines(context, None if all_customers else table.column("customer_id").to_pylist())
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
    kinds = [*catalogue.categories.to_pylist(), None]  # None at -1, where no category is known
    best = np.argsort(-expected, kind="stable")[:REPLENISHED]
    replenishment = [
        {
            "product": str(catalogue.items[int(item)]),
            "category": kinds[catalogue.category[item]],
            "expected": round(float(expected[item]), 1),
            "gap": round(float(catalogue.gaps.mean[item]), 1),
            "wanted": int(catalogue.wanted[item]),
        }
        for item in best
        if expected[item] >= 0.5
    ]
    return {
        "recommend": {
            "model": fit.model,
            "verdict": fit.verdict,
            "customers": fit.customers,
            "figures": fit.figures,
            "gates": [asdict(gate) for gate in fit.gates],
            "products": len(catalogue),
            "baskets": catalogue.met.baskets,
            "ahead": AHEAD,
            "replenishment": replenishment,
        }
    }


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


# A recommender as JSON: names stay text, numbers are packed, so that 20,000 products fit into a few megabytes.

_PAIRS = ("met", "shared", "kinds")
_MOVES = ("a", "b", "movers", "buyers")


def packed(catalogue: Catalogue, tested: Backtest) -> dict[str, Any]:
    gaps = catalogue.gaps
    arrays: dict[str, np.ndarray] = {
        "category": catalogue.category.astype(np.int32),
        "wanted": catalogue.wanted.astype(np.int32),
        "price": catalogue.price.astype(np.float32),
        "mean": gaps.mean.astype(np.float32),
        "returns": gaps.returns.astype(np.float32),
    }
    stored: dict[str, Any] = {
        "items": catalogue.items.to_pylist(),
        "categories": catalogue.categories.to_pylist(),
        "customers": catalogue.customers,
        "shape": gaps.shape,
        "spread": gaps.spread,
        "chosen": tested.chosen,
        "tested": tested.customers,
        "weights": {name: [list(weight.names), list(weight.values)] for name, weight in tested.weights.items()},
    }
    for name in _PAIRS:
        pairs: Pairs = getattr(catalogue, name)
        # How many baskets hold each thing, by its number; 0 for what is in no pair.
        had = np.zeros(int(pairs.b.max(initial=-1)) + 1, dtype=np.int32)
        had[pairs.a], had[pairs.b] = pairs.count_a, pairs.count_b
        arrays |= {f"{name}_{row}": getattr(pairs, row).astype(np.int32) for row in ("a", "b", "count")}
        arrays[f"{name}_had"] = had
        stored[name] = [pairs.baskets, *pairs.prior]
    arrays |= {f"moves_{row}": getattr(catalogue.moves, row).astype(np.int32) for row in _MOVES}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return {**stored, "arrays": base64.b64encode(buffer.getvalue()).decode("ascii")}


def unpacked(stored: Mapping[str, Any]) -> Recommender:
    with np.load(io.BytesIO(base64.b64decode(stored["arrays"])), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}

    def pairs(name: str) -> Pairs:
        a, b, count, had = (arrays[f"{name}_{row}"] for row in ("a", "b", "count", "had"))
        baskets, shape, rate = stored[name]
        had = had.astype(np.int64)
        return Pairs(a, b, count.astype(np.int64), had[a], had[b], int(baskets), (float(shape), float(rate)))

    price, mean, returns = (arrays[name].astype(np.float64) for name in ("price", "mean", "returns"))
    catalogue = Catalogue(
        pa.array(stored["items"], TEXT),
        pa.array(stored["categories"], TEXT),
        arrays["category"],
        arrays["wanted"].astype(np.int64),
        price,
        Gaps(stored["shape"], stored["spread"], mean, returns),
        pairs("met"),
        pairs("shared"),
        pairs("kinds"),
        Moves(*(arrays[f"moves_{row}"] for row in _MOVES)),
        stored["customers"],
    )
    weights = {name: Weights(tuple(names), tuple(values)) for name, (names, values) in stored["weights"].items()}
    return Recommender(catalogue, Near.of(catalogue), Backtest(stored["tested"], stored["chosen"], weights))
