"""Products: what goes with what, what is due, what to offer, and whether the lists can be believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.recommend.reasons import message
from tenure_app.core import conf
from tenure_app.customers.profile import has
from tenure_app.recommend import queries
from tenure_app.recommend.queries import LEVELS, PAGE, SORTS, Wanted
from tenure_app.web import exports, products_said
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    import duckdb

#: Rows of the short tables at the top, of a product's tables, and rows a download may have.
SHORT, SHORT_PAGE, ALL = 10, 20, 1_000_000


class _Pairs:
    """The pairs of a choice, read page by page."""

    def __init__(self, con: duckdb.DuckDBPyConnection, wanted: Wanted) -> None:
        self.con, self.wanted = con, wanted
        self.total = queries.count_pairs(con, wanted)

    def count(self) -> int:
        return self.total

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, part: slice) -> list[dict[str, Any]]:
        return queries.find_pairs(self.con, self.wanted, part.start or 0, (part.stop or 0) - (part.start or 0))


def _wanted(request: HttpRequest) -> Wanted:
    """Return which pairs the address asks for; what means nothing restricts nothing."""
    level, sort, least = (request.GET.get(name, "") for name in ("level", "sort", "least"))
    return Wanted(
        level if level in LEVELS else "category",
        request.GET.get("q", "").strip(),
        int(least) if least.isascii() and least.isdigit() and len(least) < 10 else 0,
        request.GET.get("chance") != "all",
        sort.lstrip("-") if sort.lstrip("-") in SORTS else "surplus",
        not sort or sort.startswith("-"),
    )


@page("products/", "products", rule=SIGNED_IN)
def products(request: HttpRequest) -> HttpResponse:
    """Show what goes with what, what is due, and the back-test."""
    con = conf.connection()
    if not queries.ready(con):
        return render(request, "tenure_app/products/empty.html", {"title": _("Products")})
    body, day = queries.report(con)
    wanted = _wanted(request)
    download = _DOWNLOADS.get(request.GET.get("format", ""))
    if download:
        return download(con, wanted, body)
    page: Page[dict[str, Any]] = Paginator(cast("Any", _Pairs(con, wanted)), PAGE).get_page(request.GET.get("page"))
    offers = _offers(con)
    soon = _soon(con, body, day)
    figures = body.get("figures") or {}
    tested = "chosen" in figures and "blend" in figures
    context = {
        "title": _("Products"),
        "day": day,
        "body": body,
        "missing": products_said.missing(body),
        "offers": offers[:SHORT],
        "offers_more": max(len(offers) - SHORT, 0),
        "offers_said": products_said.offers(offers),
        "soon": soon[:SHORT],
        "soon_said": products_said.due(soon, body.get("ahead", 14)),
        "days": queries.SOON,
        "tested": tested,
        "rankings": products_said.rows_of(figures) if tested else [],
        "tested_said": products_said.backtest(figures) if tested else "",
        "chosen_said": products_said.why_chosen(figures) if tested else "",
        "wanted": wanted,
        "page": page,
        "pairs": page.object_list,
        "total": page.paginator.count,
        "columns": _columns(request, wanted),
        "levels": _levels(),
        "sorted": ("-" if wanted.down else "") + wanted.sort,
    }
    return render(request, "tenure_app/products/page.html", context)


def _levels() -> list[tuple[str, str]]:
    return [("category", _("Categories")), ("product", _("Single products"))]


def _columns(request: HttpRequest, wanted: Wanted) -> list[dict[str, str]]:
    """Return the columns that pairs can be sorted by, each with its address."""
    titles = {
        "count": (_("Baskets with both"), "pair-support"),
        "surplus": (_("Beyond chance"), "pair-surplus"),
        "support": (_("Support"), "pair-support"),
        "confidence": (_("Confidence →"), "pair-confidence"),
        "back": (_("Confidence ←"), "pair-confidence"),
        "lift": (_("Lift (95%)"), "pair-lift"),
    }
    found = []
    for sort, (label, term) in titles.items():
        mine = wanted.sort == sort
        asked = request.GET.copy()
        asked["sort"] = ("" if mine and wanted.down else "-") + sort
        asked.pop("page", None)
        way = ("descending" if wanted.down else "ascending") if mine else ""
        found.append({"label": label, "term": term, "url": f"?{asked.urlencode()}#pairs", "way": way})
    return found


def _offers(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return [
        {**one, "url": _address("products-offer", trigger=one["trigger"], category=one["partner"])}
        for one in queries.offers(con)
    ]


def _soon(con: duckdb.DuckDBPyConnection, body: dict[str, Any], day: Any) -> list[dict[str, Any]]:
    people = queries.due(con, day) if day else {}
    return [
        {**one, "people": people.get(one["product"], 0), "url": product_address(one["product"], due=1)}
        for one in body.get("replenishment", [])
    ]


def _address(name: str, **query: Any) -> str:
    return f"{reverse(name)}?{urlencode(query)}"


def product_address(product: str, **query: Any) -> str:
    """Return the address of a product's page; its id stands in the query, since ids may hold any sign."""
    return _address("products-product", id=product, **query)


