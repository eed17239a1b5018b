"""The tables of the economics pages and of their files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenure_app.economics import titles
from tenure_app.economics.titles import amount
from tenure_app.web.formats import MISSING, number, percent
from tenure_app.web.tables import Column, Table
from tenure_app.web.templatetags.tenure import stage_badge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenure_app.web.tables import Row

WIDE = "table-sm table-vcenter"
CARDS = f"{WIDE} cards"
numeric = partial(Column, kind="number")
DECISION, PLAN = Column("kind_name", _("Decision")), Column("plan", _("Plan"))
FROM, TO = Column("source", _("From")), Column("target", _("To"))


def url_of(row: Row) -> str:
    return row.get("url", "")


def badge(row: Row) -> str:
    return stage_badge(row["stage"], row["family"])


def under(text: Any, below: Any) -> str:
    """Return a cell of two lines."""
    return format_html('<span>{}<span class="under">{}</span></span>', text, below) if below else str(text)


def customers(count: int) -> str:
    """Return a number of customers in words."""
    return ngettext("%(shown)s customer", "%(shown)s customers", count) % {"shown": number(count)}


def interval(write: Callable[[Any], str], low: float | None, high: float | None) -> str:
    """Return an interval in words, nothing where it is not known."""
    if low is None or high is None:
        return ""
    return gettext("%(from)s to %(to)s") % {"from": write(low), "to": write(high)}


def bounds(low: str, high: str) -> tuple[Column, Column]:
    """Return the bounds of an interval as columns of a file."""
    return numeric(low, _("Low (95 %)")), numeric(high, _("High (95 %)"))


def ranged(
    name: str, label: Any, low: str = "", high: str = "", *, write: Callable[[Any], str] = amount, **more: Any
) -> Column:
    """Return a number with its interval below; in files the bounds are columns of their own."""
    low, high = low or f"{name}_low", high or f"{name}_high"

    def cell(row: Row) -> str:
        if row.get(name) is None:
            return MISSING
        return under(write(row[name]), interval(write, row.get(low), row.get(high)))

    return numeric(name, label, html=cell, also=bounds(low, high), **more)


def money(name: str, label: Any, **more: Any) -> Column:
    """Return an amount, whole from a hundred on."""
    return numeric(name, label, html=lambda row: amount(row[name]), **more)


def invested(name: str, **more: Any) -> Column:
    """Return what was invested, which is only known where costs are."""
    label = _("Invested a month, each")
    return numeric(name, label, html=lambda row: amount(row[name]) if row["costs_known"] else MISSING, **more)


STAGE = Column("stage", html=badge, row_head=True)
PEOPLE = Column("people", url=url_of)


def _backtest(row: Row) -> str:
    if row["predicted"] is None:
        return MISSING
    words = {"predicted": amount(row["predicted"]), "actual": amount(row["actual"])}
    return format_html("<span>{}</span>", gettext("%(predicted)s predicted, %(actual)s actual") % words)


STAGES = Table(
    "stages",
    (
        STAGE,
        Column(
            "people",
            url=url_of,
            also=(numeric("customer_days", _("Customer-days")), Column("revenue", value="sales"), Column("margin")),
        ),
        invested("month_invested", export=(Column("invested"), Column("profit"))),
        ranged("month_profit", _("Profit per month"), "month_low", "month_high", term="stage-profit"),
        ranged("value", _("Future value")),
        money("entering", _("Value on entering")),
        numeric(
            "backtest",
            _("Back-test"),
            html=_backtest,
            term="stage-backtest",
            export=(numeric("predicted", _("Back-test: predicted")), numeric("actual", _("Back-test: actual"))),
        ),
    ),
    classes=CARDS,
)


def _side(side: str) -> Callable[[Row], str]:
    return lambda row: under(amount(row[f"{side}_profit"]), row[f"{side}_name"])


def _verdict(row: Row) -> str:
    kind = {"holds": " value-yes", "violated": " value-no"}.get(row["verdict"].rsplit("-", 1)[-1], "")
    return format_html('<span class="value-mark{}">{}</span>', kind, titles.verdict(row["verdict"]))


CHECKS = Table(
    "checks",
    (
        Column("claim", _("Claim"), html=lambda row: under(row["claim"], row["check"])),
        numeric("lower_profit", _("Lower"), html=_side("lower")),
        numeric("higher_profit", _("Higher"), html=_side("higher")),
        Column("verdict", _("Here"), value=lambda row: titles.verdict(row["verdict"]), html=_verdict),
    ),
    classes="table-sm cards",
)


def grid(heads: Iterable[tuple[str, str]], corner: Any, cell: Callable[[Any], str], *columns: Column) -> Table:
    """Return a table of stages by stages: `heads` are their ids and names, a row holds its cells by id."""

    def shown(stage: str, row: Row) -> str:
        return cell(row["cells"].get(stage))

    stages = (numeric(stage, name, html=partial(shown, stage)) for stage, name in heads)
    return Table("grid", (Column("from", corner, html=badge, row_head=True), *columns, *stages), classes=WIDE)


def flow_cell(cell: Row | None) -> str:
    """Return how many went from one stage to another, with their share and its interval."""
    if cell is None:
        return format_html('<span class="text-secondary">{}</span>', 0)
    shares = f"{percent(cell['share'])} ({percent(cell['low'])} – {percent(cell['high'])})"
    text = '<a href="{}">{}</a><span class="under">{}</span>'
    return format_html(text, cell["url"], number(cell["people"]), shares)


def worth_cell(cell: Row | None) -> str:
    """Return what a move is worth, green or red where that is certain."""
    if cell is None:
        return ""
    sign = "value-yes" if cell["low"] > 0 else "value-no" if cell["high"] < 0 else ""
    below = interval(amount, cell["low"], cell["high"])
    text = '<span class="{}">{}</span><span class="under">{}</span>'
    return format_html(text, sign, amount(cell["value"]), below)


#: Where customers went between two days, as a file.
MATRIX = Table("matrix", (FROM, TO, Column("people"), Column("share", also=bounds("low", "high"))))
WORTH = Table("worth", (FROM, TO, ranged("value", _("Worth"), "low", "high")))


def _move(row: Row) -> str:
    badges = (stage_badge(row[side], row[f"{side}_family"]) for side in ("source", "target"))
    return format_html("<span>{} → {}</span>", *badges)


def _moves(row: Row) -> str:
    count = format_html('<a href="{}">{}</a>', row["url"], number(row["moves"])) if row["url"] else number(row["moves"])
    rare = f" · {gettext('few')}" if row["moves"] < 10 else ""
    return under(count, f"{customers(row['customers'])}{rare}")


MOVES = Table(
    "moves",
    (
        Column("move", _("From → to"), html=_move, export=(FROM, TO)),
        numeric("moves", _("Moves"), html=_moves, also=(Column("people", value="customers"),)),
        ranged("exit_share", _("Share of exits"), "share_low", "share_high", write=percent),
        ranged("rate", _("Moves in 30 days"), write=lambda rate: number(rate, 3)),
        ranged("worth", _("Worth"), term="move-value"),
    ),
    classes=CARDS,
)


def _middle_half(row: Row) -> str:
    if not row["ended"]:
        return MISSING
    return f"{number(row['lower_quartile'], 0)} – {number(row['upper_quartile'], 0)}"


def _median(row: Row) -> str:
    if row["half_days"] is None:
        return format_html('<span class="text-secondary">{}</span>', gettext("not yet"))
    if row["half_low"] is None:
        return number(row["half_days"], 0)
    high = "?" if row["half_high"] is None else number(row["half_high"], 0)
    return under(number(row["half_days"], 0), f"{number(row['half_low'], 0)} – {high}")


STAY = Table(
    "stay",
    (
        STAGE,
        numeric("ended", _("Completed stays")),
        numeric("mean_days", _("Mean days"), places=1),
        numeric(
            "middle_half",
            _("Middle half"),
            html=_middle_half,
            export=(
                numeric("lower_quartile", _("Lower quartile")),
                numeric("median_days", _("Median")),
                numeric("upper_quartile", _("Upper quartile")),
            ),
        ),
        numeric(
            "current",
            _("Currently in stage"),
            html=lambda row: format_html('<a href="{}">{}</a>', row["url"], number(row["people"])),
        ),
        numeric("current_mean_days", _("Mean days so far"), places=1),
        numeric("half_days", _("Median days in stage"), html=_median, also=bounds("half_low", "half_high")),
    ),
    classes=CARDS,
)


def _lost(row: Row) -> str:
    if not row["wasted_month"]:
        return MISSING
    return format_html('<span class="value-no">{}</span>', amount(row["wasted_month"]))


def _decided(row: Row) -> str:
    if not row["decided"]:
        return MISSING
    spend, saved = row["decided_spend"], row["decided_saved"]
    sums = [f"+{amount(spend)}"] if spend else []
    sums += [f"−{amount(saved)}"] if saved else []
    return under(" ".join(sums) or amount(0), customers(row["decided"]))


#: The budget by stage; the last row is all of them.
BUDGET = Table(
    "budget",
    (
        Column("stage", html=lambda row: badge(row) if row["url"] else row["stage"], row_head=True),
        PEOPLE,
        invested("invested_month", also=(numeric("profit_month", _("Profit a month, each")),)),
        numeric("wasted_month", _("Lost a month"), html=_lost),
        numeric(
            "planned",
            _("Planned spend"),
            html=lambda row: under(amount(row["planned"]), row["gets_plan"] and customers(row["gets_plan"])),
            export=(numeric("gets_plan", _("Get a plan")), numeric("planned", _("Planned spend"))),
        ),
        money("saved", _("Planned saving"), also=(numeric("profit_expected", _("Expected profit"), value="profit"),)),
        numeric(
            "decided",
            _("Decided one by one"),
            html=_decided,
            also=(numeric("decided_spend", _("Decided spend")), numeric("decided_saved", _("Decided saving"))),
        ),
    ),
    classes=CARDS,
)


def _customer(row: Row) -> str:
    return under(format_html('<a href="{}">{}</a>', row["url"], row["customer_id"]), row["stage"])


def _task(row: Row) -> str:
    return under(row["plan"], " · ".join(filter(None, (row["kind_name"], row["note"]))))


#: What was decided for single customers: each is a task.
DECIDED = Table(
    "decided",
    (
        Column("customer", html=_customer, export=(Column("customer_id"), Column("stage"))),
        Column("task", _("Task"), html=_task, export=(DECISION, PLAN)),
        money("cost", _("Cost each")),
        ranged("expected", _("Expected profit"), "low", "high"),
        Column("owner", _("Owner")),
        Column("due_on", _("Due day"), "day", also=(Column("note", _("Note")),)),
    ),
    classes=CARDS,
)
