"""`tenure board`: how many customers are in each stage on a day, and of how many a stage cannot be judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenure.cli import options
from tenure.cli.output import console, print_result, table_of
from tenure.errors import LakeError
from tenure.words import mark
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from datetime import date

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model


def board(
    lake: options.LakeFolder,
    model: options.SomeModel = None,
    as_of: options.AsOf = None,
    as_json: options.AsJson = False,
) -> None:
    """Needs a lake that was refreshed. Without --as-of, the day of the last refresh is shown."""
    from tenure.lifecycle.statistics import CANNOT_JUDGE, STAGE_COUNTS, statistic

    store = options.open_lake(lake)
    definition, day = _shown(store, options.model_of(store, model), as_of)
    con = store.connect(("spans", "doubts"))
    people = {row["stage"]: row for row in statistic(con, STAGE_COUNTS, definition.id, day=day).to_pylist()}
    doubts = statistic(con, CANNOT_JUDGE, definition.id, day=day).to_pylist() if store.has("doubts") else []
    undetermined = {row["stage"]: row["people"] for row in doubts}
    empty = {"people": 0, "share": 0.0, "average_days": None}
    stages = [
        {**empty, **people.get(stage, {}), "stage": stage, "cannot_judge": undetermined.get(stage, 0)}
        for stage in definition.path
    ]
    body = {"model": definition.id, "version": definition.version, "as_of": day, "stages": stages}
    print_result(body, as_json, _show_board, definition)


def _shown(lake: Lake, model: str, as_of: str | None) -> tuple[Model, date]:
    """Return the model, and the day to show it on: the given one, or that of the last refresh."""
    from tenure.lifecycle.model_file import models_of
    from tenure.refreshing.planning import staged_models

    (definition,) = models_of(lake, [model])
    if definition.id not in staged_models(lake):
        text = mark(
            "The lake %(path)s has no stages under the model %(model)s. "
            "Run: tenure refresh --lake %(path)s --models %(model)s"
        )
        raise LakeError(text, path=lake.path, model=definition.id)
    return definition, options.day_of(as_of) or options.last_refresh(lake)


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
    people = mark("Customers") if model.subject == "customer" else mark("Products")
    headings = (people, mark("Share"), mark("Average days"), mark("Undetermined"))
    console(stderr=False).print(table_of(title, (mark("Stage"),), headings, rows))
