"""One customer's panels of value, risk, next order and what to do: the figures with their intervals and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.recommend.reasons import message
from tenure.words import sentences
from tenure_app.customers.outlook import outlook
from tenure_app.web import scorecard_said
from tenure_app.web.formats import day, money, number, percent
from tenure_app.web.layout import business

if TYPE_CHECKING:
    import duckdb

    from tenure_app.customers.outlook import Outlook


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it is called, its value in words, how sure that is, its term in the glossary."""

    label: str
    value: str
    note: str = ""
    term: str = ""


@dataclass(frozen=True, slots=True)
class Panels:
    """What the page shows."""

    as_of: Any
    value: tuple[Figure, ...]
    risk: tuple[Figure, ...]
    reasons: tuple[str, ...]
    signals: tuple[tuple[str, str], ...]
    order: tuple[Figure, ...]
    products: tuple[tuple[str, str, str], ...]  # product, its category, why
    action: tuple[Figure, ...]
    missing: tuple[str, ...]
    note: str
    choose: str  # where both options of the advice are compared and chosen


def panels(con: duckdb.DuckDBPyConnection, customer: str) -> Panels | None:
    """Return the panels of a customer; None while no refresh told anything."""
    told = outlook(con, customer)
    if told is None:
        return None
    return Panels(
        told.row.get("as_of"),
        tuple(one for one in _value(told.row) if one.value),
        tuple(one for one in _risk(told.row) if one.value),
        tuple(reason["text"].render() for reason in told.reasons),
        tuple(
            (scorecard_said.name("warning_signals", warning["signal"]), sentences(warning["evidence"]))
            for warning in told.warnings
        ),
        tuple(one for one in _order(told.row) if one.value),
        tuple(
            (product["product_id"], product.get("category") or "", message(product["reason"]).render())
            for product in told.recommendations
        ),
        tuple(one for one in _action(told.row) if one.value),
        tuple(_gate(gate) for gate in told.gates),
        _note(told),
        f"{reverse('economics-choose')}?{urlencode({'model': told.model, 'customer': customer})}" if told.model else "",
    )


def _cash(value: Any) -> str:
    return "" if value is None else money(value, business().currency, brief=True)


def _share(value: Any) -> str:
    return "" if value is None else percent(value)


def _range(low: str, high: str) -> str:
    return _("%(low)s to %(high)s") % {"low": low, "high": high} if low and high else ""


def _value(row: dict[str, Any]) -> tuple[Figure, ...]:
    potential = _range(_cash(row.get("potential_low")), _cash(row.get("potential_high")))
    return (
        Figure(_("Value brought so far"), _cash(row.get("historic_value")), "", "historic-value"),
        Figure(
            _("Will probably bring"), _cash(row.get("potential_value")),
            _("95 %%: %(range)s") % {"range": potential} if potential else "", "potential-value",
        ),
        Figure(_("Lifetime value"), _cash(row.get("lifetime_value")), "", "lifetime-value"),
        Figure(_("Invested"), _cash(row.get("invested")) if row.get("invested") else ""),
        Figure(_("Break-even"), day(row["break_even_on"]) if row.get("break_even_on") and row.get("invested") else ""),
        Figure(_("Tier"), scorecard_said.name("tier", row.get("tier"))),
        Figure(
            _("RFM group"), scorecard_said.name("rfm_group", row.get("rfm_group")),
            f"RFM {row['rfm']}" if row.get("rfm") else "", "rfm",
        ),
        Figure(_("Stickiness"), scorecard_said.name("stickiness", row.get("stickiness"))),
    )  # fmt: skip


def _risk(row: dict[str, Any]) -> tuple[Figure, ...]:
    level = scorecard_said.name("churn_level", row.get("churn_level"))
    decline = row.get("decline")
    return (
        Figure(_("Will leave within 90 days"), _share(row.get("churn")), level, "churn"),
        Figure(_("Still a customer"), _share(row.get("p_alive")), "", "probability-alive"),
        Figure(_("Decline"), scorecard_said.name("decline", decline), _wallet(row), "decline"),
        Figure(_("Value at stake"), _cash(row.get("value_at_stake")) if row.get("warning_signals") else ""),
        Figure(_("Look at it by"), day(row["warning_due_on"]) if row.get("warning_due_on") else ""),
    )  # fmt: skip


def _wallet(row: dict[str, Any]) -> str:
    if row.get("wallet_share") is None:
        return _("their own total volume is not known") if row.get("decline") == "cannot-judge" else ""
    return _("%(share)s of what they buy anywhere") % {"share": percent(row["wallet_share"])}


def _order(row: dict[str, Any]) -> tuple[Figure, ...]:
    between = _range(
        day(row["next_order_low"]) if row.get("next_order_low") else "",
        day(row["next_order_high"]) if row.get("next_order_high") else "",
    )
    expected = row.get("expected_orders")
    low, high = row.get("expected_orders_low"), row.get("expected_orders_high")
    gap = row.get("gap_median")
    return (
        Figure(
            _("Next order expected"), day(row["next_order_on"]) if row.get("next_order_on") else "",
            _("80 %%: %(range)s") % {"range": between} if between else "", "next-order",
        ),
        Figure(_("Order within 90 days"), _share(row.get("p_active_90"))),
        Figure(
            _("Orders expected in a year"), "" if expected is None else number(expected, 1),
            _("95 %%: %(range)s") % {"range": _range(number(low, 0), number(high, 0))} if low is not None else "",
        ),
        Figure(_("Own rhythm"), _("%(days)s days") % {"days": number(gap)} if gap is not None else "", "", "rhythm"),
    )  # fmt: skip


def _action(row: dict[str, Any]) -> tuple[Figure, ...]:
    between = _range(_cash(row.get("decision_low")), _cash(row.get("decision_high")))
    return (
        Figure(
            _("Advice"), scorecard_said.name("decision", row.get("decision")),
            _("do nothing more") if row.get("decision_plan") == "nothing" else "", "decision",
        ),
        Figure(
            _("Expected incremental profit"), _cash(row.get("decision_profit")),
            _("95 %%: %(range)s") % {"range": between} if between else "",
        ),
    )  # fmt: skip


def _gate(gate: dict[str, Any]) -> str:
    words = {"needed": number(gate["needed"]), "found": number(gate["found"])}
    texts = {
        "buyers": _("Predictions need %(needed)s buyers; there are %(found)s."),
        "days": _("Predictions need %(needed)s days of orders; there are %(found)s."),
        "repeaters": _("Predictions need %(needed)s customers who came back; there are %(found)s."),
    }
    text = texts.get(gate["name"], _("Predictions need %(needed)s of “%(name)s”; there are %(found)s."))
    return text % {**words, "name": gate["name"]}


def _note(told: Outlook) -> str:
    if told.verdict == "no-dropout":
        return _("The data of this shop show no detectable dropout yet, so everybody counts as still a customer.")
    return ""
