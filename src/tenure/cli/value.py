"""`tenure value`: what customers are worth, from an orders file without a lake, or as a lake's refresh says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.cli import options
from tenure.cli.options import argument, option
from tenure.cli.output import check_target, console, print_result, table_of, write_table
from tenure.errors import FactsError, LakeError
from tenure.words import mark, say
from tenure.words.formats import change, number, percent

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table

    from tenure.value.trial import Trial

_METRICS = {"mae": mark("MAE"), "rmse": mark("RMSE"), "corr": mark("Correlation"), "auc": mark("AUC")}
_VERDICTS = {
    "ok": mark("fits"),
    "no-dropout": mark("no dropout detected in the data; using the model without dropout"),
    "not-identified": mark("the data cannot identify the parameters"),
}


def value(
    orders: Path | None = argument(mark("Orders as CSV, Excel, Parquet or JSON lines; or use --lake."), None),
    calibrate_to: str | None = option(
        mark("End of the calibration period; the last order when omitted."), None, metavar="DATE"
    ),
    until: str | None = option(mark("End of the hold-out period; the last order when omitted."), None, metavar="DATE"),
    unit: str = option(mark("Time unit: week or day."), "week"),
    models: str | None = option(mark("Purchase models, separated by commas, or all."), None),
    map_: options.Map = None,
    tz: options.TimeZone = "Asia/Shanghai",
    date_format: options.DateFormat = "",
    customer: str | None = option(mark("Also show the results for this customer."), None, metavar="ID"),
    horizon: int | None = option(
        mark("Forecast horizon in time units; one year (52 weeks, 365 days) when omitted."), None
    ),
    out: Path | None = option(mark("CSV or Parquet file for the scores of all customers."), None),
    lake: options.OptionalLake = None,
    as_json: options.AsJson = False,
) -> None:
    """Orders of one customer on one day are one purchase. Without a file, shows what the lake's last refresh says."""
    if orders is None:
        print_result(_lake_report(lake), as_json, _show_lake)
        return
    from tenure.clock import zone
    from tenure.facts.frames import day_from
    from tenure.value.trial import MODELS, trial

    zone(tz)
    ahead = horizon or (52 if unit == "week" else 365)
    if ahead < 1:
        raise FactsError(mark("--horizon %(found)s: enter a number of units above 0."), found=ahead)
    check_target(out)
    facts, rejected = options.read_facts(orders, "orders", map_, tz, date_format)
    split, last, newest = options.day_of(calibrate_to), options.day_of(until), day_from(None, facts, tz)
    last = last or max(newest, split or newest)  # without a split everything calibrates and nothing is held out
    result = trial(facts, split or last, last, unit=unit, models=options.list_of(models) or MODELS, tz=tz)
    body = {"orders": len(facts), "quarantined": len(rejected), **result.to_json()}
    if customer is not None:
        body["customer"] = result.customer(customer, ahead)
    if out is not None:
        write_table(_scores(result, ahead), out)
        body["out"] = str(out)
    print_result(body, as_json, _show_trial)


def _scores(result: Trial, ahead: int) -> pa.Table:
    import pyarrow as pa

    from tenure.value.trial import UNITS

    where, days, summary = result.cells.where, UNITS[result.unit], result.summary
    columns: dict[str, Any] = {
        "customer_id": result.ids,
        "frequency": summary.frequency,
        "recency": summary.recency / days,
        "age": summary.age / days,
        "repeat_spend": pa.array(summary.spend, from_pandas=True),
        "expected_spend": result.spends,
    }
    if result.held_out:
        columns["actual"] = result.after
    for name, fit in result.fits.items():
        stem = name.replace("-", "_")
        columns[f"{stem}_p_alive"] = fit.p_alive(result.cells)[where]
        columns[f"{stem}_p_active"] = fit.p_active(ahead, result.cells)[where]
        columns[f"{stem}_expected"] = fit.expected(ahead, result.cells)[where]
    return pa.table(columns)


def _show_trial(body: dict[str, Any]) -> None:
    out = console(stderr=False)
    text = mark(
        "%(customers)s customers up to %(day)s, of whom %(repeaters)s came back; %(repeats)s repeat "
        "purchases. Time unit: %(unit)s."
    )
    counts = {"customers": "customers", "repeaters": "repeaters", "repeats": "repeat_orders"}
    unit = say(mark("week")) if body["unit"] == "week" else say(mark("day"))
    values = {place: number(body[key]) for place, key in counts.items()}
    out.print(say(text, day=body["calibrate_to"], unit=unit, **values))
    out.print(_models(body))
    if body["holdout"]:
        out.print(_holdout(body))
    if "customer" in body:
        out.print(_customer(body["customer"]))
    if body["quarantined"]:
        text = mark("%(count)s rows were rejected.")
        out.print(say(text, count=body["quarantined"]), style="yellow")
    if body.get("out"):
        out.print(say(mark("Scores of all customers written to %(out)s."), out=body["out"]))


