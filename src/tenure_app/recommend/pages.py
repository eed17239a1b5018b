"""Products: what is bought together, what is due, what to offer, and whether the lists can be trusted."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import duckdb
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import Context
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.columns import column
from tenure_app.core import conf
from tenure_app.customers.profile import has
from tenure_app.recommend import figures, queries, tables
from tenure_app.recommend.queries import LEVELS, PAGE, SORTS, PairQuery
from tenure_app.web import exports
from tenure_app.web.figures import sheets
from tenure_app.web.filters import FilterForm, Input, Select
from tenure_app.web.formats import day as day_text
from tenure_app.web.formats import number
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import SqlRows
from tenure_app.web.templatetags.tenure import here, stat

#: Rows of the tables of one product.
SHORT = 20


def _empty(request: HttpRequest) -> HttpResponse:
    return render(request, "products/empty.html", {"title": _("Products")})


@page("products/", "products", rule=SIGNED_IN)
def products(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    if not queries.ready(con):
        return _empty(request)
    query, data = _query(request), figures.Products(con, *queries.report(con), stage=request.GET.get("stage", ""))
    absent = [figures.BACKTEST] * (not data.tested) + [figures.LIFE] * (not data.life)
    shown = [figure for figure in figures.FIGURES if figure not in absent]
    files = {**sheets(shown, data), "pairs": lambda: tables.pairs(query.level).sheet(queries.find_pairs(con, query))}
    if file := exports.requested(request, files, data.day):
        return file
    rows = SqlRows(queries.count_pairs(con, query), partial(queries.find_pairs, con, query))
    pairs = Paginator(rows, PAGE).get_page(request.GET.get("page"))

    def address(sort: str, down: bool) -> str:
        return here(Context({"request": request}), sort=("-" if down else "") + sort, page=None) + "#pairs"

    csv = here(Context({"request": request}), format="pairs.csv", page=None)
    context = {
        "title": _("Products"),
        "day": data.day,
        "report": data.report,
        "missing": _missing(data.report),
        "tested": data.tested,
        "figures": [figure.show(data) for figure in shown],
        "form": _form(query),
        "total": len(rows),
        "pairs": tables.pairs(query.level).show(
            pairs, sort=query.sort, down=query.down, address=address, files={"CSV": csv}
        ),
    }
    return render(request, "products/page.html", context)


def _missing(report: dict[str, Any]) -> list[str]:
    names = {"buyers": _("buyers"), "days": _("days of data"), "products": _("products found in enough baskets")}
    return [
        _("It takes %(needed)s %(what)s; there are %(found)s.")
        % {"needed": number(gate["needed"]), "what": names[gate["name"]], "found": number(gate["found"])}
        for gate in report.get("gates", [])
        if gate["found"] < gate["needed"]
    ]


def _query(request: HttpRequest) -> PairQuery:
    """Return which pairs the address asks for; what means nothing restricts nothing."""
    level, sort, least = (request.GET.get(name, "") for name in ("level", "sort", "least"))
    return PairQuery(
        level if level in LEVELS else "category",
        request.GET.get("q", "").strip(),
        int(least) if least.isascii() and least.isdigit() and len(least) < 10 else 0,
        request.GET.get("chance") != "all",
        sort.lstrip("-") if sort.lstrip("-") in SORTS else "surplus",
        not sort or sort.startswith("-"),
    )


def _form(query: PairQuery) -> FilterForm:
    levels = [("category", _("Categories")), ("product", _("Single products"))]
    chance = "" if query.beyond else "all"
    return FilterForm(
        _("Filter pairs"),
        (
            Select("level", _("Level"), levels, query.level, submits=True),
            Input("q", _("Search"), query.q, "search", placeholder=_("Product or category"), grow=True),
            Input("least", _("Baskets at least"), query.least or None, "number", least=0),
            Select("chance", _("Which"), [("all", _("All"))], chance, any=_("Beyond chance for sure"), submits=True),
        ),
        hidden=[("sort", ("-" if query.down else "") + query.sort)],
    )


@page("products/product/", "products-product", rule=SIGNED_IN)
def product(request: HttpRequest) -> HttpResponse:
    con, name = conf.connection(), request.GET.get("id", "")
    if not (queries.ready(con) and has(con, "order_lines")):
        return _empty(request)
    tz = business().tz
    sales = queries.sales(con, name, tz)
    if sales is None:
        raise Http404(_("No such product"))
    report, day = queries.report(con)
    kind = request.GET.get("kind", "")
    kind = kind if kind in tables.KINDS else ""
    within = (day, day + timedelta(days=queries.SOON)) if request.GET.get("due") and day else None
    bought = bool(request.GET.get("bought"))
    if bought:
        people, table, name_of_file = queries.buyers(con, name, tz), tables.BUYERS, "buyers"
    else:
        people = queries.wanting(con, name, kind, within)
        table, name_of_file = tables.PEOPLE, "product"
    partners = queries.partners(con, name)
    for key, sheet, suffix in (
        ("customers", partial(table.sheet, people), f"{name_of_file}-{day}"),
        ("partners", partial(tables.PARTNERS.sheet, partners), day),
    ):
        if file := exports.requested(request, {key: sheet}, suffix):
            return file
    counts = queries.kinds(con, name)
    csv = here(Context({"request": request}), format="customers.csv", page=None)
    shown = table if bought else table.only(lambda column: column.name != "product_id")
    context = {
        "name": name,
        "sales": sales,
        "partners": tables.PARTNERS.show(partners[:SHORT]) if partners else None,
        "partners_total": len(partners),
        "people": shown.show(Paginator(people, SHORT).get_page(request.GET.get("page")), files={"CSV": csv}),
        "people_title": _people_title(len(people), bought=bought, due=bool(within)),
        "total": len(people),
        "all_total": sum(counts.values()),
        "kind": "" if bought or within else kind,
        "due": within,
        "bought": bought,
        "kinds": [(code, tables.KINDS[code], count) for code, count in counts.items()],
        "life": _stage(con, name),
        "repeat": {row["product"]: row for row in report.get("replenishment", [])}.get(name),
        "ahead": report.get("ahead", 14),
    }
    return render(request, "products/product.html", context)


def _stage(con: duckdb.DuckDBPyConnection, product: str) -> dict[str, Any] | None:
    """Return the stage of a product's own life cycle as its page shows it."""
    model = queries.life_model()
    row = next(iter(queries.life(con, model, product)), None) if model else None
    if row is None:
        return None
    url = f"{reverse('products')}?{urlencode({'stage': row['stage']})}#life"
    note = _("since %(day)s") % {"day": day_text(row["entered_on"])}
    return stat(str(column("stage").label), row["stage_name"], url=url, note=note)


