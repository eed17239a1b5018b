"""`tenure risk`: who should be looked at first, by which signs, and how likely customers are to leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, LakeFolder, say_json
from tenure.errors import FactsError, LakeError
from tenure.words import loads, mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.facts.lake import Lake

_KINDS = {"contract": mark("Contracts that end"), "silence": mark("Customers without a contract who stop buying")}
_MODELS = {
    "logistic": mark("logistic regression"),
    "boosting": mark("boosted trees"),
    "p-active": mark("purchase model"),
}
_LEVELS = {"high": mark("high"), "medium": mark("medium"), "low": mark("low")}
_GATES = {
    "buyers": mark("customers"),
    "days": mark("days of facts"),
    "left": mark("customers who left"),
    "stayed": mark("customers who stayed"),
}

#: Everybody with a warning, the most at stake first.
_LIST = """
select customer_id, list(signal order by score desc) as signals, max(score) as score,
       max(value_at_stake) as value_at_stake, min(due_on) as due_on, min(lead_days) as lead_days,
       any_value(owner) as owner, any_value(churn) as churn, any_value(churn_level) as churn_level
from warnings left join (select customer_id, churn, churn_level from scorecard) using (customer_id)
group by customer_id order by value_at_stake desc nulls last, score desc, customer_id
"""
_CUSTOMER = """
select customer_id, churn, churn_kind, churn_model, churn_level, churn_reasons,
       churn_90_ago, churn_180_ago, churn_270_ago
from scorecard where customer_id = ?
"""


def risk(
    lake: LakeFolder,
    top: Annotated[int, typer.Option("--top", min=0, help=say(mark("How many warned customers to list.")))] = 10,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help=say(mark("Show this customer's risk and reasons.")))
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help=say(mark("CSV or Parquet file for everybody with a warning.")))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who should be looked at first, by which signs, and how likely customers are to leave within 90 days.

    Needs a lake that was refreshed. Reasons say what goes together with leaving; they do not prove a cause.
    """
    from tenure.facts.lake import Lake

    there = Lake.open(lake)
    if out is not None:
        from tenure.cli.staging import _check_target

        _check_target(out)
    told = _told(there, top)
    if customer is not None:
        told["customer"] = _customer(there, customer)
    if out is not None:
        _export(there, out)
        told["out"] = str(out)
    if as_json:
        say_json(told)
        return
    _show(told)


def _told(lake: Lake, top: int) -> dict[str, Any]:
    from tenure.scorecard.registry import report

    churn = report(lake, "risk.churn")
    if churn is None:
        raise LakeError(
            mark("The lake %(path)s says nothing of risk yet. Run: tenure refresh --lake %(path)s"), path=lake.path
        )
    rows = _rows(lake, f"{_LIST} limit {int(top)}") if lake.has("warnings") else []
    return {
        "as_of": churn["as_of"],
        "churn": churn,
        "warnings": report(lake, "risk.summary"),
        "decline": report(lake, "risk.decline"),
        "list": rows,
    }


