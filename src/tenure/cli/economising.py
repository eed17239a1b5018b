"""`tenure economics`: what the stages of a model bring, and what to do with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, LakeFolder, say_json
from tenure.errors import LakeError, ModelError, TenureError
from tenure.words import LocalizedText, mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from datetime import date

    from rich.table import Table

    from tenure.economics.report import Worked
    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.scorecard.model import Options


def economics(
    lake: LakeFolder,
    model: Annotated[
        str, typer.Option("--model", help=say(mark("Id of a model that the lake has stages of; chosen when omitted.")))
    ] = "",
    horizon: Annotated[
        int | None,
        typer.Option("--horizon", metavar="DAYS", help=say(mark("Days ahead; the lake's own setting when omitted."))),
    ] = None,
    discount: Annotated[
        float | None,
        typer.Option("--discount", help=say(mark("Interest a year at which later money counts less, such as 0.1."))),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", help=say(mark("Most that all plans may cost together; no limit when omitted."))),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what each stage brings, what a move is worth, and where to invest again or to withdraw.

    Needs a lake that was refreshed. Plans come from the lake (entered in the application), else from the model.
    """
    from tenure.facts.lake import Lake

    there = Lake.open(lake)
    worked, definition = _worked(there, model, _options(there, horizon, discount), budget)
    if as_json:
        say_json({name: value for name, value in worked.body.items() if name != "values"})
        return
    _show(worked.body, definition)


def _options(lake: Lake, horizon: int | None, discount: float | None) -> Options:
    from dataclasses import replace

    from tenure.scorecard.options import options_of

    found = options_of(lake)
    if horizon is not None:
        if not 1 <= horizon <= 3650:
            raise TenureError(mark("--horizon %(days)d: value is reckoned 1 to 3650 days ahead."), days=horizon)
        found = replace(found, horizon_days=horizon)
    if discount is not None:
        if not 0 <= discount < 1:
            text = mark("--discount %(given)s: give a share from 0 to 1, such as 0.1 for 10%% a year.")
            raise TenureError(text, given=discount)
        found = replace(found, discount=discount)
    return found


def _worked(lake: Lake, model: str, options: Options, budget: float | None) -> tuple[Worked, Model | None]:
    from tenure.economics.decisions import default_model, definitions
    from tenure.economics.plans import Book, read_book
    from tenure.economics.reading import Source
    from tenure.economics.report import choose_again, work_out

    source = Source.of(lake, _as_of(lake))
    model = model or default_model(source)
    if model not in source.models():
        raise ModelError(
            mark("Nobody has a stage under the model %(model)r here. There are: %(models)s."),
            model=model, models=", ".join(source.models()) or "–",
        )  # fmt: skip
    definition = definitions(lake).get(model)
    book = read_book(lake.path, model)
    worked = work_out(source, model, definition, source.money(options.margin), options, book)
    return worked if budget is None else choose_again(worked, Book(worked.book.plans, budget)), definition


def _as_of(lake: Lake) -> date:
    if not lake.has("refreshes") or not lake.has("spans"):
        raise LakeError(
            mark("The lake in %(path)s has no stages yet. Work them out with: tenure refresh --lake %(path)s"),
            path=lake.path,
        )
    row = (
        lake.connect(("refreshes",)).execute("SELECT as_of FROM refreshes ORDER BY generation DESC LIMIT 1").fetchone()
    )
    assert row is not None
    found: date = row[0]
    return found


def _show(body: dict[str, Any], definition: Model | None) -> None:
    from rich.console import Console

    console = Console(stderr=True)

    def named(stage: str) -> str:
        known = next((one for one in definition.stages if one.id == stage), None) if definition else None
        return known.name.render() if known else stage

    console.print(_stages(body, named))
    console.print(_moves(body, named))
    for check in body["checks"]:
        console.print(_check(check, named))
    console.print(_plans(body, named))
    choice = body["choice"]
    text = mark(
        "Expected profit beyond doing nothing: %(profit)s (%(low)s to %(high)s) for %(spend)s spent, %(saved)s saved."
    )
    console.print(say(text, **{key: number(choice[key], 0) for key in ("profit", "low", "high", "spend", "saved")}))
    if any(plan["assumed"] for plan in body["plans"]):
        console.print(
            say(mark("Costs and effects are assumptions until somebody enters or measures them.")), style="yellow"
        )
    if body["basis"] == "sales":
        console.print(say(mark("No costs of goods are known: profit means sales here.")), style="yellow")
    console.print(
        say(mark("Values say what went together, not what bringing somebody there would cause.")), style="dim"
    )


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{number(low, 0)} – {number(high, 0)}"


