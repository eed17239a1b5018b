"""`tenure value`, run as a person runs it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services import DATA

CDNOW = DATA / "cdnow/CDNOW_sample.txt"
READ = ("--map", "customer_id=2", "--map", "at=3", "--map", "amount=5", "--tz", "America/New_York")
PERIODS = ("--calibrate-to", "1997-09-30", "--until", "1998-06-30")


def tenure(*arguments: object, language: str = "en") -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it said."""
    environment = {name: value for name, value in os.environ.items() if name != "TENURE_LAKE"}
    return subprocess.run(
        [sys.executable, "-c", "from tenure.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**environment, "TENURE_LANG": language, "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("value") / "scores.csv"
    done = tenure("value", CDNOW, *READ, *PERIODS, "--customer", "1516", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader(out.read_text("utf-8").splitlines())
    return {**json.loads(done.stdout), "scores": list(rows)}


def test_it_prints_the_published_parameters_and_likelihoods(told: dict[str, Any]) -> None:
    assert list(told["models"]) == ["nbd", "bg-nbd", "mbg-nbd", "pareto-nbd", "mbg-cnbd-2"]
    bg, pareto = told["models"]["bg-nbd"], told["models"]["pareto-nbd"]
    assert {name: round(value, 3) for name, value in bg["params"].items()} == {
        "r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426,
    }  # fmt: skip
    assert {name: round(value, 3) for name, value in pareto["params"].items()} == {
        "r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669,
    }  # fmt: skip
    assert (round(bg["log_likelihood"], 1), round(pareto["log_likelihood"], 1)) == (-9582.4, -9595.0)
    assert {model["verdict"] for model in told["models"].values()} == {"ok"}
    assert pareto["standard_errors"]["s"] == pytest.approx(0.1873, abs=1e-3)


def test_it_counts_customers_and_holdout_as_published(told: dict[str, Any]) -> None:
    assert (told["orders"], told["customers"], told["repeaters"], told["repeat_orders"]) == (6919, 2357, 946, 2457)
    held = told["holdout"]
    assert held["actual"] == 1882
    assert {name: round(held[name], 1) for name in ("bg-nbd", "pareto-nbd", "mbg-nbd", "nbd")} == {
        "bg-nbd": 1653.4, "pareto-nbd": 1665.5, "mbg-nbd": 1576.7, "nbd": 2929.8,
    }  # fmt: skip


def test_it_tells_the_numbers_of_customer_1516(told: dict[str, Any]) -> None:
    one = told["customer"]
    assert (one["frequency"], round(one["recency"], 3), one["age"], one["horizon"]) == (26, 30.857, 31.0, 52)
    bg, pareto = one["models"]["bg-nbd"], one["models"]["pareto-nbd"]
    assert (bg["expected"], bg["p_alive"]) == (pytest.approx(25.7573, abs=2e-3), pytest.approx(0.96885, abs=2e-5))
    assert (pareto["expected"], pareto["p_alive"]) == (
        pytest.approx(25.456, abs=2e-3),
        pytest.approx(0.99787, abs=2e-5),
    )


def test_it_writes_every_customers_scores(told: dict[str, Any]) -> None:
    rows = told["scores"]
    assert len(rows) == 2357
    one = next(row for row in rows if row["customer_id"] == "1516")
    assert float(one["bg_nbd_expected"]) == told["customer"]["models"]["bg-nbd"]["expected"]
    assert sum(float(row["actual"]) for row in rows) == 1882


def test_it_shows_people_tables_in_their_language() -> None:
    done = tenure("value", CDNOW, *READ, *PERIODS, "--models", "bg-nbd", "--customer", "1516")
    assert done.returncode == 0, done.stderr
    assert "r 0.2426  alpha 4.414  a 0.7929  b 2.426" in done.stdout
    assert "-9,582.429" in done.stdout
    assert "1,882" in done.stdout
    assert "25.7573" in done.stdout
    chinese = tenure("value", CDNOW, *READ, *PERIODS, "--models", "bg-nbd", language="zh")
    assert chinese.returncode == 0, chinese.stderr
    assert "客户" in chinese.stdout


def test_without_periods_everything_is_calibration() -> None:
    done = tenure("value", CDNOW, *READ, "--models", "nbd,bg-nbd", "--unit", "day", "--json")
    told = json.loads(done.stdout)
    assert (told["calibrate_to"], told["holdout"], told["backtest"]) == ("1998-06-30", {}, {})
    assert list(told["models"]) == ["nbd", "bg-nbd"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--models", "bgnbd"), "There is no purchase model 'bgnbd'"),
        (("--unit", "month"), "write week or day"),
        (("--calibrate-to", "1998-01-01", "--until", "1997-12-01"), "Swap them"),
        (("--calibrate-to", "1990-01-01"), "Nobody bought anything up to 1990-01-01"),
        (("--calibrate-to", "yesterday"), "is not a valid date"),
        (("--customer", "nobody"), "bought nothing up to"),
        (("--horizon", "-3"), "a number of units above 0"),
        (("--out", "/tmp/scores.docx"), "must end in .csv or .parquet"),
    ],
)
def test_mistakes_are_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    done = tenure("value", CDNOW, *READ, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_file_it_wants_a_lake() -> None:
    done = tenure("value")
    assert (done.returncode, "Specify an orders file, or a lake" in done.stderr) == (2, True)


def test_a_lake_without_a_refresh_is_told_to_be_refreshed(tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text("customer_id,at,amount\na,2024-01-01,10\n", encoding="utf-8")
    lake = tmp_path / "lake"
    assert tenure("import", orders, "--lake", lake).returncode == 0
    done = tenure("value", "--lake", lake)
    assert done.returncode == 2
    assert "tenure refresh" in done.stderr
