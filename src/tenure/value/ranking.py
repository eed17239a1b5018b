"""The scorecard model "ranking": cut points from everybody, then groups for anybody.

Bounds are stored, so that one customer can be scored alone and gets what a full refresh would have given.

RFM says how lately, how often and how much, each as a score of 1 to 5 against all buyers: in fifths.
Equal values always get equal scores, whatever the order of the rows, so a score can
be explained and repeated.

Where many are equal, a fifth cannot hold a fifth. Each measure is therefore counted from the end at which equal values
pile up: frequency and money from below (a buyer's score is one more than the whole fifths of buyers who have less),
recency from above (five less the whole fifths of buyers who came later). Single purchases, however many, score 1;
all who came on the last day score 5.

After Hughes, *Strategic Database Marketing* (1994), whose quintiles leave ties to chance.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import SCALE, TEXT
from tenure.features import columns
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats.metrics import quantiles
from tenure.stats.record import Fit, Gate
from tenure.value import pareto
from tenure.value.groups import classify, groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.scorecard.model import Context

#: Fifths need five.
BUYERS = 5
#: An existing customer ordered before the period began; the scorecard's period is the last thirty days.
PERIOD = 30
FIFTHS = 5

_SCHEMA = pa.schema(
    {
        "deals": pa.int64(),
        "first_month": TEXT,
        **dict.fromkeys(("rfm_r", "rfm_f", "rfm_m"), pa.int64()),
        **dict.fromkeys(("rfm", "rfm_group", "abc_sales", "abc_profit", "tier", "loyalty", "stickiness"), TEXT),
        **dict.fromkeys(("old_customer", "top_fifth"), pa.bool_()),
    }
)


class Ranking(ScorecardModel):
    """The bounds of groups, and the groups of every customer."""

    name = "ranking"
    schema = _SCHEMA
    families = ("purchases",)
    ranks = True
    inputs = ("orders", "amount", "refunds", "profit", "first_order_on", "last_order_on", "lifetime_value")

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return the bounds of RFM scores, ABC classes, tiers and the top fifth, among all buyers."""
        read = {"customer_id", *self.inputs}.intersection(table.column_names)
        buyers = table.select(sorted(read)).filter(pa.array(columns.numbers(table, "orders") > 0))
        gate = Gate("buyers", BUYERS, len(buyers))
        if not gate.passed:
            return [Fit(self.name, verdict="too-little-data", gates=(gate,), customers=len(buyers))]
        ids, sales = columns.texts(buyers, "customer_id"), columns.sales(buyers)
        since = columns.days_since(buyers, "last_order_on", context.as_of)
        deals = columns.numbers(buyers, "orders")
        top = pareto.cut_of_top(sales, ids)
        assert top is not None
        # Tiers are made by lifetime value where every buyer has one, else by sales so far.
        by, worth = "sales", sales
        if not np.isnan(columns.numbers(buyers, "lifetime_value")).any():
            by, worth = "lifetime_value", columns.amounts(buyers, "lifetime_value")
        ordered = np.sort(worth)[::-1]
        shares = [group.share for group in groups("tiers") if group.share is not None and group.share < 1]
        tiers = [int(ordered[pareto.top_count(len(ordered), share) - 1]) for share in shares]
        params = {
            "rfm": {"r": cuts(since), "f": cuts(deals), "m": cuts(sales)},
            "abc_sales": pareto.abc_bounds(sales),
            "abc_profit": pareto.abc_bounds(columns.amounts(buyers, "profit")),
            "top": top._asdict(),
            "tier": {"by": by, "bounds": tiers},
        }
        inputs = {"days_since": quantiles(since), "deals": quantiles(deals), "sales": quantiles(sales / SCALE)}
        seed = context.options.seed
        return [Fit(self.name, "bounds", gates=(gate,), params=params, inputs=inputs, customers=len(buyers), seed=seed)]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return the groups, and a report of how sales and customers are spread over them."""
        fit = fits.get(self.name)
        groups_of = _unbounded(table, context)
        if fit is not None and fit.usable:
            groups_of |= _bounded(table, fit.params, context)
        ranked = pa.table(
            [groups_of.get(field.name, pa.nulls(len(table), field.type)) for field in _SCHEMA], schema=_SCHEMA
        )
        return Result(ranked, fits, report=partial(_report, table, ranked, context))


def cuts(values: np.ndarray) -> list[float]:
    """Return the four values that part the buyers into fifths."""
    if not len(values):
        return []
    places = [-(-k * len(values) // FIFTHS) - 1 for k in range(1, FIFTHS)]
    return [value.item() for value in np.partition(values, places)[places]]


def score_from_below(values: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Return 1 to 5: one more than the number of cuts that a value exceeds."""
    return 1 + np.searchsorted(np.asarray(bounds), values, side="left").astype(np.int64)


