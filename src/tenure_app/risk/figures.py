"""The figures of early warnings: customers by signal, silence against chance, a customer's share of wallet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.risk.signals import SIGNALS
from tenure.words import say
from tenure_app.customers.profile import report
from tenure_app.customers.query import customers_url
from tenure_app.risk import queries
from tenure_app.web.charts import Bar, Bars, Chart, Line, Series
from tenure_app.web.figures import Figure
from tenure_app.web.formats import number, percent
from tenure_app.web.tables import CARDS, Column, Table, numeric, under, url_of

if TYPE_CHECKING:
    import duckdb

    from tenure_app.risk.declining import Row


@dataclass
class Risk:
    con: duckdb.DuckDBPyConnection
    day: date | None

    def report(self, name: str) -> dict[str, Any]:
        return report(self.con, f"risk.{name}")

    @cached_property
    def signals(self) -> list[Row]:
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
                "url": customers_url(self.day, warning_signals=code) if counts.get(code) else "",
            }
            for code, signal in SIGNALS.items()
        ]

    @property
    def shown(self) -> list[Row]:
        """The signals that customers show, the most frequent first."""
        return sorted((row for row in self.signals if row["people"]), key=lambda row: -row["people"])

    @cached_property
    def silence(self) -> dict[str, Any]:
        """How likely the present gaps are; empty when no customer could be judged."""
        silence = self.report("silence")
        return silence if silence.get("judged") else {}

    @cached_property
    def gaps(self) -> list[Row]:
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
    return Bars(bars, gettext(" customers"), plain=True) if bars else None


def signals_title(data: Risk) -> str:
    if not data.shown:
        return gettext("No customer shows a signal")
    words = {"name": data.shown[0]["signal"], "people": number(data.shown[0]["people"])}
    return gettext("Most often: %(name)s (%(people)s customers)") % words


def _silence(data: Risk) -> Chart:
    # The first column is what counts as silence.
    bars = [Bar(row["gap"], row["people"], "F6" if at else "F8", row["url"]) for at, row in enumerate(data.gaps)]
    return Bars(bars, gettext(" customers"), upright=True, plain=True)


def silence_title(data: Risk) -> str:
    chance = round(data.silence["judged"] * data.silence["unlikely"]) if data.silence else 0
    text = gettext("%(silent)s customers are silent beyond their own rhythm; chance alone would give %(chance)s")
    return text % {"silent": number(data.silence.get("silent", 0)), "chance": number(chance)}


def silence_note(data: Risk) -> str:
    regular = sum(item["share"] for item in data.silence.get("shapes", ()) if item["shape"] >= 2)
    return gettext(
        "%(judged)s customers have a rhythm of their own; %(regular)s of them order more evenly than by chance. From "
        "left to right: how likely a gap as long as the present one is. By chance, all columns would have the same "
        "height; the excess of the first is real silence. Customers who ordered just now are at the far right."
    ) % {"judged": number(data.silence.get("judged", 0)), "regular": percent(regular)}


_SILENCE = Table(
    "silence",
    (
        Column("gap", _("Probability of so long a gap")),
        Column("people", url=url_of),
        numeric("chance", _("By chance alone"), places=0, classes="text-secondary"),
    ),
)
SILENCE = Figure(
    "silence", silence_title, _SILENCE, lambda data: data.gaps, _silence, note=silence_note, term="silence", wide=True
)
_SIGNAL = (Column("signal_id", _("Signal id")), Column("signal", _("Signal")))
_SIGNALS = Table(
    "signals",
    (
        Column("signal", _("Signal"), html=lambda row: under(row["signal"], row["about"]), export=_SIGNAL),
        Column("people", url=url_of),
        Column("value_at_stake", brief=True),
        numeric("lead_days", _("Days until a worse stage")),
        Column("weight", _("Weight"), "percent"),
    ),
    classes=CARDS,
)
#: The figures below the list of warnings.
FIGURES = (
    Figure(
        "signals",
        signals_title,
        _SIGNALS,
        lambda data: data.signals,
        _signals,
        term="warning_signals",
        wide=True,
        open=True,
    ),
    SILENCE,
)


# What a customer stated of their own total business, with the customer's name; the oldest statement first.


def _wallet(data: Row) -> Chart:
    shares = [round(100 * row["share"], 2) for row in data["rows"]]
    return Line([row["last"] for row in data["rows"]], [Series(gettext("Share of wallet"), "F8", shares)], "%")


def wallet_title(data: Row) -> str:
    first, last = (percent(data["rows"][place]["share"]) for place in (0, -1))
    words = {"name": data["name"], "first": first, "last": last}
    if len(data["rows"]) > 1:
        return gettext("Of all that %(name)s buys, %(first)s was with us at first and %(last)s lately") % words
    return gettext("Of all that %(name)s buys, %(last)s is with us") % words


_WALLET = Table(
    "wallet",
    (
        Column("first", _("From"), "day"),
        Column("last", _("To"), "day"),
        Column("ours", _("Bought from us"), "money"),
        Column("total", _("Their total"), "money"),
        Column("wallet_share", value="share"),
    ),
)
WALLET = Figure(
    "wallet", wallet_title, _WALLET, lambda data: data["rows"][::-1], _wallet, term="wallet_share", wide=True
)
