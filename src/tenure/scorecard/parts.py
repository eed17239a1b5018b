"""The parts of the scorecard, in the order in which they are made.

A part may read every column of the parts before it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.facts.schema import DAY
from tenure.lifecycle.roster import ROSTER

if TYPE_CHECKING:
    from tenure.lifecycle.context import Part
    from tenure.lifecycle.figures import Figures


@cache
def parts() -> tuple[Part, ...]:
    """Return every part; loaded when first used, since each brings its own libraries."""
    from tenure.economics.part import PART as decisions
    from tenure.recommend.part import PART as recommend
    from tenure.risk.churn import PART as churn
    from tenure.risk.warnings import PART as warnings
    from tenure.value.lifetime import PART as lifetime
    from tenure.value.ranking import PART as ranking

    return (lifetime, ranking, churn, warnings, recommend, decisions)


@cache
def figures() -> tuple[Figures, ...]:
    """Return what is read of every block of customers."""
    from tenure.risk.churn_figures import FIGURES as churn
    from tenure.risk.warning_figures import FIGURES as warnings
    from tenure.value.lifetime_features import FIGURES as lifetime
    from tenure.value.ranking_features import FIGURES as ranking

    return (lifetime, ranking, churn, warnings)


AS_OF = pa.field("as_of", DAY)  # the day of which a row's figures speak


def is_published(name: str) -> bool:
    """Whether a column is for everybody; the others feed models and stay inside."""
    return not name.startswith("_")


def columns() -> pa.Schema:
    """Return the published columns: the roster's, the figures', the parts', and the day they speak of."""
    made = [
        *ROSTER,
        *(field for figure in figures() for field in figure.schema),
        *(field for part in parts() for field in part.schema),
    ]
    return pa.schema([*(one for one in made if is_published(one.name)), AS_OF])
