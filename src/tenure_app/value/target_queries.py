"""Targets: figures of the shop, of a group and of a stage, held against what is wanted.

「精準設定目標」[S001]. Figures are read from what the last refresh worked out; a target keeps what its figure was
on the day it was set, so that progress can be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenure_app.customers.profile import has
from tenure_app.value.models import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb

SHARES = ("old_sales", "old_buyers", "old_profit", "repurchase", "second_90", "retention_1", "top_share")
#: Columns whose groups can be counted.
GROUPS = {"rfm_group": "rfm", "tier": "tiers", "loyalty": "loyalty", "stickiness": "stickiness"}


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """A target and where it stands.

    Attributes
    ----------
    target : Target
        What is wanted.
    today : float or None
        The figure now; None when it cannot be told any more.
    progress : float or None
        Part of the way from where it began; None without a way to go.
    state : {"reached", "under-way", "missed", "unknown"}
        Missed is not reached by the day it was due.
    """

    target: Target
    today: float | None
    progress: float | None
    state: str


def is_share(measure: str) -> bool:
    """Whether a figure is a share, and not a number of customers."""
    return measure in SHARES


def figure(con: duckdb.DuckDBPyConnection, reports: Mapping[str, Any], measure: str) -> float | None:
    """Return a figure as of the last refresh.

    Parameters
    ----------
    measure : str
        One of `SHARES`, ``group:COLUMN:ID`` or ``stage:MODEL:STAGE``.
    """
    kind, _, rest = measure.partition(":")
    if kind == "group":
        column, _, group = rest.partition(":")
        rows = reports["groups"].get(GROUPS.get(column, ""), [])
        return next((float(row["customers"]) for row in rows if row["id"] == group), None)
    if kind == "stage":
        return _in_stage(con, *rest.partition(":")[::2])
    return _share(reports, measure)


def _share(reports: Mapping[str, Any], measure: str) -> float | None:
    if measure.startswith("old_"):
        month = next((row for row in reports["old"]["periods"] if row["days"] == 30), None)
        return month["shares"][measure.removeprefix("old_")] if month else None
    if measure == "repurchase":
        return reports["stickiness"]["repurchase_rate"]
    if measure == "second_90":
        return next((row["rate"] for row in reports["stickiness"]["second"]["within"] if row["days"] == 90), None)
    if measure == "retention_1":
        return next((row["retention"] for row in reports["cohorts"]["by_age"] if row["month"] == 1), None)
    return reports["pareto"]["sales"]["share"] if measure == "top_share" else None


def _in_stage(con: duckdb.DuckDBPyConnection, model: str, stage: str) -> float | None:
    if not has(con, "spans"):
        return None
    found = con.execute(
        "select count(*) filter (stage = ?), count(*) from spans"
        " where model = ? and left_on is null and not passed_through",
        [stage, model],
    ).fetchone()
    return float(found[0]) if found and found[1] else None


def standings(con: duckdb.DuckDBPyConnection, reports: Mapping[str, Any], day: date) -> list[TargetStanding]:
    """Return every target with where it stands on the day of the last refresh."""
    return [_standing(target, figure(con, reports, target.measure), day) for target in Target.objects.all()]


def _standing(target: Target, today: float | None, day: date) -> TargetStanding:
    if today is None:
        return TargetStanding(target, None, None, "unknown")
    reached = today >= target.value if target.sense == Target.AT_LEAST else today <= target.value
    way = target.value - (today if target.began_at is None else target.began_at)
    gone = today - (today if target.began_at is None else target.began_at)
    progress = min(max(gone / way, 0.0), 1.0) if way else None
    late = target.due_on is not None and day > target.due_on
    return TargetStanding(target, today, 1.0 if reached else progress, "reached" if reached else "missed" if late else
                    "under-way")  # fmt: skip
