"""`tenure board` and `tenure why`: how many are in each stage on a day, and why a customer is in theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from tenure.cli import options
from tenure.cli.options import argument, option
from tenure.cli.output import console, print_result, table_of
from tenure.errors import FactsError, LakeError
from tenure.words import current_language, mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from datetime import date

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model

SomeModel = Annotated[str, option(mark("Id of a model of the lake."))]
Customer = Annotated[str, argument(mark("Customer id."))]


def board(
    lake: options.LakeFolder,
    model: SomeModel = "retail-activity",
    as_of: options.AsOf = None,
    as_json: options.AsJson = False,
) -> None:
    """Needs a lake that was refreshed. Without --as-of, the day of the last refresh is shown."""
    from tenure.lifecycle.statistics import CANNOT_JUDGE, STAGE_COUNTS, statistic

    store = options.open_lake(lake)
    definition, day = _shown(store, model, as_of)
    con = store.connect(("spans", "doubts"))
    people = {row["stage"]: row for row in statistic(con, STAGE_COUNTS, definition.id, day=day).to_pylist()}
    doubts = statistic(con, CANNOT_JUDGE, definition.id, day=day).to_pylist() if store.has("doubts") else []
    unjudged = {row["stage"]: row["people"] for row in doubts}
    empty = {"people": 0, "share": 0.0, "average_days": None}
    stages = [
        {**empty, **people.get(stage, {}), "stage": stage, "cannot_judge": unjudged.get(stage, 0)}
        for stage in definition.path
    ]
    body = {"model": definition.id, "version": definition.version, "as_of": day, "stages": stages}
    print_result(body, as_json, _show_board, definition)


def _shown(lake: Lake, model: str, as_of: str | None) -> tuple[Model, date]:
    """Return the model, and the day to show it on: the given one, or that of the last refresh."""
    from tenure.lifecycle.model_file import models_of
    from tenure.refreshing.planning import staged_models
    from tenure.refreshing.report import published_since

    (definition,) = models_of(lake, [model])
    refreshes = published_since(lake, 0)
    if not refreshes or definition.id not in staged_models(lake):
        text = mark(
            "The lake %(path)s has no stages under the model %(model)s. "
            "Run: tenure refresh --lake %(path)s --models %(model)s"
        )
        raise LakeError(text, path=lake.path, model=definition.id)
    return definition, options.day_of(as_of) or refreshes[-1][2]


def _show_board(body: dict[str, Any], model: Model) -> None:
    rows = [
        [
            model.stage(row["stage"]).name.render(),
            number(row["people"]),
            percent(row["share"]),
            number(row["average_days"], 0),
            number(row["cannot_judge"]),
        ]
        for row in body["stages"]
    ]
    title = f"{model.name.render()} ({model.id}), {body['as_of']}"
    headings = (mark("Customers"), mark("Share"), mark("Average days"), mark("Cannot be judged"))
    console(stderr=False).print(table_of(title, (mark("Stage"),), headings, rows))


def why(
    lake: options.LakeFolder,
    customer: Customer,
    model: SomeModel = "retail-activity",
    as_of: options.AsOf = None,
    as_json: options.AsJson = False,
) -> None:
    """Rules are evaluated from top to bottom, and the first that is true decides. Unknown never counts as true."""
    from tenure.lifecycle.explain import explain_from
    from tenure.lifecycle.statistics import in_doubt

    store = options.open_lake(lake)
    definition, day = _shown(store, model, as_of)
    explained = explain_from(store, definition, customer, day)
    if explained.entered_on is None:
        text = mark("%(id)s is not in the model %(model)s on %(day)s: no fact that it reads by then.")
        raise FactsError(text, id=customer, model=definition.id, day=day)
    doubts: list[dict[str, Any]] = []
    if store.has("doubts"):
        con = store.connect(("doubts",), customers=[customer])
        sql = (
            f"SELECT stage, entered_on, missing_facts FROM ({in_doubt('?', '?')}) WHERE customer_id = ? ORDER BY stage"
        )
        doubts = con.execute(sql, [definition.id, day, day, customer]).to_arrow_table().to_pylist()
    rules = [
        {
            "stage": evaluation.stage.id,
            "holds": evaluation.holds,
            "taken": evaluation.taken,
            "rule": str(evaluation.stage.rule),
            "values": {str(read.measure): read.value for read in evaluation.values},
        }
        for evaluation in explained.evaluations
    ]
    body = {
        "customer_id": customer,
        "model": definition.id,
        "as_of": day,
        "stage": explained.stage,
        "because": str(explained.reason or ""),
        "rules": rules,
        "cannot_judge": doubts,
    }
    print_result(body, as_json, _show_why, definition)


def _show_why(body: dict[str, Any], model: Model) -> None:
    from tenure.lifecycle.reasons import value_in_words
    from tenure.rules.wording.vocabulary import kind_name

    out = console(stderr=False)
    stage = model.stage(body["stage"]).name.render() if body["stage"] else say(mark("in no stage"))
    out.print(f"{body['customer_id']}, {body['as_of']}: {stage} ({model.name.render()})", style="bold", markup=False)
    out.print(body["because"], markup=False)
    truths = {True: say(mark("yes")), False: say(mark("no")), None: say(mark("unknown"))}
    rows = [
        [
            model.stage(rule["stage"]).name.render(),
            truths[rule["holds"]],
            ", ".join(f"{name} = {value_in_words(value)}" for name, value in rule["values"].items()),
        ]
        for rule in body["rules"]
    ]
    out.print(table_of("", (mark("Stage"), mark("Holds"), mark("Values")), (), rows))
    for doubt in body["cannot_judge"]:
        text = mark("%(stage)s cannot be judged since %(day)s; missing: %(missing)s")
        missing = ", ".join(kind_name(kind, current_language()) for kind in (doubt["missing_facts"] or "–").split(","))
        words = {"stage": model.stage(doubt["stage"]).name.render(), "day": doubt["entered_on"], "missing": missing}
        out.print(say(text, **words), style="yellow", markup=False)
