"""One customer's panels: value, risk, next order and what to do, as the last refresh published them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from tenure.columns import column
from tenure.facts.records import known_since
from tenure.recommend.reasons import message
from tenure.words import loads, sentences
from tenure_app.core import conf
from tenure_app.customers.profile import has, rows
from tenure_app.customers.query import AttributeFilter, CustomerQuery
from tenure_app.web.figures import stat
from tenure_app.web.formats import day, number, percent
from tenure_app.web.tables import Column

if TYPE_CHECKING:
    import duckdb

    from tenure_app.customers.profile import Profile

#: The columns of each panel.
PANELS = {
    "value": (
        "historic_value", "potential_value", "lifetime_value", "invested", "break_even_on", "tier", "rfm_group",
        "stickiness",
    ),
    "risk": ("churn", "p_alive", "decline", "value_at_stake", "warning_due_on"),
    "order": ("next_order_on", "p_active_90", "expected_orders", "gap_median"),
    "action": ("decision", "decision_profit"),
}  # fmt: skip
PLACES = {"expected_orders": 1}
#: Who it is and what they bought; those that are not known are left out.
FACTS = (
    "phone", "email", "orders", "amount", "refunds", "first_order_on", "last_order_on", "categories", "open_complaints"
)  # fmt: skip
ALWAYS = ("orders", "amount", "first_order_on", "last_order_on")


def facts(who: Profile, orders_url: str) -> list[tuple[str, str]]:
    """Return who a customer is, line by line; the number of orders leads to them."""
    names = FACTS if who.first_order_on else ("first_seen_on", *FACTS)
    links = {"orders": lambda _who: orders_url} if who.orders else {}
    columns = [Column(name, url=links.get(name)) for name in names]
    known = [(item.title, item.cell(who, {})) for item in columns if item.name in ALWAYS or item.get(who)]
    since = {name: day(first) for name, (first, _last) in known_since(conf.lake(), who.customer_id).items()}
    for key, value in who.attributes.items():
        words = {"value": value, "day": since.get(key)}
        text = _("%(value)s (known since %(day)s)") % words if key in since else str(value)
        alike = CustomerQuery(filters=(AttributeFilter(key, str(value)),)).url()
        known.append((key, format_html('<a href="{}">{}</a>', alike, text)))
    return known


def panels(con: duckdb.DuckDBPyConnection, customer: str) -> dict[str, Any] | None:
    """Return the panels of a customer; None while nothing was predicted."""
    row = next(iter(rows(con, "select * from scorecard where customer_id = ?", customer)), {})
    if "lifetime_value" not in row:
        return None
    # Break-even says nothing where nothing was invested, a stake nothing without a signal.
    if not row.get("invested"):
        row |= {"invested": None, "break_even_on": None}
    if not row.get("warning_signals"):
        row["value_at_stake"] = None
    reasons = loads(row["churn_reasons"]) if row.get("churn_level") and row.get("churn_reasons") else ()
    fits = _fits(con)
    purchases: dict[str, Any] = json.loads(fits["purchases"]["body"]) if "purchases" in fits else {}
    address = {"model": fits["decisions"]["model"] if "decisions" in fits else "", "customer": customer}
    notes = _notes(row)
    return {
        panel: [known for name in names if (known := stat(row, name, notes.get(name, ""), PLACES.get(name)))]
        for panel, names in PANELS.items()
    } | {
        "as_of": row.get("as_of"),
        "reasons": [reason["text"].render() for reason in reasons],
        "signals": _signals(con, customer),
        "products": _products(con, customer),
        "missing": [_gate(gate) for gate in purchases.get("gates", ()) if gate["found"] < gate["needed"]],
        "undetectable": purchases.get("verdict") == "no-dropout",
        "choose": f"{reverse('economics-choose')}?{urlencode(address)}" if address["model"] else "",
    }


def _fits(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    if not has(con, "fits"):
        return {}
    newest = "select part, model, body from fits where generation = (select max(generation) from fits)"
    return {fit["part"]: fit for fit in rows(con, f"{newest} and part in ('purchases', 'decisions')")}


def _signals(con: duckdb.DuckDBPyConnection, customer: str) -> list[tuple[str, str]]:
    """Return the warning signals with their evidence, the weightiest first."""
    if not has(con, "warnings"):
        return []
    name = column("warning_signals").value_name
    warnings = rows(con, "select * from warnings where customer_id = ? order by score desc, signal", customer)
    return [(name(item["signal"]), sentences(loads(item["evidence"] or "[]"))) for item in warnings]


def _products(con: duckdb.DuckDBPyConnection, customer: str) -> list[tuple[str, str, str]]:
    if not has(con, "recommendations"):
        return []
    products = rows(con, "select * from recommendations where customer_id = ? order by rank limit 5", customer)
    return [(item["product_id"], item["category"] or "", message(item["reason"]).render()) for item in products]


def _notes(row: dict[str, Any]) -> dict[str, str]:
    wallet = ""
    if row.get("wallet_share") is not None:
        wallet = _("%(share)s of their total purchases") % {"share": percent(row["wallet_share"])}
    elif row.get("decline") == "cannot-judge":
        wallet = _("their total volume is unknown")
    return {
        "rfm_group": f"RFM {row['rfm']}" if row.get("rfm") else "",
        "churn": column("churn_level").value_name(row.get("churn_level")),
        "decline": wallet,
        "decision": _("do nothing") if row.get("decision_plan") == "nothing" else "",
    }


def _gate(gate: dict[str, Any]) -> str:
    words = {"name": gate["name"], "needed": number(gate["needed"]), "found": number(gate["found"])}
    texts = {
        "buyers": _("Predictions need at least %(needed)s buyers; you have %(found)s."),
        "days": _("Predictions need at least %(needed)s days of orders; you have %(found)s."),
        "repeaters": _("Predictions need at least %(needed)s repeat customers; you have %(found)s."),
    }
    return texts.get(gate["name"], _("Predictions need %(needed)s of “%(name)s”; there are %(found)s.")) % words
