"""Random models of the whole rule language about random shops: the product's spans are those of the day-by-day oracle."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from oracle.compare import assert_case, model_of
from oracle.random_cases import random_case
from oracle.random_rules import CONSTRUCTS, NAMED_DATES
from oracle.settings import DEEP
from tenure.rules.syntax.parser import parse
from tenure.rules.wording.sentence import sentence

if TYPE_CHECKING:
    from oracle.random_cases import RandomCase

#: How many cases every push tries, in batches that say where to look.
BATCH, BATCHES = 10, 6


def _assert_readable(case: RandomCase) -> None:
    """Fail unless every rule has a sentence in both languages, and means the same when it is written again."""
    for stage in model_of(case).stages:
        for rule in stage.rules:
            again = parse(str(rule), named_dates=NAMED_DATES)
            assert str(again) == str(rule)
            for language in ("zh_Hans", "en"):
                text = sentence(rule, language)
                assert text, rule
                assert "{" not in text, text


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_spans_of_random_models_are_those_of_the_oracle(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        case = random_case(seed)
        assert_case(case)
        _assert_readable(case)


@pytest.mark.slow
@pytest.mark.skipif(not DEEP, reason="A thousand models take minutes: set HYPOTHESIS_PROFILE=deep.")
@pytest.mark.parametrize("hundred", range(10))
def test_a_thousand_models_are_those_of_the_oracle(hundred: int) -> None:
    for seed in range(1_000 + hundred * 100, 1_100 + hundred * 100):
        case = random_case(seed)
        assert_case(case)
        _assert_readable(case)


def test_every_construct_of_the_language_appears_often() -> None:
    used: Counter[str] = Counter()
    for seed in range(BATCH * BATCHES):
        used += random_case(seed).used
    assert {name: used[name] for name in CONSTRUCTS if used[name] < 3} == {}
