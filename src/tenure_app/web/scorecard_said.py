"""The scorecard in words: what a group, a level, a signal or a decision is called, and how its numbers are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.words import say
from tenure_app.customers.having import COLUMNS, UNKNOWN
from tenure_app.web.formats import day, money, number, percent
from tenure_app.web.layout import business

if TYPE_CHECKING:
    import duckdb

    from tenure_app.customers.filters import Selection
    from tenure_app.customers.having import Having

#: Columns that the list of customers offers to choose from.
CHOICES = ("rfm_group", "tier", "loyalty", "churn_level", "decline", "decision")

#: Names of values that no file of groups names.
_ABC = {
    "A": gettext_lazy("A: the first 80%"),
    "B": gettext_lazy("B: the next 15%"),
    "C": gettext_lazy("C: the last 5%"),
}
NAMES: dict[str, dict[str, Any]] = {
    "abc_sales": _ABC,
    "abc_profit": _ABC,
    "churn_level": {"low": gettext_lazy("low"), "medium": gettext_lazy("medium"), "high": gettext_lazy("high")},
    "churn_kind": {"contract": gettext_lazy("contract ends"), "silence": gettext_lazy("no order any more")},
    "decline": {
        "yes": gettext_lazy("declining"),
        "no": gettext_lazy("not declining"),
        "cannot-judge": gettext_lazy("cannot judge"),
    },
    "decision": {
        "develop": gettext_lazy("develop"),
        "maintain": gettext_lazy("maintain"),
        "withdraw": gettext_lazy("withdraw"),
    },
}
_GROUPS = {"rfm_group": "rfm", "tier": "tiers", "loyalty": "loyalty", "stickiness": "stickiness"}


def name(column: str, code: str | None) -> str:
    """Return what a coded value of a column is called in the reader's language."""
    if not code:
        return ""
    if column in _GROUPS:
        return _group(_GROUPS[column], code)
    if column == "warning_signals":
        return _signal(code)
    return str(NAMES.get(column, {}).get(code, code))


def _group(kind: str, code: str) -> str:
    from tenure.value.groups import groups

    return next((group.name.render() for group in groups(kind) if group.id == code), code)


def _signal(code: str) -> str:
    from tenure.risk.signals import SIGNALS

    return say(SIGNALS[code].name) if code in SIGNALS else code


@dataclass(frozen=True, slots=True)
class Choice:
    """One filter of the list: the values that customers really have, in words."""

    name: str
    label: Any
    values: list[tuple[str, str]]
    chosen: str


def choices(con: duckdb.DuckDBPyConnection, selection: Selection) -> list[Choice]:
    """Return the filters by groups that the list offers; none while the scorecard has no such columns."""
    there = {row[0] for row in con.execute("select column_name from (describe scorecard)").fetchall()}
    asked = {one.column: one.words for one in selection.having if not one.sign}
    found = []
    for column in CHOICES:
        codes = codes_of(column) if column in there else ()
        if codes:
            values = [(code, name(column, code)) for code in codes]
            found.append(Choice(column, COLUMNS[column].label, values, asked.get(column, "")))
    return found


def codes_of(column: str) -> tuple[str, ...]:
    """Return the codes that a column of groups can hold."""
    if column in _GROUPS:
        from tenure.value.groups import groups

        return tuple(group.id for group in groups(_GROUPS[column]))
    return tuple(NAMES.get(column, ()))


def value(one: Having) -> str:
    """Return what a restriction asks for, in words."""
    if one.words == UNKNOWN:
        return _("not known")
    kind = COLUMNS[one.column].kind
    if kind in ("text", "words"):
        return _(", ").join(name(one.column, code) for code in one.words.split(",") if code)
    if kind == "truth":
        return _("yes") if one.words == "1" else _("no")
    if kind == "share":
        return percent(float(one.words))
    if kind == "money":
        return money(one.words, business().currency)
    return day(one.words) if kind == "day" else number(one.words)
