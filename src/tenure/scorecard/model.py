"""A scorecard model: what it is given, what it returns, and which assumptions hold.

Everything that is assumed stands in :class:`Options`, so that a page can show it and a user can change it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from datetime import date

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
    # How long somebody who was reached pays attention, and takes to decide. The source says "a week to a month" and
    # "several weeks to several months"; the upper month and three months are ours.
    attention_days: int = 30
    decision_days: int = 90
    decision_from: str = "consideration"  # … counted from the first sign of consideration, or from "first-contact"
    funnel_days: int = 90  # steps of the first-contact funnel count when they are reached within so many days
    seed: int = 20_240_101  # of everything random
    # raise what a scorecard model raises, instead of leaving its columns empty and reporting the problem
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Around a table of customers."""

    as_of: date  # the day on which everybody is seen
    tz: str = "UTC"  # of the business
    currency: str = "CNY"
    lake: Lake | None = None  # where other facts can be read; None in a notebook without a lake
    options: Options = field(default_factory=Options)  # assumptions


Fits = Mapping[str, "Fit"]


@dataclass(frozen=True, slots=True)
class Result:
    """What one scorecard model made of a table of customers."""

    columns: pa.Table  # the columns of its schema, in the order of the customers
    fits: Fits  # what was fitted on everybody (or used), by the name of the fit
    tables: Mapping[str, pa.Table] = field(default_factory=dict)  # whole tables for the lake
    # what pages show of everybody: JSON by name; worked out when called, since a few customers need none
    report: Callable[[], dict[str, Any]] = dict


class ScorecardModel(ABC):
    """One analysis: fitted on everybody, then scoring anybody. It keeps nothing between two calls."""

    name: ClassVar[str]
    schema: ClassVar[pa.Schema]  # the columns it adds; those that begin with ``_`` feed later models
    families: ClassVar[tuple[str, ...]]  # the features it reads, see tenure.features.catalogue
    # Whether its fit is a ranking of everybody, and so is made anew even where other fits are kept.
    ranks: ClassVar[bool] = False
    inputs: ClassVar[tuple[str, ...]] = ()  # the published columns that a ranking reads

    @abstractmethod
    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""

    @abstractmethod
    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return the result for these customers, as they would get it among everybody."""

    def run(self, table: pa.Table, context: Context, fits: Fits | None = None) -> Result:
        """Fit on these customers, or take the `fits` that are given, and score them."""
        if fits is None:
            fits = {fit.part: fit for fit in self.fit(table, context)}
        return self.score(table, fits, context)
