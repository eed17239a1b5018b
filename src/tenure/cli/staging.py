"""`tenure stages` and `tenure refresh`: from orders to stages, without a lake and with one."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, LakeFolder, Map, mapping_of, present, say_json
from tenure.errors import FactsError
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from tenure.lifecycle.model import Model
    from tenure.refreshing.report import Progress, RefreshReport

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help=say(mark("Day on which everybody is seen, such as 2024-12-31."))),
]


def day_of_option(text: str | None) -> date | None:
    """Return the day given with --as-of."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise FactsError(mark("%(found)r is no day. Write it like 2024-12-31."), found=text) from wrong


def stages(
    orders: Annotated[Path, typer.Argument(help=say(mark("Orders as CSV, Excel, Parquet or JSON lines.")))],
    model: Annotated[
        str, typer.Option("--model", help=say(mark("Id of a model (tenure models list), or a model file.")))
    ] = "retail-activity",
    as_of: AsOf = None,
    tz: Annotated[str, typer.Option("--tz", help=say(mark("Time zone in which days are counted.")))] = "Asia/Shanghai",
    out: Annotated[
        Path | None,
        typer.Option("--out", help=say(mark("CSV or Parquet file to write; standard output when omitted."))),
    ] = None,
    map_: Map = None,
    date_format: Annotated[str, typer.Option(help=say(mark("dmy, mdy or a pattern, when the file cannot tell.")))] = "",
    quarantine: Annotated[
        Path | None, typer.Option("--quarantine", help=say(mark("CSV file for the rows that are no orders.")))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stage every customer of an orders file: each span with its first day, its reason and what comes next.

    Needs no lake and no application. Without --as-of, everybody is seen on the day of the last order.
    """
    from tenure.clock import zone
    from tenure.facts.reading import read_file
    from tenure.lifecycle.model_file import read
    from tenure.lifecycle.table import COLUMNS, spans

    zone(tz)
    chosen, day = read(model), day_of_option(as_of)
    if out is not None:
        _check_target(out)
    facts, refused = read_file(orders, "orders", mapping_of(map_), tz=tz, date_format=date_format, now=present())
    found = spans(facts, chosen, as_of=day, tz=tz)
    table = found.to_arrow().select(COLUMNS)
    _write(table, out)
    if quarantine is not None and len(refused):
        _write(refused, quarantine)
    told = {
        "model": chosen.id,
        "version": chosen.version,
        "as_of": found.as_of,
        "orders": len(facts),
        "quarantined": len(refused),
        "customers": facts.column("customer_id").combine_chunks().unique().__len__() if len(facts) else 0,
        "spans": len(table),
        "stages": found.counts(),
        "out": str(out) if out else None,
    }
    if as_json:
        say_json(told)
        return
    _summary(chosen, told)


def _check_target(out: Path) -> None:
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise FactsError(mark("--out %(path)s: the name must end in .csv or .parquet."), path=out)
    if not out.absolute().parent.is_dir():
        raise FactsError(
            mark("--out %(path)s: there is no folder %(folder)s. Make it first."), path=out, folder=out.parent
        )


def _write(table: pa.Table, out: Path | None) -> None:
    """Write a table whole or not at all: beside its place first, then put there."""
    import pyarrow.csv
    import pyarrow.parquet

    if out is None:
        pyarrow.csv.write_csv(table, sys.stdout.buffer)
        return
    draft = out.with_name(f".{out.name}.draft")
    try:
        if out.suffix.lower() == ".parquet":
            pyarrow.parquet.write_table(table, draft)
        else:
            pyarrow.csv.write_csv(table, draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _summary(model: Model, told: dict[str, Any]) -> None:
    console = _console()
    console.print(_stage_table(model, told["stages"], str(told["as_of"])))
    if told["quarantined"]:
        console.print(
            say(
                mark(
                    "%(count)s rows are no orders and were left out; --quarantine FILE writes them with their reasons."
                ),
                count=told["quarantined"],
            ),
            style="yellow",
        )
    if told["out"]:
        text = mark("%(spans)s spans of %(customers)s customers are in %(out)s.")
        console.print(say(text, spans=told["spans"], customers=told["customers"], out=told["out"]))


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _stage_table(model: Model, counts: dict[str, int], as_of: str) -> Any:
    from rich.table import Table

    table = Table(title=f"{model.name.render()} ({model.id}), {as_of}", title_justify="left")
    table.add_column(say(mark("Stage")))
    table.add_column(say(mark("Customers")), justify="right")
    table.add_column(say(mark("Share")), justify="right")
    total = sum(counts.values())
    for stage_id in model.path:
        count = counts.get(stage_id, 0)
        table.add_row(model.stage(stage_id).name.render(), number(count), percent(count / total) if total else "–")
    return table


# tenure refresh


def refresh(
    lake: LakeFolder,
    as_of: AsOf = None,
    models: Annotated[
        str | None,
        typer.Option("--models", help=say(mark("Ids or files, separated by commas; all that fit when omitted."))),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help=say(mark("duckdb, or spark.")))] = "duckdb",
    changed: Annotated[
        bool, typer.Option("--changed", help=say(mark("Only customers with new facts, or whose day has come.")))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Work out every customer's stages, value, risk and advice anew, from all facts, under every model that fits.

    Without --as-of, everybody is seen on the last day with a fact.
    """
    from tenure.facts.lake import Lake
    from tenure.lifecycle.lake_models import models_of
    from tenure.refreshing.run import refresh as run

    there = Lake.open(lake)
    chosen = models_of(there, [model.strip() for model in models.split(",") if model.strip()] if models else None)
    console = _console()
    console.quiet = as_json
    with _bar(console) as advance:
        report = run(there, day_of_option(as_of), chosen, engine, advance, only_changed=changed)
    if as_json:
        say_json(_told(report))
        return
    show_report(console, report, chosen)


class _bar:
    """A progress bar that says what is being done."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console)

    def __enter__(self) -> Progress:
        self.progress.start()
        task = self.progress.add_task("", total=1.0)
        return lambda text, part: self.progress.update(task, description=say(text), completed=part)

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


def _told(report: RefreshReport) -> dict[str, Any]:
    return {
        "generation": report.generation,
        "as_of": report.as_of,
        "engine": report.engine,
        "mode": report.mode,
        "seconds": round(report.seconds, 3),
        "customers": report.customers,
        "models": [
            {
                "id": model.id,
                "version": model.version,
                "customers": model.customers,
                "spans": model.spans,
                "stages": model.stages,
                "missing": list(model.missing),
            }
            for model in report.models
        ],
        "problems": report.problems,
        "fitted_on": report.fitted_on,
    }


def show_report(console: Console, report: RefreshReport, models: list[Model], *, every: bool = False) -> None:
    """Print what a refresh did: one line a model with its stages, or a table a model when `every`."""
    from rich.table import Table

    by_id = {model.id: model for model in models}
    table = Table(title=say(mark("Customers by stage, %(day)s"), day=report.as_of), title_justify="left")
    table.add_column(say(mark("Model")), no_wrap=True)
    table.add_column(say(mark("Stages")))
    for told in report.models:
        model = by_id[told.id]
        if told.missing:
            text = say(mark("does not fit: no facts of kind %(kinds)s"), kinds=", ".join(told.missing))
            table.add_row(f"[dim]{told.id}[/]", f"[dim]{text}[/]")
        elif every:
            console.print(_stage_table(model, told.stages, str(report.as_of)))
        else:
            parts = [f"{model.stage(stage).name.render()} {number(told.stages.get(stage, 0))}" for stage in model.path]
            table.add_row(told.id, " · ".join(parts))
    console.print(table)
    text = mark("%(customers)s customers under %(models)s models in %(seconds)s s.")
    fitting = sum(not told.missing for told in report.models)
    console.print(say(text, customers=number(report.customers), models=fitting, seconds=number(report.seconds, 1)))
    if report.fitted_on is not None and report.mode != "full":
        text = mark("Scores use models fitted on %(day)s; ranks are of today.")
        console.print(say(text, day=report.fitted_on))
    for part, why in report.problems.items():
        if part == "refresh":  # it published nothing, which its own sentence says
            console.print(say(why.template, **why.data), style="yellow")
            continue
        text = mark("%(part)s could not be worked out and stays empty: %(why)s")
        console.print(say(text, part=part, why=why), style="yellow")
