"""`tenure demo`: a business to look at, one command after the installation.

The files go through the same import and refresh as anybody's own. Whatever is done already is not done again,
so it may be stopped at any moment and called anew.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson
from tenure.cli.output import console, print_result, progress_bar
from tenure.errors import TenureError
from tenure.words import mark, say
from tenure.words.formats import number
from tenure_app.commands import exit_on_error, greet

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from tenure.facts.importing import Progress
    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.practices.samples import Sample


def demo(
    data: Annotated[
        str, typer.Option(help=say(mark("Sample: complete-journey, subscription, b2b, cdnow or clickstream.")))
    ] = "complete-journey",
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help=say(mark("Start the web application when done.")))
    ] = True,
    lake: Annotated[Path | None, typer.Option(help=say(mark("Data folder; created if it does not exist.")))] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help=say(mark("Port to listen on.")))] = 8000,
    as_json: AsJson = False,
) -> None:
    """Try Tenure on a shop's data: import, work out every stage, serve the pages."""
    try:
        with exit_on_error():
            raise typer.Exit(_demo(data, lake, port if serve and not as_json else None, as_json))
    except KeyboardInterrupt as stopped:
        typer.echo(say(mark("Stopped. Nothing was lost; run the command again to continue.")), err=True)
        raise typer.Exit(130) from stopped


def _load() -> None:
    """Load what is heavy while Ctrl-C waits: a native library that is stopped half-way takes Python down with it."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        for name in ("tenure.facts.importing", "tenure.refreshing.run", "tenure.practices.samples"):
            import_module(name)
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _demo(data: str, folder: Path | None, port: int | None, as_json: bool) -> int:
    _load()
    from tenure.facts.lake import Lake
    from tenure.lifecycle.choice import evaluated_models
    from tenure.lifecycle.model_file import models_of
    from tenure.practices.samples import SAMPLES

    if data not in SAMPLES:
        raise TenureError(mark("Unknown sample %(name)r. Choose one of %(names)s."), name=data, names=list(SAMPLES))
    sample, out = SAMPLES[data], console(stderr=as_json)
    path = (folder or _home() / sample.id).expanduser().absolute()
    out.print(say(mark("%(name)s. Data stored in %(path)s"), name=say(sample.name), path=path), highlight=False)
    out.print(say(sample.hint), style="dim", highlight=False)
    lake = Lake.create(path, tz=sample.tz, currency=sample.currency, business=say(sample.name))
    models = models_of(lake, evaluated_models(lake))
    if _is_ready(lake, sample, models):
        out.print(say(mark("Already up to date from the last run.")))
    else:
        _prepare(lake, sample, out)
    print_result(_body(lake, sample, path, models), as_json, _show, out, models)
    if port is None:
        return 0
    from tenure_app.serving import serve

    return serve(path, "127.0.0.1", port, greet)


def _home() -> Path:
    """Return where a person's programs keep their data on this system."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return base / "tenure" / "demo"


def _is_ready(lake: Lake, sample: Sample, models: list[Model]) -> bool:
    """Whether the newest refresh of everybody used all of today's models, as of the sample's last day."""
    if not (lake.has("refreshes") and lake.has("fits")):  # a demo made before value and risk has no fits yet
        return False
    rows = lake.connect(("refreshes",)).execute(
        "select as_of, models from refreshes where mode = 'full' order by generation desc limit 1"
    )
    newest = rows.fetchone()
    if newest is None or newest[0] != sample.as_of:
        return False
    used = {(model["id"], model["version"]) for model in json.loads(newest[1])}
    return used >= {(model.id, model.version) for model in models}


def _prepare(lake: Lake, sample: Sample, out: Console) -> None:
    """Bring a sample into a lake and work out everybody's stages."""
    from tenure.practices.samples import bring
    from tenure.refreshing.run import refresh

    with progress_bar(out) as advance:
        advance(mark("Reading the sample data"), 0)

        def reporter(file: str, _before: int, _files: int) -> Callable[[Progress], None]:
            text = say(mark("Importing %(file)s"), file=file)
            return lambda progress: advance(text, progress.done / max(progress.total, 1))

        bring(lake, sample, reporter)
    with progress_bar(out) as advance:
        advance(mark("Calculating stages, value and risk"), 0)
        refresh(lake, as_of=sample.as_of, on_progress=advance)


def _stages(model: Model, counts: dict[str | None, int]) -> list[dict[str, Any]]:
    """Return the stages with their customers in the order of life; those in no stage last."""
    order = dict.fromkeys((*model.path, *(stage.id for stage in model.stages)))
    stages: list[tuple[str | None, str, int]] = [
        (stage, model.stage(stage).name.render(), counts.get(stage, 0)) for stage in order
    ]
    if outside := sum(customers for stage, customers in counts.items() if stage not in order):
        stages.append((None, say(mark("In no stage")), outside))
    return [{"id": stage, "name": name, "customers": customers} for stage, name, customers in stages]


def _body(lake: Lake, sample: Sample, path: Path, models: list[Model]) -> dict[str, Any]:
    rows = lake.connect(("spans",)).execute(
        "select model, stage, count(*) from spans where left_on is null group by all order by all"
    )
    # model id -> stage id (None: in no stage) -> customers now
    counts: dict[str, dict[str | None, int]] = defaultdict(dict)
    for model_id, stage, customers in rows.fetchall():
        counts[model_id][stage] = customers
    return {
        "data": sample.id,
        "lake": str(path),
        "as_of": sample.as_of.isoformat(),
        "models": [
            {
                "id": model.id,
                "name": model.name.render(),
                "customers": sum(counts[model.id].values()),
                "stages": _stages(model, counts[model.id]),
            }
            for model in models
            if model.id in counts
        ],
        "without_facts": sorted(model.id for model in models if model.id not in counts),
    }


def _show(body: dict[str, Any], out: Console, models: list[Model]) -> None:
    """Print one small table a model, as many side by side as fit."""
    from rich.columns import Columns
    from rich.table import Table
    from rich.text import Text

    products = {model.id for model in models if model.subject == "product"}
    tables = []
    for model in body["models"]:
        title = Text.assemble(model["name"], "\n", (model["id"], "dim"), style="table.title")
        table = Table(title=title, title_justify="left", min_width=30)
        table.add_column(say(mark("Products")) if model["id"] in products else say(mark("Stage")))
        table.add_column(say(mark("Number")), justify="right")
        for stage in model["stages"]:
            table.add_row(stage["name"], number(stage["customers"]))
        tables.append(table)
    out.print(say(mark("Stages as of %(day)s"), day=body["as_of"]), style="bold")
    out.print(Columns(tables, padding=(0, 2)))
    if missing := [model.name.render() for model in models if model.id in body["without_facts"]]:
        out.print(say(mark("Models without the facts they need: %(names)s"), names=", ".join(missing)), style="dim")
