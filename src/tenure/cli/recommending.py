"""`tenure recommend`: what goes with what, and what each customer will probably want next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import AsJson, Map, mapping_of, present, say_json
from tenure.cli.staging import AsOf, _check_target, _write, day_of_option
from tenure.errors import FactsError
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.recommend.analysis import BasketAnalysis


def recommend(
    lines: Annotated[
        Path | None,
        typer.Argument(help=say(mark("Order lines as CSV, Excel, Parquet or JSON lines; or use --lake."))),
    ] = None,
    lake: Annotated[
        Path | None,
        typer.Option("--lake", envvar="TENURE_LAKE", help=say(mark("Folder of the lake.")), show_default=False),
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help=say(mark("Show this customer's list.")))
    ] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help=say(mark("Show, and write with --out, pairs in place of lists.")))
    ] = False,
    as_of: AsOf = None,
    least: Annotated[
        int | None,
        typer.Option(
            "--min-count",
            min=1,
            help=say(mark("Baskets that make a pair count; by the size of the shop when omitted.")),
        ),
    ] = None,
    buyers: Annotated[
        int, typer.Option("--buyers", min=1, help=say(mark("Buyers that it takes before anything is predicted.")))
    ] = 500,
    days: Annotated[
        int, typer.Option("--days", min=0, help=say(mark("Days of facts that it takes before anything is predicted.")))
    ] = 180,
    map_: Map = None,
    tz: Annotated[str, typer.Option("--tz", help=say(mark("Time zone in which days are counted.")))] = "Asia/Shanghai",
    date_format: Annotated[str, typer.Option(help=say(mark("dmy, mdy or a pattern, when the file cannot tell.")))] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help=say(mark("CSV or Parquet file for all lists, or all pairs.")))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find what is bought together, what is bought again when, and what each customer will probably want next.

    Works on a file of order lines, or on a lake. Every recommendation comes with its reason, and the ranking with its
    back-test on last baskets.
    """
    from tenure.clock import zone
    from tenure.recommend.analysis import analyze
    from tenure.scorecard.model import Options

    zone(tz)
    day = day_of_option(as_of)
    if out is not None:
        _check_target(out)
    source = _source(lines, lake, mapping_of(map_), tz, date_format)
    found = analyze(source, day, tz=tz, least=least, options=Options(buyers=buyers, days=days))
    if out is not None:
        _write(found.pairs if pairs else found.recommendations, out)
    told = _told(found, customer, pairs=pairs)
    told["out"] = str(out) if out else None
    if as_json:
        say_json(told)
        return
    _show(told, customer, pairs=pairs)


def _source(lines: Path | None, lake: Path | None, mapping: Any, tz: str, date_format: str) -> Any:
    if lines is not None:
        from tenure.facts.reading import read_file

        return read_file(lines, "order_lines", mapping, tz=tz, date_format=date_format, now=present())[0]
    if lake is None:
        raise FactsError(mark("Name a file of order lines, or a lake with --lake FOLDER."))
    from tenure.facts.lake import Lake

    return Lake.open(lake)


def _told(found: BasketAnalysis, customer: str | None, *, pairs: bool) -> dict[str, Any]:
    fit = found.fit
    gates = [
        {"name": gate.name, "needed": gate.needed, "found": gate.found, "passed": gate.passed} for gate in fit.gates
    ]
    told: dict[str, Any] = {
        "as_of": found.as_of, "customers": found.customers, "baskets": found.baskets, "lines": found.lines,
        "model": fit.model, "verdict": fit.verdict, "gates": gates, "backtest": fit.figures,
        "pairs": len(found.pairs), "recommendations": len(found.recommendations),
    }  # fmt: skip
    if pairs:
        told["best_pairs"] = {level: found.best_pairs(level) for level in ("category", "product")}
    if customer is not None:
        told["customer"] = {"id": customer, "list": found.of(customer)}
    return told


