"""The context of a calculation over everybody: as of which day, under which assumptions, and what a part of it is.

Everything that is assumed stands in :class:`Options`, so that a page can show it and a user can change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.facts.lake import Lake
    from tenure.stats.record import Fit


@dataclass(frozen=True, slots=True)
class Options:
    """What is assumed, or asked for, and not read from facts."""

    horizon_days: int = 365  # how far potential value looks ahead
    # interest a year at which future money is discounted, compounded continuously: ``exp(-discount * years)``
    discount: float = 0.10
    # share of sales that is margin where costs are not known; None counts sales as they are, and says so
    margin: float | None = None
    buyers: int = 500  # gates: how many buyers, and how many days from the first to the last fact, predictions need
    days: int = 180
    seed: int = 20_240_101  # of everything random
    # raise what a part of the scorecard raises, instead of leaving its columns empty and reporting the problem
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Around a table of customers."""

    as_of: date  # the day on which everybody is seen
    tz: str = "UTC"  # of the business
    currency: str = "CNY"
    lake: Lake | None = None  # where other facts can be read; None in a notebook without a lake
    options: Options = field(default_factory=Options)  # assumptions


class Part(Protocol):
    """One part of the scorecard: fitted on everybody, then scoring anybody."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def schema(self) -> pa.Schema: ...  # noqa: D102

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""

    def score(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> pa.Table:
        """Return the columns of `schema` for these customers, in their order; `fits` by the part they name."""

    def report(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
        """Return what pages show of everybody: JSON bodies by name."""

    def tables(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, pa.Table]:
        """Return whole tables for the lake, by their names there."""
