"""One customer's panels: value, risk, next order and what to do, with intervals and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.columns import column
from tenure.recommend.reasons import message
from tenure.words import sentences
from tenure_app.customers.predictions import predictions
from tenure_app.web.figures import Stat, stat
from tenure_app.web.formats import number, percent
from tenure_app.web.tables import Column

if TYPE_CHECKING:
    import duckdb

    from tenure_app.customers.predictions import Predictions
    from tenure_app.customers.profile import Profile

#: The columns of each panel.
VALUE = ("historic_value", "potential_value", "lifetime_value", "invested", "break_even_on", "tier")
RISK = ("p_alive", "decline", "value_at_stake", "warning_due_on")

#: Who it is and what they bought; those that are not known are left out.
FACTS = (
    "phone", "email", "orders", "amount", "refunds", "first_order_on", "last_order_on", "categories", "open_complaints"
)  # fmt: skip
ALWAYS = ("orders", "amount", "first_order_on", "last_order_on")


@dataclass(frozen=True, slots=True)
class Panels:
    """What the page shows."""

    as_of: Any
    value: tuple[Stat, ...]
    risk: tuple[Stat, ...]
    reasons: tuple[str, ...]
    signals: tuple[tuple[str, str], ...]
    order: tuple[Stat, ...]
    products: tuple[tuple[str, str, str], ...]  # product, its category, why
    action: tuple[Stat, ...]
    missing: tuple[str, ...]
    note: str
    choose: str  # where both options of the decision are compared and chosen


def panels(con: duckdb.DuckDBPyConnection, customer: str) -> Panels | None:
    """Return the panels of a customer; None while nothing was predicted."""
    predicted = predictions(con, customer)
    if predicted is None:
        return None
    row, model = _without_irrelevant(predicted.row), predicted.model
    idle = _("do nothing") if row.get("decision_plan") == "nothing" else ""
    signals = column("warning_signals")
    return Panels(
        row.get("as_of"),
        _stats(*(stat(row, name) for name in VALUE), _rfm(row), stat(row, "stickiness")),
        _risk(row),
        tuple(reason["text"].render() for reason in predicted.reasons),
        tuple((signals.value_name(item["signal"]), sentences(item["evidence"])) for item in predicted.warnings),
        _stats(
            stat(row, "next_order_on"),
            stat(row, "p_active_90"),
            stat(row, "expected_orders", places=1),
            stat(row, "gap_median"),
        ),
        tuple(
            (item["product_id"], item.get("category") or "", message(item["reason"]).render())
            for item in predicted.recommendations
        ),
        _stats(stat(row, "decision", idle), stat(row, "decision_profit")),
        tuple(_gate(gate) for gate in predicted.gates),
        _note(predicted),
        f"{reverse('economics-choose')}?{urlencode({'model': model, 'customer': customer})}" if model else "",
    )


def facts(who: Profile, orders_url: str) -> list[tuple[str, str]]:
    """Return who a customer is, line by line; the number of orders leads to them."""
    names = FACTS if who.first_order_on else ("first_seen_on", *FACTS)
    columns = [
        Column(name, url=(lambda _who: orders_url) if name == "orders" and who.orders else None) for name in names
    ]
    known = [item for item in columns if item.name in ALWAYS or item.get(who)]
    return [(item.title, item.cell(who, {})) for item in known] + [
        (key, str(text)) for key, text in who.attributes.items()
    ]


def _stats(*stats: Stat | None) -> tuple[Stat, ...]:
    return tuple(filter(None, stats))


def _without_irrelevant(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row without what says nothing: break-even where nothing was invested, a stake without a signal."""
    hidden = set()
    if not row.get("invested"):
        hidden |= {"invested", "break_even_on"}
    if not row.get("warning_signals"):
        hidden.add("value_at_stake")
    return {name: value for name, value in row.items() if name not in hidden}


def _rfm(row: dict[str, Any]) -> Stat | None:
    return stat(row, "rfm_group", f"RFM {row['rfm']}" if row.get("rfm") else "")


def _risk(row: dict[str, Any]) -> tuple[Stat, ...]:
    wallet = ""
    if row.get("wallet_share") is not None:
        wallet = _("%(share)s of their total purchases") % {"share": percent(row["wallet_share"])}
    elif row.get("decline") == "cannot-judge":
        wallet = _("their total volume is unknown")
    level = column("churn_level").value_name(row.get("churn_level"))
    notes = {"decline": wallet}
    return _stats(stat(row, "churn", level), *(stat(row, name, notes.get(name, "")) for name in RISK))


def _gate(gate: dict[str, Any]) -> str:
    words = {"needed": number(gate["needed"]), "found": number(gate["found"])}
    texts = {
        "buyers": _("Predictions need at least %(needed)s buyers; you have %(found)s."),
        "days": _("Predictions need at least %(needed)s days of orders; you have %(found)s."),
        "repeaters": _("Predictions need at least %(needed)s repeat customers; you have %(found)s."),
    }
    text = texts.get(gate["name"], _("Predictions need %(needed)s of “%(name)s”; there are %(found)s."))
    return text % {**words, "name": gate["name"]}


def _note(predicted: Predictions) -> str:
    if predicted.verdict == "no-dropout":
        return _("No dropout is detectable in this data yet, so every buyer counts as still a customer.")
    return ""