def _show(told: dict[str, Any], customer: str | None, *, pairs: bool) -> None:
    from rich.console import Console

    console = Console()
    text = mark("%(customers)s customers, %(baskets)s baskets, %(lines)s lines up to %(day)s.")
    numbers = {name: number(told[name]) for name in ("customers", "baskets", "lines")}
    console.print(say(text, day=told["as_of"], **numbers))
    _show_gates(console, told)
    if told["backtest"]:
        console.print(_backtest_table(told))
    if pairs:
        for level, rows in told["best_pairs"].items():
            console.print(_pairs_table(level, rows))
    if customer is not None and told["customer"]["list"]:
        console.print(_list_table(told["customer"]))
    if told["out"]:
        console.print(say(mark("Everything is in %(out)s."), out=told["out"]))


def _show_gates(console: Console, told: dict[str, Any]) -> None:
    words = {"buyers": mark("buyers"), "days": mark("days of facts"), "products": mark("products in enough baskets")}
    for gate in told["gates"]:
        if not gate["passed"]:
            text = mark("No predictions yet: it takes %(needed)s %(what)s, and there are %(found)s.")
            what = say(words[gate["name"]])
            said = say(text, needed=number(gate["needed"], 0), what=what, found=number(gate["found"], 0))
            console.print(said, style="yellow")


#: Rankings in words.
RANKINGS = {
    "popularity": mark("What everybody buys"),
    "often": mark("What the customer bought most often"),
    "buy-again": mark("What is due to be bought again"),
    "blend": mark("Everything weighed together"),
}


def _backtest_table(told: dict[str, Any]) -> Any:
    from rich.table import Table

    figures = told["backtest"]
    title = mark("Back-test: the last baskets of %(customers)s customers, held out; used: %(chosen)s")
    chosen = say(RANKINGS[told["model"]])
    table = Table(title=say(title, customers=number(figures["customers"]), chosen=chosen), title_justify="left")
    table.add_column(say(mark("Ranking")))
    table.add_column(say(mark("Hit rate of ten")), justify="right")
    table.add_column("NDCG@10", justify="right")
    for name, text in RANKINGS.items():
        if name in figures:
            table.add_row(say(text), *(_range(figures[name][one]) for one in ("hit_rate", "ndcg")))
    return table


def _range(figure: dict[str, float]) -> str:
    return f"{number(figure['value'], 3)} ({number(figure['low'], 3)}–{number(figure['high'], 3)})"


def _pairs_table(level: str, rows: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    title = mark("Categories bought together") if level == "category" else mark("Products bought together")
    table = Table(title=say(title), title_justify="left")
    for text in (mark("This"), mark("and that")):
        table.add_column(say(text))
    for text in (mark("Baskets"), mark("Support"), mark("Confidence"), mark("Lift, shrunk (95 %)")):
        table.add_column(say(text), justify="right")
    for row in rows:
        lift = f"{number(row['lift_shrunk'], 2)} ({number(row['lift_low'], 2)}–{number(row['lift_high'], 2)})"
        shares = (percent(row["support"], 3), f"{percent(row['confidence'])} / {percent(row['confidence_back'])}")
        names = (escape(row["product_a"]), escape(row["product_b"]))
        table.add_row(*names, number(row["count"]), *shares, lift)
    return table


def _list_table(customer: dict[str, Any]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=say(mark("Customer %(customer)s"), customer=customer["id"]), title_justify="left")
    table.add_column("#", justify="right")
    for text in (mark("Product"), mark("Kind")):
        table.add_column(say(text))
    table.add_column(say(mark("Chance")), justify="right")
    table.add_column(say(mark("Reason")))
    for row in customer["list"]:
        product = f"{escape(row['product_id'])} [dim]{escape(row['category'] or '')}[/]"
        table.add_row(str(row["rank"]), product, say(KINDS[row["kind"]]), percent(row["score"]), escape(row["text"]))
    return table


#: Kinds of recommendations in words.
KINDS = {
    "buy-again": mark("buy again"),
    "cross-sell": mark("goes with it"),
    "up-sell": mark("step up"),
    "popular": mark("popular"),
}
