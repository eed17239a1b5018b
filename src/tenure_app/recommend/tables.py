"""The tables of products: pairs, offers, what is due, and the customers of a product."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import MISSING, day, number, percent
from tenure_app.web.tables import CARDS, Column, Table, bar, columns, numeric, under

Row = dict[str, Any]
KINDS = {
    "buy-again": _("Buy again"),
    "cross-sell": _("Bought together"),
    "up-sell": _("Upgrade"),
    "popular": _("Popular"),
}


def product_url(product: str, **query: str | int) -> str:
    """Return the address of a product's page; its id is part of the query, since ids may hold any sign."""
    return f"{reverse('products-product')}?{urlencode({'id': product, **query})}"


def due_url(row: Row) -> str:
    return product_url(row["product"], due=1) if row["people_due"] else ""


def offer_url(row: Row) -> str:
    return f"{reverse('products-offer')}?{urlencode({'trigger': row['trigger'], 'category': row['partner']})}"


def _product(row: Row, name: str = "product", category: str = "category") -> str:
    text = '<span><a href="{}">{}</a><span class="under">{}</span></span>'
    return format_html(text, product_url(row[name]), row[name], row[category] or "")


def _interval(value: str, low: str, high: str) -> str:
    return format_html('<span>{} <span class="text-secondary">({}–{})</span></span>', value, low, high)


def _lift(row: Row, value: str = "lift_shrunk", low: str = "lift_low", high: str = "lift_high", places: int = 2) -> str:
    return _interval(*(number(row[name], places) for name in (value, low, high)))


def _lifts(value: str = "lift_shrunk", low: str = "lift_low", high: str = "lift_high") -> tuple[Column, ...]:
    """Return what files hold of a lift: shrunk towards 1, with its interval."""
    return numeric(value, _("Lift, shrunk")), numeric(low, _("Lift, low")), numeric(high, _("Lift, high"))


def pairs(level: str = "category") -> Table:
    """Return the table of pairs of products or of categories."""

    def side(letter: str) -> Callable[[Row], str] | None:
        # Categories have no page of their own.
        cell = partial(_product, name=f"product_{letter}", category=f"category_{letter}")
        return cell if level == "product" else None

    def measure(name: str, label: Any, kind: str = "percent", **more: Any) -> Column:
        return Column(name, label, kind, sort=more.pop("sort", name), largest_first=True, **more)

    # Files hold the counts that everything else follows from, hence no "beyond chance".
    sides = (numeric("count_a", _("Baskets with A")), numeric("count_b", _("Baskets with B")))
    back = (Column("confidence_back", _("Confidence B → A"), "percent"),)
    names = (Column("product_a", _("Product A")), Column("product_b", _("Product B")))
    categories = (Column("category_a", _("Category A")), Column("category_b", _("Category B")))
    lifts = (numeric("lift", _("Lift")), *_lifts())
    return Table(
        f"pairs-{level}",
        (
            Column("product_a", "A", html=side("a"), export=names),
            Column("product_b", "B", html=side("b"), export=categories),
            measure("count", _("Baskets with both"), "number", also=sides),
            measure("surplus", _("Beyond chance"), "number", places=0, export=(numeric("baskets", _("Baskets")),)),
            measure("support", _("Support"), places=3),
            measure("confidence", _("Confidence →"), export=(Column("confidence", _("Confidence A → B"), "percent"),)),
            measure("confidence_back", _("Confidence ←"), sort="back", export=back),
            measure("lift", _("Lift (95%)"), "number", html=_lift, export=lifts),
        ),
        caption=_("Bought together"),
    )


