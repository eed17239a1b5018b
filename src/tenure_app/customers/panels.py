"""One customer's panels: value, risk, next order and what to do, as the last refresh published them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.columns import column
from tenure.recommend.reasons import message
from tenure.words import loads, sentences
from tenure_app.customers.profile import has, rows
from tenure_app.web.figures import Stat, stat
from tenure_app.web.formats import number, percent
from tenure_app.web.tables import Column

if TYPE_CHECKING:
    import duckdb

    from tenure_app.customers.profile import Profile

#: The columns of the panel of value.
VALUE = ("historic_value", "potential_value", "lifetime_value", "invested", "break_even_on", "tier")
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
    return known + [(key, str(text)) for key, text in who.attributes.items()]


def panels(con: duckdb.DuckDBPyConnection, customer: str) -> dict[str, Any] | None:
    """Return the panels of a customer; None while nothing was predicted."""
    row = _scorecard(con, customer)
    if "lifetime_value" not in row:
        return None
    fits = _fits(con)
    purchases: dict[str, Any] = json.loads(fits["purchases"]["body"]) if "purchases" in fits else {}
    address = {"model": fits["decisions"]["model"] if "decisions" in fits else "", "customer": customer}
    rfm = f"RFM {row['rfm']}" if row.get("rfm") else ""
    idle = _("do nothing") if row.get("decision_plan") == "nothing" else ""
    return {
        "as_of": row.get("as_of"),
        "value": _stats(*(stat(row, name) for name in VALUE), stat(row, "rfm_group", rfm), stat(row, "stickiness")),
        "risk": _risk(row),
        "reasons": [reason["text"].render() for reason in loads(row.get("churn_reasons") or "[]")],
        "signals": _signals(con, customer),
        "order": _stats(
            stat(row, "next_order_on"),
            stat(row, "p_active_90"),
            stat(row, "expected_orders", places=1),
            stat(row, "gap_median"),
        ),
        "products": _products(con, customer),
        "action": _stats(stat(row, "decision", idle), stat(row, "decision_profit")),
        "missing": [_gate(gate) for gate in purchases.get("gates", ()) if gate["found"] < gate["needed"]],
        "undetectable": purchases.get("verdict") == "no-dropout",
        "choose": f"{reverse('economics-choose')}?{urlencode(address)}" if address["model"] else "",
    }


def _scorecard(con: duckdb.DuckDBPyConnection, customer: str) -> dict[str, Any]:
    """Return a customer's row without what says nothing: a stake without a signal, break-even without investment."""
    row = next(iter(rows(con, "select * from scorecard where customer_id = ?", customer)), {})
    hidden = set()
    if not row.get("invested"):
        hidden |= {"invested", "break_even_on"}
    if not row.get("warning_signals"):
        hidden.add("value_at_stake")
    if not row.get("churn_level"):
        hidden.add("churn_reasons")
    return {name: value for name, value in row.items() if name not in hidden}


def _fits(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """Return by part what was fitted last."""
    if not has(con, "fits"):
        return {}
    newest = "select part, model, body from fits where generation = (select max(generation) from fits)"
    return {fit["part"]: fit for fit in rows(con, f"{newest} and part in ('purchases', 'decisions')")}


def _signals(con: duckdb.DuckDBPyConnection, customer: str) -> list[tuple[str, str]]:
    """Return the warning signals with their evidence, the weightiest first."""
    if not has(con, "warnings"):
        return []
    name = column("warning_signals").value_name
    found = rows(con, "select * from warnings where customer_id = ? order by score desc, signal", customer)
    return [(name(item["signal"]), sentences(loads(item["evidence"] or "[]"))) for item in found]


def _products(con: duckdb.DuckDBPyConnection, customer: str) -> list[tuple[str, str, str]]:
    """Return the best products, each with its category and why."""
    if not has(con, "recommendations"):
        return []
    found = rows(con, "select * from recommendations where customer_id = ? order by rank limit 5", customer)
    return [(item["product_id"], item["category"] or "", message(item["reason"]).render()) for item in found]


def _stats(*stats: Stat | None) -> list[Stat]:
    return [known for known in stats if known]


def _risk(row: dict[str, Any]) -> list[Stat]:
    wallet = ""
    if row.get("wallet_share") is not None:
        wallet = _("%(share)s of their total purchases") % {"share": percent(row["wallet_share"])}
    elif row.get("decline") == "cannot-judge":
        wallet = _("their total volume is unknown")
    level = column("churn_level").value_name(row.get("churn_level"))
    due = (stat(row, "value_at_stake"), stat(row, "warning_due_on"))
    return _stats(stat(row, "churn", level), stat(row, "p_alive"), stat(row, "decline", wallet), *due)


def _gate(gate: dict[str, Any]) -> str:
    words = {"name": gate["name"], "needed": number(gate["needed"]), "found": number(gate["found"])}
    texts = {
        "buyers": _("Predictions need at least %(needed)s buyers; you have %(found)s."),
        "days": _("Predictions need at least %(needed)s days of orders; you have %(found)s."),
        "repeaters": _("Predictions need at least %(needed)s repeat customers; you have %(found)s."),
    }
    return texts.get(gate["name"], _("Predictions need %(needed)s of “%(name)s”; there are %(found)s.")) % words
