"""Small files of orders in every format, for the tests of reading and importing."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)
HEADER = ("会员号", "下单时间", "实付金额", "订单号")
ROWS = (
    ("A01", "2024-03-05 10:00:00", "12.50", "O1"),
    ("A01", "2024-03-06 11:30:00", "7.00", "O2"),
    ("B02", "2024-03-07 08:05:00", "100.00", "O3"),
)


def csv_text(rows: tuple[tuple[str, ...], ...] = ROWS, header: tuple[str, ...] = HEADER, mark: str = ",") -> str:
    """Return rows as delimited text."""
    return "".join(mark.join(row) + "\n" for row in (header, *rows))


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a text file and return its path."""
    path.write_bytes(text.encode(encoding))
    return path


def orders(path: Path, *rows: tuple[str, ...], header: tuple[str, ...] = HEADER) -> Path:
    """Write orders as CSV and return the path."""
    return write(path, csv_text(rows or ROWS, header))


def write_excel(path: Path) -> Path:
    """Write the orders as a workbook, dates as real dates, on its second sheet."""
    import openpyxl  # type: ignore[import-untyped]

    book = openpyxl.Workbook()
    sheet = book.create_sheet("订单")
    sheet.append(HEADER)
    for customer, at, amount, order in ROWS:
        sheet.append([customer, datetime.fromisoformat(at), float(amount), order])
    book.save(path)
    return path


def write_parquet(path: Path) -> Path:
    """Write the orders as Parquet with its own types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = list(zip(*ROWS, strict=True))
    table = pa.table(
        {
            "customer_id": columns[0],
            "order_date": [datetime.fromisoformat(column) for column in columns[1]],
            "amount": [float(column) for column in columns[2]],
            "order_id": columns[3],
        }
    )
    pq.write_table(table, path)
    return path


def write_json_lines(path: Path) -> Path:
    """Write the orders as JSON lines."""
    lines = (json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) for row in ROWS)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_gzip(path: Path) -> Path:
    """Write the orders as CSV packed with gzip."""
    path.write_bytes(gzip.compress(csv_text().encode("gb18030")))
    return path
