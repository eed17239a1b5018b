"""How requests read the lake: settings once, versions once, and answers that outlive commits to other tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tenure_app.core import conf

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake


def append(lake: Lake, customer: str = "A009") -> None:
    """Add one order, as an import in another process would."""
    from tempfile import TemporaryDirectory

    from tenure.facts.importing import import_files

    with TemporaryDirectory() as folder:
        path = Path(folder) / "o.csv"
        path.write_text(f"customer_id,at,amount\n{customer},2026-03-30 09:00:00,7\n", encoding="utf-8")
        import_files(lake, [path], as_="orders", now=datetime(2026, 4, 1, tzinfo=UTC))


def count(table: str = "orders") -> int:
    row = conf.connection().execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def test_a_commit_changes_the_version_of_its_own_table_only(filled_lake: Lake) -> None:
    before = conf.versions()
    append(filled_lake)
    after = conf.versions()
    assert before.of("orders") != after.of("orders")
    assert before.of("spans", "scorecard") == after.of("spans", "scorecard")
    assert before.of() != after.of()
    assert before.named_in("SELECT * FROM spans") == after.named_in("SELECT * FROM spans")
    assert before.named_in("SELECT * FROM orders") != after.named_in("SELECT * FROM orders")


def test_settings_and_merges_change_the_version_of_every_table(filled_lake: Lake) -> None:
    from tenure.facts.customers import merge

    versions = [conf.versions().of("spans")]
    filled_lake.save_settings(currency="EUR")
    versions.append(conf.versions().of("spans"))
    merge(filled_lake, "A001", ["A002"], "same", datetime(2026, 4, 1, tzinfo=UTC))
    versions.append(conf.versions().of("spans"))
    assert len(set(versions)) == 3


def test_views_follow_their_tables_and_merges(filled_lake: Lake) -> None:
    from tenure.facts.customers import merge

    assert count() == 6
    append(filled_lake)
    assert count() == 7
    merge(filled_lake, "A001", ["A002"], "same", datetime(2026, 4, 1, tzinfo=UTC))
    ids = conf.connection().execute("SELECT DISTINCT customer_id FROM orders ORDER BY 1").fetchall()
    assert [row[0] for row in ids] == ["A001", "A003", "A009"]


def test_only_the_views_of_written_tables_are_made_anew(filled_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenure.facts.lake import Lake as Kind

    shown: list[set[str]] = []
    show = Kind.show

    def watched(self: Lake, con: object, names: set[str], **more: object) -> None:
        shown.append(set(names))
        show(self, con, names, **more)  # type: ignore[arg-type]

    conf.connection()
    monkeypatch.setattr(Kind, "show", watched)
    conf.connection()
    assert shown == [], "nothing was written"
    append(filled_lake)
    shown.clear()
    conf.connection()
    assert len(shown) == 1
    assert "orders" in shown[0]
    assert not {"spans", "scorecard"} & shown[0]


def test_a_page_sees_the_same_tables_from_beginning_to_end(filled_lake: Lake) -> None:
    page = conf.connection()
    assert page.execute("SELECT count(*) FROM orders").fetchall() == [(6,)]
    append(filled_lake)
    assert count() == 7, "another request sees what was written"
    assert page.execute("SELECT count(*) FROM orders").fetchall() == [(6,)]


def test_what_is_remembered_outlives_commits_to_other_tables(filled_lake: Lake) -> None:
    calls: list[int] = []

    def find() -> int:
        calls.append(1)
        return len(calls)

    assert conf.remembered("r", find, "refreshes") == 1
    append(filled_lake)
    assert conf.remembered("r", find, "refreshes") == 1
    assert conf.remembered("o", find, "orders") == 2
    append(filled_lake, "A010")
    assert conf.remembered("o", find, "orders") == 3


def test_answers_outlive_commits_to_other_tables(filled_lake: Lake) -> None:
    from tenure_app.lifecycle.answers import Answers

    calls: list[int] = []

    def ask() -> object:
        return Answers(conf.connection()).kept(("q",), lambda: calls.append(1), "spans")

    ask()
    append(filled_lake)
    ask()
    assert len(calls) == 1
    from tenure.refreshing.run import refresh

    refresh(filled_lake, as_of=date(2026, 4, 2))
    ask()
    assert len(calls) == 2


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every opening of the lake and every reading of its tables' versions."""
    from tenure.facts.lake import Lake as Kind

    events: list[str] = []
    real, read = Kind.open, conf.Versions.read

    def open_lake(path: Path) -> Lake:
        events.append("lake")
        return real(path)

    def read_versions(root: Path) -> conf.Versions:
        events.append("versions")
        return read(root)

    monkeypatch.setattr(Kind, "open", open_lake)
    monkeypatch.setattr(conf.Versions, "read", read_versions)
    return events


PAGES = ("/overview/", "/customers/", "/customers/A001/", "/economics/", "/lifecycle/", "/value/")


@pytest.mark.parametrize("address", PAGES)
def test_a_request_opens_the_lake_once(signed_in: Client, filled_lake: Lake, address: str, opened: list[str]) -> None:
    assert signed_in.get(address).status_code == 200
    opened.clear()
    assert signed_in.get(address).status_code == 200
    assert sorted(opened) == ["lake", "versions"]


def test_an_export_opens_the_lake_once(signed_in: Client, filled_lake: Lake, opened: list[str]) -> None:
    opened.clear()
    answer = signed_in.get("/customers.csv")
    assert answer.status_code == 200
    assert b"A001" in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert sorted(opened) == ["lake", "versions"]


def test_settings_that_a_request_saves_are_seen_by_its_own_answer(signed_in: Client, lake: Lake) -> None:
    answer = signed_in.post(
        "/settings/business/", {"business": "新店", "tz": "Asia/Shanghai", "currency": "CNY"}, follow=True
    )
    assert "新店" in answer.content.decode()


def test_a_copy_is_read_in_the_place_of_its_view_and_follows_its_table(filled_lake: Lake) -> None:
    copy = conf.Copy(
        "orders", "orders of A009", "customer_id, amount", "customer_id = 'A009'", "*, 1 AS copied", "amount"
    )

    def rows() -> list[tuple[object, ...]]:
        return conf.connection(copy).execute("SELECT customer_id, amount, copied FROM orders").fetchall()

    before = rows()
    append(filled_lake)
    assert len(rows()) == len(before) + 1
    assert all(row[0] == "A009" and row[2] == 1 for row in rows())
    assert count() > len(rows())  # without the copy, everybody's orders


def test_only_so_many_copies_are_held(filled_lake: Lake) -> None:
    for n in range(conf.COPIES + 2):
        con = conf.connection(conf.Copy("orders", f"orders {n}", "amount", index="amount"))
    held = con.execute("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'held'").fetchone()
    assert held == (conf.COPIES,)


def test_what_is_too_large_for_a_copy_is_read_from_its_files(
    filled_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "ROWS", 0)
    copy = conf.Copy("orders", "all orders", "amount", shown="*, 1 AS copied", index="amount")
    con = conf.connection(copy)
    assert con.execute("SELECT count(*) FROM orders").fetchone() == (count(),)
    assert "copied" not in [column[0] for column in con.execute("SELECT * FROM orders").description or []]


def test_a_copy_that_is_held_again_displaces_no_other(filled_lake: Lake) -> None:
    copies = [conf.Copy("orders", f"orders {n}", "amount", index="amount") for n in range(conf.COPIES)]
    for copy in copies:
        conf.connection(copy)
    append(filled_lake)
    con = conf.connection(copies[-1])
    held = con.execute("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'held'").fetchone()
    assert held == (conf.COPIES,)
