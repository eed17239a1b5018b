"""`tenure models list | show | check`: the life-cycle models from the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, say_json
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
    help=say(mark("Life-cycle models: list, show, check.")),
)

SomeLake = Annotated[
    Path | None,
    typer.Option("--lake", envvar="TENURE_LAKE", help=say(mark("Take a lake's own models and facts into account."))),
]
Which = Annotated[str, typer.Argument(help=say(mark("Id of a model, or a model file.")))]


@models.command("list", help=say(mark("List all models, and with --lake whether each fits the facts.")))
def list_(lake: SomeLake = None, as_json: AsJson = False) -> None:
    """List all models."""
    there, known = _known(lake)
    available = there.available_kinds() if there else None
    if as_json:
        say_json([_told(model, available) for model in known])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in (mark("Id"), mark("Name"), mark("Stages")):
        table.add_column(say(heading), overflow="fold")
    if available is not None:
        table.add_column(say(mark("Missing facts")))
    for model in known:
        path = " → ".join(model.stage(stage).name.render() for stage in model.path)
        row = [model.id, model.name.render(), path]
        table.add_row(*row, *([", ".join(model.missing(available)) or "–"] if available is not None else []))
    _console().print(table)


@models.command(
    "show", help=say(mark("Show a model: its stages, their rules, what to do in them, where they come from."))
)
def show(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    """Show one model."""
    _, known = _known(lake)
    chosen = next((one for one in known if one.id == model), None) or _read(model)
    if as_json:
        say_json(_told(chosen, None))
        return
    console, language = _console(), current_language()
    console.print(f"[bold]{chosen.name.render()}[/] ({chosen.id}, {chosen.version})")
    for text in (chosen.summary, chosen.help, chosen.warns):
        if text:
            console.print(text.render())
    for stage_id in chosen.path:
        _show_stage(console, chosen.stage(stage_id), language)
    for source in chosen.sources:
        console.print(f"{source.ref}: {source.quote}", style="dim", markup=False)


def _show_stage(console: Console, stage: Stage, language: str) -> None:
    from tenure.rules.wording.sentence import sentence

    console.print(f"\n[bold]{stage.name.render()}[/] ({stage.id}{', ' + stage.family if stage.family else ''})")
    console.print(f"  {stage.when}", style="cyan", markup=False)
    console.print(f"  {sentence(stage.rule, language)}", markup=False)
    labels = ((mark("Traits"), stage.traits), (mark("Goal"), stage.goal), (mark("Ours"), stage.assumption))
    for label, text in labels:
        if text:
            console.print(f"  {say(label)}: {text.render()}", markup=False)
    for label, plays in ((mark("Do"), stage.advised), (mark("Better not"), stage.discouraged)):
        for play in plays:
            console.print(f"  {say(label)}: {play.words.render()}", markup=False)


@models.command("check", help=say(mark("Check a model file: schema, rules, and what is wrong where.")))
def check(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    """Check one model; exit code 1 when it has a mistake."""
    there, _ = _known(lake)
    try:
        chosen = _read(model, there)
    except TenureError as wrong:
        _complain(wrong, as_json=as_json)
        raise typer.Exit(1) from wrong
    if as_json:
        say_json({"ok": True, **_told(chosen, there.available_kinds() if there else None)})
        return
    text = mark("%(id)s is right: %(stages)s stages, reads %(kinds)s.")
    _console().print(say(text, id=chosen.id, stages=len(chosen.stages), kinds=", ".join(chosen.kinds) or "–"))


def _complain(wrong: TenureError, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {"ok": False, "code": wrong.code, "error": wrong.say()}
        if isinstance(wrong, RuleError):
            place = {"where": wrong.where, "rule": wrong.rule, "start": wrong.start, "end": wrong.end}
            told |= {**place, "nearest": list(wrong.nearest)}
        say_json(told)
        return
    from rich.console import Console

    console = Console(stderr=True)
    if isinstance(wrong, RuleError):
        console.print(wrong.where, style="bold", markup=False)
        console.print(wrong.picture(), markup=False, highlight=False)
    console.print(wrong.say(), style="red", markup=False)


def _known(folder: Path | None) -> tuple[Lake | None, list[Model]]:
    from tenure.lifecycle.model_file import builtin

    if folder is None or _only_planned(folder):
        return None, list(builtin().values())
    from tenure.facts.lake import Lake
    from tenure.lifecycle.lake_models import models_of

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


def _told(model: Model, available: set[str] | None) -> dict[str, Any]:
    told: dict[str, Any] = {
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
        told["missing"] = list(model.missing(available))
    return told
