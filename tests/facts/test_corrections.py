"""Late and corrected facts: a row with a known number waits in quarantine, or takes the fact's place when it may."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from facts.files import HEADER, NOW, ROWS, orders, write
from refreshes import stages_only as refresh
from tenure.errors import MappingError
from tenure.facts.importing import ImportReport, import_files
from tenure.facts.lake import Lake
from tenure.facts.quarantine import rows_of

STATUS = (*HEADER, "订单状态")
SALE = ("A01", "2024-03-05 10:00:00", "12.50", "O1", "已完成")
CANCELLED = (*SALE[:4], "已取消")
DEARER = ("A01", "2024-03-05 10:00:00", "99.90", "O1", "已完成")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def brought(
    lake: Lake, name: str, *rows: tuple[str, ...], corrections: bool = False, now: datetime = NOW
) -> ImportReport:
    """Import rows as one file lying beside the lake."""
    path = orders(lake.path.parent / f"{name}.csv", *rows, header=STATUS)
    return import_files(lake, [path], now=now, corrections=corrections)


def figures(report: ImportReport) -> tuple[int, int, int, int]:
    """Return accepted, corrected, duplicates, quarantined; every row is one of them."""
    told = (report.accepted, report.corrected, report.duplicates, report.quarantined)
    assert sum(told) == sum(batch.rows for batch in report.batches)
    return told


def seen(lake: Lake) -> dict[str, tuple[str, str, str]]:
    """Return each order's customer, amount and status."""
    rows: list[dict[str, Any]] = lake.read("orders").to_pylist()
    assert len({row["fact_id"] for row in rows}) == len(rows)
    return {row["order_id"]: (row["customer_id"], f"{row['amount']:.2f}", row["status"]) for row in rows}


def test_a_cancellation_is_the_sale_s_own_fact_and_waits_until_it_may_correct(lake: Lake) -> None:
    brought(lake, "march", SALE)
    assert figures(brought(lake, "april", CANCELLED)) == (0, 0, 0, 1)
    assert rows_of(lake)[0]["reason"] == "conflicting-duplicate" and seen(lake)["O1"][2] == "sale"
    assert figures(brought(lake, "april", CANCELLED, corrections=True)) == (0, 1, 0, 0)
    assert seen(lake) == {"O1": ("A01", "12.50", "cancelled")}
    assert rows_of(lake) == [], "what the corrections settled waits no longer"
    (batch,) = (row for row in lake.read("batches").to_pylist() if row["corrected"])
    assert (batch["rows"], batch["accepted"], batch["corrected"]) == (1, 0, 1)
    (former,) = lake.read("replaced").to_pylist()
    assert (former["customer_id"], json.loads(former["was"])["status"]) == ("A01", "sale")
    assert figures(brought(lake, "april", CANCELLED, corrections=True)) == (0, 0, 1, 0)
    assert figures(brought(lake, "march", SALE, corrections=True)) == (0, 1, 0, 0), "it was imported without leave"


def test_within_one_file_the_later_row_waits_or_has_the_last_word(lake: Lake) -> None:
    rows = (SALE, CANCELLED, ("B02", "2024-03-07", "1.00", "O2", ""), DEARER, DEARER)
    assert figures(brought(lake, "a", *rows)) == (2, 0, 0, 3)
    assert [row["row"] for row in rows_of(lake)] == [3, 5, 6]
    assert seen(lake)["O1"] == ("A01", "12.50", "sale")
    other = Lake.create(lake.path.parent / "other")
    assert figures(brought(other, "a", *rows, corrections=True)) == (2, 2, 1, 0)
    assert seen(other) == {"O1": ("A01", "99.90", "sale"), "O2": ("B02", "1.00", "sale")}
    assert not other.has("replaced"), "no fact of the lake was replaced"


def test_refunds_stay_facts_of_their_own(lake: Lake) -> None:
    parts = [("A01", f"2024-03-1{day} 10:00:00", "-2.00", "O1", "退款") for day in (1, 2)]
    assert figures(brought(lake, "a", SALE, *parts)) == (3, 0, 0, 0)
    assert figures(brought(lake, "b", *parts, CANCELLED, corrections=True)) == (0, 1, 2, 0)
    statuses = sorted(row["status"] for row in lake.read("orders").to_pylist())
    assert statuses == ["cancelled", "refund", "refund"]


