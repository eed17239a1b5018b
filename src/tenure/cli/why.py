"""`tenure why`: every rule of a model with its truth for one customer on one day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from tenure.cli.models import STAYS_WHILE
from tenure.cli.options import AsJson, AsOf, LakeFolder, SomeModel, argument, day_of, last_refresh, model_of, open_lake
from tenure.cli.output import console, print_result, table_of
from tenure.words import Day, mark, say

if TYPE_CHECKING:
    from tenure.lifecycle.explain import Explanation, StageEvaluation
    from tenure.lifecycle.model import Model


def why(
    customer: Annotated[str, argument(mark("Customer id."))],
    lake: LakeFolder,
    model: SomeModel = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Without --as-of, on the day of the last refresh."""
    from tenure.lifecycle.explain import explain_from
    from tenure.lifecycle.model_file import models_of

    store = open_lake(lake)
    [definition] = models_of(store, [model_of(store, model)])
    day = day_of(as_of) or last_refresh(store)
    explanation = explain_from(store, definition, customer, day)
    body = {"customer_id": customer, "model": definition.id, "as_of": day, **_body(explanation, definition)}
    print_result(body, as_json, _show, definition, explanation)


def _body(explanation: Explanation, model: Model) -> dict[str, Any]:
    waiting = explanation.waiting
    return {
        "entered_on": explanation.entered_on,
        "stage": explanation.stage,
        "reason": str(explanation.reason) if explanation.reason else None,
        "differs": explanation.why_not_by_rules(model),
        "waiting": {**waiting._asdict(), "text": waiting.say(model)} if waiting else None,
        "rules": [
            {
                "stage": evaluation.stage.id,
                "when": evaluation.stage.when,
                "holds": evaluation.holds,
                "stays_while": evaluation.stage.stays_while or None,
                "stays": evaluation.stays,
                "taken": evaluation.taken,
                "current": evaluation.stage.id == explanation.stage,
                "values": {str(read.measure): read.value for read in evaluation.values},
            }
            for evaluation in explanation.evaluations
        ],
    }


def _show(body: dict[str, Any], model: Model, explanation: Explanation) -> None:
    from tenure.lifecycle.reasons import value_in_words

    out, day = console(stderr=False), Day(body["as_of"])
    if explanation.entered_on is None:
        out.print(say(mark("%(customer)s is not in this model by %(day)s."), customer=body["customer_id"], day=day))
        return
    rows = []
    for evaluation in explanation.evaluations:
        values = (f"{read.measure} = {value_in_words(read.value)}" for read in evaluation.values)
        arrow = "→" if evaluation.stage.id == explanation.stage else ""
        rows.append([arrow, evaluation.stage.name.render(), _truth(evaluation), _rule(evaluation), "\n".join(values)])
    stage = model.stage(explanation.stage).name.render() if explanation.stage else say(mark("In no stage"))
    title = say(mark("%(customer)s on %(day)s: %(stage)s"), customer=body["customer_id"], day=day, stage=stage)
    headings = ("", mark("Stage"), mark("Holds"), mark("Rule"), mark("Values"))
    out.print(table_of(title, headings, (), rows))
    if body["differs"]:
        out.print(body["differs"].render())
    elif explanation.reason and explanation.reason.note is not None:
        out.print(say(mark("Set manually: %(reason)s"), reason=explanation.reason.note))


def _truth(evaluation: StageEvaluation) -> str:
    if evaluation.stays and not evaluation.holds:
        return say(mark("stays"))
    return say({True: mark("yes"), False: mark("no"), None: mark("unknown")}[evaluation.holds])


def _rule(evaluation: StageEvaluation) -> str:
    when, stays = evaluation.stage.when, evaluation.stage.stays_while
    return f"{when}\n{say(STAYS_WHILE, rule=stays)}" if stays else when
