"""Every stage of every model has a small hand-made customer who lands in it, with a reason."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lifecycle.models.small_people import ABSENT, AS_OF, NAME, NOWHERE, Case, cases, record, tables
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import builtin
from tenure.lifecycle.spans import spans_of

CASES = cases()


def spans(case: Case) -> list[dict[str, object]]:
    model = builtin()[case.model]
    found = spans_of(tables(case.facts), model, as_of=AS_OF, tz="UTC", customers=record(case.facts))
    mine = "p1" if model.subject == "product" else NAME
    return found.filter(pa.compute.equal(found.column("customer_id"), mine)).to_pylist()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_small_customer_lands_in_the_stage(case: Case) -> None:
    history = spans(case)
    now = [span for span in history if span["left_on"] is None]
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
