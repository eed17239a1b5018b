"""`tenure value`: what customers are worth, from an orders file without a lake, or as a lake's refresh says."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, Map, mapping_of, present, say_json
from tenure.cli.staging import _check_target, _write, day_of_option
from tenure.errors import FactsError, LakeError
from tenure.words import mark, say
from tenure.words.formats import change, number, percent

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from tenure.value.trial import Trial


def value(
    orders: Annotated[
        Path | None, typer.Argument(help=say(mark("Orders as CSV, Excel, Parquet or JSON lines; or use --lake.")))
    ] = None,
    calibrate_to: Annotated[
        str | None,
        typer.Option(
            "--calibrate-to", metavar="DATE", help=say(mark("Last day that models see; the last order when omitted."))
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help=say(mark("Last day held out; the last order when omitted."))),
    ] = None,
    unit: Annotated[
        str, typer.Option("--unit", help=say(mark("Unit of time of the parameters: week or day.")))
    ] = "week",
    models: Annotated[
        str | None, typer.Option("--models", help=say(mark("Purchase models, separated by commas, or all.")))
    ] = None,
    map_: Map = None,
    tz: Annotated[str, typer.Option("--tz", help=say(mark("Time zone in which days are counted.")))] = "Asia/Shanghai",
    date_format: Annotated[str, typer.Option(help=say(mark("dmy, mdy or a pattern, when the file cannot tell.")))] = "",
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help=say(mark("Show this customer's numbers too.")))
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option("--horizon", help=say(mark("How far ahead, in units; a year (52 weeks, 365 days) when omitted."))),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help=say(mark("CSV or Parquet file for every customer's scores.")))
    ] = None,
    lake: Annotated[
        Path | None,
        typer.Option("--lake", envvar="TENURE_LAKE", help=say(mark("Folder of the lake.")), show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit models of repeat buying to an orders file and hold them against what came after, beside a plain guess.

    Orders of one customer on one day are one purchase. Needs no lake; with --lake and no file, tells what the last
    refresh of the lake says.
    """
    if orders is None:
        _of_lake(lake, as_json=as_json)
        return
    from tenure.clock import zone
    from tenure.facts.reading import read_file
    from tenure.value.trial import MODELS, trial

    zone(tz)
    ahead = horizon or (52 if unit == "week" else 365)
    if ahead < 1:
        raise FactsError(mark("--horizon %(found)s: write a number of units above 0."), found=ahead)
    if out is not None:
        _check_target(out)
    facts, refused = read_file(orders, "orders", mapping_of(map_), tz=tz, date_format=date_format, now=present())
    split, last = _periods(facts, calibrate_to, until, tz)
    names = [model.strip() for model in models.split(",") if model.strip()] if models else MODELS
    found = trial(facts, split, last, unit=unit, models=names, tz=tz)
    told = {"orders": len(facts), "quarantined": len(refused), **found.told()}
    if customer is not None:
        told["customer"] = found.one(customer, ahead)
    if out is not None:
        _write(_scores(found, ahead), out)
        told["out"] = str(out)
    if as_json:
        say_json(_plain(told))
        return
    _show(_console(), told)


def _periods(facts: pa.Table, calibrate_to: str | None, until: str | None, tz: str) -> tuple[date, date]:
    """Return the last day of the calibration and of what is held out."""
    from tenure.lifecycle.table import day_from

    split, last = day_of_option(calibrate_to), day_of_option(until)
    newest = day_from(None, facts, tz)
    if last is None:
        last = newest if split is None else max(newest, split)
    return split or last, last