def score_from_above(values: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Return 1 to 5: one more than the number of cuts that a value does not exceed (the smaller the better)."""
    return 2 + len(bounds) - score_from_below(values, bounds)


def _report(table: pa.Table, ranked: pa.Table, context: Context) -> dict[str, Any]:
    from tenure.value.ranking_report import reports

    return reports(columns.with_columns(table, ranked), context)


def _unbounded(table: pa.Table, context: Context) -> dict[str, pa.Array]:
    """Return the classes that need no bounds: they follow from a customer's own orders."""
    deals = columns.numbers(table, "orders")
    silent = columns.days_since(table, "last_order_on", context.as_of)
    age = columns.days_since(table, "first_order_on", context.as_of)
    old = pa.array(np.nan_to_num(age) >= PERIOD, mask=np.isnan(age))
    return {
        "deals": table.column("orders").cast(pa.int64()),
        "first_month": pc.strftime(table.column("first_order_on").cast(pa.timestamp("s")), format="%Y-%m"),
        "loyalty": columns.text_column(classify("loyalty", {"deals": deals, "silent": silent})),
        "stickiness": columns.text_column(classify("stickiness", {"deals": deals})),
        "old_customer": old,
    }


def _bounded(table: pa.Table, params: Mapping[str, Any], context: Context) -> dict[str, pa.Array]:
    """Return the classes that follow from stored bounds; null for customers who never bought."""
    deals = columns.numbers(table, "orders")
    never = ~(deals > 0)
    sales, ids = columns.sales(table), columns.texts(table, "customer_id")
    r = score_from_above(columns.days_since(table, "last_order_on", context.as_of), params["rfm"]["r"])
    f = score_from_below(deals, params["rfm"]["f"])
    m = score_from_below(sales, params["rfm"]["m"])
    since_first = columns.days_since(table, "first_order_on", context.as_of)
    scores = [np.where(never, np.nan, score) for score in (r, f, m)]
    group = classify("rfm", {"r": scores[0], "f": scores[1], "m": scores[2], "first_within": since_first})
    worth = sales if params["tier"]["by"] == "sales" else columns.amounts(table, params["tier"]["by"])
    tops = pareto.Cut(**params["top"]).holds(sales, ids)

    names = np.array([group.id for group in groups("tiers")], dtype=object)
    tiers = names[np.sum([worth < bound for bound in params["tier"]["bounds"]], axis=0)]

    def classes(ids_of: np.ndarray) -> pa.Array:
        ids_of[never] = None
        return columns.text_column(ids_of)

    return {
        **{f"rfm_{name}": pa.array(score, mask=never) for name, score in (("r", r), ("f", f), ("m", m))},
        "rfm": classes(_CODES[25 * r + 5 * f + m - 31]),
        "rfm_group": columns.text_column(group),
        "abc_sales": classes(pareto.abc_of(sales, params["abc_sales"])),
        "abc_profit": classes(pareto.abc_of(columns.amounts(table, "profit"), params["abc_profit"])),
        "tier": classes(tiers),
        "top_fifth": pa.array(tops, mask=never),
    }


#: 111, 112 … 555
_CODES = np.array(["".join(digits) for digits in product("12345", repeat=3)], dtype=object)
