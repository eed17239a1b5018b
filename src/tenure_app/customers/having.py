"""Filters by columns of the scorecard: ``?rfm_group=champions&churn_min=0.6``.

Other rooms' pages make links of these words, so that every number of people opens exactly its rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a list can be narrowed by: what it is called, and what it holds."""

    label: Any
    kind: str  # text, truth, number, money, share, day, or words (several, set apart by commas)


COLUMNS: dict[str, Column] = {
    "first_month": Column(_("Month of the first order"), "text"),
    "first_order_on": Column(_("First order"), "day"),
    "deals": Column(_("Deals"), "number"),
    "order_days": Column(_("Days with an order"), "number"),
    "rfm": Column("RFM", "text"),
    "rfm_r": Column(_("RFM recency"), "number"),
    "rfm_f": Column(_("RFM frequency"), "number"),
    "rfm_m": Column(_("RFM money"), "number"),
    "rfm_group": Column(_("RFM group"), "text"),
    "abc_sales": Column(_("ABC by sales"), "text"),
    "abc_profit": Column(_("ABC by profit"), "text"),
    "tier": Column(_("Tier"), "text"),
    "loyalty": Column(_("Loyalty class"), "text"),
    "stickiness": Column(_("Stickiness"), "text"),
    "old_customer": Column(_("Old customer"), "truth"),
    "top_fifth": Column(_("Among the top fifth"), "truth"),
    "revenue": Column(_("Sales"), "money"),
    "margin": Column(_("Margin"), "money"),
    "profit": Column(_("Profit"), "money"),
    "invested": Column(_("Invested"), "money"),
    "break_even_on": Column(_("Break-even"), "day"),
    "p_alive": Column(_("Probability alive"), "share"),
    "p_active_90": Column(_("Probability of an order in 90 days"), "share"),
    "expected_orders": Column(_("Expected orders"), "number"),
    "historic_value": Column(_("Historic value"), "money"),
    "potential_value": Column(_("Potential value"), "money"),
    "lifetime_value": Column(_("Lifetime value"), "money"),
    "next_order_on": Column(_("Next order expected"), "day"),
    "churn": Column(_("Churn probability"), "share"),
    "churn_kind": Column(_("Kind of churn"), "text"),
    "churn_level": Column(_("Churn risk"), "text"),
    "decline": Column(_("Decline"), "text"),
    "wallet_share": Column(_("Share of wallet"), "share"),
    "silence_p": Column(_("Chance of so long a silence"), "share"),
    "fatigue": Column(_("Fatigue"), "share"),
    "warning_score": Column(_("Warning score"), "share"),
    "warning_signals": Column(_("Warning signal"), "words"),
    "value_at_stake": Column(_("Value at stake"), "money"),
    "decision": Column(_("Decision"), "text"),
    "decision_plan": Column(_("Plan"), "text"),
    "decision_profit": Column(_("Expected incremental profit"), "money"),
    "next_product": Column(_("Next product"), "text"),
    "recommended": Column(_("Recommended product"), "text"),  # in the table of recommendations
}
EQUALS, LEAST, MOST = "", "_min", "_max"
#: Stands for "not known".
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Having:
    """One restriction: a column, how it is compared, and the words of the address."""

    column: str
    sign: str
    words: str

    @property
    def name(self) -> str:
        """Its name in an address."""
        return self.column + self.sign


def read(words: Mapping[str, str]) -> tuple[tuple[Having, ...], list[str]]:
    """Return the restrictions that an address asks for, and the names of those whose values mean nothing."""
    found, wrong = [], []
    for name in words:
        one = _having(name, words[name].strip())
        if one is None:
            continue
        try:
            _values(one)
        except ValueError:
            wrong.append(name)
        else:
            found.append(one)
    return tuple(sorted(found, key=lambda one: one.name)), wrong


def _having(name: str, words: str) -> Having | None:
    if not words:
        return None
    if name in COLUMNS:
        return Having(name, EQUALS, words)
    base, sign = name[:-4], name[-4:]
    if sign in (LEAST, MOST) and base in COLUMNS and COLUMNS[base].kind not in ("text", "truth", "words"):
        return Having(base, sign, words)
    return None


def _values(one: Having) -> list[Any]:
    if one.words == UNKNOWN:
        return []
    kind = COLUMNS[one.column].kind
    if kind in ("text", "words"):
        return [word for word in one.words.split(",") if word]
    if kind == "truth":
        if one.words not in ("0", "1"):
            raise ValueError(one.words)
        return [one.words == "1"]
    if kind == "day":
        return [date.fromisoformat(one.words)]
    number = float(one.words.replace(",", ""))
    if not math.isfinite(number):
        raise ValueError(one.words)
    return [number]


def tests(con: duckdb.DuckDBPyConnection, chosen: Iterable[Having]) -> tuple[list[str], list[Any]]:
    """Return the restrictions as SQL over the scorecard `k`, and the values of its places.

    A column that this lake's scorecard does not have yet selects nobody.
    """
    chosen = list(chosen)
    if not chosen:
        return [], []
    there = {row[0] for row in con.execute("select column_name from (describe scorecard)").fetchall()}
    if any(one.column == "recommended" for one in chosen) and _has_recommendations(con):
        there.add("recommended")
    made, values = [], []
    for one in chosen:
        if one.column not in there:
            made.append("false")
            continue
        test, given = _test(one)
        made.append(test)
        values += given
    return made, values


def _has_recommendations(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(con.execute("select 1 from duckdb_views() where view_name = 'recommendations'").fetchall())


def _test(one: Having) -> tuple[str, list[Any]]:
    place, values = f'k."{one.column}"', _values(one)
    if one.column == "recommended":
        return (
            f"k.customer_id in (select customer_id from recommendations where product_id in ({_marks(values)}))",
            values,
        )
    if not values:
        return f"{place} is null", []
    if one.sign:
        return f"{place} {'>=' if one.sign == LEAST else '<='} ?", values
    if COLUMNS[one.column].kind == "words":
        inside = " or ".join(["contains(',' || k.warning_signals || ',', ',' || ? || ',')"] * len(values))
        return f"({inside})", values
    return f"{place} in ({_marks(values)})", values


def _marks(values: list[Any]) -> str:
    return ", ".join("?" * len(values))
