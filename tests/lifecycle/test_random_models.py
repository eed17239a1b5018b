"""Random models of the whole language about random shops: the product's spans are those of the oracle."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from oracle.compare import differences_of, model_of
from oracle.random_cases import random_cases
from oracle.random_rules import CONSTRUCTS, NAMED_DATES
from oracle.settings import DEEP
from tenure.rules.syntax.parser import parse
from tenure.rules.wording.sentence import sentence

if TYPE_CHECKING:
    from oracle.random_cases import RandomCase

#: A seed makes four models: one with stages, settings and decisions of persons, and three single rules.
SEEDS = range(45)
#: At least so often each construct appears in the rules that every push tries.
LEAST = 1


def _assert_readable(case: RandomCase) -> None:
    """Fail unless every rule has a sentence in both languages, and reads the same when it is written again."""
    for stage in model_of(case).stages:
        for rule in stage.rules:
            assert str(parse(str(rule), named_dates=NAMED_DATES)) == str(rule)
            for language in ("zh_Hans", "en"):
                text = sentence(rule, language)
                assert text, rule
                assert "{" not in text, text


def _assert_equal(seeds: range) -> Counter[str]:
    used: Counter[str] = Counter()
    differing = []
    for case in (case for seed in seeds for case in random_cases(seed)):
        differing += differences_of(case)
        _assert_readable(case)
        used += case.used
    assert not differing, "\n".join(["", *differing])
    return used


def test_the_spans_of_random_models_are_those_of_the_oracle_and_every_construct_appears() -> None:
    used = _assert_equal(SEEDS)
    assert {name: used[name] for name in CONSTRUCTS if used[name] < LEAST} == {}


@pytest.mark.slow
@pytest.mark.skipif(not DEEP, reason="A thousand models take minutes: set HYPOTHESIS_PROFILE=deep.")
@pytest.mark.parametrize("first", range(1_000, 1_250, 25))
def test_a_thousand_models_are_those_of_the_oracle(first: int) -> None:
    _assert_equal(range(first, first + 25))
