"""`tenure models list | show | check | compare | moves`: the life-cycle models from the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, AsOf, LakeFolder, argument, day_of, last_refresh, open_lake, option
from tenure.cli.output import console, print_result, table_of
from tenure.errors import RuleError, TenureError
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.words import LocalizedText

models = typer.Typer(no_args_is_help=True)

STAYS_WHILE = mark("Stays while: %(rule)s")

SomeLake = Annotated[
    Path | None, option(mark("Include this lake's own models and facts."), ..., "--lake", envvar="TENURE_LAKE")
]
Which = Annotated[str, argument(mark("Model id or model file."))]


@models.command("list", help=say(mark("List all models; with --lake, also show whether each fits the data.")))
def list_(lake: SomeLake = None, as_json: AsJson = False) -> None:
    store, definitions = _definitions(lake)
    available = store.available_kinds() if store else None
    print_result([_body(model, available) for model in definitions], as_json, _show_list, definitions, available)


def _show_list(_body: Any, definitions: list[Model], available: set[str] | None) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    headings = [mark("Id"), mark("Name"), mark("Stages")]
    for heading in headings if available is None else [*headings, mark("Missing facts")]:
        table.add_column(say(heading), overflow="fold")
    for model in definitions:
        path = " → ".join(model.stage(stage).name.render() for stage in model.path)
        missing = [", ".join(model.missing(available)) or "–"] if available is not None else []
        table.add_row(model.id, model.name.render(), path, *missing)
    _console().print(table)


@models.command("show", help=say(mark("Show a model: its stages, rules, recommended actions and sources.")))
def show(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    from tenure.lifecycle.model_file import read

    _, definitions = _definitions(lake)
    definition = next((known for known in definitions if known.id == model), None) or read(model)
    print_result(_body(definition, None), as_json, _show_model, definition)


def _show_model(_body: Any, model: Model) -> None:
    from tenure.rules.wording.sentence import sentence

    out = _console()
    out.print(f"[bold]{model.name.render()}[/] ({model.id}, {model.version})")
    for text in (model.summary, model.help, model.warns):
        if text:
            out.print(text.render())
    for stage in map(model.stage, model.path):
        out.print(f"\n[bold]{stage.name.render()}[/] ({stage.id}{', ' + stage.family if stage.family else ''})")
        out.print(f"  {stage.when}", style="cyan", markup=False)
        out.print(f"  {sentence(stage.rule)}", markup=False)
        if stage.stay_rule is not None:
            out.print(f"  {say(STAYS_WHILE, rule=sentence(stage.stay_rule))}", markup=False)
        if stage.settles:
            settles = say(mark("Settles after %(days)s days"), days=stage.settles)
            out.print(f"  {settles}", markup=False)
        labels = (
            (mark("Traits"), stage.traits),
            (mark("What they need"), stage.needs_text),
            (mark("Goal"), stage.goal),
            (mark("Our assumption"), stage.assumption),
        )
        plays = ((mark("Do"), stage.advised), (mark("Avoid"), stage.discouraged))
        texts = [*labels, *((label, play.words) for label, listed in plays for play in listed)]
        for label, text in texts:
            if text:
                out.print(f"  {say(label)}: {text.render()}", markup=False)
    for source in model.sources:
        out.print(f"{source.ref}: {source.quote}", style="dim", markup=False)


@models.command("check", help=say(mark("Check a model file and show each problem with its location.")))
def check(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    """Exit code 1 when it has a mistake."""
    from tenure.lifecycle.model_file import read

    store, _ = _definitions(lake)
    try:
        definition = read(model, store.kinds()) if store else read(model)
    except TenureError as error:
        names = ("where", "rule", "start", "end", "nearest") if isinstance(error, RuleError) else ()
        place = {name: getattr(error, name) for name in names}
        print_result({"ok": False, "code": error.code, "error": error.say(), **place}, as_json, _show_problem, error)
        raise typer.Exit(1) from error
    body = {"ok": True, **_body(definition, store.available_kinds() if store else None)}
    text, kinds = mark("%(id)s is valid: %(stages)s stages, uses %(kinds)s."), ", ".join(definition.kinds) or "–"
    print_result(body, as_json, say(text, id=definition.id, stages=len(definition.stages), kinds=kinds))


def _show_problem(_body: Any, error: TenureError) -> None:
    out = console()
    if isinstance(error, RuleError):
        out.print(error.where, style="bold", markup=False)
        out.print(error.picture(), markup=False, highlight=False)
    out.print(error.say(), style="red", markup=False)


@models.command("compare", help=say(mark("Show who would move if a changed model file were used; nothing is saved.")))
def compare(model: Which, lake: LakeFolder, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Compare it with the model of the same id in the lake, or built in; without one, with nothing."""
    from tenure.lifecycle.model_file import models_of, read_in
    from tenure.lifecycle.preview import compare_lake

    store = open_lake(lake)
    after = read_in(store, model)
    before = next((known for known in models_of(store) if known.id == after.id), None)
    day = day_of(as_of) or last_refresh(store)
    preview = compare_lake(store, before, after, as_of=day)
    print_result(preview.as_json(), as_json, _show_preview, before, after)


