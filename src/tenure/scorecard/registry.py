"""The registry of models: what was fitted, on which facts, when, with which figures, and how it drifts.

Every full refresh adds one row a part; the newest is used.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.facts.schema import DAY, FACT_TABLES, INSTANT, TEXT
from tenure.stats.record import Fit
from tenure.words import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from tenure.facts.lake import Lake

FITS = pa.schema(
    {
        "generation": pa.int64(),
        "as_of": DAY,
        "fitted_at": INSTANT,
        "part": TEXT,
        "model": TEXT,
        "verdict": TEXT,
        "customers": pa.int64(),
        "facts": TEXT,  # JSON {table: [version, rows]}: the facts it was fitted on can be read again
        "options": TEXT,  # JSON: assumptions, seed and the version of tenure
        "body": TEXT,  # the Fit as JSON
    }
)
REPORTS = pa.schema({"generation": pa.int64(), "as_of": DAY, "name": TEXT, "body": TEXT})
#: What the parameters of fits look like; another number makes the next refresh a full one.
FORMAT = 1
#: Generations of fits that are kept.
KEPT = 40
#: Characters from which on an old fit is kept without its parameters.
LARGE = 100_000
#: Population stability: below the first number an input looks as before, from the second on it does not.
STABLE, CHANGED = 0.1, 0.25


def latest(lake: Lake) -> dict[str, Fit]:
    """Return the newest fit of every part; empty when nothing was fitted yet, or by a version that wrote others."""
    if not lake.has("fits"):
        return {}
    rows = (
        lake.connect(("fits",))
        .execute("SELECT body, options FROM fits WHERE generation = (SELECT max(generation) FROM fits)")
        .fetchall()
    )
    return {
        fit.part: fit
        for fit in (Fit.from_json(body) for body, options in rows if json.loads(options).get("format") == FORMAT)
    }


def fitted_on(lake: Lake) -> date | None:
    """Return the day of the facts on which the newest fits were fitted; None when there are none.

    Ranks are renewed between two full refreshes, so the oldest day of the set is that of everything else.
    """
    if not lake.has("fits"):
        return None
    sql = "SELECT min(as_of) FROM fits WHERE generation = (SELECT max(generation) FROM fits)"
    row = lake.connect(("fits",)).execute(sql).fetchone()
    return row[0] if row else None


def renew(lake: Lake, fits: Mapping[str, Fit], as_of: date, fitted_at: datetime) -> None:
    """Put some fits in the place of the newest ones of their names; the others stay what they are."""
    if not fits or not lake.has("fits"):
        return
    rows = lake.connect(("fits",)).execute("SELECT * FROM fits ORDER BY generation").to_arrow_table().to_pylist()
    newest = max(row["generation"] for row in rows)
    for row in rows:
        if row["generation"] == newest and row["part"] in fits:
            fit = fits[row["part"]]
            row |= {"as_of": as_of, "fitted_at": fitted_at, "model": fit.model, "verdict": fit.verdict,
                    "customers": fit.customers, "facts": json.dumps(facts_of(lake)), "body": fit.to_json()}  # fmt: skip
    lake.write("fits", pa.Table.from_pylist(rows, schema=FITS), replace=True)


def history(lake: Lake, part: str) -> list[tuple[date, Fit]]:
    """Return every kept fit of a part with the day it speaks of, the oldest first."""
    if not lake.has("fits"):
        return []
    con = lake.connect(("fits",))
    rows = con.execute("SELECT as_of, body FROM fits WHERE part = ? ORDER BY generation", [part]).fetchall()
    return [(day, Fit.from_json(body)) for day, body in rows]


def write_fits(
    lake: Lake, fits: Mapping[str, Fit], generation: int, as_of: date, fitted_at: datetime, options: Mapping[str, Any]
) -> None:
    """Add a generation of fits; the oldest go."""
    facts = json.dumps(facts_of(lake))
    assumed = json.dumps({**options, "format": FORMAT})
    rows = [
        {
            "generation": generation,
            "as_of": as_of,
            "fitted_at": fitted_at,
            "part": fit.part,
            "model": fit.model,
            "verdict": fit.verdict,
            "customers": fit.customers,
            "facts": facts,
            "options": assumed,
            "body": fit.to_json(),
        }
        for fit in fits.values()
    ]
    added = pa.Table.from_pylist(rows, schema=FITS)
    if lake.has("fits"):
        con = lake.connect(("fits",))
        old = con.execute(
            "SELECT * FROM fits WHERE generation IN"
            " (SELECT DISTINCT generation FROM fits ORDER BY generation DESC LIMIT ?)",
            [KEPT - 1],
        ).to_arrow_table()
        added = pa.concat_tables([_lighter(old.select(FITS.names).cast(FITS)), added])
    lake.write("fits", added, replace=True)


def _lighter(old: pa.Table) -> pa.Table:
    """Take the parameters out of old fits that are large: only the newest scores, and the facts are named beside it."""
    bodies = [
        replace(Fit.from_json(body), params={}).to_json() if len(body) > LARGE else body
        for body in old.column("body").to_pylist()
    ]
    return old.set_column(old.column_names.index("body"), FITS.field("body"), pa.array(bodies, TEXT))


def write_reports(lake: Lake, reports: Mapping[str, Any], generation: int, as_of: date) -> None:
    """Replace what pages show of everybody."""
    rows = [
        {"generation": generation, "as_of": as_of, "name": name, "body": dumps(body)} for name, body in reports.items()
    ]
    lake.write("reports", pa.Table.from_pylist(rows, schema=REPORTS), replace=True)


def report(lake: Lake, name: str) -> Any:
    """Return one report, its messages not rendered yet; None when there is none."""
    if not lake.has("reports"):
        return None
    row = lake.connect(("reports",)).execute("SELECT body FROM reports WHERE name = ?", [name]).fetchone()
    return loads(row[0]) if row else None


def facts_of(lake: Lake) -> dict[str, list[int]]:
    """Return the version and the rows of every fact table, so that the same facts can be read again."""
    facts = {}
    for name in (*FACT_TABLES, "customers", "identities"):
        table = lake.table(name)
        if table is not None:
            facts[name] = [table.version(), sum(file.rows for file in lake.files(name))]
    return facts


def stability(before: Sequence[float], now: Sequence[float]) -> float:
    """Return the population stability index of two distributions given by their deciles."""
    total = 0.0
    edges = [-math.inf, *sorted(set(before[1:-1])), math.inf]
    for low, high in pairwise(edges):
        was = max(1e-4, _below(before, high) - _below(before, low))
        share = max(1e-4, _below(now, high) - _below(now, low))
        total += (share - was) * math.log(share / was)
    return total


def _below(quantiles: Sequence[float], value: float) -> float:
    """Return the share of a distribution that is not above a value."""
    if value >= quantiles[-1]:
        return 1.0
    if value < quantiles[0]:
        return 0.0
    step = 1 / (len(quantiles) - 1)
    place = max(index for index, quantile in enumerate(quantiles) if quantile <= value)
    low, high = quantiles[place], quantiles[place + 1]
    return step * (place + (value - low) / (high - low))


def drift(before: Fit, now: Fit) -> dict[str, dict[str, Any]]:
    """Return how the inputs of a part changed between two fits, by input: {"psi": …, "level": …}."""
    drifts = {}
    for name in now.inputs:
        old, new = before.inputs.get(name), now.inputs[name]
        if old and new and len(old) == len(new) and None not in (*old, *new):
            psi = stability(old, new)
            drifts[name] = {
                "psi": psi,
                "level": "stable" if psi < STABLE else "shifted" if psi < CHANGED else "changed",
            }
    return drifts
