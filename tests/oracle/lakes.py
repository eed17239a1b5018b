"""Lakes with a random shop in them: its rows as CSV files, its models as files, its spans read back."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import yaml

from oracle.random_rules import NAMED_DATES, OTHER_MODEL
from oracle.strategies import tables
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from oracle.random_cases import RandomCase
    from oracle.random_people import Row, Shop


def lake_with(cases: Sequence[RandomCase], folder: Path) -> Lake:
    """Return a lake without facts, with the models of some cases about one shop."""
    shop = cases[0].shop
    lake = Lake.create(folder / "lake", tz=shop.tz)
    lake.save_settings(named_dates=NAMED_DATES)
    for mapping in (OTHER_MODEL | {"needs": []}, *(case.mapping for case in cases)):
        path = lake.path / "models" / f"{mapping['id']}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(mapping, allow_unicode=True, sort_keys=False), encoding="utf-8")
    if shop.customers is not None:
        lake.write("customers", shop.customers)
    return lake


def model_ids(cases: Sequence[RandomCase]) -> list[str]:
    return [OTHER_MODEL["id"], *(case.mapping["id"] for case in cases)]


def bring(lake: Lake, rows: Iterable[Row], folder: Path) -> None:
    """Import rows from CSV files, a file a table; what persons decided is no file's business."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    folder.mkdir()
    for table, several in by_table.items():
        if table == "overrides":
            lake.append_facts(table, tables([(table, row) for row in several])[table])
            continue
        path = folder / f"{table}.csv"
        names = list(dict.fromkeys(name for row in several for name in row))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(several)
        report = import_files(lake, [path], as_=table, mapping={name: name for name in names})
        assert report.quarantined == 0, (table, report)


def spans_in(lake: Lake, case: RandomCase) -> pa.Table:
    """Return a case's spans as a lake has them, in the order of the oracle's."""
    path = list(case.mapping.get("path") or [stage["id"] for stage in case.mapping["stages"]])
    sql = (
        "SELECT customer_id, stage, entered_on, left_on, passed_through, next_stage, next_change_on FROM spans"
        " WHERE model = $model ORDER BY customer_id, entered_on, NOT passed_through, list_position($path, stage)"
    )
    return lake.connect().execute(sql, {"model": case.mapping["id"], "path": path}).to_arrow_table()


def rows_between(shop: Shop, after: date | None, until: date) -> list[Row]:
    """Return the rows of the local days after one, up to another."""
    place = ZoneInfo(shop.tz)
    return [
        (table, row)
        for table, row in shop.rows
        if (day := row["at"].astimezone(place).date()) <= until and (after is None or day > after)
    ]
