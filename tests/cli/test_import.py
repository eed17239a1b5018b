"""`tenure import` and its neighbours, run as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from facts.files import ROWS, orders, write_excel

BAD = ("C", "2024-02-30", "1", "O4")


def tenure(*arguments: object, language: str = "en") -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it said."""
    return subprocess.run(
        [sys.executable, "-c", "from tenure.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "TENURE_LANG": language, "COLUMNS": "200"},
    )


def test_it_makes_the_lake_and_tells_machines_what_became_of_the_rows(tmp_path: Path) -> None:
    done = tenure("import", orders(tmp_path / "a.csv", *ROWS, BAD), "--lake", tmp_path / "lake", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["accepted"], told["quarantined"], told["duplicates"]) == (3, 1, 0)
    assert told["reasons"] == {"impossible-date": 1}
    assert told["mapping"]["amount"] == "实付金额"
    assert told["batches"][0]["rows"] == 4


def test_it_shows_people_its_guess_and_the_reasons(tmp_path: Path) -> None:
    done = tenure("import", orders(tmp_path / "a.csv", *ROWS, BAD), "--lake", tmp_path / "lake")
    assert done.returncode == 0
    assert "下单时间" in done.stderr and "3 accepted" in done.stderr
    assert "This day does not exist in the calendar." in done.stderr


def test_columns_can_be_mapped_by_position_and_sheets_chosen(tmp_path: Path) -> None:
    path = write_excel(tmp_path / "a.xlsx")
    pairs = ("--map", "customer_id=1", "--map", "at=2", "--map", "amount=3", "--map", "channel==web")
    done = tenure("import", path, "--lake", tmp_path / "lake", "--sheet", "订单", *pairs, "--json")
    assert json.loads(done.stdout)["accepted"] == 3


def test_mistakes_are_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    lake = ("--lake", tmp_path / "lake")
    for arguments, sentence in (
        (("import", tmp_path / "no.csv", *lake), "does not exist"),
        (("import", orders(tmp_path / "a.csv"), *lake, "--map", "amount"), "is not valid"),
        (("import", orders(tmp_path / "a.csv"), *lake, "--map", "amount=nothing"), "no column 'nothing'"),
        (("import", orders(tmp_path / "a.csv"), *lake, "--as", "sales"), "Unknown fact table 'sales'"),
        (("import", orders(tmp_path / "a.csv"), *lake, "--tz", "Moon"), "Unknown time zone 'Moon'"),
        (("quarantine", "list", "--lake", tmp_path / "nowhere"), "There is no lake"),
        (("import", write_excel(tmp_path / "b.xlsx"), *lake, "--sheet", "x"), "no sheet 'x'"),
    ):
        done = tenure(*arguments)
        assert done.returncode == 2, arguments
        assert sentence in done.stderr and "Traceback" not in done.stderr


def test_quarantine_goes_out_and_comes_back_repaired(tmp_path: Path) -> None:
    lake, file = ("--lake", tmp_path / "lake"), tmp_path / "q.csv"
    tenure("import", orders(tmp_path / "a.csv", *ROWS, BAD), *lake)
    assert json.loads(tenure("quarantine", "list", *lake, "--json").stdout)["rows"][0]["row"] == 5
    assert tenure("quarantine", "export", file, *lake).returncode == 0
    file.write_text(file.read_text("utf-8-sig").replace("C,2024-02-30", "C,2024-02-29"), "utf-8-sig")
    done = json.loads(tenure("quarantine", "replay", file, *lake, "--json").stdout)
    assert done == {"accepted": 1, "duplicates": 0, "quarantined": 0}
    assert "No rejected rows" in tenure("quarantine", "list", *lake).stderr


def test_backup_and_restore(tmp_path: Path) -> None:
    lake, file = tmp_path / "lake", tmp_path / "b.tar.gz"
    tenure("import", orders(tmp_path / "a.csv"), "--lake", lake)
    assert tenure("backup", file, "--lake", lake).returncode == 0
    assert tenure("restore", file, "--lake", lake).returncode == 2
    assert json.loads(tenure("restore", file, "--lake", tmp_path / "two", "--json").stdout)["rows"]["orders"] == 3


def test_the_language_may_stand_before_the_command() -> None:
    done = tenure("--lang", "zh", "models", "list", "--json")
    assert (done.returncode, done.stderr) == (0, "") and len(json.loads(done.stdout)) >= 30


def test_help_lists_every_command(tmp_path: Path) -> None:
    said = tenure("--help").stdout
    for name in ("import", "quarantine", "customers", "source", "stages", "refresh", "models", "backup", "restore"):
        assert f" {name} " in said
    assert tenure("nonsense").returncode == 2
