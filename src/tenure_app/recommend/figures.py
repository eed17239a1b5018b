"""What the page of products shows above its pairs: what is due, what to offer, and how good the lists are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenure_app.recommend import queries, tables
from tenure_app.web.figures import Figure, Switch
from tenure_app.web.formats import number, percent

if TYPE_CHECKING:
    import duckdb

#: Rows shown of a longer table.
SHORT = 10
RANKINGS = {
    "popularity": gettext_lazy("Most popular"),
    "often": gettext_lazy("Most often bought by the customer"),
    "buy-again": gettext_lazy("Due for repurchase"),
    "blend": gettext_lazy("Combined ranking"),
}


@dataclass
class Products:
    con: duckdb.DuckDBPyConnection
    report: dict[str, Any]
    day: date | None
    stage: str = ""  # of the products' own life cycle, where only these are asked for

    @cached_property
    def soon(self) -> list[tables.Row]:
        """The products that will be bought again soon, each with the customers who are due."""
        people = queries.due(self.con, self.day) if self.day else {}
        return [{**row, "people_due": people.get(row["product"], 0)} for row in self.report.get("replenishment", [])]

    @cached_property
    def life(self) -> list[tables.Row]:
        """Every product in a stage of its own life cycle, in the order of life."""
        model = queries.life_model()
        return queries.life(self.con, model) if model else []

    @property
    def in_stage(self) -> list[tables.Row]:
        return [row for row in self.life if row["stage"] == self.stage] or self.life

    @cached_property
    def offers(self) -> list[tables.Row]:
        return queries.offers(self.con)

    @property
    def metrics(self) -> dict[str, Any]:
        """How good the rankings are; empty when they could not be tested."""
        return self.report.get("figures") or {}

    @property
    def tested(self) -> bool:
        return "chosen" in self.metrics and "blend" in self.metrics

    @property
    def rankings(self) -> list[tables.Row]:
        tried = {name: self.metrics[name] for name in RANKINGS if name in self.metrics}
        best = max((metric["ndcg"]["value"] for metric in tried.values()), default=0.0) or 1.0
        return [
            {
                **metric,
                "name": name,
                "label": RANKINGS[name],
                "used": name == self.metrics["chosen"],
                "width": f"{100 * metric['ndcg']['value'] / best:.1f}",
            }
            for name, metric in tried.items()
        ]


def backtest_title(data: Products) -> str:
    metrics = data.metrics
    hits = {name: percent(metrics[name]["hit_rate"]["value"]) for name in RANKINGS if name in metrics}
    text = _("%(hit)s of %(people)s last baskets held something of our ten; popular products reach %(popular)s")
    if metrics["chosen"] == "blend":
        text = _(
            "%(hit)s of %(people)s last baskets held something of our ten; popular products reach %(popular)s,"
            " buying again alone %(again)s"
        )
    words = {"people": number(metrics["customers"]), "hit": hits[metrics["chosen"]]}
    return text % {**words, "popular": hits["popularity"], "again": hits["buy-again"]}


def why_used(data: Products) -> str:
    wins = data.metrics["blend"].get("against_buy_again")
    if not wins:
        return ""
    text = _(
        "What is due to be bought again is used: everything weighed together does not beat it for sure"
        " (difference of NDCG@10 %(value)s, 95%%: %(low)s to %(high)s)."
    )
    if data.metrics["chosen"] == "blend":
        text = _(
            "Everything weighed together is used: its NDCG@10 beats that of buying again by %(value)s"
            " (95%%: %(low)s to %(high)s)."
        )
    return text % {name: f"{wins[name]:+.4f}" for name in ("value", "low", "high")}


def offers_title(data: Products) -> str:
    if not data.offers:
        return _("No category rises beyond chance in the last four weeks")
    most = data.offers[0]
    return ngettext(
        "%(people)s customer buys more %(trigger)s lately: offer %(partner)s with it",
        "%(people)s customers buy more %(trigger)s lately: offer %(partner)s with it",
        most["people"],
    ) % {"people": number(most["people"]), "trigger": most["trigger"], "partner": most["partner"]}


def offers_note(data: Products) -> str:
    if not data.offers:
        return _(
            "An offer appears when customers buy more of a category in four weeks than in the twelve before, and"
            " another category goes with it."
        )
    text = _("Suits a buy-and-gift: the other one is cheaper, or a gift, for customers who buy what rises.")
    more = len(data.offers) - SHORT
    rest = _("%(shown)s more in the CSV.") % {"shown": number(more)}
    return f"{text} {rest}" if more > 0 else text


def due_title(data: Products) -> str:
    if not data.soon:
        return _("No product is expected to be bought again soon")
    product, category = data.soon[0]["product"], data.soon[0]["category"]
    name = f"{category} {product}" if category else str(product)
    words = {"expected": number(data.soon[0]["expected"], 0), "product": name, "days": data.report.get("ahead", 14)}
    return _("%(product)s will be bought again about %(expected)s times in %(days)d days") % words


def due_note(data: Products) -> str:
    if not data.soon:
        return _("This needs products that the same customers bought several times.")
    return _("Customers due: within %(days)d days.") % {"days": queries.SOON}


BACKTEST = Figure(
    "backtest",
    backtest_title,
    tables.BACKTEST,
    lambda data: data.rankings,
    note=why_used,
    note_below=True,
    term="backtest-baskets",
    wide=True,
)


def life_title(data: Products) -> str:
    count = len(data.in_stage)
    text = ngettext("%(n)s product by the stage of its life", "%(n)s products by the stage of their life", count)
    return text % {"n": number(count)}


def life_stages(data: Products) -> Switch:
    counts = Counter((row["stage"], row["stage_name"]) for row in data.life)
    stages = [(stage, f"{name} {number(count)}") for (stage, name), count in counts.items()]
    current = data.stage if data.stage in dict(stages) else None
    return Switch(_("Stage"), "stage", [(None, _("All")), *stages], current)


def life_note(data: Products) -> str:
    """Say how many products are in no stage, and why: without them the numbers are not those of the list of models."""
    model = queries.life_model()
    count = queries.count_unstaged(data.con, model) if model else 0
    if model is None or not count:
        return ""
    text = ngettext("%(n)s more product is in no stage.", "%(n)s more products are in no stage.", count)
    return _("%(sentence)s %(next)s") % {"sentence": text % {"n": number(count)}, "next": model.warns.render()}


LIFE = Figure(
    "life",
    life_title,
    tables.LIFE,
    lambda data: data.in_stage[:SHORT],
    note=life_note,
    note_below=True,
    file_rows=lambda data: data.in_stage,
    switch=life_stages,
)
#: The tables above the pairs.
FIGURES = (
    Figure(
        "soon",
        due_title,
        tables.SOON,
        lambda data: data.soon[:SHORT],
        file_rows=lambda data: data.soon,
        note=due_note,
        note_below=True,
        term="replenishment",
    ),
    LIFE,
    Figure(
        "offers",
        offers_title,
        tables.OFFERS,
        lambda data: data.offers[:SHORT],
        file_rows=lambda data: data.offers,
        note=offers_note,
        note_below=True,
        term="offer-rising",
        wide=True,
    ),
    BACKTEST,
)
