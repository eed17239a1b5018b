"""DuckDB and Spark give the same spans, row for row."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import tenure as tn
from oracle.compare import assert_case
from oracle.lakes import bring, lake_with, model_ids, spans_in
from oracle.random_cases import random_cases
from oracle.random_people import random_shop
from oracle.random_rules import stages_of
from oracle.strategies import PEOPLE, START, customer_table, instant, tables
from refreshes import stages_only
from tenure.facts.importing import import_files
from tenure.lifecycle.model_file import read
from tenure.practices.samples import SAMPLES
from tenure.refreshing.blocks import EvaluationRequest, evaluate_here
from tenure.refreshing.models import features_of, scorecard_models
from tenure.refreshing.spark import evaluate_on_spark
from tenure.value.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tenure.refreshing.report import RefreshReport

pytestmark = [
    pytest.mark.needs("spark"),
    # PySpark leaves the sockets to its own Java process to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

SHOP = SAMPLES["complete-journey"]
END = SHOP.as_of


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tn.Lake:
    """Return a lake with a supermarket's year."""
    folder = tmp_path_factory.mktemp("spark")
    lake = tn.Lake.create(folder / "lake", tz=SHOP.tz, currency=SHOP.currency)
    for file in SHOP.files(folder / "files"):
        import_files(lake, [file.path], as_=file.as_, mapping=dict(file.mapping))
    return lake


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> tn.Lake:
    """Return a lake in which a few people have facts of every kind that shipped models read."""
    lake = tn.Lake.create(tmp_path_factory.mktemp("village") / "lake", tz="Europe/Berlin")
    rows: list[tuple[str, dict[str, Any]]] = []
    for number, who in enumerate((*PEOPLE, "客户", "O'Neil", 'a"b')):
        rows += _life_of(who, number)
    for name, table in tables(rows).items():
        lake.append_facts(name, table)
    people = customer_table(
        [{"customer_id": who, "created_on": START, "seen_at": instant(0, 0, 0, 0)} for who in ("ann", "new")]
    )
    lake.write("customers", people)
    return lake


