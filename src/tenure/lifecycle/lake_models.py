"""The life-cycle models of a lake: the built-in ones, and the lake's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.errors import ModelError
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import builtin_texts, read
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenure.facts.lake import Lake


def models_of(lake: Lake, wanted: Sequence[str | Path | Model] | None = None) -> list[Model]:
    """Return models of a lake: the given ones, or all built-in ones and the lake's own.

    A lake's own file ``models/ID.yaml`` goes before the built-in model of that id.
    """
    own = {path.stem: path for path in sorted((lake.path / "models").glob("*.yaml"))}
    kinds = lake.kinds()
    if wanted is None:
        wanted = list(dict.fromkeys([*builtin_texts(), *own]))
    models = [one if isinstance(one, Model) else read(own.get(str(one), one), kinds) for one in wanted]
    for model in models:
        if [other.id for other in models].count(model.id) > 1:
            raise ModelError(mark("Two models have the id %(id)r. Change one of them."), id=model.id)
    return models
