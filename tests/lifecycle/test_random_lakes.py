"""Random models in a real lake: late facts, ``--changed``, day by day and on Spark, the answer is the oracle's."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from oracle.compare import assert_case
from oracle.judge import World
from oracle.lakes import bring, lake_with, model_ids, rows_between, spans_in
from oracle.people import people
from oracle.random_cases import random_cases
from oracle.random_people import LENGTH, START, random_shop
from oracle.random_rules import NAMED_DATES, stages_of
from oracle.settings import DEEP
from oracle.strategies import tables
from refreshes import stages_only as refresh

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from oracle.random_cases import RandomCase
    from oracle.random_people import Row
    from tenure.facts.lake import Lake

TOWN = ("ann", "bob", "eve", "fay", "gus", "ida")
HALF_WAY, END = START + timedelta(days=LENGTH // 2), START + timedelta(days=LENGTH)
#: Without scores, which need a scorecard.
WITHOUT = ("score(churn)",)


def _cases(seed: int, count: int, without: tuple[str, ...] = WITHOUT) -> list[RandomCase]:
    shop = random_shop(seed, stages_of(seed), TOWN, ties=False, records=True)._replace(as_of=END)
    return random_cases(seed, count - 1, without, shop)


def _split(rows: list[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """Return the rows that come in time, and those that come late."""
    random = Random(seed)
    late = [random.random() < 0.4 for _ in rows]
    return tuple(
        [row for row, is_late in zip(rows, late, strict=True) if is_late == wanted] for wanted in (False, True)
    )


def _compared_on(case: RandomCase, day: date, rows: list[Row]) -> RandomCase:
    """Return a case in whose world customers were compared on a day, by the rows known then."""
    known = people(tables(rows), day, case.shop.tz, case.shop.customers)
    return case._replace(world=World(NAMED_DATES, [], [(day.toordinal(), known)]))


@pytest.mark.parametrize("seed", (2, 4, 6))
def test_late_facts_and_a_refresh_of_who_changed_give_the_whole_answer(seed: int, tmp_path: Path) -> None:
    cases = _cases(seed, 12)
    in_time, late = _split(cases[0].shop.rows, seed)
    lake = lake_with(cases, tmp_path)
    bring(lake, in_time, tmp_path / "first")
    refresh(lake, as_of=HALF_WAY, models=model_ids(cases))
    bring(lake, late, tmp_path / "rest")
    assert refresh(lake, as_of=END, models=model_ids(cases), only_changed=True).mode == "touched"
    for case in cases:
        assert_case(_compared_on(case, HALF_WAY, in_time), spans_in(lake, case))


def _stages_by_day(lake: Lake, case: RandomCase, until: date) -> dict[tuple[str, date], str]:
    """Return in which stage everybody was on each day up to one."""
    stages = {}
    for span in spans_in(lake, case).to_pylist():
        last = min(until, (span["left_on"] or END) - timedelta(days=1) if span["left_on"] else until)
        for number in range((last - span["entered_on"]).days + 1):
            stages[span["customer_id"], span["entered_on"] + timedelta(days=number)] = span["stage"]
    return stages


DAILY = pytest.mark.skipif(not DEEP, reason="Refreshing every day takes minutes: set HYPOTHESIS_PROFILE=deep.")


@pytest.mark.parametrize("step", (20, pytest.param(1, marks=(pytest.mark.slow, DAILY))))
def test_what_was_known_on_a_day_is_never_judged_by_what_came_later(step: int, tmp_path: Path) -> None:
    cases = _cases(8, 16, (*WITHOUT, "population"))
    shop, begin = cases[0].shop, START + timedelta(days=210)
    lake = lake_with(cases, tmp_path)
    bring(lake, rows_between(shop, None, begin), tmp_path / "begin")
    refresh(lake, as_of=begin, models=model_ids(cases))
    told = {}
    for number in range(step, 61, step):
        day = begin + timedelta(days=number)
        bring(lake, rows_between(shop, day - timedelta(days=step), day), tmp_path / f"until-{day}")
        refresh(lake, as_of=day, models=model_ids(cases), only_changed=True)
        told[day] = [_stages_by_day(lake, case, day) for case in cases]
    once = lake_with(cases, tmp_path / "once")
    bring(once, rows_between(shop, None, day), tmp_path / "all")
    refresh(once, as_of=day, models=model_ids(cases))
    for place, case in enumerate(cases):
        assert spans_in(lake, case) == spans_in(once, case), case.mapping
        final = _stages_by_day(once, case, day)
        for known_on, stages in told.items():
            assert stages[place] == {key: stage for key, stage in final.items() if key[1] <= known_on}, case.mapping
