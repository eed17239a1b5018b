"""Which models a business looks at: three are chosen for its kind and its facts, one of them is recommended.

Every other model stays a command or a click away. The choice stands in the lake's settings, so that pages, commands
and refreshes agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tenure.errors import ModelError
from tenure.facts.businesses import BUSINESSES, check_business
from tenure.facts.kinds import KINDS
from tenure.lifecycle.model import FUNNEL, NOT_IN_MODEL, UNSTAGED, Model
from tenure.lifecycle.model_file import builtin_texts, models_of, own_model_ids
from tenure.lifecycle.preview import count_places
from tenure.lifecycle.reach import FactsAtHand, Unreachable, unreachable
from tenure.rules.wording.vocabulary import KindNames
from tenure.words import LANGUAGES, LocalizedText, Message, Number, Percent, mark, sentences

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from tenure.facts.lake import Lake, Settings

MAX_MODELS = 3
#: Shown first while no model is recommended: it needs nothing but orders.
FAVOURITE = "retail-activity"
#: A model that puts more of the customers than this into one stage does not separate them.
DOMINANT_SHARE = 0.9
#: A model made for no more kinds of business than this is made for them in particular.
SPECIALISED_MAX = 3
#: Of a model's stages so many should be within reach.
REACHABLE_SHARE = 2 / 3
#: The first kind of each table of facts, which stands for it when they are listed.
_TABLES = dict(reversed({kind.table: kind.name for kind in reversed(KINDS.values())}.items()))


@dataclass(frozen=True, slots=True)
class Suitability:
    """How well a model suits a business."""

    model: Model
    unreachable: Mapping[str, Unreachable] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)  # customers in each stage, and in none

    @property
    def largest(self) -> tuple[str, float]:
        """The stage, or no stage, with the most customers, and their share; nothing while nobody was counted."""
        total = sum(self.places.values())
        place = max(self.places, key=lambda place: (self.places[place], place), default="")
        return (place, self.places[place] / total) if total else ("", 0.0)

    @property
    def is_one_stage(self) -> bool:
        """Whether nearly all customers are in one place."""
        return self.largest[1] > DOMINANT_SHARE

    @property
    def reachable(self) -> int:
        """How many stages can be reached."""
        return len(self.model.stages) - len(self.unreachable)

    def rank(self, business: str) -> tuple[object, ...]:
        """Return what models are ordered by for a kind of business, the most suitable first."""
        in_reach = self.reachable >= REACHABLE_SHARE * len(self.model.stages)
        return (self.is_one_stage, business not in self.model.businesses, not in_reach, *self.rank_among_fitting())

    def rank_among_fitting(self) -> tuple[object, ...]:
        """Return what models are ordered by that suit the business and its facts equally: what they are made for."""
        families = {stage.family for stage in self.model.stages if stage.id not in self.unreachable} - {""}
        return (
            len(self.model.businesses) > SPECIALISED_MAX,
            len(self.model.businesses) == len(BUSINESSES),
            -len(families),
            self.largest[1],
            self.model.id,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """The models chosen for a business, the recommended one first, and why."""

    business: str
    models: tuple[Suitability, ...]
    reasons: tuple[Message, ...]

    @property
    def recommended(self) -> str:
        """The id of the recommended model; empty when no model fits."""
        return self.models[0].model.id if self.models else ""


def choose(lake: Lake, business: str, *, as_of: date) -> Choice:
    """Choose models for a kind of business, from the facts that are there.

    Customers are counted in the spans of the last refresh; for models that have none, as of a day, without writing.

    Parameters
    ----------
    lake : Lake
        Where the facts are; nothing is written.
    business : str
        The kind of business, of :data:`tenure.facts.businesses.BUSINESSES`.
    as_of : date
        The day on which customers are counted where there are no spans.

    Returns
    -------
    Choice
        Up to three models. The recommended one holds no more than 90 % of the customers in one stage, unless all do.

    Raises
    ------
    LakeError
        When there is no such kind of business.
    """
    check_business(business)
    facts = FactsAtHand.of(lake)
    known = [model for model in models_of(lake) if model.subject == "customer"]
    fitting = [model for model in known if not model.missing(facts.kinds)] if facts.kinds else known
    suited = [model for model in fitting if business in model.businesses]
    candidates = suited if len(suited) >= MAX_MODELS else [model for model in fitting if model.businesses]
    places = _places(lake, candidates, as_of) if facts.kinds else {}
    suitable = [
        Suitability(model, unreachable(model, facts) if facts.kinds else {}, places.get(model.id, {}))
        for model in candidates
    ]
    suitable.sort(key=lambda suitability: suitability.rank(business))
    others = [other for other in suitable[1:MAX_MODELS] if other.model in suited or not other.is_one_stage]
    unfit = [model for model in known if model not in fitting and business in model.businesses]
    return Choice(business, (*suitable[:1], *others), _reasons(business, suitable, unfit, facts))


def _places(lake: Lake, models: list[Model], as_of: date) -> dict[str, Mapping[str, int]]:
    """Return how many customers each model has in each stage, and in none."""
    counts: dict[str, Mapping[str, int]] = {}
    staged = {file.partition.get("model") for file in lake.files("spans") if file.rows}
    if lake.has("scorecard") and staged:
        con = lake.connect(("spans", "scorecard"))
        (everybody,) = con.execute("SELECT count(*) FROM scorecard").fetchone() or (0,)
        sql = "SELECT model, stage, count(*) FROM spans WHERE left_on IS NULL GROUP BY ALL"
        for model, stage, people in con.execute(sql).fetchall():
            counts[model] = {**counts.get(model, {}), stage: people}
        for model, stages in counts.items():
            counts[model] = {**stages, NOT_IN_MODEL: max(everybody - sum(stages.values()), 0)}
    uncounted = [model for model in models if model.id not in counts]
    return counts | (count_places(lake, uncounted, as_of=as_of) if uncounted else {})


# Why


def _reasons(business: str, suitable: list[Suitability], unfit: list[Model], facts: FactsAtHand) -> tuple[Message, ...]:
    if not suitable:
        return (Message(mark("No model fits these facts yet. Import orders, contracts or interactions first.")),)
    best, name = suitable[0], {"business": BUSINESSES[business]}
    if not facts.kinds:
        return (Message(mark("%(model)s is made for %(business)s."), {"model": best.model.name, **name}),)
    reasons = [_from_facts(suitable[:MAX_MODELS], unfit, facts), _within_reach(best)]
    if best.is_one_stage:
        return (*reasons, Message(mark("No other model for this business divides your customers better.")))
    # Models that are made for the business, and would have come first if they told these customers apart.
    fit = [other for other in suitable if other.rank_among_fitting() < best.rank_among_fitting()]
    passed_over = [other for other in fit if business in other.model.businesses]
    return (
        *reasons,
        *(
            one_stage_message(other) if other.is_one_stage else _little_in_reach(other)
            for other in passed_over[:MAX_MODELS]
        ),
    )


def _from_facts(chosen: list[Suitability], unfit: list[Model], facts: FactsAtHand) -> Message:
    """Name the facts that are there, and those without which models do not fit or stages are out of reach."""
    best = chosen[0].model
    wanted = [kind for model in unfit for need in model.needs for kind in need.split(" | ")]
    wanted += [kind for suitability in chosen for item in suitability.unreachable.values() for kind in item.kinds]
    read = {facts.known[kind.partition(".")[0]].table for kind in wanted}
    tables = {facts.known[kind].table for kind in facts.kinds}
    have = tuple(kind for table, kind in _TABLES.items() if table in tables)
    lack = tuple(kind for table, kind in _TABLES.items() if table in read - tables)
    text = mark("You have %(have)s: %(model)s is recommended.")
    if lack:
        text = mark("You have %(have)s, but no %(lack)s: %(model)s is recommended.")
    return Message(text, {"have": KindNames(have), "lack": KindNames(lack, "or"), "model": best.name})


def _within_reach(best: Suitability) -> Message:
    place, share = best.largest
    text = mark(
        "%(reachable)s of its %(stages)s stages can be reached; the largest, %(stage)s, holds %(share)s of customers."
    )
    if place in (UNSTAGED, NOT_IN_MODEL):
        text = mark(
            "%(reachable)s of its %(stages)s stages can be reached; %(share)s of customers are in none of them."
        )
    numbers = {"reachable": Number(best.reachable), "stages": Number(len(best.model.stages))}
    return Message(text, {**numbers, "stage": _stage_name(best.model, place), "share": Percent(share, 1)})


def _little_in_reach(other: Suitability) -> Message:
    numbers = {"reachable": Number(other.reachable), "stages": Number(len(other.model.stages))}
    text = mark("Of the stages of %(model)s, only %(reachable)s of %(stages)s can be reached.")
    return Message(text, {"model": other.model.name, **numbers})


def one_stage_message(suitability: Suitability) -> Message:
    """Return the sentence that says how little a model tells the customers apart."""
    place, share = suitability.largest
    text = mark("%(model)s does not separate your customers: %(share)s of them are in one stage, %(stage)s.")
    if place in (UNSTAGED, NOT_IN_MODEL):
        text = mark("%(model)s does not separate your customers: %(share)s of them are in none of its stages.")
    names = {"model": suitability.model.name, "stage": _stage_name(suitability.model, place)}
    return Message(text, {**names, "share": Percent(share, 1)})


def _stage_name(model: Model, stage: str) -> LocalizedText | str:
    return next((known.name for known in model.stages if known.id == stage), stage)


# Switching


def default_model(settings: Settings) -> str:
    """Return the id of the model that is shown when none is asked for."""
    return settings.recommended or FAVOURITE


def switch_on(lake: Lake, choice: Choice) -> None:
    """Switch on the models of a choice; those of one's own and those of products stay on."""
    selected = [suitability.model.id for suitability in choice.models]
    others = [
        model.id
        for model in models_of(lake)
        if (model.subject == "product" or model.id not in builtin_texts()) and lake.settings.is_on(model.id)
    ]
    lake.save_settings(
        business_kind=choice.business,
        models_on=tuple(dict.fromkeys([*selected, *others])),
        recommended=choice.recommended,
        recommended_because={language: sentences(choice.reasons, language) for language in LANGUAGES},
    )


