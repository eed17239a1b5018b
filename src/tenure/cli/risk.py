"""`tenure risk`: who should be looked at first, by which signs, and how likely customers are to leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.cli.options import AsJson, LakeFolder, open_lake, option
from tenure.cli.output import check_target, console, print_gates, print_result, table_of, write_table
from tenure.errors import FactsError, LakeError
from tenure.words import loads, mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from tenure.facts.lake import Lake

_KINDS = {"contract": mark("Ending contracts"), "silence": mark("Non-contract customers who stop buying")}
_MODELS = {
    "logistic": mark("logistic regression"),
    "boosting": mark("boosted trees"),
    "p-active": mark("purchase model"),
}
_LEVELS = {"high": mark("high"), "medium": mark("medium"), "low": mark("low")}
_GATES = {
    "buyers": mark("customers"),
    "days": mark("days of data"),
    "left": mark("customers who left"),
    "stayed": mark("customers who stayed"),
}

#: Everybody with a warning, the most at stake first.
_WARNED = """
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
    top: int = option(mark("Number of customers to list."), 10, min=0),
    customer: str | None = option(mark("Show one customer's risk and the reasons for it."), None, metavar="ID"),
    out: Path | None = option(mark("CSV or Parquet file for all customers with warnings."), None),
    as_json: AsJson = False,
) -> None:
    """Needs a lake that was refreshed. Reasons say what goes together with leaving; they do not prove a cause."""
    store = open_lake(lake)
    check_target(out)
    body = _body(store, top)
    if customer is not None:
        rows = _table(store, _CUSTOMER, [customer]).to_pylist()
        if not rows:
            raise FactsError(mark("There is no customer %(id)r in the lake %(path)s."), id=customer, path=store.path)
        body["customer"] = rows[0] | {"churn_reasons": loads(rows[0]["churn_reasons"] or "[]")}
    if out is not None:
        if not store.has("warnings"):
            raise LakeError(mark("The lake %(path)s has no warnings to export."), path=store.path)
        sql = _WARNED.replace("list(signal order by score desc)", "string_agg(signal, ',' order by score desc)")
        write_table(_table(store, sql), out)
        body["out"] = str(out)
    print_result(body, as_json, _show)


def _body(lake: Lake, top: int) -> dict[str, Any]:
    from tenure.scorecard.registry import report

    churn = report(lake, "risk.churn")
    if churn is None:
        text = mark("The lake %(path)s has no risk scores yet. Run: tenure refresh --lake %(path)s")
        raise LakeError(text, path=lake.path)
    return {
        "as_of": churn["as_of"],
        "churn": churn,
        "warnings": report(lake, "risk.summary"),
        "decline": report(lake, "risk.decline"),
        "list": _table(lake, f"{_WARNED} limit {int(top)}").to_pylist() if lake.has("warnings") else [],
    }


def _table(lake: Lake, sql: str, values: list[Any] | None = None) -> pa.Table:
    return lake.connect(("warnings", "scorecard")).execute(sql, values or []).to_arrow_table()


def _show(body: dict[str, Any]) -> None:
    out = console(stderr=False)
    _show_warnings(out, body)
    kinds = body["churn"]["kinds"]
    for kind, churn in kinds.items():
        _show_churn(out, kind, churn)
    if "customer" in body:
        customer = body["customer"]
        text = mark("Customer %(id)s: risk of leaving %(risk)s (%(level)s)")
        level = say(_LEVELS[customer["churn_level"]]) if customer["churn_level"] else "–"
        values = {"id": customer["customer_id"], "risk": percent(customer["churn"]), "level": level}
        out.print(say(text, **values), style="bold")
        for reason in customer["churn_reasons"]:
            out.print("  " + reason["text"].render())
    if any(churn["verdict"] == "ok" for churn in kinds.values()):
        out.print(body["churn"]["association"].render(), style="dim")
    if body.get("out"):
        out.print(say(mark("All customers with warnings were written to %(out)s."), out=body["out"]))


def _show_warnings(out: Console, body: dict[str, Any]) -> None:
    from tenure.risk.signals import SIGNALS

    summary = body["warnings"] or {"warned": 0, "value_at_stake": 0.0}
    text = mark("%(day)s: %(warned)s customers with warning signals; %(value)s at stake.")
    value = number(summary["value_at_stake"] or 0, 0)
    out.print(say(text, day=body["as_of"], warned=number(summary["warned"]), value=value))
    rows = []
    for row in body["list"]:
        signs = " · ".join(say(SIGNALS[signal].name) if signal in SIGNALS else signal for signal in row["signals"])
        stake, due = number(row["value_at_stake"], 0), str(row["due_on"] or "–")
        rows.append([row["customer_id"], signs, stake, percent(row["churn"]), due])
    if rows:
        texts, numbers = (mark("Customer"), mark("Signals")), (mark("At stake"), mark("Risk"), mark("Due"))
        out.print(table_of(say(mark("Highest priority")), texts, numbers, rows))


def _show_churn(out: Console, kind: str, churn: dict[str, Any]) -> None:
    """Show what is predicted for one kind of leaving, or what is missing for a prediction."""
    out.print(say(_KINDS[kind]), style="bold")
    print_gates(out, churn["gates"], _GATES, indent="  ")
    if "leak" in churn:
        out.print("  " + churn["leak"]["text"].render(), style="yellow")
    if churn["verdict"] != "ok":
        return
    text = mark("About %(expected)s of %(customers)s customers are expected to leave within 90 days (%(model)s).")
    numbers = {"customers": number(churn["scored"]), "expected": number(churn["expected_to_leave"], 0)}
    out.print("  " + say(text, model=say(_MODELS[churn["model"]]), **numbers))
    levels = " · ".join(f"{say(_LEVELS[name])} {number(count)}" for name, count in churn["by_level"].items())
    out.print("  " + say(mark("Risk: %(levels)s"), levels=levels))
    rows = []
    for name, test in (churn.get("models") or {}).items():
        label = say(_MODELS[name]) + (" *" if name == churn["model"] else "")
        rows.append([label, number(test.get("auc"), 3), number(test.get("brier"), 3), number(test.get("lift"), 1)])
    if rows:
        headings = (mark("AUC"), mark("Brier score"), mark("Top-decile lift"))
        title = say(mark("Tested on the most recent 90 days, not used for training"))
        out.print(table_of(title, (mark("Model"),), headings, rows))
