"""What a snapshot holds of one shop: the lake's tables, what the command line prints, what the pages export.

Left out, since no two runs agree on it: generations, instants of imports and refreshes, batch ids, versions of Delta
tables and of the program, and paths of this machine.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pyarrow as pa

from snapshot_rendering import LANGUAGES, TEXTS, leaves, rendered
from snapshot_sheets import Sheet, sheet_of, sheet_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from snapshot_shops import Shop
    from tenure.facts.lake import Lake

#: Columns that differ from run to run.
VOLATILE = {
    "generation", "number", "batch_id", "fitted_at", "started_at", "finished_at", "committed_at", "seen_at",
    "first_seen_at", "facts", "seconds", "merge_id", "history",
}  # fmt: skip
#: Tables of which `at` is the moment of the import.
STAMPED = {"batches", "quarantine", "identities", "replaced"}
KEYS = {
    "spans": ("customer_id", "entered_on", "stage", "passed_through"),
    "doubts": ("model", "customer_id", "entered_on", "stage"),
    "arrivals": ("model", "customer_id"),
    "warnings": ("customer_id", "signal"),
    "recommendations": ("customer_id", "rank"),
    "pairs": ("level", "product_a", "product_b"),
    "batches": ("table", "file"),
    "quarantine": ("table", "row", "column"),
    "replaced": ("table", "fact_id"),
    "identities": ("customer_id",),
    "spellings": ("key",),
}
DOCUMENTS = {"reports", "fits", "refreshes"}
#: Models whose every export is looked at: with and without stepwise paths, of products, of contracts, with many stages.
#: The others' economics stand in the reports.
EXPORTED = ("retail-activity", "relationship-4", "product-life-cycle", "seven-periods", "telecom-5", "tiers-3")
#: From this many rows on a table of facts is written as totals by column.
LARGE = 50_000


def make(shop: Shop, folder: Path) -> Path:
    """Bring a shop into a lake through the command line and refresh it; return the lake's folder."""
    from tenure.facts.lake import Lake

    path = folder / "lake"
    Lake.create(path, tz=shop.tz, currency=shop.currency, business=shop.name)
    if shop.options:
        (path / "options.json").write_text(json.dumps(dict(shop.options)), encoding="utf-8")
    for file in shop.files(folder / "files"):
        pairs = [f"--map={name}={column}" for name, column in file.mapping.items()]
        tenure("import", file.path, "--lake", path, "--as", file.kind, "--source", "shop", *pairs)
    if shop.name == "b2b":
        tenure("customers", "merge", "B0000", "B0001", "--lake", path)
    tenure("refresh", "--lake", path, "--as-of", shop.as_of.isoformat())
    return path


def tenure(*arguments: object, language: str = "en") -> str:
    """Run the command line in this process and return what it prints."""
    from tenure.cli import main

    before, out = sys.argv, io.StringIO()
    sys.argv, os.environ["TENURE_LANG"] = ["tenure", *map(str, arguments)], language
    problems = io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(problems):
            main()
    except SystemExit as left:
        if left.code:
            raise RuntimeError(f"tenure {' '.join(map(str, arguments))}: {problems.getvalue()}") from left
    finally:
        sys.argv = before
    return out.getvalue()


# The lake


def lake_sheets(lake: Lake) -> Iterator[Sheet]:
    """Yield the lake's tables; spans by model, texts as a reader sees them."""
    connection = lake.connect()
    found = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1").fetchall()
    for (name,) in found:
        if name == "spans":
            models = connection.execute("SELECT DISTINCT model FROM spans ORDER BY 1").fetchall()
            for (model,) in models:
                yield _table(connection, "spans", f"spans/{model}", f"WHERE model = '{model}'")
        elif name in DOCUMENTS:
            yield from _documents(connection, name)
        elif name not in KEYS and sum(file.rows for file in lake.files(name)) > LARGE:
            yield _totals(connection, name)
        else:
            yield _table(connection, name, f"lake/{name}")