def _rows(lake: Lake, sql: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
    return lake.connect(("warnings", "scorecard")).execute(sql, values or []).to_arrow_table().to_pylist()


def _customer(lake: Lake, customer: str) -> dict[str, Any]:
    found = _rows(lake, _CUSTOMER, [customer])
    if not found:
        raise FactsError(mark("There is no customer %(id)r in the lake %(path)s."), id=customer, path=lake.path)
    return found[0] | {"churn_reasons": loads(found[0]["churn_reasons"] or "[]")}


def _export(lake: Lake, out: Path) -> None:
    from tenure.cli.staging import _write

    if not lake.has("warnings"):
        raise LakeError(mark("The lake %(path)s holds no warnings, so there is nothing to write."), path=lake.path)
    sql = _LIST.replace("list(signal order by score desc)", "string_agg(signal, ',' order by score desc)")
    _write(lake.connect(("warnings", "scorecard")).execute(sql).to_arrow_table(), out)


# Showing


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    _show_warnings(console, told)
    for kind, one in told["churn"]["kinds"].items():
        _show_kind(console, kind, one)
    if "customer" in told:
        _show_customer(console, told["customer"])
    if any(one["verdict"] == "ok" for one in told["churn"]["kinds"].values()):
        console.print(told["churn"]["association"].render(), style="dim")
    if told.get("out"):
        console.print(say(mark("Everybody with a warning is in %(out)s."), out=told["out"]))


def _show_warnings(console: Console, told: dict[str, Any]) -> None:
    from rich.table import Table

    from tenure.risk.signals import SIGNALS

    summary = told["warnings"] or {"warned": 0, "value_at_stake": 0.0}
    text = mark("%(day)s: %(warned)s customers show a warning sign; %(value)s are at stake.")
    value = number(summary["value_at_stake"] or 0, 0)
    console.print(say(text, day=told["as_of"], warned=number(summary["warned"]), value=value))
    if not told["list"]:
        return
    table = Table(title=say(mark("To be looked at first")), title_justify="left")
    table.add_column(say(mark("Customer")), no_wrap=True)
    table.add_column(say(mark("Signs")))
    for name in (mark("At stake"), mark("Risk"), mark("Due")):
        table.add_column(say(name), justify="right")
    for row in told["list"]:
        signs = " · ".join(say(SIGNALS[signal].name) if signal in SIGNALS else signal for signal in row["signals"])
        stake = number(row["value_at_stake"], 0)
        table.add_row(row["customer_id"], signs, stake, percent(row["churn"]), str(row["due_on"] or "–"))
    console.print(table)


def _show_kind(console: Console, kind: str, one: dict[str, Any]) -> None:
    console.print(say(_KINDS[kind]), style="bold")
    for gate in one["gates"]:
        if not gate["passed"]:
            text = mark("No prediction yet: it takes %(needed)s %(what)s, and there are %(found)s.")
            numbers = {name: number(gate[name], 0) for name in ("needed", "found")}
            console.print("  " + say(text, what=say(_GATES[gate["name"]]), **numbers), style="yellow")
    if "leak" in one:
        console.print("  " + one["leak"]["text"].render(), style="yellow")
    if one["verdict"] != "ok":
        return
    text = mark("Of %(customers)s customers about %(expected)s will leave within 90 days, by the %(model)s.")
    model = say(_MODELS[one["model"]])
    numbers = {"customers": number(one["scored"]), "expected": number(one["expected_to_leave"], 0)}
    console.print("  " + say(text, model=model, **numbers))
    levels = " · ".join(f"{say(_LEVELS[name])} {number(count)}" for name, count in one["by_level"].items())
    console.print("  " + say(mark("Risk: %(levels)s"), levels=levels))
    if one.get("models"):
        console.print(_models_table(one))


def _models_table(one: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=say(mark("On the newest 90 days, which no model had seen")), title_justify="left")
    table.add_column(say(mark("Model")))
    for name in (mark("AUC"), mark("Brier score"), mark("Lift of the top tenth")):
        table.add_column(say(name), justify="right")
    for name, found in one["models"].items():
        shown = say(_MODELS[name]) + (" *" if name == one["model"] else "")
        places = {"auc": 3, "brier": 3, "lift": 1}
        table.add_row(shown, *(number(found.get(name), digits) for name, digits in places.items()))
    return table


def _show_customer(console: Console, found: dict[str, Any]) -> None:
    text = mark("Customer %(id)s: risk of leaving %(risk)s (%(level)s)")
    level = say(_LEVELS[found["churn_level"]]) if found["churn_level"] else "–"
    console.print(say(text, id=found["customer_id"], risk=percent(found["churn"]), level=level), style="bold")
    for reason in found["churn_reasons"]:
        console.print("  " + reason["text"].render())
