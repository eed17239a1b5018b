"""The tables of the economics pages and of their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure_app.economics import titles
from tenure_app.economics.titles import amount
from tenure_app.web.formats import MISSING, customers, number, percent
from tenure_app.web.tables import CARDS, Column, Row, Table, badge, numeric, under, url_of
from tenure_app.web.templatetags.tenure import stage_badge

_cards, _small = partial(Table, classes=CARDS), partial(Table, classes="table-sm cards")


def interval(write: Callable[[Any], str], low: float | None, high: float | None) -> str:
    """Return an interval in words, nothing where it is not known."""
    if low is None or high is None:
        return ""
    return gettext("%(from)s to %(to)s") % {"from": write(low), "to": write(high)}


def _bounds(low: str, high: str, of: Any = "") -> tuple[Column, Column]:
    """Return the bounds of a number for files; `of` names it where a file holds several intervals."""
    heads = _("Low (95 %)"), _("High (95 %)")
    lower, upper = (format_lazy("{} · {}", of, head) if of else head for head in heads)
    return numeric(low, lower), numeric(high, upper)


def _ranged(
    name: str, label: Any, low: str = "", high: str = "", *, write: Callable[[Any], str] = amount, **more: Any
) -> Column:
    """Return a number with its interval below; in files the bounds are columns of their own."""
    low, high = low or f"{name}_low", high or f"{name}_high"

    def cell(row: Row) -> str:
        if row.get(name) is None:
            return MISSING
        return under(write(row[name]), interval(write, row.get(low), row.get(high)))

    return numeric(name, label, html=cell, also=_bounds(low, high, label), **more)


def _money(name: str, label: Any, **more: Any) -> Column:
    return numeric(name, label, html=lambda row: amount(row[name]), **more)


def _invested(name: str, **more: Any) -> Column:
    """Return what was invested, which is only known where costs are."""
    label = _("Invested a month, each")
    return numeric(name, label, html=lambda row: amount(row[name]) if row["costs_known"] else MISSING, **more)


def _link(text: Any, url: str) -> str:
    return format_html('<a href="{}">{}</a>', url, text)


def _dotted(*texts: str) -> str:
    return " · ".join(filter(None, texts))


STAGE = Column("stage", html=badge, row_head=True)
PEOPLE = Column("people", url=url_of)
DECISION, PLAN = Column("kind_name", _("Decision")), Column("plan", _("Plan"))
FROM, TO = Column("source", _("From")), Column("target", _("To"))


def _backtest(row: Row) -> str:
    words = {name: amount(row[name]) for name in ("predicted", "actual")}
    text = format_html("<span>{}</span>", gettext("%(predicted)s predicted, %(actual)s actual") % words)
    return MISSING if row["predicted"] is None else text


STAGES = _cards(
    "stages",
    (
        STAGE,
        Column(
            "people",
            url=url_of,
            also=(numeric("customer_days", _("Customer-days")), Column("revenue", value="sales"), Column("margin")),
        ),
        _invested("month_invested", export=(Column("invested"), Column("profit"))),
        _ranged("month_profit", _("Profit per month"), "month_low", "month_high", term="stage-profit"),
        _ranged("value", _("Future value")),
        _money("entering", _("Value on entering")),
        numeric(
            "backtest",
            _("Back-test"),
            html=_backtest,
            term="stage-backtest",
            export=(numeric("predicted", _("Back-test: predicted")), numeric("actual", _("Back-test: actual"))),
        ),
    ),
)


def _side(side: str) -> Callable[[Row], str]:
    return lambda row: under(amount(row[f"{side}_profit"]), row[f"{side}_name"])


def _verdict(row: Row) -> str:
    kind = {"holds": " value-yes", "violated": " value-no"}.get(row["verdict"].rsplit("-", 1)[-1], "")
    return format_html('<span class="value-mark{}">{}</span>', kind, titles.verdict(row["verdict"]))


CHECKS = _small(
    "checks",
    (
        Column("claim", _("Claim"), html=lambda row: under(row["claim"], row["check"])),
        numeric("lower_profit", _("Lower"), html=_side("lower")),
        numeric("higher_profit", _("Higher"), html=_side("higher")),
        Column("verdict", _("Here"), value=lambda row: titles.verdict(row["verdict"]), html=_verdict),
    ),
)


def grid(heads: Iterable[tuple[str, str]], corner: Any, cell: Callable[[Any], str], *columns: Column) -> Table:
    """Return a table of stages by stages: `heads` are their ids and names, a row holds its cells by id."""

    def shown(stage: str, row: Row) -> str:
        return cell(row["cells"].get(stage))

    stages = (numeric(stage, name, html=partial(shown, stage)) for stage, name in heads)
    first = Column("from", corner, html=badge, row_head=True)
    return Table("grid", (first, *columns, *stages), classes="table-sm table-vcenter")


def flow_cell(cell: Row | None) -> str:
    if cell is None:
        return format_html('<span class="text-secondary">{}</span>', 0)
    share, low, high = (percent(cell[name]) for name in ("share", "low", "high"))
    text = '<a href="{}">{}</a><span class="under">{}</span>'
    return format_html(text, cell["url"], number(cell["people"]), f"{share} ({low} – {high})")


def worth_cell(cell: Row | None) -> str:
    """Return what a move is worth, green or red where that is certain."""
    if cell is None:
        return ""
    sign = "value-yes" if cell["low"] > 0 else "value-no" if cell["high"] < 0 else ""
    below = interval(amount, cell["low"], cell["high"])
    text = '<span class="{}">{}</span><span class="under">{}</span>'
    return format_html(text, sign, amount(cell["value"]), below)


#: Where customers went between two days, as a file.
MATRIX = Table("matrix", (FROM, TO, Column("people"), Column("share", also=_bounds("low", "high"))))
WORTH = Table("worth", (FROM, TO, _ranged("value", _("Worth"), "low", "high")))


def _move(row: Row) -> str:
    badges = (stage_badge(row[side], row[f"{side}_family"]) for side in ("source", "target"))
    return format_html("<span>{} → {}</span>", *badges)


def _moves(row: Row) -> str:
    count = _link(number(row["moves"]), row["url"]) if row["url"] else number(row["moves"])
    return under(count, _dotted(customers(row["customers"]), gettext("few") if row["moves"] < 10 else ""))


MOVES = _cards(
    "moves",
    (
        Column("move", _("From → to"), html=_move, export=(FROM, TO)),
        numeric("moves", _("Moves"), html=_moves, also=(Column("people", value="customers"),)),
        _ranged("exit_share", _("Share of exits"), "share_low", "share_high", write=percent),
        _ranged("rate", _("Moves in 30 days"), write=lambda rate: number(rate, 3)),
        _ranged("worth", _("Worth"), term="move-value"),
    ),
)


def _median(row: Row) -> str:
    if row["half_days"] is None:
        return format_html('<span class="text-secondary">{}</span>', gettext("not yet"))
    if row["half_low"] is None:
        return number(row["half_days"], 0)
    high = "?" if row["half_high"] is None else number(row["half_high"], 0)
    return under(number(row["half_days"], 0), f"{number(row['half_low'], 0)} – {high}")


STAY = _cards(
    "stay",
    (
        STAGE,
        numeric("ended", _("Completed stays")),
        numeric("mean_days", _("Mean days"), places=1),
        numeric(
            "middle_half",
            _("Middle half"),
            html=lambda row: (
                f"{number(row['lower_quartile'], 0)} – {number(row['upper_quartile'], 0)}" if row["ended"] else MISSING
            ),
            export=(
                numeric("lower_quartile", _("Lower quartile")),
                numeric("median_days", _("Median")),
                numeric("upper_quartile", _("Upper quartile")),
            ),
        ),
        numeric("current", _("Currently in stage"), html=lambda row: _link(number(row["people"]), row["url"])),
        numeric("current_mean_days", _("Mean days so far"), places=1),
        numeric("half_days", _("Median days in stage"), html=_median, also=_bounds("half_low", "half_high")),
    ),
)


def _decided(row: Row) -> str:
    if not row["decided"]:
        return MISSING
    signs = {"+": row["decided_spend"], "−": row["decided_saved"]}
    sums = [f"{sign}{amount(total)}" for sign, total in signs.items() if total]
    return under(" ".join(sums) or amount(0), customers(row["decided"]))


#: The budget by stage; the last row is all of them.
BUDGET = _cards(
    "budget",
    (
        Column("stage", html=lambda row: badge(row) if row["url"] else row["stage"], row_head=True),
        PEOPLE,
        _invested("invested_month", also=(numeric("profit_month", _("Profit a month, each")),)),
        numeric(
            "wasted_month",
            _("Lost a month"),
            html=lambda row: (
                format_html('<span class="value-no">{}</span>', amount(row["wasted_month"]))
                if row["wasted_month"]
                else MISSING
            ),
        ),
        numeric(
            "planned",
            _("Planned spend"),
            html=lambda row: under(amount(row["planned"]), row["gets_plan"] and customers(row["gets_plan"])),
            export=(numeric("gets_plan", _("Get a plan")), numeric("planned", _("Planned spend"))),
        ),
        _money("saved", _("Planned saving"), also=(numeric("profit_expected", _("Expected profit"), value="profit"),)),
        numeric(
            "decided",
            _("Decided one by one"),
            html=_decided,
            also=(numeric("decided_spend", _("Decided spend")), numeric("decided_saved", _("Decided saving"))),
        ),
    ),
)


#: What was decided for single customers: each is a task.
DECIDED = _cards(
    "decided",
    (
        Column(
            "customer",
            html=lambda row: under(_link(row["customer_id"], row["url"]), row["stage"]),
            export=(Column("customer_id"), Column("stage")),
        ),
        Column(
            "task",
            _("Task"),
            html=lambda row: under(row["plan"], _dotted(row["kind_name"], row["note"])),
            export=(DECISION, PLAN),
        ),
        _money("cost", _("Cost each")),
        _ranged("expected", _("Expected profit"), "low", "high"),
        Column("owner", _("Owner")),
        Column("due_on", _("Due day"), "day", also=(Column("note", _("Note")),)),
    ),
)


def _aim(row: Row) -> str:
    if not row["stage"]:
        return ""
    if row["target"] == row["stage"]:
        return format_html("<span>{}</span>", badge(row))
    arrow = "↛" if row["kind"] == "maintain" else "→"
    return format_html("<span>{} {} {}</span>", badge(row), arrow, stage_badge(row["target"], row["target_family"]))


def _input(field: str, label: Any, row: Row, mode: str = "decimal", placeholder: str = "") -> str:
    """Return an input in which a number of a plan is typed; doing nothing has none."""
    if not row["id"]:
        return ""
    text = (
        '<input class="form-control form-control-sm{}" name="{}:{}" inputmode="{}" placeholder="{}" value="{}"'
        ' aria-label="{}: {}">'
    )
    size = "" if field == "effect" else " plan-number"
    return format_html(text, size, row["id"], field, mode, placeholder, row["given"][field], label, row["name"])


def _cost(row: Row) -> str:
    if not row["id"]:
        return "0"
    saves = format_html('<span class="under">{}</span>', gettext("saves")) if row["kind"] == "withdraw" else ""
    return format_html("<span>{}{}</span>", saves, _input("cost", gettext("Cost each"), row))


def _effect(row: Row) -> str:
    if not row["id"]:
        return "0%"
    text = '<span class="input-group input-group-flat plan-number">{}<span class="input-group-text">%</span></span>'
    return format_html(text, _input("effect", gettext("Effect of the plan"), row))


def _profit(row: Row) -> str:
    """Return the expected profit of an option; doing nothing has no interval."""
    return under(amount(row["profit"]), interval(amount, row["low"], row["high"]) if row["plan"] else "")


def _plan_profit(row: Row) -> str:
    if row["plan"] and not row["people"]:
        return format_html('<span class="text-secondary">{}</span>', gettext("not chosen"))
    return _profit(row)


def _drop(row: Row) -> str:
    if not row["id"]:
        return ""
    text = (
        '<label class="form-check mb-0"><input class="form-check-input" type="checkbox" name="{}:drop" value="1"'
        ' aria-label="{}: {}"><span class="form-check-label">{}</span></label>'
    )
    return format_html(text, row["id"], gettext("Delete"), row["name"], gettext("Delete"))


_NOT_PRINTED: dict[str, Any] = {"classes": "no-print", "bare": True, "export": ()}
#: The plans in the form that changes them.
PLANS = Table(
    "plans",
    (
        Column(
            "plan",
            _("Plan"),
            html=lambda row: under(row["name"], _dotted(*row["about"])),
            export=(Column("plan_name", _("Plan"), value="name"), DECISION),
        ),
        Column("aim", _("For → aim"), html=_aim, export=(Column("stage"), Column("target", _("Target")))),
        numeric("cost", _("Cost each"), html=_cost),
        numeric("effect", _("Effect of the plan"), html=_effect, term="plan-effect"),
        numeric("capacity", _("At most"), html=lambda row: _input("capacity", gettext("At most"), row, "numeric", "∞")),
        PEOPLE,
        _money("spend", _("Spent")),
        numeric(
            "plan_profit",
            _("Expected profit"),
            html=_plan_profit,
            value="profit",
            also=(*_bounds("low", "high"), Column("assumed", _("Assumed"), "yesno")),
        ),
        Column("drop", _("Delete"), html=_drop, **_NOT_PRINTED),
    ),
    classes=f"{CARDS} plan-table",
)


def _options(row: Row) -> str:
    return format_html('<a class="btn btn-sm" href="{}">{}</a>', row["options_url"], gettext("Options"))


def _best(row: Row) -> str:
    return format_html('<span class="value-mark value-yes">{}</span>', gettext("largest")) if row["best"] else ""


_PLAN_WITH_KIND = Column(
    "plan", _("Plan"), html=lambda row: under(row["plan"], row["kind_name"]), export=(DECISION, PLAN)
)
_CUSTOMER = Column("customer", value="customer_id", url=url_of, export=(Column("customer_id"),))
#: Who gets what, by stage, tier and time in the stage.
CHOSEN = _small(
    "chosen",
    (
        Column("stage", html=badge),
        Column("tier_name", _("Tier")),
        Column("weeks", _("Time in stage")),
        _PLAN_WITH_KIND,
        PEOPLE,
        _ranged("profit_each", _("Profit per customer"), "low", "high"),
    ),
)
#: Customers with the plan that was chosen for them.
WHO = Table(
    "who",
    (
        _CUSTOMER,
        Column("stage", html=lambda row: under(badge(row), titles.weeks(row["weeks"]))),
        Column("tier_name", _("Tier"), also=(numeric("weeks", _("Weeks in stage")),)),
        _PLAN_WITH_KIND,
        _ranged("expected", _("Expected profit"), "low", "high"),
        Column("options", _("Options"), html=_options, **_NOT_PRINTED),
    ),
)
#: The moves from one stage to another.
MOVED = Table("moved", (_CUSTOMER, Column("on", _("Date"), "day"), numeric("days", _("Days in the stage before"))))
#: The options of one customer, of which one is taken.
OPTIONS = Table(
    "options",
    (
        Column("option", _("Option"), template="economics/option.html"),
        _money("spend", _("Costs")),
        _money("saves", _("Saves")),
        _money("returns", _("Expected return")),
        numeric("profit_expected", _("Expected profit"), html=_profit),
        Column("best", _("largest"), "yesno", html=_best, bare=True),
    ),
    classes="table-vcenter cards",
)


def _if_decided(name: str) -> Callable[[Any], str]:
    return lambda choice: amount(getattr(choice, name)) if choice.plan_id else ""


#: What was decided for a customer before; rows are choices.
HISTORY = _small(
    "history",
    (
        Column("at", _("When"), "instant"),
        Column(
            "kind",
            _("Decision"),
            value=lambda choice: titles.kind_name(choice.kind) if choice.plan_id else gettext("taken back"),
        ),
        numeric("cost", _("Cost each"), html=_if_decided("cost")),
        numeric("profit_expected", _("Expected profit"), html=_if_decided("profit")),
        Column("note", _("Note")),
    ),
)