def _plain(value: Any) -> Any:
    """Return JSON without NaN, which no reader of JSON needs to understand."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - only NaN differs


def _scores(found: Trial, ahead: int) -> pa.Table:
    """Return every customer's numbers under every model."""
    import pyarrow as pa

    from tenure.value.trial import UNITS

    where, days = found.cells.where, UNITS[found.unit]
    columns: dict[str, Any] = {
        "customer_id": found.ids,
        "frequency": found.summary.frequency,
        "recency": found.summary.recency / days,
        "age": found.summary.age / days,
        "repeat_spend": pa.array(found.summary.repeat_spend, from_pandas=True),
        "expected_spend": found.spends,
    }
    if found.held_out:
        columns["actual"] = found.after
    for name, fit in found.fits.items():
        stem = name.replace("-", "_")
        columns[f"{stem}_p_alive"] = fit.p_alive(found.cells)[where]
        columns[f"{stem}_p_active"] = fit.p_active(ahead, found.cells)[where]
        columns[f"{stem}_expected"] = fit.expected(ahead, found.cells)[where]
    return pa.table(columns)


def _console() -> Console:
    from rich.console import Console

    return Console()


def _show(console: Console, told: dict[str, Any]) -> None:
    text = mark(
        "%(customers)s customers up to %(day)s, %(repeaters)s of them came back, %(repeats)s repeat purchases; "
        "time in units of a %(unit)s."
    )
    console.print(
        say(
            text,
            customers=number(told["customers"]),
            day=told["calibrate_to"],
            repeaters=number(told["repeaters"]),
            repeats=number(told["repeat_orders"]),
            unit=say(mark("week")) if told["unit"] == "week" else say(mark("day")),
        )
    )
    console.print(_model_table(told))
    if told["holdout"]:
        console.print(_holdout_table(told))
    if "customer" in told:
        console.print(_customer_table(told["customer"]))
    if told["quarantined"]:
        count = told["quarantined"]
        console.print(say(mark("%(count)s rows are no orders and were left out."), count=count), style="yellow")
    if told.get("out"):
        console.print(say(mark("Every customer's scores are in %(out)s."), out=told["out"]))


def verdict_of(verdict: str) -> str:
    """Return a verdict in words."""
    return {
        "ok": say(mark("fits")),
        "no-dropout": say(mark("the data show no detectable dropout: the model without it is used")),
        "not-identified": say(mark("the data cannot tell the parameters apart")),
    }.get(verdict, verdict)


def _model_table(told: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=say(mark("Models, fitted up to %(day)s"), day=told["calibrate_to"]), title_justify="left")
    table.add_column(say(mark("Model")), no_wrap=True)
    table.add_column(say(mark("Parameters")))
    table.add_column(say(mark("Log-likelihood")), justify="right")
    table.add_column(say(mark("AIC")), justify="right")
    table.add_column(say(mark("Verdict")))
    for name, model in told["models"].items():
        params = "  ".join(f"{key} {value:,.4g}" for key, value in model["params"].items())
        table.add_row(
            name, params, number(model["log_likelihood"], 3), number(model["aic"], 1), verdict_of(model["verdict"])
        )
    return table


def _holdout_table(told: dict[str, Any]) -> Any:
    from rich.table import Table

    title = mark("Held out up to %(day)s: %(actual)s purchases came")
    table = Table(title=say(title, day=told["until"], actual=number(told["holdout"]["actual"])), title_justify="left")
    table.add_column(say(mark("Model")), no_wrap=True)
    for text in (mark("Foretold"), mark("Off by"), mark("MAE"), mark("RMSE"), mark("Correlation"), mark("AUC")):
        table.add_column(say(text), justify="right")
    for name, one in told["backtest"].items():
        label = say(mark("average rate goes on")) if name == "rate-times-time" else name
        expected = told["holdout"]["actual"] * (1 + one["bias"])
        figures = (number(one[figure], 3) for figure in ("mae", "rmse", "corr", "auc"))
        table.add_row(label, number(expected, 1), change(one["bias"]), *figures)
    return table


