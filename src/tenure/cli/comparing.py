"""`tenure models compare | moves`: what a changed model would do, and how many of their moves are undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from tenure.cli.options import AsJson, AsOf, LakeFolder, argument, day_of, last_refresh, open_lake
from tenure.cli.output import console, print_result, table_of
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model


def compare(
    model: Annotated[str, argument(mark("Model id or model file."))],
    lake: LakeFolder,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Compare it with the model of the same id in the lake, or built in; without one, with nothing."""
    from tenure.lifecycle.model_file import models_of, read_in
    from tenure.lifecycle.preview import compare_lake

    store = open_lake(lake)
    after = read_in(store, model)
    before = next((known for known in models_of(store) if known.id == after.id), None)
    day = day_of(as_of) or last_refresh(store)
    preview = compare_lake(store, before, after, as_of=day)
    print_result(preview.as_json(), as_json, show_preview, before, after)


def show_preview(body: dict[str, Any], before: Model | None, after: Model) -> None:
    from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
    from tenure.lifecycle.statistics import UNDONE_WITHIN

    stages = [model.stage(stage) for model in (before, after) if model is not None for stage in model.path]
    nowhere = {UNSTAGED: say(mark("In no stage")), NOT_IN_MODEL: say(mark("Not in the model"))}
    names = {**{stage.id: stage.name.render() for stage in stages}, **nowhere}
    out = console(stderr=False)
    sides = {place: [body[side].get(place, 0) for side in ("before", "after")] for place in names}
    rows = [[names[place], *map(number, counts)] for place, counts in sides.items() if any(counts)]
    text = mark("%(moved)s of %(customers)s customers would move, %(day)s")
    out.print(say(text, moved=number(body["moved"]), customers=number(body["customers"]), day=body["as_of"]))
    out.print(table_of("", (mark("Stage"),), (mark("Before"), mark("After")), rows))
    rows = [[names[move["source"]], names[move["target"]], number(move["customers"])] for move in body["moves"]]
    if rows:
        out.print(table_of("", (mark("From"), mark("To")), (mark("Customers"),), rows))
    shares = [percent(side["share"]) if side else "–" for side in (body["undone_before"], body["undone"])]
    text = mark("Moves undone within %(days)s days: %(before)s before, %(after)s after.")
    out.print(say(text, days=UNDONE_WITHIN, before=shares[0], after=shares[1]))


def moves(lake: LakeFolder, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Count the moves of the last year before the day whose stage lasted less than 14 days."""
    from tenure.lifecycle.statistics import UNDONE_WITHIN, undone_moves

    store = open_lake(lake)
    until = day_of(as_of) or last_refresh(store)
    counted = undone_moves(store.connect(("spans",)), until)
    body = {"as_of": until, "days": UNDONE_WITHIN, "models": {name: found.as_json() for name, found in counted.items()}}
    print_result(body, as_json, _show_moves)


def _show_moves(body: dict[str, Any]) -> None:
    rows = [
        [name, *(number(counted[column]) for column in ("moves", "undone")), percent(counted["share"])]
        for name, counted in body["models"].items()
    ]
    title = say(mark("Moves undone within %(days)s days, year up to %(day)s"), days=body["days"], day=body["as_of"])
    headings = (mark("Moves"), mark("Moves undone"), mark("Share"))
    console(stderr=False).print(table_of(title, (mark("Model"),), headings, rows))
