"""`tenure stages` and `tenure refresh`: from orders to stages, without a lake and with one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tenure.cli import options
from tenure.cli.options import argument, option
from tenure.cli.output import check_target, console, print_result, progress_bar, table_of, write_table
from tenure.errors import LakeError
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.lifecycle.model import Model


def stages(
    orders: Annotated[Path, argument(mark("Orders as CSV, Excel, Parquet or JSON lines."))],
    model: str = option(mark("Id of a model (tenure models list), or a model file."), "retail-activity"),
    as_of: options.AsOfAnyDay = None,
    tz: options.TimeZone = "Asia/Shanghai",
    out: Path | None = option(mark("Output CSV or Parquet file; standard output when omitted."), None),
    map_: options.Map = None,
    date_format: options.DateFormat = "",
    quarantine: Path | None = option(mark("CSV file for rejected rows."), None),
    as_json: options.AsJson = False,
) -> None:
    """Needs no lake and no application. Without --as-of, everybody is seen on the day of the last order."""
    from tenure.clock import zone
    from tenure.lifecycle.model_file import read
    from tenure.lifecycle.table import COLUMNS, spans

    zone(tz)
    definition, day = read(model), options.day_of(as_of)
    check_target(out)
    facts, rejected = options.read_facts(orders, "orders", map_, tz, date_format)
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
        "cannot_judge": staged.cannot_judge(),
        "out": str(out) if out else None,
    }
    print_result(body, as_json, _show_stages, definition)


def _show_stages(body: dict[str, Any], model: Model) -> None:
    errors, counts, undetermined = console(), body["stages"], body["cannot_judge"]
    total = sum(counts.values())
    rows = []
    for stage in model.path:
        count = counts.get(stage, 0)
        share = percent(count / total) if total else "–"
        rows.append([model.stage(stage).name.render(), number(count), share, number(undetermined[stage])])
    title = f"{model.name.render()} ({model.id}), {body['as_of']}"
    errors.print(table_of(title, (mark("Stage"),), (mark("Customers"), mark("Share"), mark("Undetermined")), rows))
    if body["quarantined"]:
        text = mark("%(count)s rows were rejected. Use --quarantine FILE to export them with reasons.")
        errors.print(say(text, count=body["quarantined"]), style="yellow")
    if body["out"]:
        text = mark("%(spans)s spans of %(customers)s customers written to %(out)s.")
        errors.print(say(text, spans=body["spans"], customers=body["customers"], out=body["out"]))


def refresh(
    lake: options.LakeFolder,
    as_of: options.AsOfAnyDay = None,
    models: str | None = option(
        mark("Model ids or files, separated by commas; all applicable models that are switched on when omitted."), None
    ),
    engine: str = option(mark("duckdb or spark."), "duckdb"),
    changed: bool = option(mark("Only customers with new facts or a scheduled stage change."), False, "--changed"),
    as_json: options.AsJson = False,
) -> None:
    """Without --as-of, everybody is seen on the last day with a fact."""
    from tenure.cli.models import show_choice
    from tenure.lifecycle.choice import choose_first, evaluated_models
    from tenure.lifecycle.model_file import models_of
    from tenure.lifecycle.remarks import override_remarks
    from tenure.refreshing.report import FULL, customers_by_stage
    from tenure.refreshing.run import refresh as run

    store = options.open_lake(lake)
    definitions = models_of(store, options.list_of(models) or evaluated_models(store))
    errors = console(quiet=as_json)
    if not (store.available_kinds() or store.has("customers") or store.has("spans")):
        text = mark("The lake in %(path)s has no facts yet. Run: tenure import FILE --lake %(path)s")
        raise LakeError(text, path=store.path)
    with progress_bar(errors) as advance:
        report = run(store, options.day_of(as_of), definitions, engine, advance, only_changed=changed)
    choice = choose_first(store, as_of=report.as_of) if not report.problems.get("refresh") else None
    names = ("generation", "as_of", "engine", "mode", "customers", "problems", "fitted_on")
    body = {name: getattr(report, name) for name in names}
    # A refresh of some customers counts only these; the others are where they were.
    counts = customers_by_stage(store) if report.mode != FULL else {model.id: model.stages for model in report.models}
    every = [asdict(model) | {"all_customers": counts.get(model.id, {})} for model in report.models]
    body |= {"seconds": round(report.seconds, 3), "models": every}
    body["remarks"] = override_remarks(store, definitions, every=True) if store.has("overrides") else []
    body["recommended"] = store.settings.recommended or None
    print_result(body, as_json, _show_report, errors, definitions)
    if choice and not as_json:
        show_choice(None, choice, applied=True)


def _show_report(body: dict[str, Any], errors: Console, definitions: list[Model]) -> None:
    from rich.text import Text

    by_id = {model.id: model for model in definitions}
    rows: list[list[str | Text]] = []
    for counted in body["models"]:
        # Those not named were evaluated besides, since their rows were replaced.
        if counted["id"] not in by_id or counted["off"]:
            continue
        if counted["missing"]:
            text = say(mark("not applicable: no facts of kind %(kinds)s"), kinds=", ".join(counted["missing"]))
            rows.append([Text(counted["id"], "dim"), Text(text, "dim")])
        else:
            model, counts = by_id[counted["id"]], counted["all_customers"]
            texts = (f"{model.stage(stage).name.render()} {number(counts.get(stage, 0))}" for stage in model.path)
            rows.append([model.id, " · ".join(texts)])
    title = say(mark("Customers by stage, %(day)s"), day=body["as_of"])
    table = table_of(title, (mark("Model"), mark("Stages")), (), rows)
    table.columns[0].no_wrap = True
    errors.print(table)
    text = mark("Refreshed %(customers)s customers under %(models)s models in %(seconds)s s.")
    fitting = sum(not (counted["missing"] or counted["off"]) for counted in body["models"])
    errors.print(say(text, customers=number(body["customers"]), models=fitting, seconds=number(body["seconds"], 1)))
    if body["fitted_on"] is not None and body["mode"] != "full":
        text = mark("Scores use models fitted on %(day)s; ranks are up to date.")
        errors.print(say(text, day=body["fitted_on"]))
    for remark in body["remarks"]:
        errors.print(remark.render(), style="yellow")
    for name, why in body["problems"].items():
        # A refresh that published nothing says so in its own sentence.
        text = mark("%(part)s could not be calculated and was left empty: %(why)s")
        errors.print(why.render() if name == "refresh" else say(text, part=name, why=why), style="yellow")
