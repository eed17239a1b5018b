"""`tenure backup`, `restore`, `customers` and `source`, run as a person runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facts.files import NOW, ROWS, orders, write
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lake import backup
from tenure.lake.backup import PARTS

PEOPLE = "会员号,姓名,手机号,注册日期\nA01,王芳,13812345678,2024-01-02\nB02,王芳,+86-138 1234 5678,\nC03,李雷,,\n"
MODEL = "id: own\n"


def tenure(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it said."""
    return subprocess.run(
        [sys.executable, "-c", "from tenure.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "TENURE_LANG": "en", "COLUMNS": "200"},
    )


def told(*arguments: object) -> str:
    """Return what a command that must succeed prints."""
    done = tenure(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake with orders, a model of its own, and the application's folder beside them."""
    folder = tmp_path / "lake"
    told("import", orders(tmp_path / "a.csv"), "--lake", folder)
    (folder / "models").mkdir()
    (folder / "models" / "own.yaml").write_text(MODEL)
    (folder / "app").mkdir()
    (folder / "app" / "secret_key").write_text("secret")
    return folder


def _rows(folder: Path) -> int:
    return len(Lake.open(folder).read("orders"))


# Backup and restore


def test_a_forced_restore_brings_the_lake_back_and_leaves_what_is_not_the_lake_s(lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    told("backup", file, "--lake", lake)
    told("import", orders(tmp_path / "more.csv", ("Z", "2024-02-01", "1", "O9")), "--lake", lake)
    (lake / "models" / "own.yaml").write_text("id: changed\n")
    (lake / "models" / "late.yaml").write_text("id: late\n")
    (tmp_path / "shop").mkdir()
    pq.write_table(
        pa.table({"customer_id": ["A"], "at": ["2024-01-01"], "amount": [1]}), tmp_path / "shop" / "1.parquet"
    )
    told("source", "add", "--from", tmp_path / "shop", "--as", "costs", "--lake", lake)
    refused = tenure("restore", file, "--lake", lake)
    assert refused.returncode == 2 and "--force" in refused.stderr and _rows(lake) == 4
    assert json.loads(told("restore", file, "--lake", lake, "--force", "--json"))["rows"]["orders"] == 3
    assert _rows(lake) == 3 and json.loads(told("source", "list", "--lake", lake, "--json")) == []
    assert [path.read_text() for path in (lake / "models").iterdir()] == [MODEL]
    assert (lake / "app" / "secret_key").read_text() == "secret"
    assert {path.name for path in lake.iterdir()} <= {*PARTS, "app", ".lock", ".staging"}


def test_a_backup_that_is_none_changes_nothing_and_leaves_no_folder(lake: Path, tmp_path: Path) -> None:
    broken = write(tmp_path / "b.tar.gz", "not a Tenure backup")
    for folder in (lake, tmp_path / "new"):
        done = tenure("restore", broken, "--lake", folder, "--force")
        assert done.returncode == 2 and "not a Tenure backup" in done.stderr
    assert _rows(lake) == 3 and not (tmp_path / "new").exists()


_KILLED = """
import os, signal, sys
from pathlib import Path
from tenure.lake import backup
count, real = [int(sys.argv[3])], Path.rename
def rename(self, target):
    count[0] -= 1
    if count[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)
Path.rename = rename
backup.restore(Path(sys.argv[1]), Path(sys.argv[2]), force=True)
"""


def test_killed_at_any_step_a_restore_leaves_the_old_lake_or_the_new_one(lake: Path, tmp_path: Path) -> None:
    file, killed = tmp_path / "b.tar.gz", 0
    backup.backup(Lake.open(lake), file)
    import_files(Lake.open(lake), [orders(tmp_path / "more.csv", ("Z", "2024-02-01", "1", "O9"))], now=NOW)
    (lake / "models" / "own.yaml").write_text("id: changed\n")
    for steps in range(20):
        one = shutil.copytree(lake, tmp_path / f"lake-{steps}")
        done = subprocess.run([sys.executable, "-c", _KILLED, str(file), str(one), str(steps)], check=False)
        begun = steps > 0  # from the first renaming on it is the new lake that counts
        assert _rows(one) == (3 if begun else 4), "opening the lake finishes what was begun"
        assert (one / "models" / "own.yaml").read_text() == (MODEL if begun else "id: changed\n")
        backup.restore(file, one, force=True)
        assert _rows(one) == 3 and (one / "app" / "secret_key").exists()
        assert not [path.name for path in one.iterdir() if path.name.startswith(".restor")]
        if done.returncode == 0:
            break
        killed += 1
    assert killed == 10, "every renaming was met once"


def test_tables_are_compacted(lake: Path) -> None:
    assert "orders: compacted from 1 to 1 files." in told("compact", "orders", "--lake", lake, "--forget")


# Customers


def test_customers_are_found_twice_merged_and_parted(tmp_path: Path) -> None:
    lake = ("--lake", tmp_path / "lake")
    told("import", orders(tmp_path / "a.csv", *ROWS), *lake)
    told("import", write(tmp_path / "people.csv", PEOPLE), "--as", "customers", *lake)
    (pair,) = json.loads(told("customers", "duplicates", *lake, "--json"))
    assert (pair["one"], pair["other"], pair["reasons"]) == ("A01", "B02", ["same-phone"])
    assert "Same phone number" in told("customers", "duplicates", *lake)
    assert "No merges yet." in told("customers", "merges", *lake)
    said = told("customers", "merge", "A01", "B02", "--reason", "one phone", *lake)
    found = re.search(r"customers undo (\S+)", said)
    assert found is not None
    assert "one phone" in told("customers", "merges", *lake)
    assert len(Lake.open(tmp_path / "lake").read("orders", ["A01"])) == 3
    told("customers", "undo", found.group(1), *lake)
    assert json.loads(told("customers", "merges", *lake, "--json"))[0]["undone"] is True
    assert len(Lake.open(tmp_path / "lake").read("orders", ["A01"])) == 2
    assert tenure("customers", "undo", "nothing", *lake).returncode == 2


def test_completeness_says_which_share_of_records_has_what(tmp_path: Path) -> None:
    lake = ("--lake", tmp_path / "lake")
    told("import", write(tmp_path / "people.csv", PEOPLE), "--as", "customers", *lake)
    assert json.loads(told("customers", "completeness", *lake, "--json"))["phone"] == pytest.approx(2 / 3, abs=0.001)
    assert "66.7%" in told("customers", "completeness", *lake)


# Sources


def test_a_folder_is_served_listed_and_served_no_longer(tmp_path: Path) -> None:
    lake, folder = ("--lake", tmp_path / "lake"), tmp_path / "till"
    folder.mkdir()
    pq.write_table(pa.table({"card": ["A", "B"], "day": ["2024-01-01"] * 2, "sum": [1, 2]}), folder / "1.parquet")
    pairs = ("--map", "customer_id=card", "--map", "at=day", "--map", "amount=sum")
    said = told("source", "add", "--from", folder, *pairs, *lake)
    assert "till is now read as orders:" in said and "customer_id = card" in said
    assert len(Lake.open(tmp_path / "lake").read("orders")) == 2
    (one,) = json.loads(told("source", "list", *lake, "--json"))
    assert (one["name"], one["kind"]) == ("till", "parquet")
    assert "was removed" in told("source", "remove", "till", *lake)
    assert "No external tables: all facts are stored in the lake." in told("source", "list", *lake)
    assert tenure("source", "remove", "till", *lake).returncode == 2
