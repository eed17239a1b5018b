"""Moves, shares, rates and time in stage: by hand, against published numbers, and against spans counted in SQL."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from economics.people import LAST, fill, stays
from moves import TRANSITIONS
from refreshes import stages_only as refresh
from tenure.economics.source import Source, order_of
from tenure.economics.transitions import matrix, time_in_stage, transitions
from tenure.lifecycle import statistics
from tenure.lifecycle.model import UNSTAGED
from tenure.lifecycle.model_file import read
from tenure.stats.intervals import garwood, wilson

if TYPE_CHECKING:
    from pathlib import Path


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
    for hits, tries, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(hits, tries) == pytest.approx((low, high), abs=1e-4)
    assert wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_garwoods_interval_is_the_published_one() -> None:
    # Garwood (1936): exact limits of a Poisson mean, 95 %.
    for count, low, high in ((0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904)):
        assert garwood(count, 1.0) == pytest.approx((low, high), abs=1e-4)
    assert garwood(10, 4.0) == pytest.approx((4.7954 / 4, 18.3904 / 4), abs=1e-4)


def test_moves_are_counted_with_their_share_and_rate() -> None:
    found = stays(
        [(0, "a", LAST - 100, LAST - 40), (0, "b", LAST - 40, LAST - 10), (0, "a", LAST - 10, None),
         (1, "a", LAST - 60, LAST - 30), (1, "b", LAST - 30, None), (2, "a", LAST - 90, LAST - 80),
         (2, "c", LAST - 80, None)]
    )  # fmt: skip
    moves = {(move.source, move.target): move for move in transitions(found)}
    assert {pair: move.moves for pair, move in moves.items()} == {("a", "b"): 2, ("a", "c"): 1, ("b", "a"): 1}
    assert moves["a", "b"].share == pytest.approx(2 / 3)
    # 60 + 10 + 30 + 10 days in a, whole stays and the present one
    assert moves["a", "b"].rate == pytest.approx(2 / (110 / 30))
    assert (moves["a", "b"].share_low, moves["a", "b"].share_high) == pytest.approx(wilson(2, 3))
    assert moves["b", "a"].customers == 1


def test_a_gap_between_two_stays_is_a_stay_in_no_stage() -> None:
    found = stays([(0, "a", LAST - 50, LAST - 30), (0, "b", LAST - 20, LAST - 5), (1, "a", LAST - 9, None)])
    assert found.stages[-1] == UNSTAGED
    where = [found.stages[n] for n in found.stage]
    assert where == ["a", UNSTAGED, "b", UNSTAGED, "a"]
    assert found.left.tolist() == [LAST - 30, LAST - 20, LAST - 5, LAST + 1, LAST + 1]
    assert found.ended.tolist() == [True, True, True, False, False]


def test_the_matrix_compares_two_days() -> None:
    found = stays([(0, "a", 0, LAST - 10), (0, "b", LAST - 10, None), (1, "a", 0, None), (2, "b", LAST - 5, None)])
    told = matrix(found, 30)
    assert told["counts"] == [[1, 1, 0], [0, 0, 0], [0, 0, 0]]  # the newcomer stood nowhere thirty days before
    assert told["shares"][0] == [0.5, 0.5, 0.0]
    assert told["low"][0][1] == pytest.approx(wilson(1, 2)[0])


def test_an_earlier_day_is_seen_as_it_was_then() -> None:
    found = stays([(0, "a", 900, 960), (0, "b", 960, None), (1, "b", 990, None)])
    then = found.until(950)
    assert (then.who.tolist(), then.ended.tolist(), then.left.tolist()) == ([0], [False], [951])
    assert found.until(960).stage.tolist() == [0, 1]


def test_time_in_stage_counts_those_who_are_still_there() -> None:
    told = time_in_stage(stays([(0, "a", 900, 920), (1, "a", 900, 940), (2, "a", 970, None), (3, "a", 990, None)]))[0]
    assert (told["ended"], told["current"], told["mean_days"], told["current_mean_days"]) == (2, 2, 30.0, 20.0)
    # After 20 days 3 were watched and one left; after 40 days the only one still watched left.
    assert told["survival"]["days"] == [20.0, 40.0]
    assert told["survival"]["share"] == pytest.approx([2 / 3, 0.0])
    assert told["half_days"] == 40.0


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    from tenure.facts.lake import Lake

    folder: Path = tmp_path_factory.mktemp("economics")
    lake = Lake.create(folder / "lake", tz="Asia/Shanghai")
    last = fill(lake, people=120)
    refresh(lake, as_of=last, models=["retail-activity", "relationship-4"])
    return Source.of(lake, last)


@pytest.mark.parametrize("model", ["retail-activity", "relationship-4"])
def test_moves_and_rates_are_those_counted_in_the_spans(source: Source, model: str) -> None:
    listed = statistics.statistic(source.con, TRANSITIONS, model, since=date(2020, 1, 1), until=source.day).to_pylist()
    counts = Counter(
        (row["from_stage"], row["to_stage"] or UNSTAGED)
        for row in listed
        if row["from_stage"] and not row["passed_through"]
    )
    spent = dict(
        source.con.execute(
            "SELECT stage, sum(coalesce(left_on, $day) - entered_on) FROM spans"
            " WHERE model = $model AND NOT passed_through GROUP BY stage",
            {"day": source.day, "model": model},
        ).fetchall()
    )
    found = transitions(source.episodes(model, order_of(read(model))))
    # Whoever comes back after days in no stage left no span, so the spans count only moves out of stages.
    moves = {(move.source, move.target): move for move in found if move.source != UNSTAGED}
    assert len(counts) > 2
    assert {pair: move.moves for pair, move in moves.items()} == dict(counts)
    for (stage, _), move in moves.items():
        assert move.share == pytest.approx(move.moves / sum(n for pair, n in counts.items() if pair[0] == stage))
        assert move.rate == pytest.approx(move.moves * 30 / spent[stage])


def test_survival_is_the_product_of_the_shares_kept_each_day(source: Source) -> None:
    rows = source.con.execute(
        "SELECT coalesce(left_on, $day) - entered_on, left_on IS NOT NULL FROM spans"
        " WHERE model = 'retail-activity' AND stage = 'silent' AND NOT passed_through",
        {"day": source.day},
    ).fetchall()
    survival, curve = 1.0, {}
    for length in sorted({days for days, ended in rows if ended}):
        at_risk = sum(days >= length for days, _ in rows)
        survival *= 1 - sum(ended for days, ended in rows if days == length) / at_risk
        curve[length] = (survival, at_risk)
    (stage,) = (row for row in time_in_stage(source.episodes("retail-activity")) if row["stage"] == "silent")
    points = stage["survival"]
    assert len(points["days"]) > 5
    for days, share, at_risk in zip(points["days"], points["share"], points["at_risk"], strict=True):
        assert (share, at_risk) == (pytest.approx(curve[days][0]), curve[days][1])


def test_the_survival_curve_is_the_published_one() -> None:
    # The 6-MP arm of Freireich et al. 1963, the example of every textbook; the zeros are censored.
    days = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    ended = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    rows = [
        (n, "a", LAST - length, LAST if over else None)
        for n, (length, over) in enumerate(zip(days, ended, strict=True))
    ]
    (stage, *_) = time_in_stage(stays(rows))
    curve = stage["survival"]
    assert curve["days"] == [6, 7, 10, 13, 16, 22, 23]
    assert curve["at_risk"] == [21, 17, 15, 12, 11, 7, 6]
    np.testing.assert_allclose(curve["share"], [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=6e-4)
    assert (stage["half_days"], stage["half_low"], stage["half_high"]) == (23, 13, None)


def test_a_stage_nobody_left_has_no_curve_and_no_half() -> None:
    (stage, *_) = time_in_stage(stays([(0, "a", 900, None)]))
    assert (stage["ended"], stage["half_days"], stage["survival"]["days"]) == (0, None, [])


def test_the_matrix_is_the_flow_of_the_life_cycle_room(source: Source) -> None:
    told = matrix(source.episodes("retail-activity", order_of(read("retail-activity"))), 90)
    days = {"since": source.day - timedelta(days=90), "until": source.day}
    rows = statistics.statistic(source.con, statistics.FLOWS, "retail-activity", **days)
    for row in rows.to_pylist():
        if row["from_stage"] and row["to_stage"]:
            here, there = (told["stages"].index(row[side]) for side in ("from_stage", "to_stage"))
            assert told["counts"][here][there] == row["people"]
    assert np.sum(told["counts"]) > 100