def _life_of(who: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    kinds = (
        "first_contact",
        "view",
        "register",
        "cart",
        "quote",
        "use",
        "lesson",
        "completion",
        "commitment",
        "referral",
    )
    rows: list[tuple[str, dict[str, Any]]] = [
        ("interactions", {"at": instant(3 * n + number, 22, 30, n), "kind": kind, "category": f"c{n % 3}"})
        for n, kind in enumerate(kinds)
    ]
    for n in range(4 + number):
        order = {"order_id": f"{who}{n}", "status": "sale", "amount": n + 10, "cost": n, "referrer_id": PEOPLE[n % 3]}
        line = {
            "order_id": f"{who}{n}",
            "product_id": f"p{n % 2}",
            "category": f"c{n % 3}",
            "quantity": 1,
            "amount": n + 10,
        }
        at = instant(40 + n * (9 + number * 4), 23, 0, n)
        rows += [("orders", {"at": at, **order}), ("order_lines", {"at": at, **line})]
    return [
        (table, {"customer_id": who, **row})
        for table, row in [
            *rows,
            ("feedback", {"at": instant(60, 9, 0, 0), "measure": "csat", "score": 5 - number % 4}),
            ("cases", {"at": instant(70, 9, 0, 0), "case_id": who, "kind": "complaint", "event": "opened"}),
            ("cases", {"at": instant(75, 9, 0, 0), "case_id": who, "kind": "complaint", "event": "closed"}),
            ("costs", {"at": instant(41, 9, 0, 0), "amount": 3}),
            ("volumes", {"at": instant(50, 9, 0, 0), "amount": 100}),
            ("volumes", {"at": instant(150, 9, 0, 0), "amount": 100}),
            ("balances", {"at": instant(200, 9, 0, 0), "receivable": 10 * (number % 2), "payable": 0}),
            ("contracts", {"at": instant(45, 9, 0, 0), "contract_id": who, "event": "started"}),
            ("contracts", {"at": instant(300, 9, 0, 0), "contract_id": who, "event": "cancelled"}),
            ("overrides", {"at": instant(90, 9, 0, 0), "model": "retail-activity", "stage": "lost", "reason": "moved"}),
        ]
    ]


def _results(lake: tn.Lake) -> dict[str, list[dict[str, Any]]]:
    con = lake.connect()
    found = {}
    for name, order in (
        ("spans", "model, customer_id, entered_on, passed_through DESC, stage"),
        ("doubts", "model, customer_id, entered_on, stage"),
        ("arrivals", "model, customer_id"),
        ("scorecard", "customer_id"),
    ):
        rows = con.execute(f"SELECT * EXCLUDE (generation, number) FROM {name} ORDER BY {order}").to_arrow_table()
        found[name] = rows.to_pylist()
    return found


def _refreshed_twice(
    lake: tn.Lake, as_of: date, tmp_path: Path, refresh: Callable[..., RefreshReport]
) -> tuple[Any, Any, set[str]]:
    """Refresh with each engine in a lake of its own, so that none finds the results of another or of another test."""
    ours, theirs = (tn.Lake.open(shutil.copytree(lake.path, tmp_path / name)) for name in ("ours", "theirs"))
    report = refresh(ours, as_of=as_of)
    refresh(theirs, as_of=as_of, engine="spark")
    return _results(ours), _results(theirs), {model.id for model in report.models if not model.missing}


def _compared(duckdb: Any, spark: Any) -> None:
    assert len(spark["spans"]) == len(duckdb["spans"])
    for ours, theirs in zip(duckdb["spans"], spark["spans"], strict=True):
        assert theirs == ours
    assert spark["doubts"] == duckdb["doubts"]
    assert len(duckdb["doubts"]) > 10
    assert spark["arrivals"] == duckdb["arrivals"]
    assert spark["scorecard"] == duckdb["scorecard"]


def test_every_models_spans_are_the_same_row_for_row(shop: tn.Lake, tmp_path: Path) -> None:
    duckdb, spark, models = _refreshed_twice(shop, END, tmp_path, stages_only)
    # The tiers are scores, which a refresh of the stages alone does not make.
    assert {row["model"] for row in duckdb["spans"]} == models - {"tiers-3"} and len(models) >= 15
    _compared(duckdb, spark)


def test_every_feature_is_the_same_row_for_row(shop: tn.Lake) -> None:
    # Also those that only feed models; what is fitted on them is one table either way.
    request = EvaluationRequest((), features_of(scorecard_models()))
    here, there = (
        pa.concat_tables([block.features for block in engine(shop, request, END, "customer")])
        for engine in (evaluate_here, evaluate_on_spark)
    )
    assert len(here) > 2000
    assert there.sort_by("customer_id").to_pylist() == here.sort_by("customer_id").to_pylist()


def test_a_whole_refresh_gives_the_same_scorecard(village: tn.Lake, tmp_path: Path) -> None:
    duckdb, spark, models = _refreshed_twice(village, START + timedelta(days=500), tmp_path, tn.refresh)
    assert {row["model"] for row in duckdb["spans"]} == models and len(models) >= len(tn.models())
    _compared(duckdb, spark)


DATED = """
id: dated
enters: [order]
stages:
  - {id: gold, when: 'attribute(tier) = "gold" and score(deals) >= 5'}
  - {id: upper, when: percentile(score(deals)) > 0.5 and percentile(sum(order.amount)) > 0.5}
  - {id: below, when: "sum(order.amount) <= average(sum(order.amount), by tier)"}
  - {id: other, when: otherwise}
"""


def test_what_was_known_on_which_day_is_the_same(village: tn.Lake, tmp_path: Path) -> None:
    lake = tn.Lake.open(shutil.copytree(village.path, tmp_path / "dated"))
    for day, tier in ((20, "silver"), (250, "gold")):
        records = [
            {"customer_id": who, "attributes": f'{{"tier": "{tier}"}}', "valid_from": START + timedelta(days=day + n)}
            for n, who in enumerate((*PEOPLE, "客户"))
        ]
        lake.write("customers", customer_table([{**row, "seen_at": instant(300, 0, day % 60, 0)} for row in records]))
    refresh = partial(tn.refresh, models=[read(DATED)], scorecard=(Ranking(),))
    refresh(lake, as_of=START + timedelta(days=200))
    duckdb, spark, _ = _refreshed_twice(lake, START + timedelta(days=500), tmp_path, refresh)
    assert spark == duckdb
    assert {row["stage"] for row in duckdb["spans"]} == {"gold", "upper", "below", "other"}


def test_random_models_of_the_whole_language_are_the_same_and_the_oracles(tmp_path: Path) -> None:
    people = random_shop(10, stages_of(10), ("ann", "bob", "eve", "fay"), ties=False, records=True)
    cases = random_cases(10, 29, ("score(churn)", "population"), people)
    lake = lake_with(cases, tmp_path)
    bring(lake, people.rows, tmp_path / "files")
    staged = partial(stages_only, models=model_ids(cases))
    duckdb, spark, models = _refreshed_twice(lake, people.as_of, tmp_path, staged)
    assert models == set(model_ids(cases))
    _compared(duckdb, spark)
    for case in cases:
        assert_case(case, spans_in(tn.Lake.open(tmp_path / "ours"), case))
