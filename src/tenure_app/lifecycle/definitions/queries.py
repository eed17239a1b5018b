"""Reads of the models that are in force: shipped, or as people changed them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db.models import Max, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from tenure.errors import TenureError
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.named_dates import NAMED_DATES
from tenure.facts.records import known_since
from tenure.facts.schema import FACT_TABLES
from tenure.lifecycle import model_file as models
from tenure.lifecycle.choice import evaluated_models
from tenure.lifecycle.model import Model
from tenure.lifecycle.reach import FactsAtHand, Unreachable, unreachable
from tenure.rules.syntax.completion import KnownNames
from tenure.rules.syntax.tree import attributes_of, named_dates_of
from tenure_app.core import conf
from tenure_app.lifecycle.definitions import drafts
from tenure_app.lifecycle.definitions.models import ModelPreview, ModelVersion
from tenure_app.web.layout import business

#: Up to so many rows of facts everybody is evaluated while a page waits; beyond, a worker does it.
AT_ONCE = 300_000
MOST_VALUES = 30  # of a text column: more than that nobody picks from a list


@dataclass(frozen=True, slots=True)
class InForce:
    """A model as it holds now.

    `model` is None, and `error` says why, when its text can no longer be read (a kind of fact of its own is gone).
    """

    id: str
    text: str
    number: int  # 0 while nobody has changed the shipped model
    version: ModelVersion | None
    model: Model | None
    error: TenureError | None = None

    @property
    def name(self) -> str:
        return self.model.name.render() if self.model else self.id

    @property
    def shipped(self) -> bool:
        """Whether a model of this id comes with the product."""
        return self.id in models.builtin_texts()

    @property
    def edited(self) -> bool:
        """Whether it differs from what comes with the product."""
        return self.shipped and self.text != models.builtin_texts()[self.id]


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def known_kinds() -> Mapping[str, Kind]:
    """Return the kinds of facts that rules may use here."""
    return _of_the_lake(conf.versions().of(*FACT_TABLES))[0]


def names_in_lake() -> KnownNames:
    """Return the names and values of the facts that rules may use."""
    return _names_in_lake(conf.versions().of(*FACT_TABLES, "customers", "scorecard"))


@lru_cache(maxsize=2)
def _names_in_lake(version: str) -> KnownNames:
    del version
    try:
        lake = conf.lake()
    except TenureError:
        return KnownNames(named_dates=NAMED_DATES)
    keys = "SELECT DISTINCT unnest(json_keys(attributes)) AS name FROM customers ORDER BY 1"
    columns = lake.rows("scorecard", "SELECT column_name AS name, column_type AS type FROM (DESCRIBE scorecard)")

    @cache
    def values(table: str, column: str) -> tuple[str, ...]:
        texts = lake.distinct_values(table, column) if not column.endswith("_id") else set()
        return tuple(sorted(texts)) if len(texts) <= MOST_VALUES else ()

    return KnownNames(
        attributes=[row["name"] for row in lake.rows("customers", keys)],
        scores=[row["name"] for row in columns if row["type"] in ("DOUBLE", "FLOAT", "BIGINT", "INTEGER")],
        named_dates=lake.named_dates,
        values=values,
    )


def available_kinds() -> frozenset[str]:
    """Return the kinds of facts of which there is at least one."""
    return _of_the_lake(conf.versions().of(*FACT_TABLES))[1]


def is_large() -> bool:
    """Tell whether evaluating everybody takes longer than a page should wait."""
    lake = conf.lake()
    return sum(file.rows for name in ("orders", "order_lines", "interactions") for file in lake.files(name)) > AT_ONCE


@lru_cache(maxsize=4)
def _of_the_lake(version: str) -> tuple[Mapping[str, Kind], frozenset[str]]:
    # Asked with every letter that somebody types, so it is read once for each state of the facts.
    del version
    try:
        lake = conf.lake()
    except TenureError:
        return KINDS, frozenset()
    return lake.kinds(), frozenset(lake.available_kinds())


class Surroundings(NamedTuple):
    """What a model's text is read with; it can be hashed, so that what was read is kept."""

    kinds: tuple[tuple[str, Kind], ...]
    changed: tuple[tuple[str, str], ...]  # the texts of models that people changed, by id
    named_dates: tuple[tuple[str, tuple[str, ...]], ...]
    currency: str


def _surroundings(versions: Iterable[ModelVersion]) -> Surroundings:
    changed = ((row.definition_id, row.text) for row in versions if row.origin != ModelVersion.SHIPPED)
    named_dates = ((name, tuple(dates)) for name, dates in names_in_lake().named_dates.items())
    return Surroundings(tuple(known_kinds().items()), tuple(changed), tuple(named_dates), business().currency)


