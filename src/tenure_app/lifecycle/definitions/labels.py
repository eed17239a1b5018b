"""What pages call parts of models, and what differs between two versions; layout and comments are no difference."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.errors import TenureError
from tenure.facts.businesses import BUSINESSES
from tenure.lifecycle.choice import Choice
from tenure.lifecycle.families import metrics_of
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED, Model, Stage
from tenure.lifecycle.model_file import parameters_of
from tenure.words import LocalizedText, listing, sentences
from tenure_app.lifecycle.definitions import drafts, queries
from tenure_app.lifecycle.definitions.models import ModelVersion
from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.web.formats import day
from tenure_app.web.layout import business

#: The groups of the list: title, ids of the shipped models in it. What is in none stands in the first.
GROUPS = (
    (_("Your own"), ""),
    (
        _("Customer relationship"),
        "crm-5 value-5 crm-4 clm-4 crm-span-3 customer-4 relationship-4 seven-periods saas-6 inverted-u "
        "satisfaction-4 contact-span tiers-3 internal-external",
    ),
    (_("Marketing and first contact"), "awareness-3 first-contact-funnel campaign-6 attract-retain-convert"),
    (
        _("Retail and e-commerce"),
        "retail-activity retail-value-path chaoke-5 apparel-3 ecommerce-5 ecommerce-journey purchase-type",
    ),
    (_("Telecom"), "telecom-5 telecom-deck"),
    (_("Banking and education"), "bank-icbc education-3"),
    (_("Products instead of customers"), "product-life-cycle"),
)
ORIGINS = {
    ModelVersion.WRITTEN: _("edited"),
    ModelVersion.COPIED: _("copied"),
    ModelVersion.UPLOADED: _("uploaded"),
    ModelVersion.RESTORED: _("restored"),
    ModelVersion.SHIPPED: _("reset to the shipped version"),
    ModelVersion.FOLDER: _("read from the lake's folder"),
}

#: What a change is about: a key of the file, or what happened to the stages.
PARTS = {
    "when": _("rule"), "name": _("name"), "family": _("family"), "path": _("order of the stages"),
    "order": _("order of the rules"), "added": _("new stage"), "removed": _("stage removed"), "setback": _("setback"),
    "terminal": _("end of the relationship"), "without_facts": _("customers without facts"),
    "stepwise": _("step by step"), "traits": _("traits"), "needs_text": _("needs"), "goal": _("goal"),
    "advised": _("advised plays"), "discouraged": _("discouraged plays"), "assumption": _("assumption"),
    "causes": _("causes"), "summary": _("summary"), "sources": _("sources"), "needs": _("needed facts"),
    "businesses": _("kinds of business"),
}  # fmt: skip


def group_of(model_id: str) -> str:
    return str(next((title for title, ids in GROUPS if model_id in ids.split()), GROUPS[0][0]))


class Badge(NamedTuple):
    id: str
    name: str
    family: str


class Badges:
    """What the stages of one or two versions of a model are called; the newer version's names count."""

    def __init__(self, *models: Model | None) -> None:
        self._stages = {stage.id: stage for model in models if model is not None for stage in model.stages}

    def __getitem__(self, stage_id: str) -> Badge:
        if stage := self._stages.get(stage_id):
            return Badge(stage_id, stage.name.render(), stage.family)
        names = {UNSTAGED: gettext("In no stage"), NOT_IN_MODEL: gettext("Not in this model")}
        return Badge(stage_id, names.get(stage_id, stage_id), "")


def moves_and_metrics(model: Model, stage: Stage) -> list[tuple[str, str]]:
    """Return from where a stage can be entered, and what to look at in it, each with its title."""
    before = [model.stage(other).name.render() for other in model.entered_from(stage.id)]
    entered = (gettext("Can be entered from"), gettext(", ").join(before) or gettext("any stage"))
    metrics = gettext(", ").join(metric.render() for metric in metrics_of(model, stage.family))
    return [entered, (gettext("What to look at"), metrics)] if metrics else [entered]


def path_of(model: Model) -> list[Badge]:
    """Return a model's stages in the order of a customer's life, setbacks last."""
    badges = Badges(model)
    return [badges[stage_id] for stage_id in model.path]


def businesses() -> list[tuple[str, str]]:
    """Return the kinds of business, each with its name."""
    return [(kind, name.render()) for kind, name in BUSINESSES.items()]


def for_whom(model: Model) -> str:
    """Return the kinds of business that a model is for; empty when its file names none."""
    if set(model.businesses) == set(BUSINESSES):
        return gettext("every business")
    return listing(BUSINESSES[kind].render() for kind in model.businesses)


def result_of(choice: Choice | None) -> str:
    """Return which models were chosen and why, or that they will be."""
    if choice is None:
        return gettext("Saved. Three models are chosen as soon as your customers are evaluated.")
    names = listing(suitability.model.name.render() for suitability in choice.models)
    text = gettext("Switched on: %(names)s. %(why)s")
    return text % {"names": names or "–", "why": sentences(choice.reasons)}


