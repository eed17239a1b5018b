"""A notebook's door: orders in, everybody's groups out, in one line and without a lake.

Answers: which RFM group, tier, ABC class and loyalty class is each customer in? The same figures and bounds as in the
scorecard, made of the tables that are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.clock import day_number, zone
from tenure.facts.blocks import block_of
from tenure.facts.streams import Stream
from tenure.lifecycle.context import Context
from tenure.lifecycle.roster import roster_of
from tenure.lifecycle.table import day_from, facts_from
from tenure.rules.evaluation.compute import Reading
from tenure.value.ranking.figures import FIGURES
from tenure.value.ranking.part import PART

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa


def rank(
    orders: object,
    costs: object = None,
    *,
    as_of: str | date | None = None,
    tz: str = "UTC",
    columns: Mapping[str, str] | None = None,
) -> pa.Table:
    """Return every customer with the columns of ranking.

    Parameters
    ----------
    orders : pandas, Polars or Arrow table, or the path of a file
        One row an order, with ``customer_id``, ``at`` and ``amount``; ``cost`` and ``status`` where there are such.
    costs : table, optional
        What was spent on customers: ``customer_id``, ``at``, ``amount``.
    as_of : str or date, optional
        The day on which the customers are seen; the last day with an order when omitted.
    tz : str, default "UTC"
        The business's time zone.
    columns : mapping of str to str, optional
        ``{field: column}`` when the columns of `orders` are called otherwise.

    Returns
    -------
    pyarrow.Table
        The roster, deals, first_month, profit, break_even_on, and the columns of
        :class:`tenure.value.ranking.part.Ranking`.

    Raises
    ------
    MappingError
        When a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": list("aabcde"), "at": ["2024-01-01"] * 6, "amount": [9, 9, 4, 3, 2, 1]})
    >>> rank(orders).select(["customer_id", "abc_sales", "top_fifth"]).to_pylist()[0]
    {'customer_id': 'a', 'abc_sales': 'A', 'top_fifth': True}
    """
    zone(tz)
    facts = {Stream("orders"): facts_from("orders", orders, tz, columns)}
    if costs is not None:
        facts[Stream("costs")] = facts_from("costs", costs, tz)
    day = day_from(as_of, facts[Stream("orders")], tz)
    reading = Reading(block_of(facts, tz=tz, last_day=day_number(day)))
    table, figures = roster_of(reading), FIGURES.of(reading)
    for one in figures.schema:
        table = table.append_column(one, figures.column(one.name))
    context = Context(day, tz)
    fits = {fit.part: fit for fit in PART.fit(table, context)}
    found = PART.score(table, fits, context)
    for one in found.schema:
        table = table.append_column(one, found.column(one.name))
    return table
