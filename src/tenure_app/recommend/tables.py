"""The tables of products: pairs, offers, what is due, and the customers of a product."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure_app.recommend import titles
from tenure_app.web.formats import MISSING, day, number, percent
from tenure_app.web.tables import Column, Table

Row = dict[str, Any]


def product_url(product: str, **query: str | int) -> str:
    """Return the address of a product's page; its id is part of the query, since ids may hold any sign."""
    return f"{reverse('products-product')}?{urlencode({'id': product, **query})}"


def _product(row: Row, name: str = "product", category: str = "category") -> str:
    return format_html(
        '<span><a href="{}">{}</a><span class="under">{}</span></span>',
        product_url(row[name]),
        row[name],
        row[category] or "",
    )


def _interval(value: str, low: str, high: str) -> str:
    return format_html('<span>{} <span class="text-secondary">({}–{})</span></span>', value, low, high)


def _lift(row: Row, value: str = "lift_shrunk", low: str = "lift_low", high: str = "lift_high", places: int = 2) -> str:
    return _interval(*(number(row[name], places) for name in (value, low, high)))


#: A lift's files hold the lift shrunk towards 1, and its interval.
_LIFTS = (
    Column("lift_shrunk", _("Lift, shrunk"), "number"),
    Column("lift_low", _("Lift, low"), "number"),
    Column("lift_high", _("Lift, high"), "number"),
)
_SUPPORT = Column("support", _("Support"), "percent", places=3)


def pairs(level: str = "category") -> Table:
    """Return the table of pairs of products or of categories."""

    def side(letter: str) -> Callable[[Row], str] | None:
        # Categories have no page of their own.
        if level != "product":
            return None
        return partial(_product, name=f"product_{letter}", category=f"category_{letter}")

    def measure(name: str, label: Any, kind: str = "percent", **more: Any) -> Column:
        return Column(name, label, kind, sort=more.pop("sort", name), largest_first=True, **more)

    # Files hold the counts that everything else follows from, hence no "beyond chance".
    baskets = (Column("baskets", _("Baskets"), "number"),)
    sides = (Column("count_a", _("Baskets with A"), "number"), Column("count_b", _("Baskets with B"), "number"))
    forward = (Column("confidence", _("Confidence A → B"), "percent"),)
    back = (Column("confidence_back", _("Confidence B → A"), "percent"),)
    names = (Column("product_a", _("Product A")), Column("product_b", _("Product B")))
    categories = (Column("category_a", _("Category A")), Column("category_b", _("Category B")))
    return Table(
        f"pairs-{level}",
        (
            Column("product_a", "A", html=side("a"), export=names),
            Column("product_b", "B", html=side("b"), export=categories),
            measure("count", _("Baskets with both"), "number", also=sides),
            measure("surplus", _("Beyond chance"), "number", places=0, export=baskets),
            measure("support", _("Support"), places=3),
            measure("confidence", _("Confidence →"), export=forward),
            measure("confidence_back", _("Confidence ←"), sort="back", export=back),
            measure(
                "lift", _("Lift (95%)"), "number", html=_lift, export=(Column("lift", _("Lift"), "number"), *_LIFTS)
            ),
        ),
        caption=_("Bought together"),
    )


PARTNERS = Table(
    "partners",
    (
        Column("product", _("Product"), url=lambda row: product_url(row["product"])),
        Column("category", _("Category")),
        Column("count", _("Baskets with both"), "number"),
        _SUPPORT,
        Column("confidence", _("Confidence →"), "percent", term="pair-confidence"),
        Column("confidence_back", _("Confidence ←"), "percent"),
        Column("lift", _("Lift (95%)"), "number", html=_lift, export=_LIFTS),
    ),
)
SOON = Table(
    "soon",
    (
        Column("product", _("Product"), html=_product, also=(Column("category", _("Category")),)),
        Column("expected", _("Expected purchases"), "number", places=0),
        Column("people_due", _("Customers due"), "number", url=lambda row: row["url"] if row["people_due"] else ""),
        Column("gap", _("Usual days between"), "number", places=0),
    ),
    classes="table-sm table-vcenter cards",
)
OFFERS = Table(
    "offers",
    (
        Column("trigger", _("Rises")),
        Column("partner", _("Offer")),
        Column("people", url=lambda row: row["url"], also=(Column("product", _("Product")),)),
        Column("support", _("Support"), "percent", places=2),
        Column("confidence", _("Confidence"), "percent"),
        Column(
            "lift",
            _("Lift (95%)"),
            "number",
            html=partial(_lift, value="lift", low="low", high="high", places=1),
            export=(
                Column("lift", _("Lift, shrunk"), "number"),
                Column("low", _("Lift, low"), "number"),
                Column("high", _("Lift, high"), "number"),
            ),
        ),
    ),
    classes="table-sm table-vcenter cards",
)


def _ranking(row: Row) -> str:
    """Return a ranking's name and a bar as long as it is good."""
    return format_html(
        '<span><span class="bar-name">{}{}</span>'
        '<div class="stage-bar" data-family="{}" style="width: {}%"></div></span>',
        row["label"],
        format_html(' <span class="badge bg-green-lt">{}</span>', gettext("used")) if row["used"] else "",
        "F6" if row["used"] else "F1",
        row["width"],
    )


def _metric(name: str, label: Any, write: Callable[[float], str]) -> Column:
    def bound(part: str) -> Callable[[Row], Any]:
        return lambda row: row[name][part]

    parts = (("value", label), ("low", _("low")), ("high", _("high")))
    return Column(
        name,
        label,
        "number",
        html=lambda row: _interval(*(write(row[name][part]) for part, _head in parts)),
        export=tuple(Column(f"{name}-{part}", head, "number", value=bound(part)) for part, head in parts),
    )


BACKTEST = Table(
    "backtest",
    (
        Column(
            "ranking",
            _("Ranking"),
            html=_ranking,
            export=(Column("label", _("Ranking"), value=lambda row: str(row["label"])),),
        ),
        _metric("hit_rate", _("Hit rate @10"), percent),
        _metric("ndcg", "NDCG@10", lambda value: number(value, 3)),
    ),
    caption=_("Rankings, tried on the last baskets"),
    classes="table-sm table-vcenter cards bars",
)


def _due(row: Row) -> str:
    if not row["due_on"]:
        return MISSING
    interval = f"{day(row['due_low'])} – {day(row['due_high'])}"
    return format_html('<span>{}<span class="under">{}</span></span>', day(row["due_on"]), interval)


_CUSTOMER = Column("customer", template="components/customer.html", export=(Column("customer_id"), Column("name")))
#: Customers to whom a product is recommended.
PEOPLE = Table(
    "people",
    (
        _CUSTOMER,
        Column(
            "product_id",
            _("Product"),
            url=lambda row: product_url(row["product_id"]),
            also=(Column("category", _("Category")),),
        ),
        Column("kind", _("Kind"), value=lambda row: str(titles.KINDS.get(row["kind"], row["kind"]))),
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
        Column("baskets", _("Baskets"), "number"),
        Column("units", _("Sold"), "number", places=0),
        Column("revenue", value="amount"),
        Column("last_on", _("Last bought"), "day"),
    ),
)
