"""`tenure models list | show | check`: the life-cycle models from the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, argument, open_lake, option
from tenure.cli.output import console, print_result
from tenure.errors import RuleError, TenureError
from tenure.words import current_language, mark, say

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.words import LocalizedText

models = typer.Typer(no_args_is_help=True)

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
    from tenure.lifecycle.model import stage_names
    from tenure.rules.wording.sentence import sentence

    out = _console()
    out.print(f"[bold]{model.name.render()}[/] ({model.id}, {model.version})")
    for text in (model.summary, model.help, model.warns):
        if text:
            out.print(text.render())
    names = stage_names((model, *model.others), model.id, current_language())
    for stage in map(model.stage, model.path):
        out.print(f"\n[bold]{stage.name.render()}[/] ({stage.id}{', ' + stage.family if stage.family else ''})")
        out.print(f"  {stage.when}", style="cyan", markup=False)
        out.print(f"  {sentence(stage.rule, stage_names=names)}", markup=False)
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
        {"id": stage.id, "name": both(stage.name), "family": stage.family, "when": stage.when} for stage in model.stages
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
