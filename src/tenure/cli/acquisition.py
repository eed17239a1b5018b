"""`tenure acquisition funnel | windows | decision-time`: from the first contact to the transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, AsOf, LakeFolder, day_of, open_lake, option
from tenure.cli.output import console, print_result, table_of
from tenure.errors import FactsError, TenureError
from tenure.words import mark, say
from tenure.words.formats import MISSING, month, number, percent

if TYPE_CHECKING:
    from tenure.acquisition.contacts import Contacts, Period
    from tenure.acquisition.labels import FunnelSteps
    from tenure.facts.lake import Lake

acquisition = typer.Typer(no_args_is_help=True)

_DAYS = mark("Days; the lake's setting when omitted.")
Days = Annotated[int | None, option(_DAYS, ..., min=1, max=730)]
AttentionDays = Annotated[int | None, option(_DAYS, ..., min=1, max=365)]
ContactPeriod = Annotated[
    str | None,
    option(mark("Period of first contact, such as 2024-03, 2024-Q1 or 2024-01-15..2024-02-14; all when omitted.")),
]


@acquisition.command(help=say(mark("The first-contact funnel of a period, what goes with conversion, and the trend.")))
def funnel(
    lake: LakeFolder,
    period: ContactPeriod = None,
    step: str = option(mark("Step that counts as conversion: trust, intent or transaction."), "transaction"),
    window: Days = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Needs a lake that was refreshed. A step counts when it is reached within the funnel's days."""
    from tenure.acquisition.factors import factors
    from tenure.acquisition.funnel import funnel as funnel_of
    from tenure.acquisition.funnel import trend
    from tenure.acquisition.scoring import STEPS

    if step not in STEPS[1:]:
        raise TenureError(mark("--step %(step)r: choose trust, intent or transaction."), step=step)
    store = open_lake(lake)
    contacts = _contacts(store, as_of, funnel_days=window)
    days = _period(contacts, period)
    body = funnel_of(contacts, days) | {"factors": factors(contacts, days, step), "trend": trend(contacts)}
    print_result(body, as_json, _show_funnel, step, _steps(store))


