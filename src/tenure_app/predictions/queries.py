"""Reads of predictions: the report of the last refresh, and how fits changed from refresh to refresh."""

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
    """One fit of the models of purchases, as it was written down.

    Attributes
    ----------
    fitted_at, as_of : datetime, date
        When, and seen from which day.
    model, verdict : str
        What was chosen.
    customers : int
        On how many.
    bias, rmse : float or None
        Mean over its back-test's origins.
    drift : float or None
        Largest population stability index of its inputs against the fit before.
    input : str
        Which input that is.
    """

    fitted_at: datetime
    as_of: date
    model: str
    verdict: str
    customers: int
    bias: float | None
    rmse: float | None
    drift: float | None
    input: str


def report(con: duckdb.DuckDBPyConnection, name: str) -> Any:
    """Return one report of the last refresh; None when there is none."""
    if not has(con, "reports"):
        return None
    row = con.execute("SELECT body FROM reports WHERE name = ?", [name]).fetchone()
    return json.loads(row[0]) if row else None


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
    olds = [body for _at, _day, body in bodies[1:]]
    return [
        _fitting(at, day, body, olds[n] if n < len(olds) else None) for n, (at, day, body) in enumerate(bodies[:most])
    ]


def _fitting(at: datetime, day: date, body: dict[str, Any], before: dict[str, Any] | None) -> Fitting:
    models = body.get("figures", {}).get("models", [])
    test: dict[str, Any] = next((model["backtest"] for model in models if model["model"] == body["model"]), {})
    drifts = _drifts(before, body)
    worst = max(drifts, key=lambda one: drifts[one], default="")
    return Fitting(
        at, day, body["model"], body["verdict"], body["customers"], test.get("bias"), test.get("rmse"),
        drifts.get(worst), worst,
    )  # fmt: skip


def _drifts(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, float]:
    """Return how far each input moved between two fits: population stability of the quantiles that were kept."""
    from tenure.stats.metrics import psi_of_quantiles

    if before is None:
        return {}
    pairs = {name: (before.get("inputs", {}).get(name), values) for name, values in now.get("inputs", {}).items()}
    return {name: psi_of_quantiles(old, new) for name, (old, new) in pairs.items() if old and new}