def _show_preview(body: dict[str, Any], before: Model | None, after: Model) -> None:
    from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
    from tenure.lifecycle.statistics import UNDONE_WITHIN

    stages = [model.stage(stage) for model in (before, after) if model is not None for stage in model.path]
    nowhere = {UNSTAGED: say(mark("In no stage")), NOT_IN_MODEL: say(mark("Not in the model"))}
    names = {**{stage.id: stage.name.render() for stage in stages}, **nowhere}
    out = console(stderr=False)
    sides = {place: [body[side].get(place, 0) for side in ("before", "after")] for place in names}
    rows = [[names[place], *map(number, counts)] for place, counts in sides.items() if any(counts)]
    text = mark("%(moved)s of %(customers)s customers would move, %(day)s")
    title = say(text, moved=number(body["moved"]), customers=number(body["customers"]), day=body["as_of"])
    out.print(table_of(title, (mark("Stage"),), (mark("Before"), mark("After")), rows))
    rows = [[names[move["source"]], names[move["target"]], number(move["customers"])] for move in body["moves"]]
    if rows:
        out.print(table_of("", (mark("From"), mark("To")), (mark("Customers"),), rows))
    shares = [percent(side["share"]) if side else "–" for side in (body["undone_before"], body["undone"])]
    text = mark("Moves undone within %(days)s days: %(before)s before, %(after)s after.")
    out.print(say(text, days=UNDONE_WITHIN, before=shares[0], after=shares[1]))


@models.command("moves", help=say(mark("Show how many moves under each model did not last.")))
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
    headings = (mark("Moves"), mark("Did not last"), mark("Share"))
    console(stderr=False).print(table_of(title, (mark("Model"),), headings, rows))


def _definitions(folder: Path | None) -> tuple[Lake | None, list[Model]]:
    from tenure.lifecycle.model_file import builtin, models_of

    # The environment may name a lake that is still to be made: models can be shown without one.
    if folder is None or (os.environ.get("TENURE_LAKE") == str(folder) and not (folder / "tenure.json").exists()):
        return None, list(builtin().values())
    lake = open_lake(folder)
    return lake, models_of(lake)


def _console() -> Console:
    from rich.console import Console

    # Into a pipe, every model stays on one line, however wide.
    return Console() if sys.stdout.isatty() else Console(width=400)


def _body(model: Model, available: set[str] | None) -> dict[str, Any]:
    def both(text: LocalizedText) -> dict[str, str]:
        return {"zh": text.zh, "en": text.en}

    stages = [
        {
            "id": stage.id,
            "name": both(stage.name),
            "family": stage.family,
            "when": stage.when,
            "stays_while": stage.stays_while or None,
            "settles": stage.settles,
        }
        for stage in model.stages
    ]
    body: dict[str, Any] = {
        "id": model.id,
        "version": model.version,
        "name": both(model.name),
        "subject": model.subject,
        "needs": list(model.needs),
        "path": list(model.path),
        "summary": both(model.summary),
        "warns": both(model.warns) if model.warns else None,
        "follows": model.follows or None,
        "stages": stages,
    }
    return body if available is None else body | {"missing": list(model.missing(available))}
