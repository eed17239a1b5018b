"""`tenure demo`: a shop to look at, one command after the installation.

The shop's files go through the same import and refresh as anybody's own. Whatever is done already is not done again,
so it may be stopped at any moment and called anew.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.errors import TenureError
from tenure.words import mark, say
from tenure.words.formats import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.practices.samples import Sample

#: model id -> stage id (None: in no stage) -> customers, as of the sample's last day
Counts = dict[str, dict[str | None, int]]
STEPS = 1000  # a progress bar's length


def demo(
    data: Annotated[
        str, typer.Option(help=say(mark("Sample shop: complete-journey, cdnow or clickstream.")))
    ] = "complete-journey",
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help=say(mark("Start the web application when done.")))
    ] = True,
    lake: Annotated[Path | None, typer.Option(help=say(mark("Data folder; created if it does not exist.")))] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help=say(mark("Port to listen on.")))] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help=say(mark("Print the result as JSON.")))] = False,
) -> None:
    """Try Tenure on a shop's data: import, work out every stage, serve the pages."""
    try:
        code = _demo(data, lake, port if serve and not as_json else None, as_json)
    except TenureError as wrong:
        typer.secho(wrong.say(), err=True, fg="red")
        raise typer.Exit(1) from wrong
    except KeyboardInterrupt as stopped:
        typer.echo(say(mark("Stopped. Nothing was lost; run the command again to continue.")), err=True)
        raise typer.Exit(130) from stopped
    raise typer.Exit(code)


def _load() -> None:
    """Load what is heavy while Ctrl-C waits: a native library that is stopped half-way takes Python down with it."""
    import signal
    from importlib import import_module

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
    from rich.console import Console

    _load()
    sample, console = _sample(data), Console(stderr=as_json)
    path = (folder or _home() / sample.id).expanduser().absolute()
    console.print(say(mark("%(name)s. Data stored in %(path)s"), name=say(sample.name), path=path), highlight=False)
    ready = prepare(sample, path, console)
    counts, models = count(ready), _models(ready)
    if as_json:
        sys.stdout.write(json.dumps(_document(sample, path, models, counts), ensure_ascii=False) + "\n")
        return 0
    _show(console, sample, models, counts)
    if port is None:
        return 0
    from tenure_app.commands import greet
    from tenure_app.serving import serve

    return serve(path, "127.0.0.1", port, greet)


def _sample(data: str) -> Sample:
    from tenure.practices.samples import SAMPLES

    if data not in SAMPLES:
        raise TenureError(mark("Unknown sample %(name)r. Choose one of %(names)s."), name=data, names=list(SAMPLES))
    return SAMPLES[data]


def _home() -> Path:
    """Return where a person's programs keep their data on this system."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return base / "tenure" / "demo"


def prepare(sample: Sample, path: Path, console: Console) -> Lake:
    """Bring a sample into a lake and work out everybody's stages, as far as that is not done."""
    from tenure.facts.lake import Lake

    lake = Lake.create(path, tz=sample.tz, currency=sample.currency, business=say(sample.name))
    if is_ready(lake, sample):
        console.print(say(mark("Already up to date from the last run.")))
        return lake
    with _progress(console) as progress:
        _bring(lake, sample, progress)
        _work_out(lake, sample, progress)
    return lake


def is_ready(lake: Lake, sample: Sample) -> bool:
    """Say whether the newest refresh of everybody judged all of today's models on the sample's last day."""
    if not (lake.has("refreshes") and lake.has("fits")):  # a demo made before value and risk has no fits yet
        return False
    rows = lake.connect(("refreshes",)).execute(
        "select as_of, models from refreshes where mode = 'full' order by generation desc limit 1"
    )
    newest = rows.fetchone()
    judged = {(load["id"], load["version"]) for load in json.loads(newest[1])} if newest else set()
    wanted = {(model.id, model.version) for model in _models(lake).values()}
    return newest is not None and newest[0] == sample.as_of and wanted <= judged


