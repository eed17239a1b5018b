"""Cycle length: how long customers stay in their mature stages, and whether that is getting longer.

「客户成熟期的长度可以充分反映出一个企业的盈利能力」, 「尽量拉长这个周期最为重要」[S002].

Length is measured without waiting for stays to end: days spent in the mature stages by all customers, over the number
of times one of them left. Two equally long windows are compared, before and after a day; stays that begin in one and
end in the other count in each with the days they spent there. The interval of the ratio treats departures as a Poisson
process (Cox and Oakes, *Analysis of Survival Data*, 1984, ch. 3). Nobody can leave a stage by silence while the
history is still young, so as much history as one window is left out at its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenure.lifecycle.model import Model
    from tenure.value.sales import Sales

#: Families of mature and of loyal stages: who goes from one to the other has not left the mature period.
MATURE = ("F6", "F7")
WINDOW, SHORTEST = 180, 30
#: Fewer departures than this in a window say nothing of how long stays are.
FEWEST = 30
NORMAL = 1.959964

_STAYS = """
    WITH mature AS (
        SELECT customer_id, entered_on, left_on,
            lead(entered_on) OVER (PARTITION BY customer_id ORDER BY entered_on) AS next_on
        FROM spans WHERE model = $model AND NOT passed_through AND list_contains($stages, stage)),
    stays AS (
        SELECT entered_on, coalesce(left_on, $after_end) AS until,
            left_on IS NOT NULL AND next_on IS DISTINCT FROM left_on AS ended
        FROM mature)
    SELECT
        coalesce(sum(greatest(least(until, $cut) - greatest(entered_on, $begin), 0)), 0)::BIGINT AS days_before,
        count(*) FILTER (ended AND until > $begin AND until <= $cut) AS left_before,
        coalesce(sum(greatest(least(until, $after_end) - greatest(entered_on, $cut), 0)), 0)::BIGINT AS days_after,
        count(*) FILTER (ended AND until > $cut AND until <= $after_end) AS left_after
    FROM stays
"""


@dataclass(frozen=True, slots=True)
class Length:
    """How long the mature period is, as seen in one window."""

    days: int  # customer-days spent in it
    left: int  # how often a customer left it

    @property
    def mean(self) -> float | None:
        """Days a stay lasts; None when no customer left, so that no end is in sight."""
        return self.days / self.left if self.left else None


@dataclass(frozen=True, slots=True)
class Extension:
    """The mature period of one model before and after a day."""

    model: str
    stages: tuple[str, ...]
    begin: date
    cut: date
    end: date
    before: Length
    after: Length

    @property
    def ratio(self) -> tuple[float, float, float] | None:
        """Length after over length before, with its 95 % interval; None when one of them is not known."""
        if self.before.mean is None or self.after.mean is None or not self.before.days or not self.after.days:
            return None
        ratio = self.after.mean / self.before.mean
        half = NORMAL * sqrt(1 / self.before.left + 1 / self.after.left)
        return ratio, exp(log(ratio) - half), exp(log(ratio) + half)

    @property
    def verdict(self) -> str:
        """``longer``, ``shorter``, ``no-difference`` (none that could be told from chance) or ``cannot-judge``."""
        if self.ratio is None or min(self.before.left, self.after.left) < FEWEST:
            return "cannot-judge"
        _, low, high = self.ratio
        return "longer" if low > 1 else "shorter" if high < 1 else "no-difference"

    def to_json(self) -> dict[str, Any]:
        """Return everything with its conclusion."""
        lengths = {"before": self.before, "after": self.after}
        return {
            "model": self.model,
            "stages": list(self.stages),
            "begin": self.begin.isoformat(),
            "cut": self.cut.isoformat(),
            "end": self.end.isoformat(),
            "ratio": self.ratio,
            "verdict": self.verdict,
            **{name: {"days": side.days, "left": side.left, "mean": side.mean} for name, side in lengths.items()},
        }


def mature_stages(model: Model) -> tuple[str, ...]:
    """Return the mature and loyal stages of a model; empty when it has no mature one."""
    if not any(stage.family == MATURE[0] for stage in model.stages):
        return ()
    return tuple(stage.id for stage in model.stages if stage.family in MATURE)


def extension(sales: Sales, model: Model, cut: date | None = None) -> Extension | None:
    """Return how long the mature period of a model is, before and after a day."""
    stages = mature_stages(model)
    history = (sales.as_of - sales.since).days
    # Two windows to compare, and as much history before them, in which leaving could not be noticed yet.
    window = min(WINDOW, history // 3)
    if cut is not None:
        window = min(WINDOW, (sales.as_of - cut).days, (cut - sales.since).days // 2)
    if not stages or window < SHORTEST:
        return None
    cut = cut or sales.as_of - timedelta(days=window)
    begin, end = cut - timedelta(days=window), cut + timedelta(days=window)
    row = sales.row(_STAYS, model=model.id, stages=list(stages), begin=begin, cut=cut, after_end=end)
    before, after = Length(row["days_before"], row["left_before"]), Length(row["days_after"], row["left_after"])
    return Extension(model.id, stages, begin, cut, end, before, after)


def extensions(sales: Sales, models: Iterable[Model], cut: date | None = None) -> list[Extension]:
    """Return the mature period of every model in which any customer has been mature."""
    results = [extension(sales, model, cut) for model in models]
    return [result for result in results if result is not None and result.before.days + result.after.days > 0]
