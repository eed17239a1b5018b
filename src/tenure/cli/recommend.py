"""`tenure recommend`: what goes with what, and what each customer will probably want next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.cli import options
from tenure.cli.options import argument, option
from tenure.cli.output import check_target, console, fields_of, print_gates, print_result, table_of, write_table
from tenure.errors import FactsError
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.table import Table

    from tenure.recommend.analysis import BasketAnalysis

_RANKINGS = {
    "popularity": mark("Best sellers"),
    "often": mark("Most often bought by the customer"),
    "buy-again": mark("Due for repurchase"),
    "blend": mark("Combined ranking"),
}
_KINDS = {
    "buy-again": mark("buy again"),
    "cross-sell": mark("bought together"),
    "up-sell": mark("upgrade"),
    "popular": mark("popular"),
}
_GATES = {"buyers": mark("buyers"), "days": mark("days of data"), "products": mark("products found in enough baskets")}


def recommend(
    lines: Path | None = argument(mark("Order lines as CSV, Excel, Parquet or JSON lines; or use --lake."), None),
    lake: options.OptionalLake = None,
    customer: str | None = option(mark("Show this customer's recommendations."), None, metavar="ID"),
    pairs: bool = option(mark("Show product pairs instead of recommendations (also for --out)."), False, "--pairs"),
    as_of: options.AsOfAnyDay = None,
    least: int | None = option(
        mark("Minimum baskets for a pair; depends on data size when omitted."), None, "--min-count", min=1
    ),
    buyers: int = option(mark("Minimum number of buyers for predictions."), 500, min=1),
    days: int = option(mark("Minimum days of data for predictions."), 180, min=0),
    map_: options.Map = None,
    tz: options.TimeZone = "Asia/Shanghai",
    date_format: options.DateFormat = "",
    out: Path | None = option(mark("CSV or Parquet file for all recommendations, or all pairs."), None),
    as_json: options.AsJson = False,
) -> None:
    """Works on a file of order lines, or on a lake.

    Every recommendation comes with its reason, and the ranking with its back-test on last baskets.
    """
    from tenure.clock import zone
    from tenure.recommend.analysis import analyze
    from tenure.scorecard.model import Options

    zone(tz)
    day = options.day_of(as_of)
    check_target(out)
    if lines is not None:
        source, _ = options.read_facts(lines, "order_lines", map_, tz, date_format)
    elif lake is not None:
        source = options.open_lake(lake)
    else:
        raise FactsError(mark("Specify a file of order lines, or a lake with --lake FOLDER."))
    analysis = analyze(source, day, tz=tz, least=least, options=Options(buyers=buyers, days=days))
    if out is not None:
        write_table(analysis.pairs if pairs else analysis.recommendations, out)
    print_result(_body(analysis, customer, pairs=pairs) | {"out": str(out) if out else None}, as_json, _show)


def _body(analysis: BasketAnalysis, customer: str | None, *, pairs: bool) -> dict[str, Any]:
    fit = analysis.fit
    body: dict[str, Any] = {
        **{name: getattr(analysis, name) for name in ("as_of", "customers", "baskets", "lines")},
        "model": fit.model,
        "verdict": fit.verdict,
        "gates": [fields_of(gate) | {"passed": gate.passed} for gate in fit.gates],
        "backtest": fit.figures,
        "pairs": len(analysis.pairs),
        "recommendations": len(analysis.recommendations),
    }
    if pairs:
        body["best_pairs"] = {level: analysis.best_pairs(level) for level in ("category", "product")}
    if customer is not None:
        body["customer"] = {"id": customer, "list": analysis.of(customer)}
    return body


def _show(body: dict[str, Any]) -> None:
    out = console(stderr=False)
    text = mark("%(customers)s customers, %(baskets)s baskets, %(lines)s lines up to %(day)s.")
    counts = {name: number(body[name]) for name in ("customers", "baskets", "lines")}
    out.print(say(text, day=body["as_of"], **counts))
    print_gates(out, body["gates"], _GATES)
    if body["backtest"]:
        out.print(_backtest(body))
    for level, rows in body.get("best_pairs", {}).items():
        out.print(_pairs(level, rows))
    if body.get("customer", {}).get("list"):
        out.print(_list(body["customer"]))
    if body["out"]:
        out.print(say(mark("Results written to %(out)s."), out=body["out"]))


def _backtest(body: dict[str, Any]) -> Table:
    def interval(metric: dict[str, float]) -> str:
        return f"{number(metric['value'], 3)} ({number(metric['low'], 3)}–{number(metric['high'], 3)})"

    tests = body["backtest"]
    rows = [
        [say(text), interval(tests[name]["hit_rate"]), interval(tests[name]["ndcg"])]
        for name, text in _RANKINGS.items()
        if name in tests
    ]
    title = mark("Back-test on the last baskets of %(customers)s customers; ranking in use: %(chosen)s")
    title = say(title, customers=number(tests["customers"]), chosen=say(_RANKINGS[body["model"]]))
    return table_of(title, (mark("Ranking"),), (mark("Hit rate @10"), "NDCG@10"), rows)


def _pairs(level: str, pairs: list[dict[str, Any]]) -> Table:
    rows = []
    for pair in pairs:
        lift = f"{number(pair['lift_shrunk'], 2)} ({number(pair['lift_low'], 2)}–{number(pair['lift_high'], 2)})"
        confidence = f"{percent(pair['confidence'])} / {percent(pair['confidence_back'])}"
        names = (pair["product_a"], pair["product_b"])
        rows.append([*names, number(pair["count"]), percent(pair["support"], 3), confidence, lift])
    title = mark("Categories bought together") if level == "category" else mark("Products bought together")
    headings = (mark("Baskets"), mark("Support"), mark("Confidence"), mark("Lift, shrunk (95 %)"))
    return table_of(say(title), (mark("This"), mark("That")), headings, rows)


def _list(customer: dict[str, Any]) -> Table:
    from rich.text import Text

    title = say(mark("Customer %(customer)s"), customer=customer["id"])
    table = table_of(title, ("#", mark("Product"), mark("Kind")), (mark("Probability"),), ())
    table.add_column(say(mark("Reason")))
    for row in customer["list"]:
        product = Text.assemble(row["product_id"], " ", (row["category"] or "", "dim"))
        table.add_row(str(row["rank"]), product, say(_KINDS[row["kind"]]), percent(row["score"]), row["text"])
    return table
