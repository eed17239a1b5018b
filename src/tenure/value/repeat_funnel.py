"""The repeat funnel: one deal, two deals, the band of three to five, and how customers climb.

「要想留住他们还需要成交个3-5次, 才能实现留存形成顾客粘性」[S002]: two deals are not yet sticky, the third enters
the band, the fifth completes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tenure.value.sales import Sales

BAND = (3, 5)
#: Days after the first order by which a second one is looked for.
WITHIN = (30, 60, 90, 180)


def steps(deals: np.ndarray) -> list[dict[str, Any]]:
    """Return how many customers have each number of deals, and how many of those who reached it continued."""
    top = BAND[1] + 1
    exactly = np.bincount(np.minimum(deals, top).astype(np.int64), minlength=top + 1)
    reached = np.cumsum(exactly[::-1])[::-1]
    return [
        {
            "deals": at,
            "customers": int(exactly[at]),
            "reached": int(reached[at]),
            "went_on": int(reached[at + 1]) if at < top else None,
            "rate": float(reached[at + 1] / reached[at]) if at < top and reached[at] else None,
            "missing": max(BAND[0] - at, 0),
        }
        for at in range(top + 1)
    ]


def repurchase_rate(deals: np.ndarray) -> float | None:
    """Return the part of the buyers who ordered at least twice; None when there are no buyers."""
    buyers = int((deals >= 1).sum())
    return float((deals >= 2).sum() / buyers) if buyers else None


def second_purchase(sales: Sales) -> dict[str, Any]:
    """Return how many bought a second time, and after how many days."""
    row = sales.row(
        """SELECT count(*) AS buyers, count(second_on) AS second,
            quantile_disc(second_on - first_on, [0.25, 0.5, 0.75]) FILTER (second_on IS NOT NULL) AS days FROM buyers"""
    )
    # Only customers whose first order is that long ago could have come back by then.
    within = [{"days": days, **sales.row(_WITHIN, days=days, as_of=sales.as_of)} for days in WITHIN]
    for row_within in within:
        row_within["rate"] = row_within["second"] / row_within["watched"] if row_within["watched"] else None
    rate = row["second"] / row["buyers"] if row["buyers"] else None
    return {**row, "rate": rate, "within": within}


_WITHIN = """
    SELECT count(*) AS watched, count(*) FILTER (second_on - first_on <= $days) AS second
    FROM buyers WHERE first_on <= $as_of::DATE - $days::INTEGER
"""
