"""The notebook's door reads files as the import does."""

from __future__ import annotations

from pathlib import Path

import pytest

import tenure as tn


def test_a_file_is_read_like_an_import_and_says_what_it_left_out(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "会员号,下单时间,实付金额\nann,2024-01-05,5\nann,2024-01-09,5\nann,2024-01-20,7\nbob,2024-02-30,6\n",
        encoding="gb18030",
    )
    with pytest.warns(UserWarning, match=r"1 rows of orders\.csv"):
        spans = tn.spans(path, as_of="2024-02-01")
    assert spans.counts() == {"active": 1, "silent": 0, "dormant": 0, "lost": 0}
