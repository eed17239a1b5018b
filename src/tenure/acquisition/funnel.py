"""The first-contact funnel: attract, trust, intent, transaction, for all first contacts of a period.

A step counts when it is reached within the funnel's days (90 unless set otherwise) after the first contact, and a later
step counts as having passed the earlier ones. Rates are those of people whose days are over, so that a young period is
never compared as if it were finished: it is `open` until it has ended and the days of all people in it are over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.acquisition.contacts import DAYS, Contacts, Period
from tenure.acquisition.scoring import STEPS
from tenure.stats.intervals import wilson
from tenure.stats.multiple import benjamini_hochberg

if TYPE_CHECKING:
    from datetime import date

#: Calendar months of first contact that the trend shows.
MONTHS = 12
#: A difference is named when chance alone would show one as large in fewer than 5 of 100 cases.
LEVEL = 0.05
OPEN, FINISHED, EMPTY = "open", "finished", "empty"


def funnel(contacts: Contacts, period: Period) -> dict[str, Any]:
    """Return the funnel of all people whose first contact lies in a period.

    Returns
    -------
    dict
        `people`, `closed` (their days are over), `open`, `state`, `without_contact` (customers without a contact before
        their first transaction), and `steps`: `reached` so far by all people (`reach`, of all), `closed_reached` and
        its share of all (`share`, with Wilson's interval) and of the step before (`rate`), `dropped` after the step
        before, `median_days` since it, and `now`, who is in it on the day.
    """
    return funnels(contacts, [period])[0] | {"without_contact": contacts.count_without_contact(period)}


def funnels(contacts: Contacts, periods: list[Period]) -> list[dict[str, Any]]:
    """Return the funnel of each of several periods, as :func:`funnel` returns it, read in one query."""
    limit = int(contacts.options.funnel_days)
    columns = ["count(contact_on) AS people", "count(*) FILTER (closed) AS closed"]
    for place, step in enumerate(STEPS):
        hit = f"{DAYS[step]} <= contact_on + {limit}"
        columns += [
            f"count(*) FILTER ({hit}) AS reached_{place}",
            f"count(*) FILTER ({hit} AND closed) AS closed_{place}",
            f"count(*) FILTER (step = {place}) AS now_{place}",
        ]
        if place:
            before = DAYS[STEPS[place - 1]]
            columns.append(f"median({DAYS[step]} - {before}) FILTER ({hit}) AS days_{place}")
    rows = contacts.rows(
        f"""SELECT since, until, {", ".join(columns)}
        FROM (SELECT unnest($since::DATE[]) AS since, unnest($until::DATE[]) AS until)
        LEFT JOIN first_contacts ON contact_on BETWEEN since AND until GROUP BY since, until ORDER BY since, until""",
        since=[period.since for period in periods],
        until=[period.until for period in periods],
    )
    return [
        {
            "since": row["since"],
            "until": row["until"],
            "as_of": contacts.day,
            "window_days": limit,
            "people": row["people"],
            "closed": row["closed"],
            "open": row["people"] - row["closed"],
            "state": _state(row, contacts.day),
            "steps": [_step(row, place) for place in range(len(STEPS))],
        }
        for row in rows
    ]


def _state(row: dict[str, Any], day: date) -> str:
    if not row["people"]:
        return EMPTY
    return FINISHED if row["closed"] == row["people"] and row["until"] <= day else OPEN


def _step(row: dict[str, Any], place: int) -> dict[str, Any]:
    reached, closed, everybody = row[f"closed_{place}"], row["closed"], row["people"]
    before = row[f"closed_{max(place - 1, 0)}"]
    low, high = wilson(reached, closed) if closed else (None, None)
    days = row.get(f"days_{place}")
    return {
        "step": STEPS[place],
        "reached": row[f"reached_{place}"],
        "reach": row[f"reached_{place}"] / everybody if everybody else None,
        "closed_reached": reached,
        "share": reached / closed if closed else None,
        "share_low": low,
        "share_high": high,
        "rate": reached / before if before else None,
        "dropped": before - reached,
        "median_days": None if days is None else float(days),
        "now": row[f"now_{place}"],
    }


#: What a number of the funnel may count.
MEASURES = ("reached", "dropped", "now")


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    """The people behind a number: who `reached` a step, `dropped` out before it, or are in it `now`."""

    period: Period
    step: str = STEPS[0]
    measure: str = MEASURES[0]

    def condition(self, limit: int) -> str:
        """Return the SQL condition over ``first_contacts``."""
        place = STEPS.index(self.step)
        hit = f"coalesce({DAYS[self.step]} <= contact_on + {limit}, false)"
        before = f"{DAYS[STEPS[max(place - 1, 0)]]} <= contact_on + {limit}"
        test = {"reached": hit, "dropped": f"closed AND {before} AND NOT {hit}", "now": f"step = {place}"}[self.measure]
        return f"contact_on BETWEEN $since AND $until AND {test}"


def people(contacts: Contacts, query: PeopleQuery, limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """Return the people whom a number of the funnel counts, the latest first contact first."""
    page = f"LIMIT {int(limit)} OFFSET {int(offset)}" if limit is not None else ""
    where = query.condition(int(contacts.options.funnel_days))
    sql = f"SELECT * FROM first_contacts WHERE {where} ORDER BY contact_on DESC, customer_id {page}"
    rows = contacts.rows(sql, since=query.period.since, until=query.period.until)
    return [row | {"step": STEPS[row["step"]]} for row in rows]


def count(contacts: Contacts, query: PeopleQuery) -> int:
    """Return how many people a number of the funnel counts."""
    sql = f"SELECT count(*) AS people FROM first_contacts WHERE {query.condition(int(contacts.options.funnel_days))}"
    return int(contacts.rows(sql, since=query.period.since, until=query.period.until)[0]["people"])


def trend(contacts: Contacts) -> dict[str, Any]:
    """Return the funnel of each of the last twelve months of first contact, and how the newest finished one compares.

    Returns
    -------
    dict
        `months`, the oldest first, each as :func:`funnel` returns it; `compared`: for each step after the first, the
        share in the newest finished month against that of all earlier finished ones, Fisher's exact p adjusted for
        the three steps, and whether the difference is significant (`differ`). Empty while fewer than two
        months are finished.
    """
    edges = contacts.edges()
    if edges is None:
        return {"months": [], "compared": []}
    periods = [Period.month(contacts.day)]
    while len(periods) < MONTHS and periods[0].since > edges[0]:
        periods.insert(0, periods[0].before())
    months = funnels(contacts, periods)
    finished = [month for month in months if month["state"] == FINISHED]
    return {"months": months, "compared": _compared(finished) if len(finished) > 1 else []}


def _compared(finished: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # SciPy's statistics take a second to import.
    from scipy.stats import fisher_exact

    newest, earlier = finished[-1], finished[:-1]
    people = sum(month["closed"] for month in earlier)
    rows = []
    for place in range(1, len(STEPS)):
        reached, total = newest["steps"][place]["closed_reached"], newest["closed"]
        before = sum(month["steps"][place]["closed_reached"] for month in earlier)
        counts = [[reached, total - reached], [before, people - before]]
        rows.append(
            {
                "step": STEPS[place],
                "month": newest["since"],
                "months_before": len(earlier),
                "share": reached / total,
                "share_before": before / people,
                "p": float(fisher_exact(np.array(counts)).pvalue),
            }
        )
    for row, adjusted in zip(rows, benjamini_hochberg([row["p"] for row in rows]), strict=True):
        row |= {"p_adjusted": float(adjusted), "differ": bool(adjusted < LEVEL)}
    return rows
