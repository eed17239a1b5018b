"""Somebody tries the product: one command, a real shop, every stage; again, stopped midway, in Chinese."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, datetime
from itertools import pairwise
from statistics import mean, median, pstdev
from typing import TYPE_CHECKING, Any

import pytest

from tenure.practices.samples import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

RUN = "import typer; from tenure_app.demo import demo; app = typer.Typer(); app.command()(demo); app()"


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", RUN, "--no-serve", *arguments]


def _demo(*arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "TENURE_LANG": language},
    )


def _started(*arguments: str) -> subprocess.Popen[str]:
    """Return a demo that has said its first line, which no terminal breaks, so that Python itself has started."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = subprocess.Popen(_command(*arguments), env={**os.environ, "COLUMNS": "1000"}, **pipes)
    assert started.stdout is not None
    started.stdout.readline()
    return started


def _stages(document: dict[str, Any], model: str) -> dict[str, int]:
    (found,) = [one for one in document["models"] if one["id"] == model]
    return {stage["id"]: stage["customers"] for stage in found["stages"]}


def _by_hand(folder: Path) -> dict[str, int]:
    """Count CDNOW's customers by the days since their last purchase and by their rhythm, with nothing but the file."""
    (file,) = SAMPLES["cdnow"].files(folder)
    bought: dict[str, set[date]] = {}
    for line in gzip.decompress(file.path.read_bytes()).decode().splitlines()[1:]:
        customer, day, *_ = line.split()
        bought.setdefault(customer, set()).add(datetime.strptime(day, "%Y%m%d").date())
    counts = {"active": 0, "silent": 0, "dormant": 0, "lost": 0}
    for purchases in bought.values():
        days = (SAMPLES["cdnow"].as_of - max(purchases)).days
        gaps = [(after - before).days for before, after in pairwise(sorted(purchases))]
        steady = len(gaps) >= 2 and pstdev(gaps) <= 0.5 * mean(gaps) and days <= 2 * median(gaps)
        active = days <= 45 or steady
        counts["active" if active else "silent" if days <= 90 else "dormant" if days <= 180 else "lost"] += 1
    return counts


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "shop"
    first = _demo("--data", "cdnow", "--lake", str(folder))
    assert first.returncode == 0, first.stderr
    assert str(folder) in first.stdout.replace("\n", "")
    return folder


@pytest.mark.slow
def test_it_counts_a_real_shop_as_a_hand_would(shop: Path, tmp_path: Path) -> None:
    told = json.loads(_demo("--data", "cdnow", "--lake", str(shop), "--json").stdout)
    assert told["as_of"] == "1998-06-30"
    assert _stages(told, "retail-activity") == _by_hand(tmp_path)
    assert "satisfaction-4" in told["without_facts"]


@pytest.mark.slow
def test_the_second_time_everything_is_there_and_nothing_is_written(shop: Path) -> None:
    before = sorted((str(path), path.stat().st_mtime_ns) for path in shop.rglob("*.parquet"))
    again = _demo("--data", "cdnow", "--lake", str(shop))
    assert "Already up to date" in again.stdout
    assert sorted((str(path), path.stat().st_mtime_ns) for path in shop.rglob("*.parquet")) == before


@pytest.mark.slow
def test_it_speaks_chinese(shop: Path) -> None:
    told = _demo("--data", "cdnow", "--lake", str(shop), language="zh_CN.UTF-8")
    assert told.returncode == 0, told.stderr
    assert "活跃" in told.stdout
    assert "Stage" not in told.stdout


@pytest.mark.slow
def test_it_says_where_the_prospects_come_from_and_which_samples_there_are(tmp_path: Path) -> None:
    assert all(name in " ".join(_demo("--help").stdout.split()) for name in SAMPLES)
    with _started("--lake", str(tmp_path / "shop")) as started:
        assert started.stdout is not None
        opening = started.stdout.readline()
        started.send_signal(signal.SIGINT)
    assert "clickstream" in opening
    assert "web-" in opening


@pytest.mark.slow
def test_the_companies_of_the_b2b_sample_have_their_stages_within_a_minute(tmp_path: Path) -> None:
    document = json.loads(_demo("--data", "b2b", "--lake", str(tmp_path / "shop"), "--json").stdout)
    assert document["as_of"] == "2026-06-30"
    assert all(_stages(document, "relationship-4").values())
    assert document["without_facts"] == []


@pytest.mark.slow
def test_it_may_be_stopped_at_any_moment_and_called_again(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    for wait in (0, 1, 2):
        with _started("--data", "cdnow", "--lake", str(folder)) as started:
            time.sleep(wait)
            started.send_signal(signal.SIGINT)
            _, said = started.communicate(timeout=120)
        assert "Traceback" not in said
        assert started.returncode in (0, 130)
    told = json.loads(_demo("--data", "cdnow", "--lake", str(folder), "--json").stdout)
    assert _stages(told, "retail-activity") == _by_hand(tmp_path)


def test_a_wrong_name_is_answered_with_the_right_ones(tmp_path: Path) -> None:
    told = _demo("--data", "cdnov", "--lake", str(tmp_path / "shop"))
    assert told.returncode == 1
    assert all(name in told.stderr for name in SAMPLES)
    assert "Traceback" not in told.stderr
