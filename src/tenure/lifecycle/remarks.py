"""What is allowed in a model and hardly meant: nobody comes in, names that nothing in the lake has."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from tenure.errors import TenureError
from tenure.facts.records import FIELDS
from tenure.lifecycle.model_file import builtin_texts, models_of, own_model_ids
from tenure.lifecycle.published import kept_scores, score_names
from tenure.words import Message, mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

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

    Such an override puts nobody anywhere, but it ends the one before it. One that a later one ended is past.
    """
    stages: dict[str, list[str] | None] = {model.id: [stage.id for stage in model.stages] for model in models}
    if every:
        stages = _stages_of_all(lake) | stages
    notes = []
    rows = lake.rows("overrides", _OVERRIDES_IN_FORCE)
    for (model, stage), number in sorted(_counted(rows, stages).items()):
        known = stages.get(model, [])
        if every and model not in stages:
            text = mark("Overrides (%(rows)s) name the model %(model)s, which does not exist. Try: %(near)s.")
            name, ids = model, list(stages)
        elif stage and known and stage not in known:
            text = mark("Overrides (%(rows)s) name the stage %(stage)s, which %(model)s does not have. Try: %(near)s.")
            name, ids = stage, known
        else:
            continue
        near = ", ".join(get_close_matches(name, ids, n=3, cutoff=0.4) or ids[:8])
        notes.append(Message(text, {"rows": number, "model": model or "–", "stage": stage, "near": near}))
    return notes


_OVERRIDES_IN_FORCE = """
SELECT model, stage, count(*) AS rows FROM (
    SELECT model, stage FROM overrides
    QUALIFY row_number() OVER (PARTITION BY customer_id, model ORDER BY "at" DESC, fact_id DESC) = 1
) GROUP BY ALL"""


def _counted(rows: Iterable[Mapping[str, Any]], stages: Mapping[str, list[str] | None]) -> dict[tuple[str, str], int]:
    """Count overrides by model and stage; the stages of a model that does not exist say nothing."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        model = row["model"] or ""
        named = model, (row["stage"] or "") if model in stages else ""
        counts[named] = counts.get(named, 0) + row["rows"]
    return counts


def _stages_of_all(lake: Lake) -> dict[str, list[str] | None]:
    """Return the stages of every model of a lake; None for one that cannot be read, which does not stop other work."""
    stages: dict[str, list[str] | None] = {}
    for model_id in dict.fromkeys([*builtin_texts(), *own_model_ids(lake)]):
        try:
            [model] = models_of(lake, [model_id])
        except TenureError:
            stages[model_id] = None
        else:
            stages[model_id] = [stage.id for stage in model.stages]
    return stages