@acquisition.command(
    help=say(mark("People without a transaction whose attention or decision window closes in the next days."))
)
def windows(
    lake: LakeFolder,
    since: str | None = option(mark("First day; the as-of date when omitted."), None, "--from", metavar="DATE"),
    until: str | None = option(mark("Last day; six days after the first when omitted."), None, metavar="DATE"),
    attention: AttentionDays = None,
    decision: Days = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Attention runs from the first contact, the decision from the first sign of consideration unless set otherwise."""
    from tenure.acquisition.windows import closing

    store = open_lake(lake)
    contacts = _contacts(store, as_of, attention_days=attention, decision_days=decision)
    rows, steps = closing(contacts, day_of(since), day_of(until)), _steps(store)
    people = [row | {"suggested": steps.plays.get(row["step"], [])} for row in rows]
    print_result({"as_of": contacts.day, "people": people}, as_json, _show_windows, steps)


@acquisition.command("decision-time", help=say(mark("Days from the first contact to the transaction.")))
def decision_time(lake: LakeFolder, period: ContactPeriod = None, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """People without a transaction count as watched until the as-of date (Kaplan-Meier), they are not left out."""
    from tenure.acquisition.decision import decision_time as decision_time_of

    contacts = _contacts(open_lake(lake), as_of)
    print_result(decision_time_of(contacts, _period(contacts, period)), as_json, _show_decision_time)


def _contacts(lake: Lake, as_of: str | None, **assumed: Any) -> Contacts:
    """Return the first contacts of a lake, on the day of its last refresh or an earlier one."""
    from tenure.acquisition.contacts import Contacts

    day = day_of(as_of)
    contacts = Contacts.of_lake(lake, day=day, **assumed)
    if day and day > contacts.day:
        text = mark("--as-of %(day)s is after the last refresh (%(last)s). Choose an earlier day, or refresh first.")
        raise FactsError(text, day=day, last=contacts.day)
    return contacts


def _period(contacts: Contacts, text: str | None) -> Period:
    from tenure.acquisition.contacts import Period

    return Period.read(text) if text else contacts.whole_period()


def _steps(lake: Lake) -> FunnelSteps:
    from tenure.acquisition.labels import FunnelSteps
    from tenure.lifecycle.model import FUNNEL
    from tenure.lifecycle.model_file import models_of

    return FunnelSteps.of(next((model for model in models_of(lake) if model.id == FUNNEL), None))


def _show_funnel(body: dict[str, Any], step: str, steps: FunnelSteps) -> None:
    out = console(stderr=False)
    if steps.missing:
        out.print(steps.warning(), style="yellow")
    if not body["people"]:
        typer.echo(say(mark("No first contacts in this period. Choose another one, or import interactions or leads.")))
        return
    names = ("since", "until", "people", "window_days")
    text = mark(
        "%(people)s people with a first contact from %(since)s to %(until)s; steps within %(window_days)s days."
    )
    out.print(say(text, **{name: body[name] for name in names}))
    if body["open"]:
        text = mark("%(open)s of them are still within their observation window and left out of the shares.")
        out.print(say(text, open=number(body["open"])), style="yellow")
    rows = [
        [steps.name(item["step"]), number(item["reached"]), _share(item["share"]), _share(item["rate"]),
         number(item["dropped"]), number(item["median_days"], 1), number(item["now"])]
        for item in body["steps"]
    ]  # fmt: skip
    headings = (
        mark("Reached"),
        mark("Share"),
        mark("Of the step before"),
        mark("Dropped"),
        mark("Median days"),
        mark("Now"),
    )
    out.print(table_of("", (mark("Step"),), headings, rows))
    for factor in body["factors"]:
        _show_factor(out, factor, steps.name(step))
    _show_trend(out, body["trend"], steps)


def _show_trend(out: Any, trend: dict[str, Any], steps: FunnelSteps) -> None:
    from tenure.acquisition.labels import STATES
    from tenure.acquisition.scoring import STEPS

    rows = [
        [month(item["since"]), number(item["people"]), *(_share(row["share"]) for row in item["steps"][1:]),
         say(STATES[item["state"]])]
        for item in trend["months"]
    ]  # fmt: skip
    if rows:
        shares = [steps.name(name) for name in STEPS[1:]]
        title = say(mark("By month of first contact"))
        out.print(table_of(title, (mark("Month"),), (mark("People"), *shares, mark("Observation window")), rows))
    for item in trend["compared"]:
        if item["differ"]:
            text = mark(
                "%(month)s, %(step)s: %(share)s against %(before)s in the %(months)s months before, a statistically "
                "significant difference."
            )
            words = {"share": _share(item["share"]), "before": _share(item["share_before"])}
            name = steps.name(item["step"])
            out.print(say(text, month=month(item["month"]), step=name, months=item["months_before"], **words))


def _show_factor(out: Any, factor: dict[str, Any], step: str) -> None:
    from tenure.acquisition.labels import VERDICTS, factor_label, group_label

    title = f"{factor_label(factor['factor'])}: {say(VERDICTS[factor['verdict']])}"
    rows = [
        [group_label(factor["factor"], row["value"]), number(row["people"]), _share(row["rate"]),
         f"{_share(row['low'])}–{_share(row['high'])}"]
        for row in factor["rows"]
    ]  # fmt: skip
    out.print(table_of(title, (mark("Group"),), (mark("People"), step, mark("Interval")), rows))


def _show_windows(body: dict[str, Any], steps: FunnelSteps) -> None:
    from tenure.acquisition.labels import WINDOWS, kind_label

    if not body["people"]:
        typer.echo(say(mark("No window closes on these days.")))
        return
    rows = []
    for row in body["people"]:
        touch = f"{row['touched_on']} {kind_label(row['touched_by'])}" if row["touched_on"] else MISSING
        window, step = say(WINDOWS[row["window"]]), steps.name(row["step"])
        rows.append([row["customer_id"], window, str(row["closes_on"]), step, touch, number(row["days_left"])])
    texts = (mark("Customer"), mark("Window"), mark("Closes"), mark("Step"), mark("Last interaction"))
    out = console(stderr=False)
    out.print(table_of("", texts, (mark("Days left"),), rows))
    for name in dict.fromkeys(row["step"] for row in body["people"]):
        if plays := steps.plays.get(name):
            out.print(say(mark("Suggested at %(step)s: %(plays)s"), step=steps.name(name), plays=" ".join(plays)))


def _show_decision_time(body: dict[str, Any]) -> None:
    from tenure.acquisition.labels import factor_label, group_label

    headings = (
        mark("People"),
        mark("With a transaction"),
        mark("25% (days)"),
        mark("Median (days)"),
        mark("75% (days)"),
    )
    out, everyone = console(stderr=False), say(mark("All"))
    for grouping, rows in {"": [body["all"]], **body["groups"]}.items():
        cells = [
            [group_label(grouping, row["value"]) or everyone, number(row["people"]), number(row["converted"]),
             *(number(row[name], 0) for name in ("lower_quartile", "median_days", "upper_quartile"))]
            for row in rows
        ]  # fmt: skip
        title = factor_label(grouping) if grouping else ""
        out.print(table_of(title, (mark("Group"),), headings, cells))


def _share(value: float | None) -> str:
    return percent(value) if value is not None else MISSING