# One product


@page("products/product/", "products-product", rule=SIGNED_IN)
def product(request: HttpRequest) -> HttpResponse:
    """Show one product: its figures, what goes with it, and who would want it."""
    con, name = conf.connection(), request.GET.get("id", "")
    if not (queries.ready(con) and has(con, "order_lines")):
        return render(request, "tenure_app/products/empty.html", {"title": _("Products")})
    tz = business().tz
    sales = queries.sales(con, name, tz)
    if sales is None:
        raise Http404(_("No such product"))
    body, day = queries.report(con)
    kind = request.GET.get("kind", "")
    kind = kind if kind in products_said.KINDS else ""
    within = (day, day + timedelta(days=queries.SOON)) if request.GET.get("due") and day else None
    bought = queries.buyers(con, name, tz) if request.GET.get("bought") else None
    people = [_worded(one) for one in queries.wanting(con, name, kind, within)] if bought is None else bought
    partners = queries.partners(con, name)
    if request.GET.get("format") == "customers.csv":
        return _people_csv(f"product-{day}", people) if bought is None else _buyers_csv(f"buyers-{day}", people)
    if request.GET.get("format") == "partners.csv":
        return _partners_csv(f"partners-{day}", partners)
    counts = queries.kinds(con, name)
    again = {one["product"]: one for one in body.get("replenishment", [])}.get(name)
    context = {
        "name": name,
        "sales": sales,
        "day": day,
        "partners": [_linked(partner) for partner in partners[:SHORT_PAGE]],
        "partners_total": len(partners),
        "page": (page := Paginator(people, SHORT_PAGE).get_page(request.GET.get("page"))),
        "people": page.object_list,
        "total": len(people),
        "all_total": sum(counts.values()),
        "kind": kind,
        "due": within,
        "days": queries.SOON,
        "kinds": [(code, products_said.KINDS[code], many) for code, many in counts.items()],
        "again": again,
        "ahead": body.get("ahead", 14),
        "bought": bought is not None,
    }
    return render(request, "tenure_app/products/product.html", context)


def _linked(pair: dict[str, Any]) -> dict[str, Any]:
    return {**pair, "url": product_address(pair["product"])}


def _worded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "why": message(row["reason"]).render(),
        "kind_said": products_said.KINDS.get(row["kind"], row["kind"]),
        "url": product_address(row["product_id"]),
    }


@page("products/offer/", "products-offer", rule=SIGNED_IN)
def offer(request: HttpRequest) -> HttpResponse:
    """Show the customers to whom something is offered because something else rises with them."""
    con = conf.connection()
    if not (queries.ready(con) and has(con, "recommendations")):
        return render(request, "tenure_app/products/empty.html", {"title": _("Products")})
    trigger, partner = request.GET.get("trigger", ""), request.GET.get("category", "")
    people = [_worded(one) for one in queries.offered(con, trigger, partner)]
    if not people:
        raise Http404(_("No such offer"))
    day = queries.report(con)[1]
    if request.GET.get("format") == "customers.csv":
        return _people_csv(f"offer-{day}", people)
    pair = next((one for one in queries.partners(con, trigger, "category") if one["product"] == partner), None)
    context = {
        "title": _("Offer %(partner)s with %(trigger)s") % {"partner": partner, "trigger": trigger},
        "trigger": trigger,
        "partner": partner,
        "people": people,
        "total": len(people),
        "day": day,
        "pair": pair,
    }
    return render(request, "tenure_app/products/offer.html", context)


# Downloads


