"""Records from several files are one customer; duplicates are proposed, merged and parted again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facts.files import NOW, orders, write
from tenure.errors import FactsError
from tenure.facts import customers
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.facts.spelling import normal_id, normal_phone

PEOPLE = """会员号,姓名,手机号,邮箱,注册日期,城市,积分
A01,王芳,138 1234 5678,Wang@Example.com,2024-01-02,上海,120
B02,王芳,+86-13812345678,,2024-01-03,,
C03,Li,13900001111,li@x.cn,2024-01-04,北京,5
００C03,Li Lei,,LI@X.CN,,,
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "lake")
    report = import_files(lake, [write(tmp_path / "people.csv", PEOPLE)], as_="customers", now=NOW)
    assert (report.accepted, report.quarantined) == (4, 0)
    return lake


def test_phone_and_email_are_normalised_and_other_columns_become_attributes(lake: Lake) -> None:
    rows = {row["customer_id"]: row for row in lake.read("customers").to_pylist()}
    assert rows["A01"]["phone"] == rows["B02"]["phone"] == "+8613812345678"
    assert rows["A01"]["email"] == "wang@example.com"
    assert json.loads(rows["A01"]["attributes"]) == {"城市": "上海", "积分": 120}
    assert rows["B02"]["attributes"] is None


def test_the_newest_value_of_each_column_counts_and_nothing_empties_another(lake: Lake, tmp_path: Path) -> None:
    newer = "会员号,姓名,等级\na01,王芳芳,金\nC03,Li,\n"
    path = write(tmp_path / "newer.csv", newer)
    report = import_files(lake, [path], as_="customers", now=NOW.replace(hour=20))
    assert (report.accepted, report.duplicates) == (1, 1)
    row = next(row for row in lake.read("customers").to_pylist() if row["customer_id"] == "A01")
    assert row["name"] == "王芳芳" and row["phone"] == "+8613812345678"
    assert json.loads(row["attributes"]) == {"城市": "上海", "积分": 120, "等级": "金"}


def test_importing_customers_again_adds_nothing(lake: Lake, tmp_path: Path) -> None:
    report = import_files(lake, [write(tmp_path / "again.csv", PEOPLE + "\n")], as_="customers", now=NOW)
    assert (report.accepted, report.duplicates) == (0, 4)


def test_duplicates_are_proposed_with_their_reasons(lake: Lake) -> None:
    found = {(duplicate.one, duplicate.other): duplicate.reasons for duplicate in customers.duplicates(lake)}
    assert found == {("00C03", "C03"): ("same-email", "same-id"), ("A01", "B02"): ("same-phone",)}


def test_a_merge_shows_all_facts_under_one_id_and_can_be_undone(lake: Lake, tmp_path: Path) -> None:
    rows = [("A01", "2024-03-01", "1", "1"), ("B02", "2024-03-02", "2", "2"), ("C03", "2024-03-03", "3", "3")]
    import_files(lake, [orders(tmp_path / "a.csv", *rows)], now=NOW)
    name = customers.merge(lake, "A01", ["b02"], "同一手机号", NOW)
    assert sorted(lake.read("orders").column("customer_id").to_pylist()) == ["A01", "A01", "C03"]
    assert len(lake.read("orders", ["A01"])) == 2 and len(lake.read("orders", ["B02"])) == 0
    assert len(lake.read("customers")) == 3
    more = import_files(lake, [orders(tmp_path / "b.csv", *rows, ("B02", "2024-03-09", "4", "4"))], now=NOW)
    assert (more.accepted, more.duplicates) == (1, 3)
    assert len(lake.read("orders", ["A01"])) == 3
    customers.undo_merge(lake, name, NOW)
    assert len(lake.read("orders", ["B02"])) == 2 and len(lake.read("customers")) == 4
    with pytest.raises(FactsError, match="to undo"):
        customers.undo_merge(lake, name, NOW)
    assert [merge.undone for merge in customers.merges(lake)] == [True]


def test_merges_follow_each_other_and_nobody_is_merged_twice(lake: Lake) -> None:
    customers.merge(lake, "A01", ["B02"], "", NOW)
    customers.merge(lake, "C03", ["A01"], "", NOW)
    assert lake.merged() == {"A01": "C03", "B02": "C03"}
    with pytest.raises(FactsError, match="already merged"):
        customers.merge(lake, "B02", ["A01"], "", NOW)
    with pytest.raises(FactsError, match="no customer nobody"):
        customers.merge(lake, "A01", ["nobody"], "", NOW)


def test_a_first_merge_undone_does_not_break_a_second(lake: Lake) -> None:
    first = customers.merge(lake, "A01", ["B02"], "", NOW)
    customers.merge(lake, "C03", ["B02"], "", NOW)
    customers.undo_merge(lake, first, NOW)
    assert lake.merged() == {"A01": "C03"}


def test_completeness_counts_filled_columns(lake: Lake) -> None:
    assert customers.completeness(lake)["name"] == 1.0
    assert customers.completeness(lake)["phone"] == 0.75


def test_spellings_of_one_id_or_phone_become_one() -> None:
    assert normal_id("　Ａ 0１ \u200b") == "A 01"
    assert normal_phone("0086 021-6222 1111") == "+862162221111"
    assert normal_phone("客服") == "客服"
