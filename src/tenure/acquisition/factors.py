"""What goes together with conversion: the funnel by channel, content, campaign, price and attribute.

All that a group is made of was known on the day of the first contact (brand awareness: before the transaction), so
that staying long does not choose the group. Only people whose days in the funnel are over are compared. A factor
differs when a test of independence, adjusted for the number of factors tested, is significant. Fisher's exact test
serves for two groups, chi-square for more; groups too small for it (fewer than five expected on either side) are tested
together. A difference is an association: it does not say what would happen if somebody came another way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.acquisition.attributes import attributes_sql
from tenure.acquisition.contacts import DAYS, Contacts, Period
from tenure.acquisition.funnel import LEVEL
from tenure.acquisition.labels import ATTRIBUTE, FACTORS
from tenure.stats.intervals import wilson
from tenure.stats.multiple import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Sequence

#: An attribute with more different values is a number or a name, no group.
MOST_VALUES = 20
#: Groups shown of a factor, the largest first.
SHOWN = 12
#: Fewer expected in a cell make chi-square's approximation doubtful (Cochran 1954).
EXPECTED = 5.0
DIFFERS, ALIKE, TOO_FEW = "differs", "no-difference", "too-few"


def factors(contacts: Contacts, period: Period, step: str = "transaction") -> list[dict[str, Any]]:
    """Return conversion to a step by each factor that is known of at least two groups.

    Returns
    -------
    list of dict
        `factor`, `rows` (`value`, `people`, `reached`, `rate` with Wilson's `low` and `high`), `unknown`
        (people of whom it is not known), `p`, `p_adjusted` and `verdict`: differs, no-difference or too-few.
    """
    hit = f"{DAYS[step]} <= contact_on + {int(contacts.options.funnel_days)}"
    counted: dict[str, list[dict[str, Any]]] = {}
    where, days = "closed AND contact_on BETWEEN $since AND $until", {"since": period.since, "until": period.until}
    [closed] = contacts.rows(f"SELECT count(*) AS people FROM first_contacts WHERE {where}", **days)
    for sql in (_of_contact(), _of_price(contacts), _of_awareness(contacts), _of_attributes(contacts)):
        if not sql:
            continue
        for row in contacts.rows(
            f"""SELECT factor, value, count(*) AS people, count(*) FILTER ({hit}) AS reached
            FROM first_contacts JOIN ({sql}) USING (customer_id) WHERE {where} AND value IS NOT NULL
            GROUP BY factor, value
            QUALIFY NOT starts_with(factor, '{ATTRIBUTE}') OR count(*) OVER (PARTITION BY factor) <= {MOST_VALUES}
            ORDER BY people DESC, value""",
            **days,
        ):
            counted.setdefault(row["factor"], []).append(row)
    results = [_factor(name, rows, closed["people"]) for name, rows in counted.items() if len(rows) > 1]
    results.sort(key=lambda item: _place(item["factor"]))
    if results:
        adjusted = benjamini_hochberg([np.nan if item["p"] is None else item["p"] for item in results])
        for item, value in zip(results, adjusted, strict=True):
            item["p_adjusted"] = None if np.isnan(value) else float(value)
            if item["p"] is not None:
                item["verdict"] = DIFFERS if value < LEVEL else ALIKE
    return results


def _place(factor: str) -> tuple[int, str]:
    names = list(FACTORS)
    return (names.index(factor) if factor in names else len(names), factor)


def _factor(factor: str, rows: list[dict[str, Any]], closed: int) -> dict[str, Any]:
    groups = []
    for row in rows:
        low, high = wilson(row["reached"], row["people"])
        rate = row["reached"] / row["people"]
        groups.append(
            {name: row[name] for name in ("value", "people", "reached")} | {"rate": rate, "low": low, "high": high}
        )
    return {
        "factor": factor,
        "rows": groups[:SHOWN],
        "more": max(len(groups) - SHOWN, 0),
        "unknown": closed - sum(row["people"] for row in rows),
        "p": independence([(row["reached"], row["people"]) for row in rows]),
        "verdict": TOO_FEW,
    }


def independence(groups: Sequence[tuple[int, int]]) -> float | None:
    """Return the p-value of "all groups convert alike" for (reached, people); None when there are too few to say."""
    from scipy.stats import chi2_contingency, fisher_exact

    reached, people = (sum(group[place] for group in groups) for place in (0, 1))
    if not people:
        return None
    rarer = min(reached, people - reached) / people
    large = [group for group in groups if group[1] * rarer >= EXPECTED]
    small = [group for group in groups if group[1] * rarer < EXPECTED]
    if small:
        pooled = (sum(group[0] for group in small), sum(group[1] for group in small))
        large += [pooled] if pooled[1] * rarer >= EXPECTED else []
    if len(large) < 2:
        return None
    table = np.array([[hits, total - hits] for hits, total in large])
    if len(table) == 2:
        return float(fisher_exact(table).pvalue)
    return float(chi2_contingency(table).pvalue)


def _of_contact() -> str:
    """Return SQL for (customer_id, factor, value) of what the first contact itself says."""
    names = ("kind", "channel", "content", "campaign", "category")
    return " UNION ALL ".join(
        f"SELECT customer_id, '{name}' AS factor, {name} AS value FROM first_contacts" for name in names
    )


def _of_price(contacts: Contacts) -> str:
    """… of the usual price of the product that was looked at first, in thirds."""
    if not contacts.has("order_lines"):
        return ""
    return """
        WITH viewed AS (SELECT customer_id, content FROM first_contacts WHERE content IS NOT NULL),
        priced AS (
            SELECT product_id AS content, median(amount / quantity)::DOUBLE AS price FROM order_lines
            WHERE product_id IN (SELECT content FROM viewed) AND quantity > 0 AND amount > 0 GROUP BY product_id),
        bounds AS (
            SELECT quantile_cont(price, 1 / 3) AS low, quantile_cont(price, 2 / 3) AS high
            FROM viewed JOIN priced USING (content))
        SELECT customer_id, 'price' AS factor,
            CASE WHEN price <= low THEN 'low' WHEN price <= high THEN 'middle' ELSE 'high' END AS value
        FROM viewed JOIN priced USING (content) CROSS JOIN bounds"""


def _of_awareness(contacts: Contacts) -> str:
    """… of how well the brand was known, by the first note of it that was made before the transaction."""
    if not contacts.has("profile_notes"):
        return ""
    return f"""
        SELECT customer_id, 'awareness' AS factor,
            CASE WHEN score <= 2 THEN 'low' WHEN score < 4 THEN 'middle' ELSE 'high' END AS value
        FROM (
            SELECT customer_id, arg_min(score, "at") AS score
            FROM profile_notes JOIN first_contacts USING (customer_id)
            WHERE profile_notes.kind = 'brand_perception' AND profile_notes.category = 'awareness' AND score IS NOT NULL
                AND (transaction_on IS NULL OR {contacts.local_day("profile_notes")} < transaction_on)
            GROUP BY customer_id)"""


def _of_attributes(contacts: Contacts) -> str:
    """… of every attribute of the customers' records."""
    if not contacts.has("customers"):
        return ""
    return f"SELECT customer_id, '{ATTRIBUTE}' || attribute AS factor, value FROM ({attributes_sql(contacts)})"
