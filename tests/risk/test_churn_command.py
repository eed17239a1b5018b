"""`tenure risk` on a lake: from facts in tables to who leaves, for people and for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.csv
import pytest

from risk.shops_with_churn import END, subscriptions
from tenure.cli import main
from tenure.facts.lake import Lake
from tenure.refreshing.run import refresh
from tenure.words import loads

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a refreshed lake."""
    lake = Lake.create(tmp_path_factory.mktemp("club") / "lake", tz="UTC")
    for name, table in subscriptions(1500, 1).tables().items():
        lake.append_facts(name, table)
    report = refresh(lake, as_of=END, models=["retail-activity"])
    assert "churn" not in report.problems
    return lake.path


def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    monkeypatch.setattr(sys, "argv", ["tenure", "risk", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr()
    return (told.out, "") if not end.value.code else ("", told.err)


def test_programs_are_told_everything(
    club: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "warned.csv"
    text, _ = _run(monkeypatch, capsys, "--lake", str(club), "--json", "--top", "5", "--out", str(out))
    told: dict[str, Any] = json.loads(text)
    contract = told["churn"]["kinds"]["contract"]
    assert told["as_of"] == END.isoformat()
    assert contract["verdict"] == "ok"
    assert contract["scored"] == contract["customers"] == sum(contract["by_level"].values()) > 800
    assert contract["models"][contract["model"]]["auc"] > 0.65
    assert len(told["list"]) == 5
    assert len(pyarrow.csv.read_csv(out)) == told["warnings"]["warned"] > 100
    scores = Lake.open(club).connect(("scorecard",)).execute("SELECT churn_level, count(*) FROM scorecard GROUP BY 1")
    assert {level: count for level, count in scores.fetchall() if level} == contract["by_level"]


def test_people_are_told_who_and_why(
    club: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    con = Lake.open(club).connect(("scorecard",))
    row = con.execute(
        "SELECT customer_id, churn, churn_reasons FROM scorecard ORDER BY churn DESC NULLS LAST"
    ).fetchone()
    who, risk, reasons = row
    monkeypatch.setenv("COLUMNS", "200")
    text, _ = _run(monkeypatch, capsys, "--lake", str(club), "--customer", who)
    assert "Highest priority" in text
    assert f"Customer {who}: risk of leaving {risk:.1%} (high)" in text
    assert all(reason["text"].render("en") in text for reason in loads(reasons))
    assert "not proof of a cause" in text
    for name in ("logistic regression", "boosted trees"):
        assert name in text


def test_mistakes_are_answered_with_a_sentence(
    club: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, wrong = _run(monkeypatch, capsys, "--lake", str(club), "--customer", "nobody")
    assert "There is no customer 'nobody'" in wrong
    Lake.create(tmp_path / "new")
    _, wrong = _run(monkeypatch, capsys, "--lake", str(tmp_path / "new"))
    assert "has no risk scores yet. Run: tenure refresh" in wrong
    _, wrong = _run(monkeypatch, capsys, "--lake", str(club), "--out", "w.pdf")
    assert "must end in .csv or .parquet" in wrong
