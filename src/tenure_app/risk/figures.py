"""The figures of early warnings: customers by signal, silence against chance, a customer's share of wallet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from tenure.clock import day_of
from tenure.risk.signals import SIGNALS
from tenure.words import say
from tenure_app.customers.query import customers_url
from tenure_app.risk import queries, tables, titles
from tenure_app.web.charts import Bar, Bars, Chart, Line, Series
from tenure_app.web.figures import Figure
from tenure_app.web.formats import percent

if TYPE_CHECKING:
    import duckdb

    from tenure.features.wallet import Statement
    from tenure_app.risk.declining import Declining


@dataclass
class Risk:
    """What the last full refresh worked out about leaving."""

    con: duckdb.DuckDBPyConnection
    day: date | None

    def report(self, name: str) -> dict[str, Any]:
        """Return a report; empty when there is none."""
        return queries.report(self.con, f"risk.{name}") or {}

    @cached_property
    def signals(self) -> list[tables.Row]:
        """Every signal, with the customers who show it."""
        reports = {item["signal"]: item for item in self.report("summary").get("signals", ())}
        counts = queries.signals(self.con)
        return [
            {
                "signal_id": code,
                "signal": say(signal.name),
                "about": say(signal.about),
                "people": counts.get(code, 0),
                "value_at_stake": reports.get(code, {}).get("value_at_stake"),
                "lead_days": reports.get(code, {}).get("lead_days"),
                "weight": signal.weight,
                "url": customers_url(self.day, warning_signals=code),
            }
            for code, signal in SIGNALS.items()
        ]

    @property
    def shown(self) -> list[tables.Row]:
        """The signals that customers show, the most frequent first."""
        return sorted((row for row in self.signals if row["people"]), key=lambda row: -row["people"])

    @cached_property
    def silence(self) -> dict[str, Any]:
        """How likely the present gaps are; empty when no customer could be judged."""
        report = self.report("silence")
        return report if report.get("judged") else {}

    @cached_property
    def gaps(self) -> list[tables.Row]:
        """How many customers have gaps of which probability, in twentieths, against what chance would give."""
        return [
            {
                "gap": f"{percent(at / 20, 0)}–{percent((at + 1) / 20, 0)}",
                "people": people,
                "chance": self.silence["judged"] * self.silence["unlikely"],
                "url": customers_url(self.day, silence_p_min=at / 20, silence_p_max=(at + 1) / 20),
            }
            for at, people in enumerate(self.silence.get("twentieths", ()))
        ]


def _signals(data: Risk) -> Chart | None:
    bars = [Bar(row["signal"], row["people"], "F8", row["url"]) for row in data.shown]
    return Bars(bars, _(" customers"), plain=True) if bars else None


def _silence(data: Risk) -> Chart:
    # The first column is what counts as silence.
    bars = [Bar(row["gap"], row["people"], "F6" if at else "F8", row["url"]) for at, row in enumerate(data.gaps)]
    return Bars(bars, _(" customers"), upright=True, plain=True)


SILENCE = Figure(
    "silence",
    title=lambda data: titles.silence(data.silence),
    chart=_silence,
    table=tables.SILENCE,
    rows=lambda data: data.gaps,
    note=lambda data: titles.silence_note(data.silence),
    term="silence",
    wide=True,
)
#: The figures below the list of warnings.
FIGURES = (
    Figure(
        "signals",
        title=lambda data: titles.signals(data.shown),
        chart=_signals,
        table=tables.SIGNALS,
        rows=lambda data: data.signals,
        term="warning_signals",
        wide=True,
        open=True,
    ),
    SILENCE,
)


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a customer stated of their own total business, the oldest first."""

    customer: Declining
    statements: list[Statement]


def _wallet(data: Wallet) -> Chart:
    shares = [round(100 * statement.share, 2) for statement in data.statements]
    days = [day_of(statement.last) for statement in data.statements]
    return Line(days, [Series(_("Share of wallet"), "F8", shares)], "%")


WALLET = Figure(
    "wallet",
    title=lambda data: titles.wallet(data.customer.name or data.customer.customer_id, data.statements),
    chart=_wallet,
    table=tables.WALLET,
    rows=lambda data: [
        {
            "first": day_of(statement.first),
            "last": day_of(statement.last),
            "ours": statement.ours,
            "total": statement.total,
            "share": statement.share,
        }
        for statement in reversed(data.statements)
    ],
    term="wallet_share",
    wide=True,
)
