"""Decline with share of wallet as its evidence, and who is still to be settled with after business has stopped."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from tenure.clock import day_of
from tenure_app.core import conf
from tenure_app.risk import declining, queries
from tenure_app.risk.declining import ANSWERS, Declining
from tenure_app.web import exports
from tenure_app.web.formats import percent
from tenure_app.web.layout import as_of
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.risk_behind import names

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

PAGE = 50


class _Rows:
    """The buyers with an answer, read page by page."""

    def __init__(self, con: duckdb.DuckDBPyConnection, answer: str) -> None:
        self.con, self.answer = con, answer
        self.total = declining.count(con, answer)

    def count(self) -> int:
        return self.total

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, part: slice) -> list[Declining]:
        return declining.find(self.con, self.answer, part.start or 0, (part.stop or 0) - (part.start or 0))


@page("risk/decline/", "risk-decline", rule=SIGNED_IN)
def decline(request: HttpRequest) -> HttpResponse:
    """List the buyers by the answer of rule T04, with one customer's share of wallet over time."""
    con = conf.connection()
    if not (queries.ready(con) and declining.can_tell(con)):
        return render(request, "tenure_app/risk/empty.html", {"title": _("Decline")})
    answer = request.GET.get("answer", declining.YES)
    answer = answer if answer in ANSWERS else ""
    if request.GET.get("format") in ("csv", "xlsx"):
        return _file(request.GET["format"], answer, declining.find(con, answer, many=None))
    page: Page[Declining] = Paginator(cast("Any", _Rows(con, answer)), PAGE).get_page(request.GET.get("page"))
    chosen = declining.one(con, request.GET.get("customer", "")) or next((r for r in page if r.wallet_share), None)
    day = queries.seen_on(con) or as_of(request)
    counts = declining.answers(con)
    context = {
        "title": _("Decline and share of wallet"),
        "day": day, "page": page, "rows": list(page), "answer": answer, "total": page.paginator.count,
        "answers": [(code, name, counts[code]) for code, name in names()],
        "answer_names": dict(names()),
        "chosen": chosen,
        "wallet": _wallet(chosen, day) if chosen else None,
    }  # fmt: skip
    return render(request, "tenure_app/risk/decline.html", context)


def _wallet(one: Declining, day: date) -> dict[str, Any] | None:
    """Return a customer's share of wallet over time as a chart and a table."""
    found = declining.wallet(one.customer_id, day)
    if not found:
        return None
    days = [day_of(each.last).isoformat() for each in found]
    shares = [round(100 * each.share, 2) for each in found]
    data = {"name": one.name or one.customer_id, "first": percent(found[0].share), "last": percent(found[-1].share)}
    said = _("Of all that %(name)s buys, %(last)s is with us") % data
    if len(found) > 1:
        said = _("Of all that %(name)s buys, %(first)s was with us at first and %(last)s lately") % data
    return {
        "said": said,
        "data": {
            "days": days,
            "series": [{"name": _("Share of wallet"), "family": "F8", "values": shares}],
            "unit": "%",
        },
        "rows": [
            (day_of(each.first), day_of(each.last), each.ours, each.total, each.share) for each in reversed(found)
        ],
    }


def _file(kind: str, answer: str, rows: Iterable[Declining]) -> HttpResponse:
    heads = [
        _("Customer id"), _("Name"), _("Answer"), _("Our volume changed by"), _("Their total changed by"),
        _("Share of wallet before"), _("Share of wallet"), _("Order days against expectation"),
        _("Chance of so few order days"), _("Value at stake"), _("Last order"),
    ]  # fmt: skip
    said = dict(names())
    cells = (
        [
            row.customer_id, row.name, said[row.answer], row.volume_change, row.total_change, row.wallet_before,
            row.wallet_share, row.activity_change, row.p, row.value_at_stake, row.last_order_on,
        ]
        for row in rows
    )  # fmt: skip
    name = f"decline-{answer or 'all'}"
    return (
        exports.excel_file(name, exports.Sheet("", heads, cells))
        if kind == "xlsx"
        else exports.csv_file(name, exports.Sheet("", heads, cells))
    )


@page("risk/settlement/", "risk-settlement", rule=SIGNED_IN)
def settlement(request: HttpRequest) -> HttpResponse:
    """List those with whom business has stopped and something is still open."""
    con = conf.connection()
    if not queries.ready(con):
        return render(request, "tenure_app/risk/empty.html", {"title": _("Settlement")})
    day = as_of(request)
    rows = declining.unsettled(con, day)
    if request.GET.get("format") in ("csv", "xlsx"):
        return _settlement_file(request.GET["format"], rows, day)
    page: Page[declining.Unsettled] = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Settlement"), "day": day, "page": page, "total": len(rows),
        "receivable": sum(row.receivable or 0 for row in rows), "payable": sum(one.payable or 0 for one in rows),
        "days": declining.STOPPED,
        **declining.stopped(con, day),
    }  # fmt: skip
    return render(request, "tenure_app/risk/settlement.html", context)


def _settlement_file(kind: str, rows: Iterable[declining.Unsettled], day: date) -> HttpResponse:
    heads = [
        _("Customer id"), _("Name"), _("Last order"), _("Receivable"), _("Payable"), _("Stated on"), _("Open cases"),
        _("Contract cancelled"),
    ]  # fmt: skip
    cells = (
        [
            row.customer_id, row.name, row.last_order_on, row.receivable, row.payable, row.stated_on, row.open_cases,
            _("yes") if row.cancelled else _("no"),
        ]
        for row in rows
    )  # fmt: skip
    name = f"settlement-{day}"
    return (
        exports.excel_file(name, exports.Sheet("", heads, cells))
        if kind == "xlsx"
        else exports.csv_file(name, exports.Sheet("", heads, cells))
    )