def _people_title(count: int, *, bought: bool, due: bool) -> str:
    text = ngettext("It is recommended to %(shown)s customer", "It is recommended to %(shown)s customers", count)
    if due:
        text = ngettext(
            "%(shown)s customer is due for it within %(n)s days",
            "%(shown)s customers are due for it within %(n)s days",
            count,
        )
    if bought:
        text = ngettext("%(shown)s customer bought it", "%(shown)s customers bought it", count)
    return text % {"shown": number(count), "n": queries.SOON}


@page("products/offer/", "products-offer", rule=SIGNED_IN)
def offer(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    if not (queries.ready(con) and has(con, "recommendations")):
        return _empty(request)
    trigger, partner = request.GET.get("trigger", ""), request.GET.get("category", "")
    people = queries.offered(con, trigger, partner)
    if not people:
        raise Http404(_("No such offer"))
    day = queries.report(con)[1]
    if file := exports.requested(request, {"customers": partial(tables.PEOPLE.sheet, people)}, f"offer-{day}"):
        return file
    pairs = queries.partners(con, trigger, "category")
    context = {
        "title": _("Offer %(partner)s with %(trigger)s") % {"partner": partner, "trigger": trigger},
        "trigger": trigger,
        "partner": partner,
        "people": tables.PEOPLE.show(people),
        "total": len(people),
        "day": day,
        "pair": next((pair for pair in pairs if pair["product"] == partner), None),
    }
    return render(request, "products/offer.html", context)
