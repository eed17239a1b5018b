"""Reads of predictions: how fits changed from refresh to refresh."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tenure_app.customers.profile import has

if TYPE_CHECKING:
    from datetime import date

    import duckdb

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fitting:
    fitted_at: datetime
    as_of: date
    model: str
    customers: int
    bias: float | None  # mean over its back-test's origins
    drift: float | None  # largest population stability index of its inputs against the fit before
    input: str  # which input that is


def fittings(con: duckdb.DuckDBPyConnection, most: int = 12) -> list[Fitting]:
    """Return the last fits of the models of purchases, the newest first, each against the one before it."""
    if not has(con, "fits"):
        return []
    rows = con.execute(
        "SELECT epoch_us(fitted_at), as_of, body FROM fits WHERE part = 'purchases' ORDER BY generation DESC LIMIT ?",
        [most + 1],
    ).fetchall()
    # As a number: DuckDB would need a package of its own to return an instant with a zone.
    bodies = [(_EPOCH + timedelta(microseconds=at), day, json.loads(body)) for at, day, body in rows]
    olds = [*(body for _at, _day, body in bodies[1:]), None]
    return [_fitting(at, day, body, old) for (at, day, body), old in zip(bodies[:most], olds, strict=False)]


def _fitting(at: datetime, day: date, body: dict[str, Any], before: dict[str, Any] | None) -> Fitting:
    models = body.get("figures", {}).get("models", [])
    test: dict[str, Any] = next((model["backtest"] for model in models if model["model"] == body["model"]), {})
    drifts = _drifts(before, body)
    drift, name = max(((value, name) for name, value in drifts.items()), default=(None, ""))
    return Fitting(at, day, body["model"], body["customers"], test.get("bias"), drift, name)


def _drifts(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, float]:
    """Return how far each input moved between two fits: population stability of the quantiles that were kept."""
    from tenure.stats.metrics import psi_of_quantiles

    if before is None:
        return {}
    pairs = {name: (before.get("inputs", {}).get(name), values) for name, values in now.get("inputs", {}).items()}
    return {name: psi_of_quantiles(old, new) for name, (old, new) in pairs.items() if old and new}
