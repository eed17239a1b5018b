"""`tenure acquisition funnel | windows | decision-time`: from the first contact to the first order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, AsOf, LakeFolder, day_of, open_lake, option
from tenure.cli.output import console, print_result, table_of
from tenure.errors import FactsError, LakeError, TenureError
from tenure.words import mark, say
from tenure.words.formats import MISSING, month, number, percent

if TYPE_CHECKING:
    from tenure.acquisition.contacts import Contacts
    from tenure.facts.lake import Lake

acquisition = typer.Typer(no_args_is_help=True)

_STEPS = {
    "attract": mark("Attract"),
    "trust": mark("Trust"),
    "intent": mark("Intent"),
    "transaction": mark("Transaction"),
}
_WINDOWS = {"attention": mark("Attention window"), "decision": mark("Decision window")}
Days = Annotated[int | None, option(mark("Days; the lake's setting when omitted."), ..., min=1, max=730)]


@acquisition.command(help=say(mark("The first-contact funnel of a period, what goes with conversion, and the trend.")))
def funnel(
    lake: LakeFolder,
    period: str | None = option(
        mark("Period of first contact, such as 2024-03, 2024-Q1 or 2024-01-15..2024-02-14; everybody when omitted."),
        None,
    ),
    step: str = option(mark("Step that counts as conversion: trust, intent or transaction."), "transaction"),
    window: Days = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Needs a lake that was refreshed. A step counts when it is reached within the funnel's days."""
    from tenure.acquisition.contacts import Period
    from tenure.acquisition.factors import factors
    from tenure.acquisition.funnel import funnel as funnel_of
    from tenure.acquisition.funnel import trend

    if step not in list(_STEPS)[1:]:
        raise TenureError(mark("--step %(step)r: choose trust, intent or transaction."), step=step)
    contacts = _contacts(open_lake(lake), as_of, funnel_days=window)
    chosen = Period.read(period) if period else Period(*(contacts.edges() or (contacts.day, contacts.day)))
    body = funnel_of(contacts, chosen) | {"factors": factors(contacts, chosen, step), "trend": trend(contacts)}
    print_result(body, as_json, _show_funnel, step)


