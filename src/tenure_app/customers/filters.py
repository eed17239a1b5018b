"""Which customers: the one description of a selection that lists, counts, exports and links share.

Every number of people on any page is a link made here, so that a number and its rows come from the same words.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tenure_app.customers import having
from tenure_app.customers.having import Having

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Stand where a stage id is expected for: in the model, but no rule holds; never yet in the model; one of the two.
NO_STAGE, OUTSIDE, NOWHERE = "-none-", "-outside-", "-nowhere-"
UNSTAGED = (NO_STAGE, OUTSIDE, NOWHERE)
#: Stands for any stage at all.
STAGED = "-any-"
#: Columns a list can be sorted by, and whether the largest comes first by default.
SORTS = {
    "customer": False,
    "name": False,
    "orders": True,
    "amount": True,
    "last_order": True,
    "first_order": True,
    "since": True,
    "next": False,
    "stage": False,
    "value": True,
    "churn": True,
}
#: … of which these need a scorecard with value and risk.
OUTLOOK = ("value", "churn")
#: The filters that a page keeps folded until one is used.
RARE = (
    "since", "next_within", "next_stage", "orders_min", "orders_max", "amount_min", "amount_max", "last_from", "last_to"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of customers; every field left empty restricts nothing.

    Attributes
    ----------
    model, stage, as_of
        In this stage of this model on this day. `stage` may be one of `UNSTAGED`, or several stages with commas.
    was, was_on
        … and in that stage of the same model on that other day: one ribbon of a flow between two days.
    moved, move_stage, move_from, move_to
        ``entered`` or ``left`` that stage on one of the days `move_from` … `move_to`.
    since
        In their stage since this day or later.
    next_within, next_stage
        Whose stage changes within so many days after `as_of`, and to what.
    having
        Restrictions by columns of the scorecard, see :mod:`tenure_app.customers.having`.
    """

    q: str = ""
    model: str = ""
    stage: str = ""
    as_of: date | None = None
    was: str = ""
    was_on: date | None = None
    moved: str = ""
    move_stage: str = ""
    move_from: date | None = None
    move_to: date | None = None
    since: date | None = None
    next_within: int | None = None
    next_stage: str = ""
    orders_min: int | None = None
    orders_max: int | None = None
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    last_from: date | None = None
    last_to: date | None = None
    having: tuple[Having, ...] = ()
    sort: str = "amount"
    down: bool = True

    def address(self, **changes: Any) -> str:
        """Return the selection as a query string, with some fields changed (the page number is never kept)."""
        chosen = replace(self, **changes) if changes else self
        words = {}
        for field in fields(chosen):
            value = getattr(chosen, field.name)
            if field.name in ("sort", "down", "having") or value in (None, ""):
                continue
            words[field.name] = value.isoformat() if isinstance(value, date) else str(value)
        words |= {one.name: one.words for one in chosen.having}
        if chosen.sort != "amount" or not chosen.down:
            words["sort"] = ("-" if chosen.down else "") + chosen.sort
        return urlencode(words)

    @property
    def stages(self) -> list[str]:
        """The stages asked for, empty when none or one of `UNSTAGED` is."""
        return [] if self.stage in (*UNSTAGED, STAGED) else [one for one in self.stage.split(",") if one]

    @property
    def next_by(self) -> date | None:
        """The last day on which a change counts as near."""
        if self.next_within is None or self.as_of is None:
            return None
        return self.as_of + timedelta(days=self.next_within)

    @property
    def narrows(self) -> bool:
        """Whether anything but the model and the day is chosen."""
        free = {"model", "as_of", "sort", "down"}
        return any(getattr(self, f.name) not in (None, "", ()) for f in fields(self) if f.name not in free)


def read(words: Mapping[str, str], today: date, model: str = "") -> tuple[Selection, list[str]]:
    """Return the selection an address asks for, and the names of the fields whose values mean nothing.

    Parameters
    ----------
    words : mapping
        The address's query, such as Django's ``request.GET``.
    today : date
        What the page speaks of when the address names no day.
    model : str
        The model whose stages are shown when the address names none.
    """
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for field in fields(Selection):
        text = unicodedata.normalize("NFKC", words.get(field.name, "")).strip()
        if not text or field.name in ("sort", "down", "having"):
            continue
        try:
            found[field.name] = _READ.get(str(field.type).split(" ")[0], str)(text)
        except (ValueError, InvalidOperation):
            wrong.append(field.name)
    found.setdefault("as_of", today)
    found.setdefault("model", model)
    if found.get("moved") not in (None, "entered", "left"):
        wrong.append("moved")
        found.pop("moved")
    restrictions, meaningless = having.read(words)
    return Selection(**found, having=restrictions, **_sorting(words.get("sort", ""))), wrong + meaningless


def _number(text: str) -> Decimal:
    number = Decimal(text.replace(",", ""))
    if not number.is_finite():
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    number = int(text.replace(",", ""))
    if not 0 <= number < 2**31:
        raise ValueError(text)
    return number


_READ: dict[str, Callable[[str], Any]] = {"date": date.fromisoformat, "int": _whole, "Decimal": _number, "str": str}


def _sorting(word: str) -> dict[str, Any]:
    name = word.lstrip("-")
    return {"sort": name, "down": word.startswith("-")} if name in SORTS else {"sort": "amount", "down": True}
