"""What several tests of refreshes share."""

from __future__ import annotations

from functools import partial

from tenure.facts.lake import Lake
from tenure.refreshing.run import refresh

#: A refresh of stages alone, for tests that need no scores.
stages_only = partial(refresh, scorecard=())


def numbers_agree(lake: Lake) -> bool:
    """Whether every customer has a number of their own, and their spans have the same."""
    con = lake.connect(("scorecard", "spans"))
    customers = con.execute("SELECT count(*), count(DISTINCT number) FROM scorecard").fetchone()
    other = "FROM spans s JOIN scorecard k USING (customer_id) WHERE s.number IS DISTINCT FROM k.number LIMIT 1"
    return (
        customers is not None
        and customers[0] == customers[1]
        and (not lake.has("spans") or con.execute(other).fetchone() is None)
    )