@lru_cache(maxsize=256)
def _read(text: str, known: Surroundings) -> Model:
    if text not in models.builtin_texts().values():
        drafts.load(text)  # refuses what the library reads and a stranger's text must not hold: aliases, nesting
    # The library tells a text from a path by its line break.
    text = text if "\n" in text else f"{text}\n"
    named_dates, changed = dict(known.named_dates), dict(known.changed)
    return models.read(text, dict(known.kinds), named_dates=named_dates, own=changed, currency=known.currency)


def read(text: str, known: Surroundings | None = None) -> Model:
    """Read a model's text with the kinds of facts and the other models known here, or raise a TenureError."""
    return _read(text, known or _surroundings(_newest().values()))


def _newest() -> dict[str, ModelVersion]:
    """Return the newest version of every model that people changed, by its id."""
    alive = ModelVersion.objects.filter(definition__deleted_at=None)
    newest = dict(alive.values_list("definition_id").annotate(Max("number")).order_by())
    rows = alive.filter(number__in=set(newest.values())).select_related("author")
    return {row.definition_id: row for row in rows if newest[row.definition_id] == row.number}


def in_force() -> dict[str, InForce]:
    """Return every model as it holds now, by its id: the shipped ones first, in their order."""
    versions = _newest()
    ids = [*models.builtin_texts(), *sorted(set(versions) - set(models.builtin_texts()))]
    known = _surroundings(versions.values())
    return {model_id: _in_force(model_id, versions.get(model_id), known) for model_id in ids}


def one_in_force(model_id: str) -> InForce | None:
    """Return one model as it holds now, None when there is none of that id."""
    version = versions(model_id).filter(definition__deleted_at=None).first()
    if version is None and model_id not in models.builtin_texts():
        return None
    return _in_force(model_id, version)


def one_or_404(model_id: str) -> InForce:
    if (now := one_in_force(model_id)) is None:
        raise Http404(_("There is no model %(id)s.") % {"id": model_id})
    return now


def _in_force(model_id: str, version: ModelVersion | None, known: Surroundings | None = None) -> InForce:
    if version is None:
        text = models.builtin_texts()[model_id]
        model = models.builtin()[model_id]
        return InForce(model_id, text, 0, None, read(text, known) if model_id in _of_the_shop() else model)
    # A version that is the shipped text again follows the product when that is upgraded.
    shipped = models.builtin_texts().get(model_id)
    text = shipped if version.origin == ModelVersion.SHIPPED and shipped is not None else version.text
    try:
        return InForce(model_id, text, version.number, version, read(text, known))
    except TenureError as error:
        return InForce(model_id, text, version.number, version, None, error)


@cache
def _of_the_shop() -> set[str]:
    """Return the built-in models with what a shop may change: named dates, stages of other models, its currency."""
    every = models.builtin().values()
    rules = ((model.id, rule) for model in every for stage in model.stages for rule in stage.rules)
    ids = {model.id for model in every if model.others or any(item.unit == "money" for item in model.parameters)}
    return ids | {name for name, rule in rules if named_dates_of(rule)}


def versions(model_id: str) -> QuerySet[ModelVersion]:
    """Return all versions of a model, newest first, those of a deleted one too."""
    return ModelVersion.objects.filter(definition_id=model_id).select_related("author")


def models_in_force() -> dict[str, Model]:
    """Return every model that can be read, by its id, as it holds now."""
    return {current.id: current.model for current in in_force().values() if current.model is not None}


@lru_cache(maxsize=4)
def _facts_at_hand(version: str) -> FactsAtHand:
    """Return what the lake holds, as far as it decides which stages can be reached."""
    del version
    return FactsAtHand.of(conf.lake())


@lru_cache(maxsize=256)
def _unreachable(model: Model, version: str) -> dict[str, Unreachable]:
    return unreachable(model, _facts_at_hand(version))


def unreachable_of(model: Model) -> dict[str, Unreachable]:
    """Return the stages of a model that nobody can be in with the facts of the lake."""
    return _unreachable(model, conf.versions().of(*FACT_TABLES, "customers"))


@lru_cache(maxsize=2)
def _known_since(version: str) -> dict[str, tuple[date, date]]:
    del version
    return known_since(conf.lake())


def attributes_known(model: Model) -> tuple[date, date] | None:
    """Return from which day to which attributes that a model's rules read became known; None when it reads none."""
    read_by = {name for stage in model.stages for rule in stage.rules for name in attributes_of(rule)}
    since = _known_since(conf.versions().of("customers")) if read_by else {}
    days = [day for name in read_by & set(since) for day in since[name]]
    return (min(days), max(days)) if days else None


def active_models() -> list[Model]:
    """Return the models that a refresh evaluates, as they hold now."""
    evaluated = set(evaluated_models(conf.lake()))
    return [model for model in models_in_force().values() if model.id in evaluated]


def has_seen(person: User, text: str, now: InForce | None) -> bool:
    """Tell whether a person has looked at the preview of exactly this text against exactly what is in force."""
    base = hash_of(now.text) if now else ""
    previews = ModelPreview.objects.filter(person=person, text_hash=hash_of(text), base_hash=base)
    return previews.exclude(seen_at=None).exists()