def _table(connection: Any, table: str, name: str, where: str = "") -> Sheet:
    # A span's reason lies in three columns; a reader sees one sentence.
    reason = "* EXCLUDE (reason, reason_values), json_array(reason, reason_values, cannot_judge)::VARCHAR AS because"
    shown = reason if table == "spans" else "*"
    read = connection.execute(f'SELECT {shown} FROM "{table}" {where}').to_arrow_table()
    columns: dict[str, list[Any]] = {}
    for column in read.column_names:
        if column in VOLATILE or (column == "at" and table in STAMPED) or (table == "spans" and column == "model"):
            continue
        days = read.schema.field(column).type == pa.date32()
        values = (read.column(column).cast(pa.string()) if days else read.column(column)).to_pylist()
        if (table, column) in TEXTS:
            texts = {value: rendered(table, column, value) for value in set(values)}
            for part in TEXTS[table, column]:
                columns[f"{column}.{part}"] = [texts[value][part] for value in values]
        else:
            columns[column] = values
    usual = ("fact_id",) if "fact_id" in columns else ("customer_id",)
    return sheet_of(name, KEYS.get(table, usual), columns)


def _totals(connection: Any, name: str) -> Sheet:
    """Return a large table of facts by column: filled and different cells, the sum of numbers, smallest and largest."""
    rows = []
    for column, kind, *_ in connection.execute(f'DESCRIBE SELECT * FROM "{name}"').fetchall():
        if column in VOLATILE:
            continue
        total = f'sum("{column}")::VARCHAR' if kind.startswith(("DECIMAL", "DOUBLE", "BIGINT")) else "NULL"
        ends = f'min("{column}")::VARCHAR, max("{column}")::VARCHAR'
        sql = f'count("{column}"), count(DISTINCT "{column}"), {total}, {ends}'
        rows.append((column, *connection.execute(f'SELECT {sql} FROM "{name}"').fetchone()))
    heads = ("column", "filled", "different", "sum", "smallest", "largest")
    return sheet_of(f"lake/{name}-totals", ["column"], dict(zip(heads, zip(*rows, strict=True), strict=True)))


def _documents(connection: Any, table: str) -> Iterator[Sheet]:
    from tenure.words import loads

    newest = f'(SELECT max(generation) FROM "{table}")'

    read = connection.execute(f'SELECT * FROM "{table}" WHERE generation = {newest}').to_arrow_table()
    for row in read.to_pylist():
        kept = {name: value for name, value in row.items() if name not in VOLATILE}
        for name in ("body", "options", "models"):
            if isinstance(kept.get(name), str):
                kept[name] = loads(kept[name])
        for name in ("tenure", "format"):
            kept.get("options", {}).pop(name, None)
        yield document(f"{table}/{row.get('name') or row.get('part') or 'newest'}", kept)


def document(name: str, body: Any) -> Sheet:
    """Return a JSON document as a sheet of paths and values."""
    found = leaves(body)
    return sheet_of(name, ["path"], {"path": list(found), "value": list(found.values())})


# The command line


def cli_sheets(lake: Lake, shop: Shop, folder: Path) -> Iterator[Sheet]:
    """Yield what each command says as JSON, and the tables it writes."""
    at, out = ("--lake", lake.path), folder / "out.csv"
    picked = _picked(lake)
    commands: dict[str, tuple[object, ...]] = {
        "models": ("models", "list", *at),
        "value": ("value", *at),
        "risk": ("risk", *at, "--top", 50, "--out", out),
        "completeness": ("customers", "completeness", *at),
        "duplicates": ("customers", "duplicates", *at),
        "merges": ("customers", "merges", *at),
        "quarantine": ("quarantine", "list", *at),
        **{f"model-{model}": ("models", "show", model, *at) for model in picked["models"]},
        **{f"economics-{model}": ("economics", *at, "--model", model) for model in EXPORTED},
    }
    if lake.has("order_lines"):
        commands["recommend"] = ("recommend", *at, "--out", out)
        commands["recommend-pairs"] = ("recommend", *at, "--pairs", "--out", out)
    for place, customer in enumerate(picked["customers"]):
        commands[f"risk-{place}"] = ("risk", *at, "--customer", customer)
        # Without a refresh every list is worked out anew, which takes minutes in a large shop.
        if 0 < sum(file.rows for file in lake.files("order_lines")) < LARGE:
            commands[f"recommend-{place}"] = ("recommend", *at, "--customer", customer)
    orders = next(file for file in shop.files(folder / "files") if file.kind in ("orders", "baskets"))
    if orders.kind == "orders":
        pairs = [f"--map={name}={column}" for name, column in orders.mapping.items()]
        day = ("--as-of", shop.as_of.isoformat())
        commands["stages"] = ("stages", orders.path, *pairs, "--tz", shop.tz, *day, "--out", out)
        commands["value-of-a-file"] = ("value", orders.path, *pairs, "--tz", shop.tz, "--out", out)
    yield from _said(commands, out, folder)


