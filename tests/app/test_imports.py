"""Bringing files in the browser: columns, progress, quarantine, repair, replay."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from refreshes import stages_only

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

    from tenure.facts.lake import Lake
    from tenure_app.core.models import Job

pytestmark = pytest.mark.django_db

GOOD = "客户编号,下单时间,金额,备注\nC1,2026-01-05,100\nC2,2026-02-07,80.5,x\nC1,2026-03-09,20,\n"
DIRTY = (
    "会员号,下单时间,实付金额\n"
    "C1,2026-01-05,100\n"
    "C2,2026-02-30,80.5\n"  # no such day
    ",2026-03-01,12\n"  # nobody
    "C3,2026-03-02,abc\n"  # no number
    "C4,2026-03-03,44\n"
)


def bring(client: Client, text: str, name: str = "订单.csv", table: str = "orders", encoding: str = "utf-8") -> str:
    """Upload one file and return the address of its import."""
    file = SimpleUploadedFile(name, text.encode(encoding))
    answer = client.post("/imports/new/", {"files": [file], "table": table})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def start(client: Client, address: str) -> str:
    """Agree to the guessed columns and return what the page says."""
    from tenure_app.facts.queries import files

    number = int(address.rstrip("/").rsplit("/", 1)[1])
    data = {f"map-{file.pk}-{field}": column for file in files(number) for field, column in file.mapping.items()}
    return client.post(f"{address}columns/", {**data, "start": "1"}, follow=True).content.decode()


def test_a_file_is_shown_before_anything_is_imported(signed_in: Client, lake: Lake) -> None:
    address = bring(signed_in, DIRTY, encoding="gb18030")
    page = signed_in.get(address).content.decode()
    assert "GB18030" in page
    assert "comma" in page
    for column in ("会员号", "下单时间", "实付金额"):
        assert f'<option value="{column}" selected>' in page
    assert "2026-02-30" in page, "the sample rows are shown"
    assert not lake.has("orders")


def test_a_started_import_becomes_facts_and_quarantine_and_asks_for_a_refresh(
    signed_in: Client, lake: Lake, run_job: Callable[[str], Job]
) -> None:
    from tenure_app.core.models import Job

    address = bring(signed_in, DIRTY)
    assert "Queued" in start(signed_in, address)
    job = run_job("import")
    assert job.state == "done", job.error
    assert {name: job.result[name] for name in ("accepted", "quarantined", "duplicates")} == {
        "accepted": 2,
        "quarantined": 3,
        "duplicates": 0,
    }
    assert lake.read("orders").num_rows == 2
    assert Job.objects.filter(kind="refresh", state="waiting").count() == 1
    page = signed_in.get(address).content.decode()
    assert "This day does not exist in the calendar." in page
    listed = signed_in.get("/imports/").content.decode()
    assert "3 rows in quarantine" in listed
    assert "/uploads/" not in listed


def test_the_same_file_again_adds_nothing(signed_in: Client, lake: Lake, run_job: Callable[[str], Job]) -> None:
    from tenure_app.core.models import Job

    for _ in range(2):
        start(signed_in, bring(signed_in, DIRTY))
        run_job("import")
    assert lake.read("orders").num_rows == 2
    newest = Job.objects.filter(kind="import").first()
    assert newest is not None
    assert newest.result["accepted"] == 0
    assert newest.result["duplicates"] == 2


def test_a_column_that_was_left_out_is_not_guessed_after_all(
    signed_in: Client, lake: Lake, run_job: Callable[[str], Job]
) -> None:
    from tenure_app.facts.queries import files

    address = bring(signed_in, "客户编号,下单时间,金额,渠道\nC1,2026-01-05,100,门店\n")
    number = int(address.rstrip("/").rsplit("/", 1)[1])
    (file,) = files(number)
    assert file.mapping["channel"] == "渠道"
    kept = {f"map-{file.pk}-{field}": column for field, column in file.mapping.items() if field != "channel"}
    signed_in.post(f"{address}columns/", {**kept, "start": "1"})
    run_job("import")
    (row,) = lake.read("orders").to_pylist()
    assert row["channel"] is None
    assert row["customer_id"] == "C1"


def test_an_import_without_a_needed_column_is_refused_in_words(signed_in: Client, lake: Lake) -> None:
    address = bring(signed_in, "客户编号,备注\nC1,x\n")
    page = start(signed_in, address)
    assert "no column selected for" in page
    assert "Amount" in page


def test_an_empty_or_broken_file_says_so(signed_in: Client, lake: Lake) -> None:
    page = signed_in.get(bring(signed_in, "", name="empty.csv")).content.decode()
    assert "empty.csv is empty." in page
    page = signed_in.get(bring(signed_in, "PK\x03\x04nonsense", name="broken.xlsx")).content.decode()
    assert "broken.xlsx" in page
    assert "uploads" not in page


def test_names_of_files_cannot_leave_their_folder(signed_in: Client, lake: Lake, settings: Any) -> None:
    from tenure_app.facts.models import ImportFile

    bring(signed_in, GOOD, name="../../../evil.csv")
    (file,) = ImportFile.objects.all()
    assert file.path.startswith(str(settings.MEDIA_ROOT))
    assert ".." not in file.path


def test_choosing_another_table_guesses_anew(signed_in: Client, lake: Lake) -> None:
    address = bring(signed_in, "客户编号,姓名,手机\nC1,王芳,13800138000\n", name="客户.csv")
    signed_in.post(f"{address}table/", {"table": "customers"})
    page = signed_in.get(address).content.decode()
    assert '<option value="姓名" selected>' in page


def test_a_draft_can_be_discarded(signed_in: Client, lake: Lake, settings: Any) -> None:
    address = bring(signed_in, GOOD)
    signed_in.post(f"{address}discard/")
    assert signed_in.get(address).status_code == 404
    assert not list(settings.MEDIA_ROOT.glob("*/*/*"))


@pytest.fixture
def quarantined(signed_in: Client, lake: Lake, run_job: Callable[[str], Job]) -> Lake:
    """Return a lake with three rows in quarantine."""

    start(signed_in, bring(signed_in, DIRTY))
    run_job("import")
    return lake


def keys() -> dict[str, str]:
    """Return {reason: key} of the rows that wait."""
    from tenure_app.facts import quarantine

    return {row["code"]: row["key"] for row in quarantine.find({})}


def test_the_quarantine_can_be_filtered_by_reason_and_file(signed_in: Client, quarantined: Lake) -> None:
    page = signed_in.get("/imports/quarantine/").content.decode()
    assert "2026-02-30" in page
    assert "The customer is missing." in page
    page = signed_in.get("/imports/quarantine/", {"reason": "unreadable-number"}).content.decode()
    assert "abc" in page
    assert "<code>2026-02-30</code>" not in page
    assert "No row matches" in signed_in.get("/imports/quarantine/", {"file": "other.csv"}).content.decode()


def test_a_repaired_row_becomes_a_fact_and_leaves(signed_in: Client, quarantined: Lake) -> None:
    from tenure_app.facts import quarantine

    key = keys()["impossible-date"]
    opened = signed_in.get("/imports/quarantine/row/", {"key": key}).content.decode()
    assert 'value="2026-02-30"' in opened
    answer = signed_in.post("/imports/quarantine/repair/", {"key": key, "cell-下单时间": "2026-02-28"})
    assert "is a fact now" in answer.content.decode()
    assert quarantine.count() == 2
    rows = {row["customer_id"]: row for row in quarantined.read("orders").to_pylist()}
    assert str(rows["C2"]["amount"]) == "80.5000"


def test_a_row_that_is_still_wrong_stays_with_its_newest_reason(signed_in: Client, quarantined: Lake) -> None:
    from tenure_app.facts import quarantine

    key = keys()["unreadable-number"]
    answer = signed_in.post("/imports/quarantine/repair/", {"key": key, "cell-下单时间": "soon", "cell-实付金额": "30"})
    assert "The date cannot be read." in answer.content.decode()
    assert quarantine.count() == 3
    assert "unreadable-number" not in keys()
    answer = signed_in.post(
        "/imports/quarantine/repair/",
        {"key": keys()["unreadable-date"], "cell-下单时间": "2026-03-02", "cell-实付金额": "30"},
    )
    assert "is a fact now" in answer.content.decode()
    assert quarantine.count() == 2


def test_a_repaired_spreadsheet_is_brought_back(signed_in: Client, quarantined: Lake) -> None:
    from tenure_app.facts import quarantine

    answer = signed_in.get("/imports/quarantine/quarantine.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    repaired = text.replace("2026-02-30", "2026-02-28").replace(",abc\r", ",7.5\r")
    file = SimpleUploadedFile("quarantine.csv", repaired.encode("gb18030"))
    said = signed_in.post("/imports/quarantine/upload/", {"file": file}, follow=True).content.decode()
    assert "2 rows accepted, 0 duplicates, 1 still quarantined." in said
    assert quarantine.count() == 1
    assert quarantined.read("orders").num_rows == 4
    twice = signed_in.post(
        "/imports/quarantine/upload/", {"file": SimpleUploadedFile("q.csv", text.encode())}, follow=True
    )
    assert twice.status_code == 200
    assert quarantined.read("orders").num_rows == 4


def test_another_spreadsheet_is_refused_in_words(signed_in: Client, quarantined: Lake) -> None:
    file = SimpleUploadedFile("other.csv", GOOD.encode())
    said = signed_in.post("/imports/quarantine/upload/", {"file": file}, follow=True).content.decode()
    assert "not an exported quarantine" in said


def test_a_row_can_be_left_out_for_good(signed_in: Client, quarantined: Lake) -> None:
    from tenure_app.facts import quarantine

    signed_in.post("/imports/quarantine/dismiss/", {"key": keys()["missing-customer"]})
    assert quarantine.count() == 2
    assert "missing-customer" not in keys()


def test_rows_of_lines_without_headers_can_be_repaired(
    signed_in: Client, lake: Lake, run_job: Callable[[str], Job]
) -> None:
    from tenure_app.facts import quarantine
    from tenure_app.facts.queries import files

    address = bring(signed_in, "C1,2026-01-05,100\nC2,2026-02-30,80\nC3,2026-02-01,70\n", name="plain.csv")
    (file,) = files(int(address.rstrip("/").rsplit("/", 1)[1]))
    columns = dict(zip(("customer_id", "at", "amount"), file.looked["columns"], strict=True))
    signed_in.post(f"{address}columns/", {f"map-{file.pk}-{name}": at for name, at in columns.items()} | {"start": "1"})
    run_job("import")
    assert quarantine.count() == 1
    (key,) = keys().values()
    answer = signed_in.post("/imports/quarantine/repair/", {"key": key, f"cell-{columns['at']}": "2026-02-27"})
    assert "is a fact now" in answer.content.decode()
    assert lake.read("orders").num_rows == 3


def test_upload_map_import_quarantine_repair_in_a_real_browser(
    open_page: Callable[..., Page], lake: Lake, tmp_path: Path, transactional_db: None, run_job: Callable[[str], Job]
) -> None:
    path = tmp_path / "脏订单.csv"
    path.write_bytes(DIRTY.replace("下单时间", "第二列").encode("gb18030"))
    page = open_page("/imports/", language="zh-hans")
    page.set_input_files("input[name=files]", str(path))
    page.get_by_role("button", name="上传并预览").click()
    page.get_by_text("GB18030").wait_for()
    page.get_by_label("日期或时间").select_option("第二列")
    page.get_by_role("cell", name="2026-01-05 · 2026-02-30", exact=False).first.wait_for()
    page.get_by_role("button", name="开始导入").click()
    page.get_by_text("等待处理").first.wait_for()

    run_job("import")
    page.get_by_text("日历上没有这一天").wait_for()
    page.goto(page.url.split("/imports/")[0] + "/imports/quarantine/")
    row = page.get_by_role("row").filter(has_text="2026-02-30")
    row.get_by_role("button", name="修正", exact=True).click()
    page.get_by_label("第二列").fill("2026-02-28")
    page.get_by_role("button", name="修正并导入").click()
    page.get_by_text("已导入，正在重新计算阶段").wait_for()
    assert lake.read("orders").num_rows == 3


def test_files_that_may_correct_take_the_place_of_what_is_there(
    signed_in: Client, lake: Lake, run_job: Callable[[str], Job]
) -> None:
    from tenure_app.facts.queries import files

    header = "客户编号,下单时间,金额,订单号,订单状态\n"
    start(signed_in, bring(signed_in, f"{header}C1,2026-01-05,100,O1,已完成\n"))
    run_job("import")
    address = bring(signed_in, f"{header}C1,2026-01-05,100,O1,已取消\n", name="更正.csv")
    (file,) = files(int(address.rstrip("/").rsplit("/", 1)[1]))
    told = {f"map-{file.pk}-{field}": column for field, column in file.mapping.items()} | {"corrections": "1"}
    assert 'name="corrections" value="1" checked' in signed_in.post(f"{address}columns/", told).content.decode()
    signed_in.post(f"{address}columns/", {**told, "start": "1"})
    run_job("import")
    assert [row["status"] for row in lake.read("orders").to_pylist()] == ["cancelled"]
    assert "Corrected" in signed_in.get(address).content.decode()
    assert 'data-label="Corrected">1<' in signed_in.get("/imports/").content.decode()


def test_a_repaired_row_is_read_in_its_batch_s_zone_and_belongs_to_its_source(signed_in: Client, lake: Lake) -> None:
    from datetime import UTC, datetime
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from tenure.facts.importing import import_files

    good = "".join(f"C{n},2026-02-0{n} 08:00:00,5,O{n}\n" for n in range(2, 8))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "till.csv"
        path.write_text("客户编号,下单时间,金额,订单号\nC1,2026-02-30 08:00:00,5,O1\n" + good)
        import_files(lake, [path], tz="Europe/Berlin", source="till", now=datetime(2026, 6, 1, tzinfo=UTC))
    answer = signed_in.post(
        "/imports/quarantine/repair/", {"key": keys()["impossible-date"], "cell-下单时间": "2026-02-28 08:00:00"}
    )
    assert "is a fact now" in answer.content.decode()
    row = next(row for row in lake.read("orders").to_pylist() if row["order_id"] == "O1")
    assert (row["source"], row["at"]) == ("till", datetime(2026, 2, 28, 7, tzinfo=UTC))


PEOPLE = "customer_id,name,city,level\nC1,王芳,上海,gold\nC2,李伟,杭州,silver\n"


@pytest.mark.parametrize(
    ("language", "question", "since", "text"),
    [
        ("en", "Valid from", "known since ", "known since "),
        ("zh-hans", "未注明生效日期的行，从哪天起生效", "（2026年2月1日起）", "自2026年2月1日起才有记录"),
    ],
)
def test_customer_files_say_since_when_their_values_hold(
    signed_in: Client,
    filled_lake: Lake,
    run_job: Callable[[str], Job],
    language: str,
    question: str,
    since: str,
    text: str,
) -> None:
    from tenure_app.facts import queries

    signed_in.cookies["tenure_language"] = language
    assert question not in signed_in.get(bring(signed_in, GOOD)).content.decode()
    address = bring(signed_in, PEOPLE, "客户.csv", "customers")
    number = int(address.rstrip("/").rsplit("/", 1)[1])
    assert question in signed_in.get(address).content.decode()
    (file,) = queries.files(number)
    columns = {f"map-{file.pk}-{field}": column for field, column in file.mapping.items()}
    refused = signed_in.post(f"{address}columns/", {**columns, "valid_from": "1.2.26", "start": "1"})
    assert refused.status_code == 422
    assert "2024-01-31" in refused.content.decode()
    kept = signed_in.post(f"{address}columns/", {**columns, "valid_from": "2026-02-01"}).content.decode()
    assert 'value="2026-02-01"' in kept  # and it stays with the import until that is started, or replayed
    signed_in.post(f"{address}columns/", {**columns, "valid_from": "2026-02-01", "start": "1"})
    assert run_job("import").state == "done"
    (day,) = filled_lake.connect().execute("SELECT DISTINCT valid_from FROM customers").fetchall()
    assert str(day[0]) == "2026-02-01"
    who = signed_in.get("/customers/C1/").content.decode()
    assert since in who
    folder = filled_lake.path / "models"
    folder.mkdir()
    (folder / "cities.yaml").write_text("id: cities\nstages: [{id: s, when: attribute(city) is known}]\n", "utf-8")
    signed_in.get("/models/")
    stages_only(filled_lake, as_of=date(2026, 4, 1))
    for address in ("/models/cities/", "/lifecycle/?model=cities"):
        assert text in signed_in.get(address).content.decode(), address
    assert text not in signed_in.get("/models/retail-activity/").content.decode()