def _stages(body: dict[str, Any], named: Any) -> Table:
    from rich.table import Table

    title = say(mark("Stages of %(model)s, %(day)s"), model=body["model"], day=body["as_of"])
    table = Table(title=title, title_justify="left")
    table.add_column(say(mark("Stage")))
    for heading in (
        mark("Customers"), mark("Half gone, days"), mark("Profit a month"), mark("95 %"),
        mark("Value ahead"), mark("95 %"),
    ):  # fmt: skip
        table.add_column(say(heading), justify="right")
    for stage in body["stages"]:
        table.add_row(
            named(stage["stage"]), number(stage["people"]),
            number(stage["half_days"], 0),
            number(stage["month_profit"], 2), _range(stage["month_low"], stage["month_high"]),
            number(stage["value"], 2), _range(stage["value_low"], stage["value_high"]),
        )  # fmt: skip
    return table


def _moves(body: dict[str, Any], named: Any) -> Table:
    from rich.table import Table

    worth = {(move_value["source"], move_value["target"]): move_value for move_value in body["move_values"]}
    table = Table(title=say(mark("Moves, and what a move is worth")), title_justify="left")
    table.add_column(say(mark("From → to")))
    for heading in (mark("Moves"), mark("Share of exits"), mark("In 30 days"), mark("Worth"), mark("95 %")):
        table.add_column(say(heading), justify="right")
    for move in body["moves"]:
        value = worth.get((move["source"], move["target"]), {"value": None, "low": None, "high": None})
        table.add_row(
            f"{named(move['source'])} → {named(move['target'])}", number(move["moves"]),
            f"{percent(move['share'])} ({percent(move['share_low'])} – {percent(move['share_high'])})",
            number(move["rate"], 3),
            number(value["value"], 2), _range(value["low"], value["high"]),
        )  # fmt: skip
    return table


def _plans(body: dict[str, Any], named: Any) -> Table:
    from rich.table import Table

    table = Table(title=say(mark("Plans and who should get them")), title_justify="left")
    table.add_column(say(mark("Plan")))
    table.add_column(say(mark("Stage")))
    for heading in (mark("Cost"), mark("Effect"), mark("Customers"), mark("Profit each")):
        table.add_column(say(heading), justify="right")
    for plan in body["plans"]:
        rows = [one for one in body["choice"]["rows"] if one["plan"] == plan["id"]]
        people = sum(row["people"] for row in rows)
        each = sum(row["people"] * row["profit"] for row in rows) / people if people else None
        name = LocalizedText(plan["zh"], plan["en"]).render()
        table.add_row(
            name,
            named(plan["stage"]),
            number(plan["cost"], 2),
            percent(plan["effect"], 0),
            number(people),
            number(each, 2),
        )
    return table


def _check(one: dict[str, Any], named: Any) -> str:
    verdicts = {
        "holds": mark("holds"), "rather-holds": mark("holds, not for sure"), "violated": mark("is violated"),
        "rather-violated": mark("is violated, not for sure"), "cannot-judge": mark("cannot be judged"),
    }  # fmt: skip
    text = mark("%(check)s: %(lower)s (%(low)s) below %(higher)s (%(high)s) %(verdict)s")
    return say(
        text, check=one["check"], lower=named(one["lower"]) if one["lower"] else "0",
        higher=named(one["higher"]) if one["higher"] else "0", low=number(one["lower_profit"], 2),
        high=number(one["higher_profit"], 2), verdict=say(verdicts[one["verdict"]]),
    )  # fmt: skip