def _said(commands: Mapping[str, tuple[object, ...]], out: Path, folder: Path) -> Iterator[Sheet]:
    for name, command in commands.items():
        for short in LANGUAGES:
            if short != "en" and not name.startswith(("risk", "recommend-", "quarantine")):
                continue
            out.unlink(missing_ok=True)
            try:
                said = tenure(*command, "--json", language=short).replace(str(folder), "<folder>")
            except RuntimeError as refused:  # a refusal is an answer too, such as a model without stages here
                said = json.dumps({"refused": str(refused).rpartition(": ")[2].replace(str(folder), "<folder>")})
            yield document(f"cli/{name}.{short}", _settled(json.loads(said)))
            if out.exists() and short == "en":
                heads, *rows = csv.reader(io.StringIO(out.read_text("utf-8-sig")))
                yield sheet_of_file(f"cli/{name}.out", heads, rows)


def _settled(body: Any) -> Any:
    """Return a document without what differs from run to run."""
    if isinstance(body, list):
        return [_settled(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {name: _settled(value) for name, value in body.items() if name not in VOLATILE | {"at", "merged_at", "key"}}


def _picked(lake: Lake) -> dict[str, list[str]]:
    """Return the models that staged anybody, and three customers: of the most and of the fewest orders, and between."""
    connection = lake.connect(("spans", "scorecard"))
    models = connection.execute("SELECT DISTINCT model FROM spans ORDER BY 1").fetchall()
    people = connection.execute("SELECT customer_id FROM scorecard ORDER BY orders DESC, customer_id").fetchall()
    chosen = [people[0][0], people[len(people) // 2][0], people[-1][0]]
    return {"models": [name for (name,) in models], "customers": chosen}


# The pages


def web_sheets(lake: Lake, as_of: date) -> Iterator[Sheet]:
    """Yield every table that the pages export, in both languages."""
    client = _client()
    for name, address in _exports(lake):
        for short, language in LANGUAGES.items():
            client.cookies["tenure_language"] = language
            response = client.get(address)
            body = b"".join(response) if response.streaming else response.content
            kind = response.headers.get("Content-Type", "")
            if response.status_code != 200 or "html" in kind:  # nothing to export is worth knowing as well
                yield document(f"web/{name}.{short}", {"status": response.status_code, "kind": kind})
            elif "csv" in kind:
                heads, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
                yield sheet_of_file(f"web/{name}.{short}", heads, rows)
            else:
                yield from _workbook(f"web/{name}.{short}", body)


def _client() -> Any:
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client
    from django.test.utils import setup_test_environment

    setup_test_environment()
    # Files of the browser are found where they lie: nothing is collected for an export.
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.TENURE_TOKEN_SHA256 = hashlib.sha256(b"snapshot").hexdigest()
    call_command("migrate", verbosity=0)
    client = Client()
    client.get("/", {"token": "snapshot"})
    return client


#: Exports that need no more than the page's name: page, what is exported, and what else the address says.
_PAGES: tuple[tuple[str, str, dict[str, str]], ...] = (
    *(("value", f"{table}.csv", {}) for table in ("best", "curve", "groups", "rfm", "policy", "old", "old-days",
                                                  "stickiness", "cohorts", "life", "cycle", "profile")),
    *(("value", f"{table}.csv", {"by": "profit"}) for table in ("best", "curve")),
    ("value", "cohorts.csv", {"cohort": "sales"}),
    ("value/report", "xlsx", {}),
    *(("predictions", f"{table}.csv", {}) for table in ("models", "calibration", "after", "tracking", "reliability",
                                                        "deciles", "gain")),
    *(("risk", kind, {}) for kind in ("csv", "xlsx", "signals.csv", "silence.csv")),
    *(("risk/decline", "csv", {"answer": answer}) for answer in ("yes", "cannot-judge", "industry", "no")),
    ("risk/settlement", "csv", {}),
    ("imports/quarantine", "", {}),
    ("lifecycle/families", "csv", {}),
    *(("products", "pairs.csv", {"level": level, **more}) for level in ("category", "product")
      for more in ({}, {"chance": "all"})),
    *(("products", f"{table}.csv", {}) for table in ("offers", "soon", "backtest")),
)  # fmt: skip
_ECONOMICS = ("stages", "matrix", "moves", "stay", "worth", "plans", "chosen", "budget", "decided")


def _exports(lake: Lake) -> Iterator[tuple[str, str]]:
    """Yield the name and the address of each export."""
    asked = list(_PAGES)
    for model in EXPORTED:
        more = {"model": model}
        asked += [("overview", f"{table}.csv", more) for table in ("trend", "flow", "next")]
        asked += [("lifecycle", "csv", more), ("economics/who", "csv", more)]
        asked += [("economics", f"{table}.csv", more) for table in _ECONOMICS]
    asked += [("customers", "", {"model": model}) for model in ("retail-activity", "relationship-4")]
    asked += [("economics", "stages.xlsx", {"model": EXPORTED[0]}), *_chosen(lake)]
    files = {"customers": "customers.csv", "imports/quarantine": "imports/quarantine/quarantine.csv"}
    for page, kind, more in asked:
        name = "-".join([page, *more.values(), *([kind] if kind else [])]).replace(" ", "_").replace("/", "-")
        query = urlencode({**more, **({"format": kind} if kind else {})})
        yield name, f"/{files.get(page, f'{page}/')}?{query}"


def _chosen(lake: Lake) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield exports of the most frequent moves, products and offers."""
    connection = lake.connect(("spans", "pairs", "recommendations"))
    moves = connection.execute(
        "SELECT a.model, a.stage, b.stage FROM spans a JOIN spans b ON a.model = b.model AND a.customer_id = "
        "b.customer_id AND a.left_on = b.entered_on WHERE a.model = 'retail-activity' GROUP BY ALL "
        "ORDER BY count(*) DESC, 1, 2, 3 LIMIT 3"
    ).fetchall()
    for model, source, target in moves:
        yield "economics/moves", "csv", {"model": model, "source": source, "target": target}
    if lake.has("pairs"):
        sql = "SELECT product_a FROM pairs WHERE level = 'product' GROUP BY 1 ORDER BY sum(count) DESC, 1 LIMIT 2"
        for (product,) in connection.execute(sql).fetchall():
            yield "products/product", "customers.csv", {"id": product}
            yield "products/product", "partners.csv", {"id": product}
            yield "products/product", "customers.csv", {"id": product, "bought": "1"}
    if lake.has("recommendations"):
        sql = (
            "SELECT reason::JSON->>'category', category FROM recommendations WHERE rising AND reason LIKE '%rising%' "
            "GROUP BY ALL ORDER BY count(*) DESC, 1, 2 LIMIT 2"
        )
        for trigger, partner in connection.execute(sql).fetchall():
            yield "products/offer", "customers.csv", {"trigger": trigger, "category": partner}


def _workbook(name: str, body: bytes) -> Iterator[Sheet]:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    for place, title in enumerate(book.sheet_names):
        rows = book.get_sheet_by_name(title).to_python()
        if rows:
            heads, *others = [["" if value is None else str(value) for value in row] for row in rows]
            yield sheet_of_file(f"{name}-{place}", heads, others)


def sheets(lake_folder: Path, shop: Shop, folder: Path, parts: Sequence[str]) -> Iterator[Sheet]:
    """Yield every sheet of a shop."""
    from tenure.facts.lake import Lake

    lake = Lake.open(lake_folder)
    if "lake" in parts:
        yield from lake_sheets(lake)
    if "cli" in parts:
        yield from cli_sheets(lake, shop, folder)
    if "web" in parts:
        yield from web_sheets(lake, shop.as_of)