def _pairs_csv(con: duckdb.DuckDBPyConnection, wanted: Wanted, _body: dict[str, Any]) -> HttpResponse:
    heads = [
        _("Product A"),
        _("Product B"),
        _("Category A"),
        _("Category B"),
        _("Baskets with both"),
        _("Baskets with A"),
        _("Baskets with B"),
        _("Baskets"),
        _("Support"),
        _("Confidence A → B"),
        _("Confidence B → A"),
        _("Lift"),
        _("Lift, shrunk"),
        _("Lift, low"),
        _("Lift, high"),
    ]
    names = (
        "product_a",
        "product_b",
        "category_a",
        "category_b",
        "count",
        "count_a",
        "count_b",
        "baskets",
        "support",
        "confidence",
        "confidence_back",
        "lift",
        "lift_shrunk",
        "lift_low",
        "lift_high",
    )
    found = queries.find_pairs(con, replace(wanted), 0, ALL)
    return exports.csv_file(
        f"pairs-{wanted.level}", exports.Sheet("", heads, ([one[name] for name in names] for one in found))
    )


def _offers_csv(con: duckdb.DuckDBPyConnection, _wanted: Wanted, _body: dict[str, Any]) -> HttpResponse:
    heads = [
        _("Rises"),
        _("Offer"),
        _("Customers"),
        _("Product"),
        _("Support"),
        _("Confidence"),
        _("Lift, shrunk"),
        _("Lift, low"),
        _("Lift, high"),
    ]
    names = ("trigger", "partner", "people", "product", "support", "confidence", "lift", "low", "high")
    return exports.csv_file(
        "offers", exports.Sheet("", heads, ([one[name] for name in names] for one in queries.offers(con)))
    )


def _soon_csv(con: duckdb.DuckDBPyConnection, _wanted: Wanted, body: dict[str, Any]) -> HttpResponse:
    heads = [_("Product"), _("Category"), _("Expected purchases"), _("Customers due"), _("Usual days between")]
    rows = _soon(con, body, queries.report(con)[1])
    names = ("product", "category", "expected", "people", "gap")
    return exports.csv_file("bought-again", exports.Sheet("", heads, ([row[name] for name in names] for row in rows)))


def _tested_csv(_con: duckdb.DuckDBPyConnection, _wanted: Wanted, body: dict[str, Any]) -> HttpResponse:
    heads = [_("Ranking"), _("Hit rate of ten"), _("low"), _("high"), "NDCG@10", _("low"), _("high")]
    figures = body.get("figures") or {}
    rows = (
        [str(text), *(figures[name][one][part] for one in ("hit_rate", "ndcg") for part in ("value", "low", "high"))]
        for name, text in products_said.RANKINGS.items()
        if name in figures
    )
    return exports.csv_file("backtest-recommend", exports.Sheet("", heads, rows))


_DOWNLOADS = {
    "pairs.csv": _pairs_csv,
    "offers.csv": _offers_csv,
    "soon.csv": _soon_csv,
    "backtest.csv": _tested_csv,
}


def _people_csv(name: str, people: list[dict[str, Any]]) -> HttpResponse:
    heads = [_("Customer id"), _("Name"), _("Product"), _("Category"), _("Kind"), _("Chance"), _("Due"), _("Reason")]
    rows = (
        [
            person["customer_id"],
            person["name"],
            person["product_id"],
            person["category"],
            str(person["kind_said"]),
            person["score"],
            person["due_on"],
            person["why"],
        ]
        for person in people
    )
    return exports.csv_file(name, exports.Sheet("", heads, rows))


def _buyers_csv(name: str, people: list[dict[str, Any]]) -> HttpResponse:
    heads = [_("Customer id"), _("Name"), _("Baskets"), _("Sold"), _("Sales"), _("Last bought")]
    names = ("customer_id", "name", "baskets", "units", "amount", "last_on")
    return exports.csv_file(name, exports.Sheet("", heads, ([person[column] for column in names] for person in people)))


def _partners_csv(name: str, partners: list[dict[str, Any]]) -> HttpResponse:
    heads = [
        _("Product"),
        _("Category"),
        _("Baskets with both"),
        _("Support"),
        _("Confidence →"),
        _("Confidence ←"),
        _("Lift, shrunk"),
        _("Lift, low"),
        _("Lift, high"),
    ]
    names = (
        "product",
        "category",
        "count",
        "support",
        "confidence",
        "confidence_back",
        "lift_shrunk",
        "lift_low",
        "lift_high",
    )
    return exports.csv_file(
        name, exports.Sheet("", heads, ([partner[column] for column in names] for partner in partners))
    )
