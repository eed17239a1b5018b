"""Reads of predictions: how fits changed from refresh to refresh."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tenure_app.customers.profile import has

if TYPE_CHECKING:
    import duckdb

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fittings(con: duckdb.DuckDBPyConnection, most: int = 12) -> list[dict[str, Any]]:
    """Return the last fits of the models of purchases, the newest first.

    `bias` is the mean over a fit's back-test, `drift` the largest population stability index of its inputs against the
    fit before, and `input` which one that is.
    """
    from tenure.stats.metrics import psi_of_quantiles

    if not has(con, "fits"):
        return []
    rows = con.execute(
        "SELECT epoch_us(fitted_at), as_of, body FROM fits WHERE part = 'purchases' ORDER BY generation DESC LIMIT ?",
        [most + 1],
    ).fetchall()
    bodies = [json.loads(body) for _at, _day, body in rows]
    fits = []
    for (at, day, _body), body, before in zip(rows[:most], bodies, [*bodies[1:], {}], strict=False):
        models = body.get("figures", {}).get("models", [])
        test: dict[str, Any] = next((model["backtest"] for model in models if model["model"] == body["model"]), {})
        known, now = before.get("inputs", {}), body.get("inputs", {})
        # Population stability of the quantiles that were kept: how far each input moved between two fits.
        drifts = {name: psi_of_quantiles(known[name], new) for name, new in now.items() if known.get(name) and new}
        drift, name = max(((value, name) for name, value in drifts.items()), default=(None, ""))
        # As a number: DuckDB would need a package of its own to return an instant with a zone.
        when = {"fitted_at": _EPOCH + timedelta(microseconds=at), "as_of": day}
        model = {"model": body["model"], "customers": body["customers"], "bias": test.get("bias")}
        fits.append({**when, **model, "drift": drift, "input": name})
    return fits