def test_what_a_correction_leaves_empty_or_does_not_bring_stays(lake: Lake, tmp_path: Path) -> None:
    full = write(tmp_path / "a.csv", "会员号,下单时间,实付金额,订单号,渠道,成本\nA01,2024-03-05,9,O1,门店,4\n")
    import_files(lake, [full], now=NOW)
    brought(lake, "b", CANCELLED, corrections=True)
    (row,) = lake.read("orders").to_pylist()
    assert (row["channel"], f"{row['cost']:.2f}", row["status"]) == ("门店", "4.00", "cancelled")
    bare = orders(tmp_path / "c.csv", ("A01", "2024-03-05 10:00:00", "12.50", "O1"))
    assert figures(import_files(lake, [bare], now=NOW)) == (0, 0, 1, 0), "a file without a status says nothing of it"
    dearer = orders(tmp_path / "d.csv", ("A01", "2024-03-05 10:00:00", "13", "O1"))
    assert figures(import_files(lake, [dearer], now=NOW, corrections=True)) == (0, 1, 0, 0)
    assert seen(lake)["O1"] == ("A01", "13.00", "cancelled")
    cost = write(tmp_path / "e.csv", full.read_text().replace("9,O1,门店,4", "13,O1,,5").replace("05", "05 10:00:00"))
    assert figures(import_files(lake, [cost], now=NOW)) == (0, 0, 0, 1), "what a file brings can contradict"


@pytest.mark.parametrize(
    ("table", "header", "row", "changed"),
    [
        (
            "order_lines",
            "fact_id,会员号,时间,订单号,商品编号,数量",
            "f1,A,2024-01-01,1,milk,1",
            "f1,A,2024-01-01,1,milk,2",
        ),
        ("interactions", "event_id,会员号,时间,行为", "f1,A,2024-01-01,浏览", "f1,A,2024-01-02,浏览"),
        ("feedback", "fact_id,会员号,时间,指标,评分", "f1,A,2024-01-01,nps,9", "f1,A,2024-01-01,nps,3"),
        ("cases", "会员号,时间,工单号,类型,事件", "A,2024-01-01,7,投诉,新建", "A,2024-01-01,7,咨询,新建"),
        (
            "contracts",
            "会员号,时间,合同号,事件,到期日",
            "A,2024-01-01,9,续费,2025-01-01",
            "A,2024-01-01,9,续费,2026-01-01",
        ),
        ("costs", "fact_id,会员号,时间,费用", "f1,A,2024-01-01,3", "f1,B,2024-01-01,3"),
    ],
)
def test_every_table_whose_rows_have_a_number_can_be_corrected(
    lake: Lake, tmp_path: Path, table: str, header: str, row: str, changed: str
) -> None:
    first, later = (write(tmp_path / f"{n}.csv", f"{header}\n{line}\n") for n, line in enumerate((row, changed)))
    mapping = {"fact_id": "fact_id"} if header.startswith("fact_id") else None
    import_files(lake, [first], as_=table, mapping=mapping, now=NOW)
    before = lake.read(table).to_pylist()
    assert figures(import_files(lake, [later], as_=table, mapping=mapping, now=NOW)) == (0, 0, 0, 1)
    done = import_files(lake, [later], as_=table, mapping=mapping, now=NOW, corrections=True)
    assert figures(done) == (0, 1, 0, 0)
    after = lake.read(table).to_pylist()
    assert len(after) == 1 and after != before and after[0]["fact_id"] == before[0]["fact_id"]


@pytest.mark.parametrize(
    ("as_", "told"), [("orders", "order_id=COLUMN"), ("costs", "fact_id="), ("baskets", "baskets")]
)
def test_rows_without_a_number_cannot_correct_and_are_told_so(lake: Lake, tmp_path: Path, as_: str, told: str) -> None:
    header = (*HEADER, "商品编号") if as_ == "baskets" else HEADER[:3]
    path = orders(tmp_path / "a.csv", (*ROWS[0], "milk")[: len(header)], header=header)
    with pytest.raises(MappingError, match=told):
        import_files(lake, [path], as_=as_, now=NOW, corrections=True)