def _models(lake: Lake) -> dict[str, Model]:
    from tenure.lifecycle.model_file import models_of

    return {model.id: model for model in models_of(lake)}


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress


def _bring(lake: Lake, sample: Sample, progress: Progress) -> None:
    """Import the sample's files, each through the path of a user's own."""
    from tempfile import TemporaryDirectory

    from tenure.facts.importing import import_files

    bar = progress.add_task(say(mark("Reading the sample data")), total=None)
    with TemporaryDirectory(prefix="tenure-demo-") as folder:
        files = sample.files(Path(folder))
        progress.update(bar, total=STEPS, completed=STEPS)
        for file in files:
            here = progress.add_task(say(mark("Importing %(file)s"), file=file.path.name), total=STEPS)

            def tell(at: Any, here: Any = here) -> None:
                progress.update(here, completed=STEPS * at.done / max(at.total, 1))

            import_files(lake, [file.path], as_=file.as_, mapping=file.mapping or None, on_progress=tell)
            progress.update(here, completed=STEPS)


def _work_out(lake: Lake, sample: Sample, progress: Progress) -> None:
    from tenure.refreshing.run import refresh

    bar = progress.add_task(say(mark("Calculating stages, value and risk")), total=STEPS)
    refresh(
        lake,
        as_of=sample.as_of,
        on_progress=lambda text, part: progress.update(bar, description=say(text), completed=STEPS * part),
    )
    progress.update(bar, description=say(mark("Calculating stages, value and risk")), completed=STEPS)


def count(lake: Lake) -> Counts:
    """Return how many are in each stage of each model now."""
    rows = lake.connect(("spans",)).execute(
        "select model, stage, count(*) from spans where left_on is null group by all order by all"
    )
    found: Counts = {}
    for model, stage, customers in rows.fetchall():
        found.setdefault(model, {})[stage] = customers
    return found


def _lines(model: Model, counts: dict[str | None, int]) -> list[tuple[str | None, str, int]]:
    """Return (stage id, its name, customers) in the order of life."""
    order = [*model.path, *(one.id for one in model.stages if one.id not in model.path)]
    lines = [(one, model.stage(one).name.render(), counts.get(one, 0)) for one in order]
    nowhere = sum(customers for stage, customers in counts.items() if stage not in order)
    return [*lines, (None, say(mark("In no stage")), nowhere)] if nowhere else list(lines)


def _document(sample: Sample, path: Path, models: dict[str, Model], counts: Counts) -> dict[str, Any]:
    return {
        "data": sample.id,
        "lake": str(path),
        "as_of": sample.as_of.isoformat(),
        "models": [
            {
                "id": model.id,
                "name": model.name.render(),
                "customers": sum(counts[model.id].values()),
                "stages": [
                    {"id": stage, "name": name, "customers": customers}
                    for stage, name, customers in _lines(model, counts[model.id])
                ],
            }
            for model in models.values()
            if model.id in counts
        ],
        "without_facts": sorted(set(models) - set(counts)),
    }


def _show(console: Console, sample: Sample, models: dict[str, Model], counts: Counts) -> None:
    """Print one small table a model, as many side by side as fit."""
    from rich.columns import Columns
    from rich.table import Table

    tables = []
    for model in (one for one in models.values() if one.id in counts):
        table = Table(title=f"{model.name.render()}\n[dim]{model.id}[/dim]", title_justify="left", min_width=30)
        table.add_column(say(mark("Products")) if model.subject == "product" else say(mark("Stage")))
        table.add_column(say(mark("Number")), justify="right")
        for _, name, customers in _lines(model, counts[model.id]):
            table.add_row(name, number(customers))
        tables.append(table)
    console.print(say(mark("Stages as of %(day)s"), day=sample.as_of.isoformat()), style="bold")
    console.print(Columns(tables, padding=(0, 2)))
    silent = [one.name.render() for one in models.values() if one.id not in counts]
    if silent:
        console.print(say(mark("Models without the facts they need: %(names)s"), names=", ".join(silent)), style="dim")
