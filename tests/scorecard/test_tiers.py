"""The product has one tier system: a customer's stage in the tiers model is the tier that the scorecard says."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from scorecard.shop import LAST, lake_of
from tenure.facts.frames import completed
from tenure.facts.lake import Lake
from tenure.facts.schema import BATCHES
from tenure.lifecycle.statistics import STAGE_COUNTS
from tenure.refreshing.run import refresh
from tenure.scorecard.model import Options

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

MODELS = ["retail-activity", "tiers-3"]
OPTIONS = Options(buyers=100)
TIERS = {"high", "middle", "low"}


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = lake_of(tmp_path_factory.mktemp("tiers") / "lake", 150)
    refresh(lake, LAST, MODELS, options=OPTIONS)
    return lake.path


@pytest.fixture
def lake(refreshed: Path, tmp_path: Path) -> Lake:
    shutil.copytree(refreshed, tmp_path / "lake")
    return Lake.open(tmp_path / "lake")


def buy(lake: Lake, customer: str, amount: float, day: date) -> None:
    at = datetime.combine(day, time(4), UTC)
    row = {"fact_id": f"{customer}-{amount}", "customer_id": customer, "at": at, "amount": amount, "status": "sale",
           "order_id": f"{customer}-{amount}", "source": "shop", "batch_id": f"b-{customer}-{amount}"}  # fmt: skip
    lake.append_facts("orders", completed("orders", pa.Table.from_pylist([row])))
    batch = {"batch_id": row["batch_id"], "table": "orders", "at": datetime.now(UTC)}
    lake.write("batches", pa.Table.from_pylist([batch], schema=BATCHES))


def tiers(lake: Lake) -> dict[str, str]:
    rows = lake.connect().execute("SELECT customer_id, tier FROM scorecard WHERE tier IS NOT NULL").fetchall()
    return dict(rows)


def stages(lake: Lake) -> dict[str, str]:
    sql = "SELECT customer_id, stage FROM spans WHERE model = 'tiers-3' AND left_on IS NULL"
    rows = lake.connect().execute(sql).fetchall()
    assert len(rows) == len(dict(rows)), "one stage each"
    return dict(rows)


def worst(lake: Lake) -> str:
    sql = "SELECT customer_id FROM scorecard WHERE tier = 'low' ORDER BY amount, customer_id LIMIT 1"
    return str(lake.connect().execute(sql).fetchall()[0][0])


def test_a_full_refresh_puts_everybody_into_their_tier_from_its_day_on(lake: Lake) -> None:
    assert stages(lake) == tiers(lake)
    assert set(stages(lake).values()) == TIERS
    days = lake.connect().execute("SELECT DISTINCT entered_on FROM spans WHERE model = 'tiers-3'").fetchall()
    assert len(days) == 1, "no tier is known before it was published"


def test_the_board_counts_the_scorecards_tiers(lake: Lake) -> None:
    counted = lake.connect().execute(STAGE_COUNTS, {"model": "tiers-3", "day": LAST}).fetchall()
    expected: dict[str, int] = {}
    for tier in tiers(lake).values():
        expected[tier] = expected.get(tier, 0) + 1
    assert {stage: people for stage, people, *_ in counted} == expected


@pytest.mark.parametrize("days_later", [0, 1, 20])
def test_after_new_orders_a_refresh_of_the_changed_agrees_for_everybody(lake: Lake, days_later: int) -> None:
    """On the same day whoever was overtaken changes tier, too, though nothing happened to them."""
    before, day = tiers(lake), LAST + timedelta(days=days_later)
    for rank in range(5):
        customer = worst(lake) if rank == 0 else sorted(before)[rank]
        buy(lake, customer, 50_000 + rank, day)
    refresh(lake, day, MODELS, options=OPTIONS, only_changed=True)
    assert tiers(lake) != before
    assert stages(lake) == tiers(lake)


def test_a_refresh_of_the_tiers_alone_agrees(lake: Lake) -> None:
    buy(lake, worst(lake), 50_000, LAST)
    refresh(lake, LAST, ["tiers-3"], options=OPTIONS)
    assert stages(lake) == tiers(lake)


def test_single_customers_who_are_restaged_agree(lake: Lake) -> None:
    customer = worst(lake)
    refresh(lake, models=MODELS, options=OPTIONS, customers=[customer, sorted(tiers(lake))[0]])
    assert stages(lake) == tiers(lake)


def test_a_move_between_tiers_is_dated_from_the_refresh_that_found_it(lake: Lake) -> None:
    customer, later = worst(lake), LAST + timedelta(days=10)
    buy(lake, customer, 50_000, LAST + timedelta(days=1))
    refresh(lake, later, MODELS, options=OPTIONS)
    sql = "SELECT stage, entered_on, left_on FROM spans WHERE model = 'tiers-3' AND customer_id = ? ORDER BY 2"
    history = lake.connect().execute(sql, [customer]).fetchall()
    assert history[-1] == (tiers(lake)[customer], later, None)
    assert history[0] == ("low", LAST, later)
