"""Files of every kind become the same facts, and every row that is none says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from facts import files
from facts.files import HEADER, NOW, ROWS, csv_text, orders, write
from tenure.errors import FileUnreadable, MappingError
from tenure.facts.reading import guess, read_file

DIRTY = (
    ("Ａ０１", "2024-03-05 10:00:00", '"¥1,234.50"', "O1"),
    ("a01", "2024年3月6日", "12.00", "O2"),
    ("A01", "2024-02-30", "12", "O3"),
    ("B02", "2024/3/7 8:05", "nan", "O4"),
    ("", "2024/3/7 8:05", "5", "O5"),
    ("C03", "2024/3/7 8:05", "5", "O6", "", ""),
    ("C03", "2024/3/7 8:05", '"5', "O7"),
    ("C03", "2099/3/7 8:05", "5", "O8"),
    ("A01", "2024-03-05 10:00:00", "1234.5", "O1"),
    ("A01", "2024-03-05 10:00:00", "999", "O1"),
    ("C09", "2024-03-05T10:00:00Z", "(12.00)", "O9"),
    ("C09", "1824-03-05", "12.00", "O10"),
    ("C09", "gestern", "12.00", "O11"),
    ("C09", "2024-03-05", "12%", "O12"),
    ("C09", "2024-03-05", "123456789012345678", "O13"),
    ("C09", "2024-03-05", "", "O14"),
    ("C09", "", "1", "O15"),
)
REASONS = {
    4: "impossible-date",
    5: "non-finite-number",
    6: "missing-customer",
    7: "ragged-row",
    8: "broken-quoting",
    9: "far-future",
    11: "conflicting-duplicate",
    13: "before-1900",
    14: "unreadable-date",
    15: "unreadable-number",
    16: "number-too-large",
    17: "missing-number",
    18: "missing-date",
    19: "undecodable-bytes",
}


def _dirty(path: Path) -> Path:
    path.write_bytes(csv_text(DIRTY).encode("gb18030") + b"C10,2024-01-01,\xff\xff,O16\n")
    return path


def test_a_dirty_chinese_file_gives_every_row_as_fact_or_with_its_reason(tmp_path: Path) -> None:
    facts, quarantine = read_file(_dirty(tmp_path / "脏数据.csv"), now=NOW)
    assert {row["row"]: row["reason"] for row in quarantine.to_pylist()} == REASONS
    assert facts.column("order_id").to_pylist() == ["O1", "O2", "O9"]
    assert facts.column("customer_id").to_pylist() == ["A01", "A01", "C09"]
    assert sum(facts.column("amount").to_pylist()) == Decimal("1234.5") + 12 - 12
    assert len(facts) + len(quarantine) + 1 == len(DIRTY) + 1  # one row repeats another


def test_the_quarantine_keeps_file_row_column_value_and_the_whole_row(tmp_path: Path) -> None:
    _, quarantine = read_file(_dirty(tmp_path / "d.csv"), now=NOW)
    first = quarantine.to_pylist()[0]
    assert (first["file"], first["row"], first["column"], first["value"]) == ("d.csv", 4, "下单时间", "2024-02-30")
    assert '"订单号": "O3"' in first["raw"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_reads_every_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = write(tmp_path / "orders.txt", csv_text(mark=delimiter), encoding)
    facts, quarantine = read_file(path, now=NOW)
    assert facts.column("order_id").to_pylist() == ["O1", "O2", "O3"]
    assert len(quarantine) == 0


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("orders.xlsx", files.write_excel),
        ("orders.parquet", files.write_parquet),
        ("orders.jsonl", files.write_json_lines),
        ("orders.csv.gz", files.write_gzip),
        ("orders.csv", lambda path: write(path, csv_text().replace("\n", "\r\n"))),
        ("mac.csv", lambda path: write(path, csv_text().replace("\n", "\r"))),
    ],
)
def test_it_reads_every_format_to_the_same_facts(tmp_path: Path, name: str, make: Callable[[Path], Path]) -> None:
    plain, _ = read_file(orders(tmp_path / "plain.csv"), now=NOW)
    facts, quarantine = read_file(make(tmp_path / name), now=NOW)
    assert len(quarantine) == 0
    assert facts.drop_columns(["source"]).to_pylist() == plain.drop_columns(["source"]).to_pylist()


def test_it_reads_columns_set_apart_by_blanks_by_position(tmp_path: Path) -> None:
    path = write(tmp_path / "CDNOW.txt", " 00004 0001 19970101  2   29.33\r\n 00004 0001 19970118  2   29.73\r\n")
    facts, quarantine = read_file(path, mapping={"customer_id": 1, "at": "3", "amount": 5}, tz="UTC", now=NOW)
    assert len(quarantine) == 0
    assert facts.column("customer_id").to_pylist() == ["00004", "00004"]
    assert facts.column("at").to_pylist()[0] == datetime(1997, 1, 1, tzinfo=UTC)
    assert facts.column("amount").to_pylist() == [Decimal("29.33"), Decimal("29.73")]


def test_two_equal_rows_without_a_number_are_two_purchases(tmp_path: Path) -> None:
    row = ("A01", "2024-03-05", "9.99")
    facts, _ = read_file(orders(tmp_path / "a.csv", row, row, header=HEADER[:3]), now=NOW)
    assert len(set(facts.column("fact_id").to_pylist())) == 2


def test_a_negative_amount_and_a_refunded_order_are_refunds_and_a_cancelled_one_is_no_sale(tmp_path: Path) -> None:
    rows = (
        ("A", "2024-01-01", "10", "1", "已完成"),
        ("A", "2024-01-02", "-3", "2", ""),
        ("A", "2024-01-03", "4", "3", "已退款"),
        ("A", "2024-01-04", "5", "4", "已取消"),
        ("A", "2024-01-05", "6", "5", "未退款"),
    )
    facts, _ = read_file(orders(tmp_path / "a.csv", *rows, header=(*HEADER, "订单状态")), now=NOW)
    found = {row["order_id"]: (row["status"], int(row["amount"])) for row in facts.to_pylist()}
    assert found == {
        "1": ("sale", 10),
        "2": ("refund", -3),
        "3": ("refund", -4),
        "4": ("cancelled", 5),
        "5": ("sale", 6),
    }


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1.234,50", "99,90"], ["1234.50", "99.90"]),
        (["1,234.50", "99.90"], ["1234.50", "99.90"]),
        (["￥１２.５元", "$3"], ["12.5", "3"]),
        (["1.2万", "300"], ["12000", "300"]),
        (["1e3", ".5"], ["1000", "0.5"]),
        (["12-", "(1,000.00)"], ["-12", "-1000"]),
    ],
)
def test_it_reads_numbers_as_people_write_them(tmp_path: Path, texts: list[str], expected: list[str]) -> None:
    rows = [("A", f"2024-01-0{place}", f'"{text}"') for place, text in enumerate(texts, 1)]
    facts, quarantine = read_file(orders(tmp_path / "a.csv", *rows, header=HEADER[:3]), now=NOW)
    assert quarantine.to_pylist() == []
    assert facts.column("amount").to_pylist() == [Decimal(one) for one in expected]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-03-05"], "2024-03-05 00:00"),
        (["20240305"], "2024-03-05 00:00"),
        (["2024/3/5"], "2024-03-05 00:00"),
        (["05.03.2024"], "2024-03-05 00:00"),
        (["05/03/2024", "13/03/2024"], "2024-03-05 00:00"),
        (["03/05/2024", "03/13/2024"], "2024-03-05 00:00"),
        (["2024年3月5日 下午3:20"], "2024-03-05 15:20"),
        (["2024年3月5日15时20分"], "2024-03-05 15:20"),
        (["45356"], "2024-03-05 00:00"),
        (["45356.5"], "2024-03-05 12:00"),
        (["1709568000"], "2024-03-05 00:00"),
        (["1709568000000"], "2024-03-05 00:00"),
        (["2024-03-05T00:00:00+08:00"], "2024-03-05 00:00"),
        (["2024-03-04T16:00:00Z"], "2024-03-05 00:00"),
        (["Mar 5, 2024"], "2024-03-05 00:00"),
        (["2024-03-05 10:00:00.250"], "2024-03-05 10:00"),
    ],
)
def test_it_reads_dates_as_people_write_them(tmp_path: Path, texts: list[str], expected: str) -> None:
    rows = [(f"A{place}", f'"{text}"', "1") for place, text in enumerate(texts)]
    facts, quarantine = read_file(orders(tmp_path / "a.csv", *rows, header=HEADER[:3]), now=NOW)
    assert quarantine.to_pylist() == []
    local = facts.column("at").to_pylist()[0].astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"{local:%Y-%m-%d %H:%M}" == expected


def test_it_says_when_nothing_decides_between_day_and_month_and_takes_a_hint(tmp_path: Path) -> None:
    path = orders(tmp_path / "a.csv", ("A", "05/03/2024", "1"), ("A", "06/03/2024", "1"), header=HEADER[:3])
    assert guess(path).date_styles["at"].ambiguous
    told, _ = read_file(path, date_format="mdy", tz="UTC", now=NOW)
    assert told.column("at").to_pylist()[0] == datetime(2024, 5, 3, tzinfo=UTC)
    assert not guess(path, date_format="mdy").date_styles["at"].ambiguous


def test_the_evidence_for_day_and_month_is_found_far_down_the_file(tmp_path: Path) -> None:
    rows = [(f"A{day}", f"01/{day:02d}/2024", "1") for day in range(1, 13) for _ in range(400)]
    rows.append(("Z", "01/31/2024", "1"))
    facts, quarantine = read_file(orders(tmp_path / "a.csv", *rows, header=HEADER[:3]), tz="UTC", now=NOW)
    assert quarantine.to_pylist() == []
    assert {at.month for at in facts.column("at").to_pylist()} == {1}


def test_the_evidence_for_a_decimal_comma_is_found_far_down_the_file(tmp_path: Path) -> None:
    rows = [("A", "2024-01-01", "5")] * 500 + [("B", "2024-01-02", '"1.234"'), ("B", "2024-01-03", '"2,50"')]
    facts, _ = read_file(orders(tmp_path / "a.csv", *rows, header=HEADER[:3]), now=NOW)
    assert facts.column("amount").to_pylist()[-2:] == [Decimal(1234), Decimal("2.5")]


def test_a_time_that_the_clock_skips_is_shifted_forward_and_of_one_shown_twice_the_first_is_meant(
    tmp_path: Path,
) -> None:
    rows = (("A", "2024-03-31 02:30", "1"), ("B", "2023-10-29 02:30", "1"), ("C", "2024-03-31", "1"))
    facts, _ = read_file(orders(tmp_path / "a.csv", *rows, header=HEADER[:3]), tz="Europe/Berlin", now=NOW)
    at = dict(zip(facts.column("customer_id").to_pylist(), facts.column("at").to_pylist(), strict=True))
    assert at["A"] == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)  # 03:30 summer time
    assert at["B"] == datetime(2023, 10, 29, 0, 30, tzinfo=UTC)
    assert at["C"] == datetime(2024, 3, 30, 23, tzinfo=UTC)


def test_it_guesses_english_and_chinese_headers(tmp_path: Path) -> None:
    for header in (("customer_id", "order_date", "total", "order_id"), ("用户ID", "支付时间", "金额(元)", "单号")):
        found = guess(orders(tmp_path / "a.csv", *ROWS, header=header))
        assert found.mapping == dict(zip(("customer_id", "at", "amount", "order_id"), header, strict=True))
        assert min(found.confidence.values()) > 0.8


def test_a_missing_column_is_named_with_the_way_to_say_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "foo,bar\n1,2\n")
    with pytest.raises(MappingError, match="--map customer_id=COLUMN"):
        read_file(path, now=NOW)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\x00" * 100, b"PK\x03\x04 broken", b"\n\n\n"])
def test_what_is_no_file_of_rows_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable, match=r"a\.xlsx"):
        read_file(path, now=NOW)


def test_fixed_texts_and_words_in_other_tables(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "会员号,时间,评分\nA,2024-01-01,4.5\n")
    facts, _ = read_file(path, "feedback", {"measure": "=满意度"}, now=NOW)
    assert facts.column("measure").to_pylist() == ["csat"]
    case = write(
        tmp_path / "b.csv", "会员号,时间,工单号,类型,状态\nA,2024-01-01,1,投诉,已解决\nA,2024-01-02,2,投诉,迷路\n"
    )
    facts, quarantine = read_file(case, "cases", now=NOW)
    assert facts.column("event").to_pylist() == ["closed"]
    assert quarantine.column("reason").to_pylist() == ["unknown-word"]
