"""What is allowed in a model and hardly meant: nobody comes in, names that nothing in the lake has."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from tenure.facts.records import FIELDS
from tenure.lifecycle.published import kept_scores, score_names
from tenure.words import Message, mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model


def remarks(model: Model, lake: Lake | None = None) -> list[Message]:
    """Return what to mind about a model, by itself and with the facts of a lake."""
    notes = []
    if not model.entry_kinds and not model.takes_records:
        text = mark(
            "Nobody is in this model: its rules read no facts. Name kinds of fact in enters, or set without_facts on a"
            " stage."
        )
        notes.append(Message(text))
    if lake is not None:
        notes += [*_attributes(model, lake), *_scores(model, lake), *override_remarks(lake, [model])]
    return notes


def _attributes(model: Model, lake: Lake) -> Iterable[Message]:
    fields = {name for name in FIELDS if lake.has("customers") and lake.has_value("customers", name)}
    known = lake.known_attributes() | fields
    for name in dict.fromkeys(measure.attribute for measure in model.measures if measure.attribute):
        if name not in known:
            text = mark("No customer has a value for attribute(%(name)s).")
            yield _with_near(text, name, known)


def _scores(model: Model, lake: Lake) -> Iterable[Message]:
    table = lake.table("scorecard")
    if table is None:
        return
    known = {field.name for field in table.schema().fields} | kept_scores(lake)
    for name in score_names([model]):
        if name not in known:
            yield _with_near(mark("No customer has score(%(name)s)."), name, known)


def _with_near(text: str, name: str, known: Collection[str]) -> Message:
    near = get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    sentence = Message(text, {"name": name})
    if not near:
        return sentence
    return Message(mark("%(sentence)s Did you mean %(near)s?"), {"sentence": sentence, "near": " / ".join(near)})


def override_remarks(lake: Lake, models: Sequence[Model], *, every: bool = False) -> list[Message]:
    """Return which overrides name a stage that their model does not have; with `every` model of a lake, unknown models.

    Such an override puts nobody anywhere, but it ends the one before it.
    """
    stages = {model.id: [stage.id for stage in model.stages] for model in models}
    notes = []
    counted = "SELECT model, stage, count(*) AS rows FROM overrides GROUP BY ALL ORDER BY 1, 2"
    for row in lake.rows("overrides", counted):
        model, stage = row["model"] or "", row["stage"] or ""
        if every and model not in stages:
            text = mark("Overrides name the model %(model)s, which does not exist (%(rows)s). Try: %(near)s.")
            name, ids = model, list(stages)
        elif stage and model in stages and stage not in stages[model]:
            text = mark("Overrides name the stage %(stage)s, which %(model)s does not have (%(rows)s). Try: %(near)s.")
            name, ids = stage, stages[model]
        else:
            continue
        near = ", ".join(get_close_matches(name, ids, n=3, cutoff=0.4) or ids[:8])
        notes.append(Message(text, {"rows": row["rows"], "model": model or "–", "stage": stage, "near": near}))
    return notes
