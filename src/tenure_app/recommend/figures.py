"""What the page of products shows above its pairs: what is due, what to offer, and how good the lists are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.http import urlencode

from tenure_app.recommend import queries, tables, titles
from tenure_app.web.figures import Figure

if TYPE_CHECKING:
    import duckdb

#: Rows shown of a longer table.
SHORT = 10


@dataclass
class Products:
    """What the last refresh worked out about products."""

    con: duckdb.DuckDBPyConnection
    report: dict[str, Any]
    day: date | None

    @cached_property
    def soon(self) -> list[tables.Row]:
        """The products that will be bought again soon, each with the customers who are due."""
        people = queries.due(self.con, self.day) if self.day else {}
        return [
            {**row, "people_due": people.get(row["product"], 0), "url": tables.product_url(row["product"], due=1)}
            for row in self.report.get("replenishment", [])
        ]

    @cached_property
    def offers(self) -> list[tables.Row]:
        """What rises, and what to offer with it, each with the address of its customers."""
        return [
            {
                **row,
                "url": f"{reverse('products-offer')}?"
                + urlencode({"trigger": row["trigger"], "category": row["partner"]}),
            }
            for row in queries.offers(self.con)
        ]

    @property
    def metrics(self) -> dict[str, Any]:
        """How good the rankings are; empty when they could not be tested."""
        return self.report.get("figures") or {}

    @property
    def tested(self) -> bool:
        """Whether the rankings were tried on last baskets."""
        return "chosen" in self.metrics and "blend" in self.metrics

    @property
    def rankings(self) -> list[tables.Row]:
        """The rankings that were tried."""
        names = [name for name in titles.RANKINGS if name in self.metrics]
        best = max((self.metrics[name]["ndcg"]["value"] for name in names), default=0.0) or 1.0
        return [
            {
                **self.metrics[name],
                "name": name,
                "label": titles.RANKINGS[name],
                "used": name == self.metrics["chosen"],
                "width": f"{100 * self.metrics[name]['ndcg']['value'] / best:.1f}",
            }
            for name in names
        ]


BACKTEST = Figure(
    "backtest",
    title=lambda data: titles.backtest(data.metrics),
    chart=lambda _data: None,
    table=tables.BACKTEST,
    rows=lambda data: data.rankings,
    note=lambda data: titles.why_used(data.metrics),
    note_below=True,
    term="backtest-baskets",
    wide=True,
    open=True,
)
#: The tables above the pairs.
FIGURES = (
    Figure(
        "soon",
        title=lambda data: titles.due(data.soon, data.report.get("ahead", 14)),
        chart=lambda _data: None,
        table=tables.SOON,
        rows=lambda data: data.soon[:SHORT],
        file_rows=lambda data: data.soon,
        note=lambda data: titles.due_note(data.soon, queries.SOON),
        note_below=True,
        term="replenishment",
        open=True,
    ),
    Figure(
        "offers",
        title=lambda data: titles.offers(data.offers),
        chart=lambda _data: None,
        table=tables.OFFERS,
        rows=lambda data: data.offers[:SHORT],
        file_rows=lambda data: data.offers,
        note=lambda data: titles.offers_note(data.offers, SHORT),
        note_below=True,
        term="offer-rising",
        open=True,
    ),
    BACKTEST,
)