@acquisition.command(help=say(mark("People without an order whose attention or decision window closes soon.")))
def windows(
    lake: LakeFolder,
    since: str | None = option(mark("First day; the as-of date when omitted."), None, "--from", metavar="DATE"),
    until: str | None = option(mark("Last day; six days after the first when omitted."), None, metavar="DATE"),
    attention: Days = None,
    decision: Days = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Attention runs from the first contact, the decision from the first sign of consideration unless set otherwise."""
    from tenure.acquisition.windows import closing

    store = open_lake(lake)
    contacts = _contacts(store, as_of, attention_days=attention, decision_days=decision)
    rows = closing(contacts, day_of(since), day_of(until))
    plays = _plays(store)
    people = [row | {"suggested": plays.get(row["step"], [])} for row in rows]
    print_result({"as_of": contacts.day, "people": people}, as_json, _show_windows)


@acquisition.command("decision-time", help=say(mark("Days from the first contact to the first order.")))
def decision_time(lake: LakeFolder, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """People who have not ordered yet count as watched until the as-of date (Kaplan-Meier), they are not left out."""
    from tenure.acquisition.decision import decision_time as decision_time_of

    print_result(decision_time_of(_contacts(open_lake(lake), as_of)), as_json, _show_decision_time)


def _contacts(lake: Lake, as_of: str | None, **assumed: Any) -> Contacts:
    """Return the first contacts of a lake, on the day of its last refresh or an earlier one."""
    from tenure.acquisition.contacts import Contacts
    from tenure.lake.views import names
    from tenure.scorecard.options import options_of

    con = lake.connect()
    row = con.execute("SELECT max(as_of) FROM scorecard").fetchone() if "scorecard" in names(con) else None
    if not row or row[0] is None:
        text = mark("The lake in %(path)s has no stages yet. Run: tenure refresh --lake %(path)s")
        raise LakeError(text, path=lake.path)
    day = day_of(as_of) or row[0]
    if day > row[0]:
        text = mark("--as-of %(day)s is after the last refresh (%(last)s). Choose an earlier day, or refresh first.")
        raise FactsError(text, day=day, last=row[0])
    options = replace(options_of(lake), **{name: days for name, days in assumed.items() if days is not None})
    return Contacts.of(con, day, options, lake.settings.tz)


def _plays(lake: Lake) -> dict[str, list[Any]]:
    """Return what the model of the funnel advises at each step."""
    from tenure.lifecycle.choice import FUNNEL
    from tenure.lifecycle.model_file import models_of

    model = next(model for model in models_of(lake) if model.id == FUNNEL)
    return {stage.id: [play.words for play in stage.advised] for stage in model.stages}


def _show_funnel(body: dict[str, Any], step: str) -> None:
    out = console(stderr=False)
    if not body["people"]:
        typer.echo(say(mark("No first contact before an order is on record. Import interactions or leads first.")))
        return
    names = ("since", "until", "people", "open", "window_days")
    text = mark("%(people)s people first met from %(since)s to %(until)s; steps within %(window_days)s days.")
    out.print(say(text, **{name: body[name] for name in names}))
    if body["open"]:
        text = mark("%(open)s of them are still within these days: not finished, and left out of the shares.")
        out.print(say(text, open=number(body["open"])), style="yellow")
    rows = [
        [say(_STEPS[item["step"]]), number(item["reached"]), _share(item["share"]), _share(item["rate"]),
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
        _show_factor(out, factor, step)
    rows = [
        [month(item["since"]), number(item["people"]), *(_share(of["share"]) for of in item["steps"][1:]),
         say(mark("still open")) if item["state"] == "open" else ""]
        for item in body["trend"]["months"]
    ]  # fmt: skip
    if rows:
        shares = [_STEPS[name] for name in list(_STEPS)[1:]]
        title = say(mark("By month of first contact"))
        out.print(table_of(title, (mark("Month"),), (mark("People"), *shares, mark("State")), rows))
    for item in body["trend"]["compared"]:
        if item["differ"]:
            text = mark(
                "%(month)s, %(step)s: %(share)s against %(before)s in the %(months)s months before, beyond chance."
            )
            words = {"share": _share(item["share"]), "before": _share(item["share_before"])}
            step_name = say(_STEPS[item["step"]])
            out.print(say(text, month=month(item["month"]), step=step_name, months=item["months_before"], **words))


def _show_factor(out: Any, factor: dict[str, Any], step: str) -> None:
    verdicts = {
        "differs": mark("differs beyond chance"),
        "no-difference": mark("no difference beyond chance"),
        "too-few": mark("too few people to judge"),
    }
    name, verdict = say(factor["name"]), say(verdicts[factor["verdict"]])
    rows = [
        [str(row["value"]), number(row["people"]), _share(row["rate"]), f"{_share(row['low'])}–{_share(row['high'])}"]
        for row in factor["rows"]
    ]
    headings = (mark("People"), _STEPS[step], mark("Interval"))
    out.print(table_of(f"{name}: {verdict}", (mark("Group"),), headings, rows))


def _show_windows(body: dict[str, Any]) -> None:
    if not body["people"]:
        typer.echo(say(mark("No window closes on these days.")))
        return
    rows = []
    for row in body["people"]:
        touch = " ".join(str(part) for part in (row["touched_on"], row["touched_by"]) if part) or MISSING
        window, step = say(_WINDOWS[row["window"]]), say(_STEPS[row["step"]])
        rows.append([row["customer_id"], window, str(row["closes_on"]), step, touch, number(row["days_left"])])
    texts = (mark("Customer"), mark("Window"), mark("Closes"), mark("Step"), mark("Last touch"))
    out = console(stderr=False)
    out.print(table_of("", texts, (mark("Days left"),), rows))
    for step, plays in {row["step"]: row["suggested"] for row in body["people"]}.items():
        words = " ".join(play.render() for play in plays)
        out.print(say(mark("Suggested at %(step)s: %(plays)s"), step=say(_STEPS[step]), plays=words))


def _show_decision_time(body: dict[str, Any]) -> None:
    headings = (
        mark("People"),
        mark("Ordered"),
        mark("A quarter by day"),
        mark("Half by day"),
        mark("Three quarters by day"),
    )
    names = {"channel": mark("Channel"), "month": mark("Month")}
    out = console(stderr=False)
    tables = {say(mark("Everybody")): [body["all"]]}
    for group, rows in body["groups"].items():
        tables[say(names[group]) if group in names else group.partition(":")[2]] = rows
    for title, rows in tables.items():
        cells = [
            [row["value"] or title, number(row["people"]), number(row["ordered"]),
             *(number(row[name], 0) for name in ("lower_quartile", "median_days", "upper_quartile"))]
            for row in rows
        ]  # fmt: skip
        out.print(table_of("", (title,), headings, cells))


def _share(value: float | None) -> str:
    return percent(value) if value is not None else MISSING
