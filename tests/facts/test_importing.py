"""Every row ends as a fact, a duplicate or in quarantine; nothing is lost and nothing comes twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from facts.files import HEADER, NOW, ROWS, orders, write
from tenure.errors import LakeError
from tenure.facts.importing import Progress, import_files
from tenure.facts.lake import Lake
from tenure.facts.quarantine import export_to, replay_from, rows_of
from tenure.lake.lock import writing


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def _orders(lake: Lake) -> list[tuple[str, str]]:
    table = lake.read("orders")
    return sorted(zip(table.column("order_id").to_pylist(), table.column("customer_id").to_pylist(), strict=True))


def test_importing_a_file_again_adds_nothing(lake: Lake, tmp_path: Path) -> None:
    path = orders(tmp_path / "a.csv")
    first, second = (import_files(lake, [path], now=NOW) for _ in range(2))
    assert (first.accepted, first.duplicates) == (3, 0)
    assert (second.accepted, second.duplicates) == (0, 3)
    assert len(lake.read("orders")) == 3 and len(lake.read("batches")) == 1


def test_a_file_that_overlaps_another_adds_only_what_is_new(lake: Lake, tmp_path: Path) -> None:
    extra = ("C03", "2024-03-08 09:00:00", "1.00", "O4")
    import_files(lake, [orders(tmp_path / "march.csv")], now=NOW)
    report = import_files(lake, [orders(tmp_path / "spring.csv", *ROWS[1:], extra)], now=NOW)
    assert (report.accepted, report.duplicates, report.quarantined) == (1, 2, 0)
    assert [one for one, _ in _orders(lake)] == ["O1", "O2", "O3", "O4"]


def test_an_overlap_without_order_numbers_keeps_equal_purchases_apart(lake: Lake, tmp_path: Path) -> None:
    twice = ("A", "2024-01-01", "5")
    once = ("B", "2024-01-01", "5")
    import_files(lake, [orders(tmp_path / "a.csv", twice, twice, once, header=HEADER[:3])], now=NOW)
    report = import_files(lake, [orders(tmp_path / "b.csv", once, twice, twice, twice, header=HEADER[:3])], now=NOW)
    assert (report.accepted, report.duplicates) == (1, 3)
    assert sorted(lake.read("orders").column("customer_id").to_pylist()) == ["A", "A", "A", "B"]


def test_what_contradicts_the_lake_waits_in_quarantine(lake: Lake, tmp_path: Path) -> None:
    import_files(lake, [orders(tmp_path / "a.csv")], now=NOW)
    changed = ("A01", "2024-03-05 10:00:00", "99.99", "O1")
    report = import_files(lake, [orders(tmp_path / "b.csv", changed)], now=NOW)
    assert report.reasons == {"conflicting-duplicate": 1}
    assert rows_of(lake)[0]["value"] == "O1"


def test_one_customer_in_several_spellings_is_one_customer_under_the_first(lake: Lake, tmp_path: Path) -> None:
    rows = (("Ab 01", "2024-01-01", "1", "1"), (" ＡＢ　０１ ", "2024-01-02", "1", "2"), ("7", "2024-01-02", "1", "3"))
    import_files(lake, [orders(tmp_path / "a.csv", *rows)], now=NOW)
    import_files(lake, [orders(tmp_path / "b.csv", ("ab  01", "2024-01-03", "1", "4"))], now=NOW)
    assert _orders(lake) == [("1", "Ab 01"), ("2", "Ab 01"), ("3", "7"), ("4", "Ab 01")]


def test_baskets_make_lines_and_orders(lake: Lake, tmp_path: Path) -> None:
    rows = (
        ("A", "2024-01-01", "1.50", "1", "milk"),
        ("A", "2024-01-01", "2.50", "1", "bread"),
        ("B", "2024-01-02", "3.00", "2", "milk"),
    )
    path = orders(tmp_path / "a.csv", *rows, header=(*HEADER, "商品编号"))
    report = import_files(lake, [path], as_="baskets", now=NOW)
    assert (report.accepted, report.quarantined) == (3, 0)
    assert len(lake.read("order_lines")) == 3
    found = {row["order_id"]: row["amount"] for row in lake.read("orders").to_pylist()}
    assert found == {"1": Decimal(4), "2": Decimal(3)}
    again = import_files(lake, [path], as_="baskets", now=NOW)
    assert (again.accepted, again.duplicates, len(lake.read("orders"))) == (0, 3, 2)


@pytest.mark.parametrize(
    ("table", "header", "row"),
    [
        ("order_lines", "会员号,时间,订单号,商品编号", "A,2024-01-01,1,milk"),
        ("interactions", "会员号,时间,行为", "A,2024-01-01,浏览"),
        ("feedback", "会员号,时间,指标,评分", "A,2024-01-01,nps,9"),
        ("cases", "会员号,时间,工单号,类型,事件", "A,2024-01-01,7,投诉,新建"),
        ("costs", "会员号,时间,费用", "A,2024-01-01,3"),
        ("volumes", "会员号,时间,金额", "A,2024-01-01,3"),
        ("balances", "会员号,时间,应收,应付", "A,2024-01-01,3,0"),
        ("contracts", "会员号,时间,合同号,事件,到期日", "A,2024-01-01,9,续费,2099-01-01"),
        ("overrides", "会员号,时间,模型,阶段,原因", "A,2024-01-01,crm-5,growth,电话确认"),
    ],
)
def test_every_fact_table_takes_files_and_takes_them_once(
    lake: Lake, tmp_path: Path, table: str, header: str, row: str
) -> None:
    other = row.replace("A", "B", 1).replace(",7,", ",8,").replace(",9,续费", ",10,续费")
    for name, text in (("a.csv", f"{header}\n{row}\n"), ("b.csv", f"{header}\n{row}\n{other}\n")):
        report = import_files(lake, [write(tmp_path / name, text)], as_=table, now=NOW)
        assert (report.accepted, report.quarantined) == (1, 0), report.reasons
    assert sorted(lake.read(table).column("customer_id").to_pylist()) == ["A", "B"]


def test_progress_is_told_and_ends_at_the_file_s_size(lake: Lake, tmp_path: Path) -> None:
    told: list[Progress] = []
    path = orders(tmp_path / "a.csv")
    import_files(lake, [path], on_progress=told.append, now=NOW)
    assert told[-1].step == "done" and told[-1].done == told[-1].total == path.stat().st_size


def test_a_second_writer_waits_or_is_told_who_is_in_the_way(lake: Lake) -> None:
    code = (
        "import sys, pathlib; from tenure.lake.lock import writing\n"
        "with writing(pathlib.Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lake.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        other.stdout.readline()
        with pytest.raises(LakeError, match="Another process"), writing(lake.path, wait=0.1):
            pass
        other.stdin.close()
        with writing(lake.path, wait=30):
            pass


def test_repaired_rows_leave_the_quarantine_when_they_have_become_facts(lake: Lake, tmp_path: Path) -> None:
    rows = (*ROWS, ("C", "2024-02-30", "1", "O4"), ("D", "2024-02-01", "x", "O5"), ("E", "2024-02-01", "1", "O6", "9"))
    import_files(lake, [orders(tmp_path / "a.csv", *rows)], now=NOW)
    file = tmp_path / "repair.csv"
    assert export_to(lake, file) == 3
    text = (
        file.read_text("utf-8-sig")
        .replace(",2024-02-30,1,", ",2024-02-29,1,")
        .replace('"E,2024-02-01,1,O6,9"', '"E,2024-02-01,1,O6"')
    )
    file.write_text(text, "utf-8")
    done = replay_from(lake, file, now=NOW)
    assert (done.accepted, done.duplicates, done.quarantined) == (2, 0, 1)
    assert [(row["row"], row["reason"]) for row in rows_of(lake)] == [(6, "unreadable-number")]
    assert ("O4", "C") in _orders(lake) and ("O6", "E") in _orders(lake)
    again = replay_from(lake, file, now=NOW)
    assert again.accepted == 0 and len(rows_of(lake)) == 1
    assert replay_from(lake, file, now=NOW).quarantined == 1
    assert len(rows_of(lake)) == 1, "the same wrong value twice loses no row"


_LINE = st.lists(
    st.sampled_from(
        ["A", "b 1", "", "2024-01-02", "2024-13-02", "1", "-2", "nan", '"', '"x', 'y"', "O1", "O2", ",", "\r", "会"]
    ),
    max_size=6,
).map(",".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_LINE, min_size=1, max_size=12))
@example(["b 1", "b 1"])  # rows of two words are no reason to divide the header by blanks
def test_of_any_file_each_row_is_a_fact_a_duplicate_or_in_quarantine(tmp_path: Path, lines: list[str]) -> None:
    path = write(tmp_path / "a.csv", "customer_id,at,amount,order_id\n" + "\n".join(lines) + "\n")
    lake = Lake.create(tempfile.mkdtemp(dir=tmp_path))
    report = import_files(lake, [path], now=NOW)
    held = len(lake.read("orders"))
    refused = len(rows_of(lake))
    assert report.accepted == held and report.quarantined == refused
    batch = report.batches[0]
    assert batch.accepted + batch.duplicates + batch.quarantined == batch.rows
    seen = [line for line in "\n".join(lines).replace("\r", " ").split("\n") if line.strip()]
    assert batch.rows <= len(seen) and (batch.rows == len(seen) or any('"' in line for line in lines))


_IMPORT = """
import sys, pathlib, datetime
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
lake = Lake.open(sys.argv[1])
print("ready", flush=True)
import_files(lake, sys.argv[2:], now=datetime.datetime(2024, 6, 30, tzinfo=datetime.UTC))
print("done", flush=True)
"""


def _many(path: Path, count: int) -> Path:
    rows = [(f"C{place % 300}", f"2024-01-{1 + place % 28:02d}", f"{place}.00", f"K{place}") for place in range(count)]
    rows[10:10] = [("X", "2024-02-30", "1", "bad")] * 5
    return orders(path, *rows)


@pytest.mark.slow
def test_killed_at_any_moment_a_lake_is_before_or_after_a_batch_and_the_import_can_be_repeated(
    lake: Lake, tmp_path: Path
) -> None:
    count, chance = 2_000, random.Random(7)
    files = [_many(tmp_path / "a.csv", count), orders(tmp_path / "b.csv")]
    for _ in range(20):
        command = [sys.executable, "-c", _IMPORT, str(lake.path), *map(str, files)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as one:
            assert one.stdout is not None
            one.stdout.readline()
            time.sleep(chance.uniform(0, 0.5))
            one.send_signal(signal.SIGKILL)
        held = len(lake.read("orders"))
        assert held in (0, count, count + 3), "a batch is in the lake wholly or not at all"
        if held:  # do it all again, so that every moment of an import is met
            lake = Lake.create(tempfile.mkdtemp(dir=tmp_path))
    for _ in range(2):
        import_files(lake, files, now=NOW)
    numbers = lake.read("orders").column("order_id").to_pylist()
    assert len(numbers) == len(set(numbers)) == count + 3
    assert len(rows_of(lake)) == 5 and len(lake.read("batches")) == 2
