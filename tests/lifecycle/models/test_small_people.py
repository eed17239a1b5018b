"""Every stage of every model has a small hand-made customer who lands in it, with a reason."""

from __future__ import annotations

import pytest

from lifecycle.models.small_people import ABSENT, NOWHERE, Case, cases, history
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import builtin

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_small_customer_lands_in_the_stage(case: Case) -> None:
    now = [span for span in history(case.model, case.facts) if span["left_on"] is None]
    if case.stage in (ABSENT, NOWHERE):
        assert not now
        return
    assert [span["stage"] for span in now] == [case.stage]
    assert now[0]["because"]
    if case.cause is not None:
        assert now[0]["cause"] == case.cause
    unjudged = {one.strip() for one in str(now[0]["cannot_judge"] or "").split(",") if one.strip()}
    assert unjudged == set(case.unjudged or ()), "a stage that could not be judged"


@pytest.mark.parametrize("model", builtin().values(), ids=lambda model: model.id)
def test_every_stage_has_an_example(model: Model) -> None:
    shown = {case.stage for case in CASES if case.model == model.id}
    assert {stage.id for stage in model.stages} <= shown


def test_every_case_belongs_to_a_model_and_a_stage() -> None:
    for case in CASES:
        assert case.stage in {ABSENT, NOWHERE, *(stage.id for stage in builtin()[case.model].stages)}, str(case)
