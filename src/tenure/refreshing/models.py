"""The scorecard models, in the order in which they run: each may read every column of those before it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.facts.schema import DAY
from tenure.features.catalogue import FeatureSet
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.scorecard.model import ScorecardModel

#: What is said while a model runs.
DOING = {
    "lifetime": mark("Fitting purchase models"),
    "ranking": mark("Ranking customers"),
    "churn": mark("Training the churn model"),
    "warnings": mark("Detecting warning signals"),
    "recommend": mark("Finding products bought together"),
    "first_contact": mark("Reading first contacts"),
    "decisions": mark("Optimising plans"),
}
AS_OF = pa.field("as_of", DAY)  # the day of which a row speaks
GENERATION = pa.field("generation", pa.int64())


@cache
def scorecard_models() -> tuple[ScorecardModel, ...]:
    """Return every model; loaded when first used, since each brings its own libraries."""
    from tenure.acquisition.scoring import FirstContact
    from tenure.economics.decisions import Decisions
    from tenure.recommend.model import Recommend
    from tenure.risk.churn import Churn
    from tenure.risk.warnings import Warnings
    from tenure.value.lifetime import Lifetime
    from tenure.value.ranking import Ranking

    return (Lifetime(), Ranking(), Churn(), Warnings(), Recommend(), FirstContact(), Decisions())


def features_of(models: Sequence[ScorecardModel]) -> FeatureSet:
    """Return the features that some scorecard models read."""
    return FeatureSet.of(name for model in models for name in model.families)


def is_published(name: str) -> bool:
    """Whether a column is for everybody; the others feed models and stay inside."""
    return not name.startswith("_")


def columns(models: Sequence[ScorecardModel] | None = None) -> pa.Schema:
    """Return the published columns: features, the models' columns, and the day that scores speak of."""
    models = scorecard_models() if models is None else models
    computed = [*features_of(models).schema, *(field for model in models for field in model.schema)]
    published = [field for field in computed if is_published(field.name)]
    return pa.schema([*published, *([AS_OF] if models else [])])