def _verdict(verdict: str) -> str:
    return say(_VERDICTS[verdict]) if verdict in _VERDICTS else verdict


def _models(body: dict[str, Any]) -> Table:
    title = say(mark("Models, fitted up to %(day)s"), day=body["calibrate_to"])
    table = table_of(title, (mark("Model"), mark("Parameters")), (mark("Log-likelihood"), mark("AIC")), ())
    table.add_column(say(mark("Verdict")))
    for name, model in body["models"].items():
        parameters = "  ".join(f"{key} {value:,.4g}" for key, value in model["params"].items())
        likelihood = number(model["log_likelihood"], 3), number(model["aic"], 1)
        table.add_row(name, parameters, *likelihood, _verdict(model["verdict"]))
    return table


def _holdout(body: dict[str, Any]) -> Table:
    actual = body["holdout"]["actual"]
    rows = []
    for name, test in body["backtest"].items():
        label = say(mark("constant average rate")) if name == "rate-times-time" else name
        metrics = (number(test[metric], 3) for metric in _METRICS)
        rows.append([label, number(actual * (1 + test["bias"]), 1), change(test["bias"]), *metrics])
    title = mark("Hold-out period up to %(day)s: %(actual)s actual purchases")
    headings = (mark("Predicted"), mark("Bias"), *_METRICS.values())
    return table_of(say(title, day=body["until"], actual=number(actual)), (mark("Model"),), headings, rows)


def _customer(body: dict[str, Any]) -> Table:
    title = mark("Customer %(customer)s: x = %(x)s, t_x = %(recency)s, T = %(age)s; the next %(horizon)s units")
    summary = {"recency": number(body["recency"], 3), "age": number(body["age"], 3), "horizon": body["horizon"]}
    headings = (mark("Expected purchases"), mark("Still a customer"), mark("Buys at least once"))
    rows = (
        [name, number(model["expected"], 4), percent(model["p_alive"], 4), percent(model["p_active"], 2)]
        for name, model in body["models"].items()
    )
    title = say(title, customer=body["customer_id"], x=body["frequency"], **summary)
    return table_of(title, (mark("Model"),), headings, rows)


# What a lake says


def _lake_report(lake: Path | None) -> dict[str, Any]:
    from tenure.scorecard.registry import report

    if lake is None:
        raise FactsError(mark("Specify an orders file, or a lake with --lake FOLDER."))
    body = report(options.open_lake(lake), "predictions")
    if body is None:
        text = mark("The lake %(path)s has no customer value yet. Run: tenure refresh --lake %(path)s")
        raise LakeError(text, path=lake)
    return body


def _show_lake(body: dict[str, Any]) -> None:
    out = console(stderr=False)
    worth = body["value"]
    values = {"buyers": number(worth["buyers"]), "value": number(worth.get("historic_value", 0), 0)}
    text = mark("%(buyers)s buyers as of %(day)s, with total sales of %(value)s %(currency)s.")
    out.print(say(text, day=body["as_of"], currency=body["currency"], **values))
    failed = [gate for gate in body["gates"] if not gate["passed"]]
    for gate in failed:
        text = mark("Not enough data for predictions: %(name)s %(found)s, %(needed)s needed.")
        numbers = {key: number(gate[key], 0) for key in ("found", "needed")}
        out.print(say(text, name=gate["name"], **numbers), style="yellow")
    if failed:
        return
    out.print(say(mark("Model: %(model)s, %(verdict)s"), model=body["model"], verdict=_verdict(body["verdict"])))
    out.print(_totals(body))
    out.print(_backtest(body))


def _totals(body: dict[str, Any]) -> Table:
    rows = []
    for total in body["totals"]:
        for name, label in (("orders", mark("orders")), ("sales", mark("sales"))):
            row = total[name]
            by_chance = f"{number(row['low'], 0)} – {number(row['high'], 0)}"
            with_model_error = f"{number(row['wide_low'], 0)} – {number(row['wide_high'], 0)}"
            rows.append([str(total["days"]), say(label), number(row["expected"], 0), by_chance, with_model_error])
    ranges = (mark("95 %, sampling error"), mark("95 %, with model error"))
    return table_of(say(mark("Expected total")), (), (mark("Days"), mark("Figure"), mark("Expected"), *ranges), rows)


def _backtest(body: dict[str, Any]) -> Table:
    metrics = {**_METRICS, "gini": mark("Gini")}
    rows = []
    for model in (*body["choice"]["models"], *body["choice"]["baselines"]):
        test = model["backtest"]
        errors = (number(test.get(metric), 3) for metric in metrics)
        rows.append([model["model"], number(model.get("aic"), 1), change(test.get("bias")), *errors])
    title = mark("Back-test: average over %(origins)s snapshots of 90 days each")
    title = say(title, origins=len(body.get("origins", [])))
    return table_of(title, (mark("Model"),), (mark("AIC"), mark("Bias"), *metrics.values()), rows)
