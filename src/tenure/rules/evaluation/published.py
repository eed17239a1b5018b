"""What refreshes published about customers and about all of them together, by day: rules never read a later one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.rules.syntax.tree import Population, RuleNode, measures_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POINTS = 2_001  # of a distribution: with more different values, a place is exact to a two-thousandth
#: Scores of one name: whose, since which day, and the value as text, null where there is none any more.
SCORES = pa.schema({"customer_id": pa.string(), "day": pa.date32(), "value": pa.string()})


@dataclass(frozen=True)
class Distribution:
    """How a number is spread over all customers on a day."""

    day: int  # since 1970-01-01
    values: np.ndarray  # different values, sorted
    below: np.ndarray  # share of customers whose number is smaller, for each value
    up_to: np.ndarray  # share of those whose number is not larger

    @classmethod
    def of(cls, numbers: np.ndarray, day: int) -> Distribution:
        values, counts = np.unique(numbers, return_counts=True)
        up_to = np.cumsum(counts) / max(len(numbers), 1)
        below = np.append(0.0, up_to[:-1])[: len(values)]
        if len(values) > POINTS:
            kept = np.unique(np.searchsorted(up_to, np.linspace(0, 1, POINTS)).clip(0, len(values) - 1))
            values, below, up_to = values[kept], below[kept], up_to[kept]
        return cls(day, values, below, up_to)

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Return the share of customers below each number, equal ones counted half."""
        if not len(self.values):
            return np.full(len(numbers), np.nan)
        upper = np.searchsorted(self.values, numbers)
        inner = upper.clip(1, len(self.values) - 1) if len(self.values) > 1 else np.zeros(len(numbers), dtype=np.int64)
        lower = np.maximum(inner - 1, 0)
        width = np.where(inner > lower, self.values[inner] - self.values[lower], 1.0)
        rise = (self.below[inner] - self.up_to[lower]) * (numbers - self.values[lower]) / width
        between = self.up_to[lower] + np.where(inner > lower, rise, 0.0)
        equal = upper.clip(0, len(self.values) - 1)
        half = (self.below[equal] + self.up_to[equal]) / 2
        places = np.where(self.values[equal] == numbers, half, between)
        outside = np.where(upper == 0, 0.0, 1.0)
        return np.where((numbers < self.values[0]) | (numbers > self.values[-1]), outside, places)


@dataclass(frozen=True)
class Averages:
    """The mean of a number on a day, by the value of an attribute; by the empty text, of all customers."""

    day: int
    means: Mapping[str, float]


@dataclass(frozen=True)
class Published:
    """What rules may read besides facts."""

    scores: Mapping[str, pa.Table] = field(default_factory=dict)  # by name, see SCORES
    # by the key of the node, in the order of their days
    populations: Mapping[str, Sequence[Distribution | Averages]] = field(default_factory=dict)


def population_key(node: Population) -> str:
    """Return the name under which a population is kept: its text, and the days of the dates that it names."""
    return " ".join((str(node), *named_days(node)))


def named_days(node: RuleNode) -> tuple[str, ...]:
    """Return the days of the shop's named dates that a rule reads, as written in the settings; its text omits them."""
    measures = measures_of(node)
    conditions = (
        condition
        for measure in measures
        for facts in measure.facts
        for part in facts.all
        for condition in part.where
        if condition.name
    )
    awaited = (measure.arguments[1:] for measure in measures if measure.elapsed)
    return tuple(str(day) for days in (*(condition.values for condition in conditions), *awaited) for day in days)