def choose_first(lake: Lake, *, as_of: date) -> Choice | None:
    """Choose and switch on models once the kind of business is known; None when they were chosen before, or it is not.

    Called after a refresh, when customers are counted already. While there are no facts the choice waits for them: it
    is kept, and a refresh of an empty lake must not decide for the facts that come later.
    """
    settings = lake.settings
    if not settings.business_kind or settings.models_on is not None or not lake.available_kinds():
        return None
    choice = choose(lake, settings.business_kind, as_of=as_of)
    switch_on(lake, choice)
    return choice


def switch(lake: Lake, model: str, *, on: bool, known: Collection[str] | None = None) -> None:
    """Switch one model on or off; `known` are the ids that there are, the lake's when omitted."""
    ids = [known.id for known in models_of(lake)] if known is None else list(known)
    if model not in ids:
        near = get_close_matches(model, ids, n=3, cutoff=0.5)
        raise ModelError(
            mark("There is no model %(id)r. Try: %(near)s."), id=model, near=", ".join(near) or "tenure models list"
        )

    def switched(settings: Settings) -> tuple[str, ...]:
        before = ids if settings.models_on is None else settings.models_on
        others = [other for other in before if other != model]
        return (*others, model) if on else tuple(others)

    def recommended(settings: Settings) -> str:
        return "" if settings.recommended == model and not on else settings.recommended

    def because(settings: Settings) -> Mapping[str, str]:
        return settings.recommended_because if recommended(settings) else {}

    lake.save_settings(models_on=switched, recommended=recommended, recommended_because=because)


def evaluated_models(lake: Lake) -> list[str]:
    """Return the ids of the models that a refresh evaluates: those switched on, one's own, and those with overrides.

    The funnel of first contacts is evaluated in any case, because the page of that name reads its steps.
    """
    own_ids = own_model_ids(lake)
    overridden = {row["model"] for row in lake.rows("overrides", "SELECT DISTINCT model FROM overrides")}
    ids = dict.fromkeys([*builtin_texts(), *own_ids])
    return [model for model in ids if lake.settings.is_on(model) or model in {*own_ids, *overridden, FUNNEL}]