def test_other_facts_of_the_rewritten_files_stay_as_they_were(lake: Lake, tmp_path: Path) -> None:
    rows = [(f"C{n % 40:02d}", f"2024-01-{1 + n % 28:02d}", f"{n}.00", f"K{n}", "") for n in range(400)]
    brought(lake, "a", *rows[:200])
    brought(lake, "b", *rows[200:])
    before = {row["order_id"]: row for row in lake.read("orders").to_pylist()}
    done = brought(
        lake, "c", ("C07", "2024-01-08", "0.50", "K7", ""), ("C99", "2024-02-02", "1", "new", ""), corrections=True
    )
    assert figures(done) == (1, 1, 0, 0)
    after = {row["order_id"]: row for row in lake.read("orders").to_pylist()}
    assert {name for name in after if after[name] != before.get(name)} == {"K7", "new"} and len(after) == 401
    assert after["K9"]["batch_id"] == before["K9"]["batch_id"] != after["K7"]["batch_id"]
    for file in lake.files("orders"):
        assert file.low is not None and file.low <= "C99"


def test_a_refresh_looks_again_at_both_customers_of_an_order_that_moved(lake: Lake) -> None:
    days = [("A01", "2024-03-05", "5", "O1", ""), ("B02", "2024-03-06", "5", "O2", "")]
    brought(lake, "a", *days, ("C03", "2024-01-06", "5", "O3", ""), ("A01", "2023-01-01", "5", "O0", ""))
    day = date(2024, 6, 30)
    refresh(lake, as_of=day, models=["retail-activity"])
    moved = (("C03", "2024-03-05", "5", "O1", ""), ("C03", "2024-03-06", "5", "O2", ""))
    brought(lake, "b", *moved, corrections=True, now=datetime.now(UTC))
    refresh(lake, as_of=day, models=["retail-activity"], only_changed=True)
    touched = _spans(lake)
    fresh = Lake.create(lake.path.parent / "fresh")
    brought(fresh, "c", *moved, ("C03", "2024-01-06", "5", "O3", ""), ("A01", "2023-01-01", "5", "O0", ""))
    refresh(fresh, as_of=day, models=["retail-activity"])
    assert touched == _spans(fresh)
    assert {row["mode"] for row in lake.read("refreshes").to_pylist()} == {"full", "touched"}


def _spans(lake: Lake) -> list[tuple[Any, ...]]:
    """Return everybody's spans and figures."""
    con = lake.connect(("spans", "scorecard"))
    found = con.execute("SELECT customer_id, stage, entered_on, left_on FROM spans ORDER BY ALL").fetchall()
    return [*found, *con.execute("SELECT customer_id, orders, amount FROM scorecard ORDER BY ALL").fetchall()]


_IMPORT = """
import sys, datetime
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
lake = Lake.open(sys.argv[1])
print("ready", flush=True)
import_files(lake, sys.argv[2:], now=datetime.datetime(2024, 6, 30, tzinfo=datetime.UTC), corrections=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_corrections_are_in_wholly_or_not_at_all(lake: Lake, tmp_path: Path) -> None:
    chance, count = random.Random(11), 1_000
    rows = [(f"C{n % 50:02d}", f"2024-01-{1 + n % 28:02d}", f"{n}.00", f"K{n}", "") for n in range(count)]
    changed = [(f"D{n % 50:02d}", row[1], f"{n}.50", row[3], "") for n, row in enumerate(rows[:500])]
    before = {row[3]: row[0] for row in rows}
    after = before | {row[3]: row[0] for row in changed}
    brought(lake, "a", *rows)
    file = orders(tmp_path / "b.csv", *changed, header=STATUS)
    for _ in range(12):
        command = [sys.executable, "-c", _IMPORT, str(lake.path), str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as one:
            assert one.stdout is not None
            one.stdout.readline()
            time.sleep(chance.uniform(0, 0.6))
            one.send_signal(signal.SIGKILL)
        held = {name: told[0] for name, told in seen(lake).items()}
        assert held in (before, after)
        if held == after:
            report = import_files(lake, [file], now=NOW, corrections=True)
            told = (0, 0, 500, 0) if report.batches[0].already else (0, 500, 0, 0)
            assert figures(report) == told and len(lake.read("replaced")) == 500
            lake = Lake.create(Path(tempfile.mkdtemp(dir=tmp_path)) / "lake")
            brought(lake, "a", *rows)
    import_files(lake, [file], now=NOW, corrections=True)
    assert {name: told[0] for name, told in seen(lake).items()} == after
