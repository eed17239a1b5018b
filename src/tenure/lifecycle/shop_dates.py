"""The shop's named dates: named, changed and removed, with an eye on the rules that name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tenure.errors import LakeError
from tenure.facts.named_dates import NAMED_DATES, parse_dates
from tenure.rules.syntax.tree import named_dates_of
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model

LONGEST_NAME = 40


def name_dates(lake: Lake, name: str, dates: str) -> None:
    """Give a name to dates, or other dates to a name.

    Parameters
    ----------
    lake : Lake
        The lake whose rules may use the name.
    name : str
        Such as ``店庆``.
    dates : str
        ``11-11`` (every year), ``2024-05-18``, ``11-01..11-11``, or several of them with commas between.

    Raises
    ------
    LakeError
        When the name is empty or cannot stand in a rule, or a date is not valid.
    """
    name = name.strip()
    if not name:
        raise LakeError(mark("The dates need a name, such as 店庆."))
    if len(name) > LONGEST_NAME or re.search(r"[\"“”\[\]\x00-\x1f]", name):
        text = mark(
            "%(name)r cannot be the name of dates. Use up to %(most)d characters without quotation marks or brackets."
        )
        raise LakeError(text, name=name, most=LONGEST_NAME)
    days = parse_dates(dates)
    lake.save_settings(named_dates=lambda settings: {**settings.named_dates, name: days})


def forget_dates(lake: Lake, name: str, models: Iterable[Model]) -> None:
    """Remove a name of dates; raise a LakeError when there is none, or the rules of some of the models need it."""
    own = lake.settings.named_dates
    if name not in own:
        text = mark("No dates of your own are called %(name)r. There are: %(known)s.")
        raise LakeError(text, name=name, known=", ".join(own) or "-")
    users = [] if name in NAMED_DATES else models_naming(name, models)
    if users:
        text = mark("%(name)s is used in the rules of %(models)s. Change these rules first.")
        raise LakeError(text, name=name, models=", ".join(model.id for model in users))
    lake.save_settings(
        named_dates=lambda settings: {other: days for other, days in settings.named_dates.items() if other != name}
    )


def models_naming(name: str, models: Iterable[Model]) -> list[Model]:
    """Return the models of which some rule names dates of this name."""
    return [model for model in models if any(name in named_dates_of(rule) for rule in model.rules)]
