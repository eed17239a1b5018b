"""`tenure economics`: what the stages of a model bring, and what to do with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenure.cli.options import AsJson, LakeFolder, last_refresh, open_lake, option
from tenure.cli.output import console, print_result, table_of
from tenure.errors import ModelError, TenureError
from tenure.words import LocalizedText, mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.table import Table

    from tenure.economics.report import ModelEconomics
    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.scorecard.model import Options


_VERDICTS = {
    "holds": mark("holds"),
    "rather-holds": mark("holds (not significant)"),
    "violated": mark("is violated"),
    "rather-violated": mark("is violated (not significant)"),
    "cannot-judge": mark("cannot be tested"),
}


class StageNames(dict[str, str]):
    """The stages' names by id; without a definition a stage goes by its id."""

    def __missing__(self, stage: str) -> str:
        return stage


def economics(
    lake: LakeFolder,
    model: str = option(
        mark("Id of a model that has been refreshed in this lake; selected automatically when omitted."), ""
    ),
    horizon: int | None = option(mark("Days to look ahead; defaults to the lake's setting."), None, metavar="DAYS"),
    discount: float | None = option(mark("Annual discount rate, such as 0.1."), None),
    budget: float | None = option(mark("Total budget for all plans; no limit when omitted."), None),
    as_json: AsJson = False,
) -> None:
    """Needs a lake that was refreshed. Plans come from the lake (entered in the application), else from the model."""
    store = open_lake(lake)
    result, definition = _analyse(store, model, _options(store, horizon, discount), budget)
    print_result({name: value for name, value in result.report.items() if name != "values"}, as_json, _show, definition)


def _options(lake: Lake, horizon: int | None, discount: float | None) -> Options:
    from dataclasses import replace

    from tenure.scorecard.options import options_of

    options = options_of(lake)
    if horizon is not None:
        if not 1 <= horizon <= 3650:
            raise TenureError(mark("--horizon %(days)d: enter 1 to 3650 days."), days=horizon)
        options = replace(options, horizon_days=horizon)
    if discount is not None:
        if not 0 <= discount < 1:
            text = mark("--discount %(given)s: enter a rate from 0 to 1, such as 0.1 for 10%% a year.")
            raise TenureError(text, given=discount)
        options = replace(options, discount=discount)
    return options


def _analyse(lake: Lake, model: str, options: Options, budget: float | None) -> tuple[ModelEconomics, Model | None]:
    from tenure.economics.decisions import default_model, definitions
    from tenure.economics.plans import Book, read_book
    from tenure.economics.report import analyse, check_subject
    from tenure.economics.source import Source

    source = Source.of(lake, last_refresh(lake))
    model = model or default_model(source)
    definition = definitions(lake).get(model)
    check_subject(definition)
    if model not in source.models():
        text = mark("No customer has a stage under the model %(model)r here. Available models: %(models)s.")
        raise ModelError(text, model=model, models=", ".join(source.models()) or "–")
    book = read_book(lake.path, model)
    result = analyse(source, model, definition, options, book)
    return result if budget is None else result.with_book(Book(result.book.plans, budget)), definition


def _show(body: dict[str, Any], definition: Model | None) -> None:
    out = console()
    names = StageNames({stage.id: stage.name.render() for stage in definition.stages} if definition else {})
    out.print(_stages(body, names))
    out.print(_moves(body, names))
    for check in body["checks"]:
        out.print(_check(check, names))
    out.print(_plans(body, names))
    text = mark(
        "Expected profit compared with doing nothing: %(profit)s (%(low)s to %(high)s), with %(spend)s "
        "spent and %(saved)s saved."
    )
    amounts = ("profit", "low", "high", "spend", "saved")
    out.print(say(text, **{name: number(body["choice"][name], 0) for name in amounts}))
    if any(plan["assumed"] for plan in body["plans"]):
        out.print(say(mark("Costs and effects are assumptions until you enter or measure them.")), style="yellow")
    if body["basis"] == "sales":
        out.print(say(mark("No cost of goods on record, so profit means sales here.")), style="yellow")
    out.print(say(mark("Values show association, not the effect of moving a customer to another stage.")), style="dim")


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{number(low, 0)} – {number(high, 0)}"


def _stages(body: dict[str, Any], names: StageNames) -> Table:
    rows = []
    for stage in body["stages"]:
        month = (number(stage["month_profit"], 2), _range(stage["month_low"], stage["month_high"]))
        value = (number(stage["value"], 2), _range(stage["value_low"], stage["value_high"]))
        rows.append([names[stage["stage"]], number(stage["people"]), number(stage["half_days"], 0), *month, *value])
    times = (mark("Customers"), mark("Median days in stage"))
    headings = (*times, mark("Profit per month"), mark("95 %"), mark("Future value"), mark("95 %"))
    title = say(mark("Stages of %(model)s, %(day)s"), model=body["model"], day=body["as_of"])
    return table_of(title, (mark("Stage"),), headings, rows)


def _moves(body: dict[str, Any], names: StageNames) -> Table:
    worth = {(value["source"], value["target"]): value for value in body["move_values"]}
    rows = []
    for move in body["moves"]:
        value = worth.get((move["source"], move["target"]), {"value": None, "low": None, "high": None})
        share = f"{percent(move['share'])} ({percent(move['share_low'])} – {percent(move['share_high'])})"
        worths = (number(value["value"], 2), _range(value["low"], value["high"]))
        path = f"{names[move['source']]} → {names[move['target']]}"
        rows.append([path, number(move["moves"]), share, number(move["rate"], 3), *worths])
    headings = (mark("Moves"), mark("Share of exits"), mark("In 30 days"), mark("Worth"), mark("95 %"))
    return table_of(say(mark("Moves and their value")), (mark("From → to"),), headings, rows)


def _plans(body: dict[str, Any], names: StageNames) -> Table:
    rows = []
    for plan in body["plans"]:
        choices = [choice for choice in body["choice"]["rows"] if choice["plan"] == plan["id"]]
        people = sum(choice["people"] for choice in choices)
        each = sum(choice["people"] * choice["profit"] for choice in choices) / people if people else None
        name = LocalizedText(plan["zh"], plan["en"]).render()
        cost, effect = number(plan["cost"], 2), percent(plan["effect"], 0)
        rows.append([name, names[plan["stage"]], cost, effect, number(people), number(each, 2)])
    headings = (mark("Cost"), mark("Effect"), mark("Customers"), mark("Profit per customer"))
    return table_of(say(mark("Plans and target customers")), (mark("Plan"), mark("Stage")), headings, rows)


def _check(check: dict[str, Any], names: StageNames) -> str:
    text = mark("%(check)s: %(lower)s (%(low)s) below %(higher)s (%(high)s) %(verdict)s")
    return say(
        text,
        check=check["check"],
        lower=names[check["lower"]] if check["lower"] else "0",
        higher=names[check["higher"]] if check["higher"] else "0",
        low=number(check["lower_profit"], 2),
        high=number(check["higher_profit"], 2),
        verdict=say(_VERDICTS[check["verdict"]]),
    )