_CATEGORY = Column("category", _("Category"))
PARTNERS = Table(
    "partners",
    (
        Column("product", _("Product"), url=lambda row: product_url(row["product"])),
        _CATEGORY,
        numeric("count", _("Baskets with both")),
        Column("support", _("Support"), "percent", places=3),
        Column("confidence", _("Confidence →"), "percent", term="pair-confidence"),
        Column("confidence_back", _("Confidence ←"), "percent"),
        numeric("lift", _("Lift (95%)"), html=_lift, export=_lifts()),
    ),
)
#: Products in the stages of their own life cycle.
LIFE = Table(
    "life",
    (
        Column("product", _("Product"), url=lambda row: product_url(row["product"])),
        Column("stage", value="stage_name"),
        Column("since", _("Since"), "day", value="entered_on"),
    ),
)
SOON = Table(
    "soon",
    (
        Column("product", _("Product"), html=_product, also=(_CATEGORY,)),
        numeric("expected", _("Expected purchases"), places=0),
        numeric("people_due", _("Customers due"), url=due_url),
        numeric("gap", _("Usual days between"), places=0),
    ),
    classes=CARDS,
)
_OFFER_LIFT = partial(_lift, value="lift", low="low", high="high", places=1)
OFFERS = Table(
    "offers",
    (
        Column("trigger", _("Rises")),
        Column("partner", _("Offer")),
        Column("people", url=offer_url, also=(Column("product", _("Product")),)),
        Column("support", _("Support"), "percent", places=2),
        Column("confidence", _("Confidence"), "percent"),
        numeric("lift", _("Lift (95%)"), html=_OFFER_LIFT, export=_lifts("lift", "low", "high")),
    ),
    classes=CARDS,
)


def _ranking(row: Row) -> str:
    used = format_html(' <span class="badge bg-green-lt">{}</span>', gettext("used")) if row["used"] else ""
    name = format_html("{}{}", row["label"], used)
    return format_html("<span>{}</span>", bar(name, "F6" if row["used"] else "F1", row["width"]))


def _metric(name: str, label: Any, write: Callable[[float], str]) -> Column:
    def bound(part: str, head: Any) -> Column:
        return numeric(f"{name}-{part}", head, value=lambda row: row[name][part])

    parts = ("value", "low", "high")
    low, high = (format_lazy("{} · {}", label, end) for end in (_("Low (95 %)"), _("High (95 %)")))
    return numeric(
        name,
        label,
        html=lambda row: _interval(*(write(row[name][part]) for part in parts)),
        export=tuple(map(bound, parts, (label, low, high))),
    )


_LABEL = Column("label", _("Ranking"), value=lambda row: str(row["label"]))
BACKTEST = Table(
    "backtest",
    (
        Column("ranking", _("Ranking"), html=_ranking, export=(_LABEL,)),
        _metric("hit_rate", _("Hit rate @10"), percent),
        _metric("ndcg", "NDCG@10", lambda value: number(value, 3)),
    ),
    caption=_("Rankings, tried on the last baskets"),
    classes=f"{CARDS} bars",
)


def _due(row: Row) -> str:
    if not row["due_on"]:
        return MISSING
    return under(day(row["due_on"]), f"{day(row['due_low'])} – {day(row['due_high'])}")


_CUSTOMER = Column("customer", template="components/customer.html", export=columns("customer_id", "name"))
_PRODUCT = Column("product_id", _("Product"), url=lambda row: product_url(row["product_id"]), also=(_CATEGORY,))
#: Customers to whom a product is recommended.
PEOPLE = Table(
    "people",
    (
        _CUSTOMER,
        _PRODUCT,
        Column("kind", _("Kind"), value=lambda row: str(KINDS.get(row["kind"], row["kind"]))),
        Column("score", _("Probability"), "percent", term="recommend-chance"),
        Column("due_on", _("Due"), "day", html=_due),
        Column("why", _("Reason"), classes="because"),
    ),
)
#: Customers who bought a product.
BUYERS = Table(
    "buyers",
    (
        _CUSTOMER,
        numeric("baskets", _("Baskets")),
        numeric("units", _("Sold"), places=0),
        Column("revenue", value="amount"),
        Column("last_on", _("Last bought"), "day"),
    ),
)