def _customer_table(one: dict[str, Any]) -> Any:
    from rich.table import Table

    title = mark("Customer %(customer)s: x = %(x)s, t_x = %(recency)s, T = %(age)s; the next %(horizon)s units")
    numbers = {"recency": number(one["recency"], 3), "age": number(one["age"], 3), "horizon": one["horizon"]}
    table = Table(title=say(title, customer=one["customer_id"], x=one["frequency"], **numbers), title_justify="left")
    table.add_column(say(mark("Model")), no_wrap=True)
    for text in (mark("Expected purchases"), mark("Still a customer"), mark("Buys at all")):
        table.add_column(say(text), justify="right")
    for name, said in one["models"].items():
        table.add_row(name, number(said["expected"], 4), percent(said["p_alive"], 4), percent(said["p_active"], 2))
    return table


# What a lake says


def _of_lake(lake: Path | None, *, as_json: bool) -> None:
    from tenure.facts.lake import Lake
    from tenure.scorecard.registry import report

    if lake is None:
        raise FactsError(mark("Name an orders file, or a lake with --lake FOLDER."))
    there = Lake.open(lake)
    told = report(there, "predictions")
    if told is None:
        raise LakeError(
            mark("The lake %(path)s says nothing of value yet. Run: tenure refresh --lake %(path)s"), path=lake
        )
    if as_json:
        say_json(told)
        return
    console = _console()
    _show_lake(console, told)


def _show_lake(console: Console, told: dict[str, Any]) -> None:
    missing = [gate for gate in told["gates"] if not gate["passed"]]
    worth = told["value"]
    console.print(
        say(
            mark("%(buyers)s buyers as of %(day)s; they have brought %(value)s %(currency)s."),
            buyers=number(worth["buyers"]),
            day=told["as_of"],
            value=number(worth.get("historic_value", 0), 0),
            currency=told["currency"],
        )
    )
    for one in missing:
        text = mark("Too little to predict from: %(name)s %(found)s, needed %(needed)s.")
        console.print(
            say(text, name=one["name"], found=number(one["found"], 0), needed=number(one["needed"], 0)), style="yellow"
        )
    if missing:
        return
    console.print(say(mark("Model: %(model)s, %(verdict)s"), model=told["model"], verdict=verdict_of(told["verdict"])))
    console.print(_totals_table(told))
    console.print(_tests_table(told))


def _totals_table(told: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=say(mark("What everybody together will bring")), title_justify="left")
    columns = (mark("Days"), mark("Figure"), mark("Expected"), mark("95 %, by chance"), mark("95 %, with model error"))
    for text in columns:
        table.add_column(say(text), justify="right")
    for total in told["totals"]:
        for name, label in (("orders", mark("orders")), ("sales", mark("sales"))):
            row = total[name]
            ranges = (
                f"{number(row[low], 0)} – {number(row[high], 0)}"
                for low, high in (("low", "high"), ("wide_low", "wide_high"))
            )
            table.add_row(str(total["days"]), say(label), number(row["expected"], 0), *ranges)
    return table


def _tests_table(told: dict[str, Any]) -> Any:
    from rich.table import Table

    title = mark("Back-test: mean of %(origins)s origins, 90 days each")
    table = Table(title=say(title, origins=len(told.get("origins", []))), title_justify="left")
    table.add_column(say(mark("Model")), no_wrap=True)
    for text in (
        mark("AIC"),
        mark("Off by"),
        mark("MAE"),
        mark("RMSE"),
        mark("Correlation"),
        mark("AUC"),
        mark("Gini"),
    ):
        table.add_column(say(text), justify="right")
    for baseline in (*told["choice"]["models"], *told["choice"]["baselines"]):
        test = baseline["backtest"]
        figures = (number(test.get(name), 3) for name in FIGURES)
        aic = number(baseline.get("aic"), 1)
        off = change(test.get("bias"))
        table.add_row(baseline["model"], aic, off, *figures)
    return table


FIGURES = ("mae", "rmse", "corr", "auc", "gini")
