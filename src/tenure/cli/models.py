"""`tenure models list | show | check`: the life-cycle models from the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson
from tenure.cli.output import print_json
from tenure.errors import RuleError, TenureError
from tenure.words import current_language, mark, say

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model, Stage

models = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=say(mark("Life-cycle models: list, show and check them.")),
)

SomeLake = Annotated[
    Path | None,
    typer.Option("--lake", envvar="TENURE_LAKE", help=say(mark("Include this lake's own models and facts."))),
]
Which = Annotated[str, typer.Argument(help=say(mark("Model id or model file.")))]


@models.command("list", help=say(mark("List all models; with --lake, also show whether each fits the data.")))
def list_(lake: SomeLake = None, as_json: AsJson = False) -> None:
    """List all models."""
    store, definitions = _definitions(lake)
    available = store.available_kinds() if store else None
    if as_json:
        print_json([_body(model, available) for model in definitions])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in (mark("Id"), mark("Name"), mark("Stages")):
        table.add_column(say(heading), overflow="fold")
    if available is not None:
        table.add_column(say(mark("Missing facts")))
    for model in definitions:
        path = " → ".join(model.stage(stage).name.render() for stage in model.path)
        row = [model.id, model.name.render(), path]
        table.add_row(*row, *([", ".join(model.missing(available)) or "–"] if available is not None else []))
    _console().print(table)


@models.command("show", help=say(mark("Show a model: its stages, rules, recommended actions and sources.")))
def show(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    """Show one model."""
    _, definitions = _definitions(lake)
    definition = next((known for known in definitions if known.id == model), None) or _read(model)
    if as_json:
        print_json(_body(definition, None))
        return
    console, language = _console(), current_language()
    console.print(f"[bold]{definition.name.render()}[/] ({definition.id}, {definition.version})")
    for text in (definition.summary, definition.help, definition.warns):
        if text:
            console.print(text.render())
    for stage_id in definition.path:
        _show_stage(console, definition.stage(stage_id), language)
    for source in definition.sources:
        console.print(f"{source.ref}: {source.quote}", style="dim", markup=False)


def _show_stage(console: Console, stage: Stage, language: str) -> None:
    from tenure.rules.wording.sentence import sentence

    console.print(f"\n[bold]{stage.name.render()}[/] ({stage.id}{', ' + stage.family if stage.family else ''})")
    console.print(f"  {stage.when}", style="cyan", markup=False)
    console.print(f"  {sentence(stage.rule, language)}", markup=False)
    labels = ((mark("Traits"), stage.traits), (mark("Goal"), stage.goal), (mark("Our goal"), stage.assumption))
    for label, text in labels:
        if text:
            console.print(f"  {say(label)}: {text.render()}", markup=False)
    for label, plays in ((mark("Do"), stage.advised), (mark("Avoid"), stage.discouraged)):
        for play in plays:
            console.print(f"  {say(label)}: {play.words.render()}", markup=False)


@models.command("check", help=say(mark("Check a model file and show each problem with its location.")))
def check(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    """Check one model; exit code 1 when it has a mistake."""
    store, _ = _definitions(lake)
    try:
        definition = _read(model, store)
    except TenureError as error:
        _show_error(error, as_json=as_json)
        raise typer.Exit(1) from error
    if as_json:
        print_json({"ok": True, **_body(definition, store.available_kinds() if store else None)})
        return
    text = mark("%(id)s is valid: %(stages)s stages, uses %(kinds)s.")
    _console().print(
        say(text, id=definition.id, stages=len(definition.stages), kinds=", ".join(definition.kinds) or "–")
    )


def _show_error(error: TenureError, *, as_json: bool) -> None:
    if as_json:
        body: dict[str, Any] = {"ok": False, "code": error.code, "error": error.say()}
        if isinstance(error, RuleError):
            place = {"where": error.where, "rule": error.rule, "start": error.start, "end": error.end}
            body |= {**place, "nearest": list(error.nearest)}
        print_json(body)
        return
    from rich.console import Console

    console = Console(stderr=True)
    if isinstance(error, RuleError):
        console.print(error.where, style="bold", markup=False)
        console.print(error.picture(), markup=False, highlight=False)
    console.print(error.say(), style="red", markup=False)


def _definitions(folder: Path | None) -> tuple[Lake | None, list[Model]]:
    from tenure.lifecycle.model_file import builtin

    if folder is None or _only_planned(folder):
        return None, list(builtin().values())
    from tenure.facts.lake import Lake
    from tenure.lifecycle.model_file import models_of

    lake = Lake.open(folder)
    return lake, models_of(lake)


def _only_planned(folder: Path) -> bool:
    """Whether the environment names a lake that is still to be made: models can be shown without one."""
    return os.environ.get("TENURE_LAKE") == str(folder) and not (folder / "tenure.json").exists()


def _read(what: str, lake: Lake | None = None) -> Model:
    from tenure.lifecycle.model_file import read

    return read(what, lake.kinds()) if lake else read(what)


def _console() -> Console:
    import sys

    from rich.console import Console

    # Into a pipe, every model stays on one line, however wide.
    return Console() if sys.stdout.isatty() else Console(width=400)


def _body(model: Model, available: set[str] | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": model.id,
        "version": model.version,
        "name": {"zh": model.name.zh, "en": model.name.en},
        "subject": model.subject,
        "needs": list(model.needs),
        "path": list(model.path),
        "summary": {"zh": model.summary.zh, "en": model.summary.en},
        "warns": {"zh": model.warns.zh, "en": model.warns.en} if model.warns else None,
        "follows": model.follows or None,
        "stages": [
            {
                "id": stage.id,
                "name": {"zh": stage.name.zh, "en": stage.name.en},
                "family": stage.family,
                "when": stage.when,
            }
            for stage in model.stages
        ],
    }
    if available is not None:
        body["missing"] = list(model.missing(available))
    return body