def texts_of(model: Model, stage: Stage) -> list[tuple[str, str]]:
    """Return what is said of a stage: its rule in words, then its descriptions, each with its title."""
    stays = [(gettext("Stays while"), sentence_of(stage.stay_rule, model))] if stage.stay_rule else []
    titles = (gettext("Traits"), gettext("What they need"), gettext("Goal"))
    texts = zip(titles, (stage.traits, stage.needs_text, stage.goal), strict=True)
    described = [(title, text.render()) for title, text in texts if text]
    return [(gettext("Rule"), sentence_of(stage.rule, model)), *stays, *described]


def attributes_known(model: Model) -> str:
    """Return since when what a model's rules ask of attributes can be judged; empty when they ask nothing."""
    since = queries.attributes_known(model)
    if since is None:
        return ""
    first, last = map(day, since)
    if first == last:
        text = gettext("Attributes that its rules read are known since %(first)s; before, they are undetermined.")
        return text % {"first": first}
    return gettext(
        "Attributes that its rules read are known since %(first)s to %(last)s, depending on the customer;"
        " before, they are undetermined."
    ) % {"first": first, "last": last}


# Differences


def changed_texts(before: Model, after: Model) -> list[tuple[Badge, str, str, str]]:
    """Return what is said differently of the stages: stage, title, the text before and after."""
    badges, known = Badges(before, after), {stage.id: dict(texts_of(before, stage)) for stage in before.stages}
    return [
        (badges[stage.id], title, known.get(stage.id, {}).get(title, ""), text)
        for stage in map(after.stage, after.path)
        for title, text in texts_of(after, stage)
        if text != known.get(stage.id, {}).get(title)
    ]


def changes(before: str | None, after: str) -> list[dict[str, Any]]:
    """Return what differs between two texts of a model, first the model, then its stages."""
    old, new = drafts.mapping_of(before or ""), drafts.mapping_of(after)
    if old is None or new is None:
        return []
    olds, news = ({str(stage["id"]): stage for stage in model["stages"]} for model in (old, new))
    changed = _different(old, new)
    changed += [_change("removed", stage) for key, stage in olds.items() if key not in news]
    changed += [_change("added", stage, after=stage.get("when")) for key, stage in news.items() if key not in olds]
    order_before, order_after = [key for key in olds if key in news], [key for key in news if key in olds]
    if order_before != order_after:
        changed.append(_change("order", before=" → ".join(order_before), after=" → ".join(order_after)))
    return [*changed, *(change for key in order_after for change in _different(olds[key], news[key], news[key]))]


def _different(
    old: Mapping[str, Any], new: Mapping[str, Any], stage: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    plain = [
        _change(str(key), stage, old.get(key), new.get(key))
        for key in dict.fromkeys([*old, *new])
        if key not in ("stages", "id", "parameters") and old.get(key) != new.get(key)
    ]
    before, after = (_parameters(content.get("parameters")) for content in (old, new))
    changed = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    texts = [_parameter_texts(content) if changed else {} for content in (old, new)]
    return [*plain, *(_parameter_change(before.get(name), after.get(name), name, texts) for name in changed)]


def _parameters(entries: Any) -> dict[str, Mapping[str, Any]]:
    if not isinstance(entries, Mapping):
        return {}
    return {name: part if isinstance(part, Mapping) else {"value": part} for name, part in entries.items()}


def _parameter_texts(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a file's parameters as texts quote them; nothing while the file is wrong about them."""
    try:
        known = parameters_of(content)
    except TenureError:
        return {}
    return {name: parameter.value_text(business().currency) for name, parameter in known.items()}


def _parameter_change(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, name: str, texts: list[dict[str, str]]
) -> dict[str, Any]:
    label = LocalizedText(*drafts.both_languages(after or before)).render() or name
    values = [(part or {}).get("value") for part in (before, after)]
    # With equal values it is its bounds, its unit or its label that differ.
    parts = (before, after) if values[0] == values[1] else [texts[at].get(name, values[at]) for at in (0, 1)]
    old, new = map(_text, parts)
    return {"part": label, "stage": "", "before": old, "after": new, "is_rule": False}


def _change(what: str, stage: Mapping[str, Any] | None = None, before: Any = None, after: Any = None) -> dict[str, Any]:
    name = LocalizedText(*drafts.both_languages(stage.get("name", stage["id"]))) if stage else LocalizedText()
    return {
        "part": PARTS.get(what, what),
        "stage": name.render(),
        "before": _text(before),
        "after": _text(after),
        "is_rule": what == "when",
    }


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " / ".join(map(_text, value.values()))
    if isinstance(value, list):
        return "; ".join(map(_text, value))
    return "" if value is None else str(value)


def unified(before: str, after: str) -> list[str]:
    """Return the lines of a unified difference of two texts, both laid out alike first."""
    old, new = _laid_out(before), _laid_out(after)
    return list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]


def _laid_out(text: str) -> list[str]:
    content = drafts.mapping_of(text)
    return (drafts.written(content) if content is not None else text).splitlines()
