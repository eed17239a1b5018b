"""`tenure stages` and `tenure refresh`: from orders to stages, without a lake and with one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import (
    AsJson,
    AsOf,
    DateFormat,
    LakeFolder,
    Map,
    TimeZone,
    current_time,
    day_of,
    list_of,
    mapping_of,
)
from tenure.cli.output import check_target, console, print_json, progress_bar, table_of, write_table
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tenure.lifecycle.model import Model
    from tenure.refreshing.report import RefreshReport


def stages(
    orders: Annotated[Path, typer.Argument(help=say(mark("Orders as CSV, Excel, Parquet or JSON lines.")))],
    model: Annotated[
        str, typer.Option("--model", help=say(mark("Id of a model (tenure models list), or a model file.")))
    ] = "retail-activity",
    as_of: AsOf = None,
    tz: TimeZone = "Asia/Shanghai",
    out: Annotated[
        Path | None,
        typer.Option("--out", help=say(mark("Output CSV or Parquet file; standard output when omitted."))),
    ] = None,
    map_: Map = None,
    date_format: DateFormat = "",
    quarantine: Annotated[
        Path | None, typer.Option("--quarantine", help=say(mark("CSV file for rejected rows.")))
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
    definition, day = read(model), day_of(as_of)
    check_target(out)
    facts, rejected = read_file(orders, "orders", mapping_of(map_), tz=tz, date_format=date_format, now=current_time())
    staged = spans(facts, definition, as_of=day, tz=tz)
    table = staged.to_arrow().select(COLUMNS)
    write_table(table, out)
    if quarantine is not None and len(rejected):
        write_table(rejected, quarantine)
    body = {
        "model": definition.id,
        "version": definition.version,
        "as_of": staged.as_of,
        "orders": len(facts),
        "quarantined": len(rejected),
        "customers": len(facts.column("customer_id").unique()),
        "spans": len(table),
        "stages": staged.counts(),
        "out": str(out) if out else None,
    }
    if as_json:
        print_json(body)
    else:
        _show_stages(definition, body)


def _show_stages(model: Model, body: dict[str, Any]) -> None:
    errors = console()
    errors.print(_stage_table(model, body["stages"], str(body["as_of"])))
    if body["quarantined"]:
        text = mark("%(count)s rows were rejected. Use --quarantine FILE to export them with reasons.")
        errors.print(say(text, count=body["quarantined"]), style="yellow")
    if body["out"]:
        text = mark("%(spans)s spans of %(customers)s customers written to %(out)s.")
        errors.print(say(text, spans=body["spans"], customers=body["customers"], out=body["out"]))


def _stage_table(model: Model, counts: dict[str, int], as_of: str) -> Table:
    total = sum(counts.values())
    rows = []
    for stage in model.path:
        count = counts.get(stage, 0)
        rows.append([model.stage(stage).name.render(), number(count), percent(count / total) if total else "–"])
    title = f"{model.name.render()} ({model.id}), {as_of}"
    return table_of(title, (mark("Stage"),), (mark("Customers"), mark("Share")), rows)


def refresh(
    lake: LakeFolder,
    as_of: AsOf = None,
    models: Annotated[
        str | None,
        typer.Option(
            "--models", help=say(mark("Model ids or files, separated by commas; all applicable models when omitted."))
        ),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help=say(mark("duckdb or spark.")))] = "duckdb",
    changed: Annotated[
        bool, typer.Option("--changed", help=say(mark("Only customers with new facts or a scheduled stage change.")))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Work out every customer's stages, value, risk and advice anew, from all facts, under every model that fits.

    Without --as-of, everybody is seen on the last day with a fact.
    """
    from tenure.facts.lake import Lake
    from tenure.lifecycle.model_file import models_of
    from tenure.refreshing.run import refresh as run

    store = Lake.open(lake)
    definitions = models_of(store, list_of(models))
    errors = console(quiet=as_json)
    with progress_bar(errors) as advance:
        report = run(store, day_of(as_of), definitions, engine, advance, only_changed=changed)
    if as_json:
        print_json(_body(report))
    else:
        _show_report(errors, report, definitions)


def _body(report: RefreshReport) -> dict[str, Any]:
    return {
        "generation": report.generation,
        "as_of": report.as_of,
        "engine": report.engine,
        "mode": report.mode,
        "seconds": round(report.seconds, 3),
        "customers": report.customers,
        "models": [
            {
                **{name: getattr(model, name) for name in ("id", "version", "customers", "spans", "stages")},
                "missing": list(model.missing),
            }
            for model in report.models
        ],
        "problems": report.problems,
        "fitted_on": report.fitted_on,
    }


def _show_report(errors: Console, report: RefreshReport, definitions: list[Model]) -> None:
    """Print what a refresh did, one line a model with its stages."""
    by_id = {model.id: model for model in definitions}
    rows = []
    for counted in report.models:
        if counted.missing:
            text = say(mark("not applicable: no facts of kind %(kinds)s"), kinds=", ".join(counted.missing))
            rows.append([f"[dim]{counted.id}[/]", f"[dim]{text}[/]"])
        else:
            model = by_id[counted.id]
            counts = (
                f"{model.stage(stage).name.render()} {number(counted.stages.get(stage, 0))}" for stage in model.path
            )
            rows.append([counted.id, " · ".join(counts)])
    table = table_of(
        say(mark("Customers by stage, %(day)s"), day=report.as_of), (mark("Model"), mark("Stages")), (), rows
    )
    table.columns[0].no_wrap = True
    errors.print(table)
    text = mark("Refreshed %(customers)s customers under %(models)s models in %(seconds)s s.")
    fitting = sum(not counted.missing for counted in report.models)
    errors.print(say(text, customers=number(report.customers), models=fitting, seconds=number(report.seconds, 1)))
    if report.fitted_on is not None and report.mode != "full":
        text = mark("Scores use models fitted on %(day)s; ranks are up to date.")
        errors.print(say(text, day=report.fitted_on))
    for name, why in report.problems.items():
        if name == "refresh":  # it published nothing, which its own sentence says
            errors.print(why.render(), style="yellow")
            continue
        text = mark("%(part)s could not be calculated and was left empty: %(why)s")
        errors.print(say(text, part=name, why=why), style="yellow")
