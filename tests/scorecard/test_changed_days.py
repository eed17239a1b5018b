"""Thirty days of `--changed` give what one full refresh with the same fits gives."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from refreshes import numbers_agree
from scorecard.shop import rows
from tenure.facts.frames import completed
from tenure.facts.lake import Lake
from tenure.facts.schema import BATCHES
from tenure.refreshing.draft import LakeDraft
from tenure.refreshing.models import columns, scorecard_models
from tenure.refreshing.planning import plan_of
from tenure.refreshing.report import RefreshReport
from tenure.refreshing.run import refresh
from tenure.refreshing.work import Work
from tenure.scorecard import registry
from tenure.scorecard.model import Options

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ["retail-activity", "crm-5", "relationship-4"]
STRICT = Options(strict=True, buyers=200)
FIRST, LAST = date(2025, 1, 29), date(2025, 2, 28)
#: Tiers are made of lifetime value, which is fitted; all other ranks follow from facts alone.
RANKS = ("rfm_r", "rfm_f", "rfm_m", "rfm", "rfm_group", "abc_sales", "abc_profit", "top_fifth", "loyalty")


def appended(lake: Lake, facts: dict[str, list[dict[str, Any]]], day: date) -> None:
    """Append the facts that reach the shop on a day, in a batch of its own as an import does."""
    batch = f"b{day.isoformat()}"
    for name, some in facts.items():
        if some:
            lake.append_facts(name, completed(name, pa.Table.from_pylist([{**row, "batch_id": batch} for row in some])))
    row = {"batch_id": batch, "table": "orders", "at": datetime.now(UTC)}
    lake.write("batches", pa.Table.from_pylist([row], schema=BATCHES))


def by_day(late: float = 0.1) -> dict[date, dict[str, list[dict[str, Any]]]]:
    """Return the shop's facts by the day on which they arrive; some are a few days late."""
    rng = np.random.default_rng(9)
    arrivals: dict[date, dict[str, list[dict[str, Any]]]] = {}
    for name, some in rows(260).items():
        for place, row in enumerate(some):
            day = row["at"].date()  # type: ignore[attr-defined]
            if rng.random() < late:
                day += timedelta(days=int(rng.integers(1, 9)))
            day = min(max(day, FIRST), LAST)
            fact = {**row, "fact_id": f"{name}-{place}", "source": "shop"}
            arrivals.setdefault(day, {}).setdefault(name, []).append(fact)
    return arrivals


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = Lake.create(tmp_path_factory.mktemp("days") / "lake", tz="Asia/Shanghai")
    arrivals = by_day()
    appended(lake, arrivals.pop(FIRST), FIRST)
    refresh(lake, FIRST, MODELS, options=STRICT)
    for day in (FIRST + timedelta(days=n) for n in range(1, 31)):
        appended(lake, arrivals.get(day, {}), day)
        report = refresh(lake, day, MODELS, options=STRICT, only_changed=True)
        assert (report.mode, report.fitted_on) == ("touched", FIRST)
    return lake.path


def spans_and_doubts(lake: Lake) -> list[list[tuple[Any, ...]]]:
    sql = "SELECT * EXCLUDE (generation, number) FROM {} ORDER BY ALL"
    return [lake.connect().execute(sql.format(table)).fetchall() for table in ("spans", "doubts")]


def scorecard(lake: Lake) -> pa.Table:
    return (
        lake.connect()
        .execute("SELECT * EXCLUDE (generation, number) FROM scorecard ORDER BY customer_id")
        .to_arrow_table()
    )


def full_with_the_same_fits(lake: Lake) -> pa.Table:
    """Return what a full refresh scores with the fits that are stored; ranks follow from everybody."""
    plan = plan_of(lake, LAST, MODELS, scorecard_models(), engine="duckdb", customers=None, only_changed=False)
    report = RefreshReport(99, LAST, "duckdb", "full", None, models=plan.reports)  # type: ignore[arg-type]
    work = Work(lake, plan, report, LakeDraft(lake), STRICT, lambda _text, _share: None)
    result = work.score_everybody(work.evaluate_everybody(), registry.latest(lake))
    work.draft.discard()
    return result.table.sort_by("customer_id")


def test_thirty_days_of_changes_are_one_full_refresh(replayed: Path, tmp_path: Path) -> None:
    lake = Lake.open(replayed)
    day_by_day, scored = spans_and_doubts(lake), scorecard(lake)
    assert all(len(rows) > 100 for rows in day_by_day)
    assert numbers_agree(lake)
    expected = full_with_the_same_fits(lake)
    for name in columns().names:
        assert scored.column(name).to_pylist() == expected.column(name).to_pylist(), name
    other = Lake.open(shutil.copytree(replayed, tmp_path / "other"))
    refresh(other, LAST, MODELS, options=STRICT)
    assert spans_and_doubts(other) == day_by_day
    whole = scorecard(other)
    for name in (*RANKS, "amount", "orders", "profit", "frequency", "gap_median"):
        assert whole.column(name).to_pylist() == scored.column(name).to_pylist(), name


def test_who_is_overtaken_on_the_same_day_gets_another_rank(replayed: Path, tmp_path: Path) -> None:
    lake = Lake.open(shutil.copytree(replayed, tmp_path / "lake"))
    before = {row["customer_id"]: row for row in scorecard(lake).to_pylist()}
    poor = [who for who, row in before.items() if row["top_fifth"] is False][:12]
    at = rows(1)["orders"][0]["at"]
    facts = [
        {"fact_id": f"late-{who}", "source": "shop", "customer_id": who, "at": at, "order_id": f"L{who}",
         "amount": 90_000.0, "status": "sale"} for who in poor
    ]  # fmt: skip
    appended(lake, {"orders": facts}, LAST + timedelta(days=1))
    refresh(lake, LAST, MODELS, options=STRICT, only_changed=True)
    after = {row["customer_id"]: row for row in scorecard(lake).to_pylist()}
    assert all(after[who]["top_fifth"] for who in poor)
    buyers = sum(row["orders"] > 0 for row in after.values())
    assert sum(bool(row["top_fifth"]) for row in after.values()) == -(-buyers // 5)
    expected = full_with_the_same_fits(lake)
    for name in (*RANKS, "tier", "decision", "decision_plan", "churn"):
        assert [after[who][name] for who in sorted(after)] == expected.column(name).to_pylist(), name
