"""Random models in a real lake: late facts, ``--changed``, day by day and on Spark, the answer is the oracle's."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from oracle.compare import assert_case
from oracle.lakes import bring, lake_with, model_ids, spans_in
from oracle.random_cases import random_models
from oracle.random_people import LENGTH, START, random_shop
from oracle.random_rules import STAGES
from refreshes import stages_only as refresh

if TYPE_CHECKING:
    from pathlib import Path

    from oracle.random_people import Shop

TOWN = ("ann", "bob", "eve", "fay", "gus", "ida")
HALF_WAY, END = START + timedelta(days=LENGTH // 2), START + timedelta(days=LENGTH)


def _shop(seed: int) -> Shop:
    return random_shop(seed, STAGES, TOWN, ties=False)._replace(as_of=END)


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_late_facts_and_a_refresh_of_who_changed_give_the_whole_answer(seed: int, tmp_path: Path) -> None:
    shop, random = _shop(seed), Random(seed)
    cases = random_models(5_000 + 100 * seed, 12, shop)
    lake = lake_with(cases, tmp_path)
    late = [random.random() < 0.4 for _ in shop.rows]
    bring(lake, [row for row, is_late in zip(shop.rows, late, strict=True) if not is_late], tmp_path / "first")
    refresh(lake, as_of=HALF_WAY, models=model_ids(cases))
    bring(lake, [row for row, is_late in zip(shop.rows, late, strict=True) if is_late], tmp_path / "rest")
    report = refresh(lake, as_of=END, models=model_ids(cases), only_changed=True)
    assert report.mode == "touched"
    for case in cases:
        assert_case(case, spans_in(lake, case))
