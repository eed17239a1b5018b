"""Which customers: the one description that lists, counts, exports and links share.

Every number of people on any page is a link made here, so that a number and its rows come from the same words.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse

from tenure.columns import Definition, catalogue
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Stands where a stage id is expected: in no stage, whether in the model or not.
NOT_STAGED = "-nowhere-"
WITHOUT_STAGE = (UNSTAGED, NOT_IN_MODEL, NOT_STAGED)
#: Stands for any stage at all.
STAGED = "-any-"
#: Ten years: the farthest change that can be asked for.
MOST_DAYS = 3660
#: The order of a list when the address names none.
DEFAULT_SORT = "amount"
#: The filters that a page keeps folded until one is used.
RARE = (
    "since", "next_within", "next_stage", "cannot_judge", "orders_min", "orders_max", "amount_min", "amount_max",
    "last_from", "last_to",
)  # fmt: skip
#: Columns that the list of customers offers to choose from.
OFFERED = ("rfm_group", "tier", "loyalty", "churn_level", "decline", "decision")
#: … and days on which the windows of people without an order close.
CLOSING = ("attention_closes_on", "decision_closes_on")
#: Begins the name of a filter by an attribute: ``attribute.city=Berlin``.
ATTRIBUTE = "attribute."
EQUALS, AT_LEAST, AT_MOST = "", "_min", "_max"
#: Stands for "not known" in an address.
UNKNOWN = "-"
#: SQL over the scorecard `k`, and the values of its places.
Condition = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class ColumnFilter:
    """A filter by a column of the scorecard: ``churn_min=0.6`` is the column, how it is compared, and the text."""

    column: str
    operator: str
    text: str

    @property
    def name(self) -> str:
        return self.column + self.operator

    @property
    def definition(self) -> Definition:
        return catalogue()[self.column]

    @property
    def values(self) -> list[Any]:
        """What the column is compared with; empty for "not known"."""
        if self.text == UNKNOWN:
            return []
        match self.definition.kind:
            case "text" | "choice" | "choices":
                return [code for code in self.text.split(",") if code]
            case "yesno":
                if self.text not in ("0", "1"):
                    raise ValueError(self.text)
                return [self.text == "1"]
            case "day":
                return [date.fromisoformat(self.text)]
        return [float(_number(self.text))]

    def condition(self) -> Condition:
        place, values = f'k."{self.column}"', self.values
        marks = ", ".join("?" * len(values))
        if self.column == "recommended":
            return f"k.customer_id in (select customer_id from recommendations where product_id in ({marks}))", values
        if not values:
            return f"{place} is null", []
        if self.operator:
            return f"{place} {'>=' if self.operator == AT_LEAST else '<='} ?", values
        if self.definition.kind == "choices":
            among = " or ".join([f"contains(',' || {place} || ',', ',' || ? || ',')"] * len(values))
            return f"({among})", values
        return f"{place} in ({marks})", values


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """A filter by an attribute of the customer's record: ``attribute.city=Berlin``, or ``-`` for "not known"."""

    attribute: str
    text: str
    column = ATTRIBUTE  # what is read
    operator = EQUALS

    @property
    def name(self) -> str:
        return ATTRIBUTE + self.attribute

    @property
    def values(self) -> list[Any]:
        return [] if self.text == UNKNOWN else [self.text]

    def condition(self) -> Condition:
        # As a pointer, a name may hold dots and quotes; records of other systems may hold texts that are no JSON.
        pointer = "/" + self.attribute.replace("~", "~0").replace("/", "~1")
        value = "case when json_valid(attributes) then json_extract_string(attributes, ?) end"
        who = f"select customer_id from customers where {value}"
        if self.text == UNKNOWN:
            return f"k.customer_id not in ({who} is not null)", [pointer]
        return f"k.customer_id in ({who} = ?)", [pointer, self.text]


@dataclass(frozen=True, slots=True)
class CustomerQuery:
    """Which customers; every field left empty restricts nothing.

    Attributes
    ----------
    model, stage, as_of
        In this stage of this model on this day. `stage` may be one of `WITHOUT_STAGE`, or several stages with commas.
    was, was_on
        … and in that stage of the same model on that other day: one ribbon of a flow between two days.
    moved, move_stage, move_from, move_to
        ``entered`` or ``left`` that stage, or came back into it (``reactivated``), on one of the days
        `move_from` … `move_to`.
    since
        In their stage since this day or later.
    cannot_judge
        Of whom this stage of the model could not be judged on the day `as_of`.
    next_within, next_stage
        Whose stage changes within so many days after `as_of`, and to what.
    filters
        By columns of the scorecard, and by attributes.
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
    cannot_judge: str = ""
    orders_min: int | None = None
    orders_max: int | None = None
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    last_from: date | None = None
    last_to: date | None = None
    filters: tuple[ColumnFilter | AttributeFilter, ...] = ()
    sort: str = DEFAULT_SORT
    down: bool = True

    def address(self, **changes: Any) -> str:
        """Return it as an address's query, with some fields changed (the page number is never kept)."""
        query = replace(self, **changes) if changes else self
        parts = {}
        for field in fields(query):
            value = getattr(query, field.name)
            if field.name in ("sort", "down", "filters") or value in (None, ""):
                continue
            parts[field.name] = value.isoformat() if isinstance(value, date) else str(value)
        parts |= {item.name: item.text for item in query.filters}
        if query.sort != DEFAULT_SORT or not query.down:
            parts["sort"] = ("-" if query.down else "") + query.sort
        return urlencode(parts)

    def url(self, **changes: Any) -> str:
        return f"{reverse('customers')}?{self.address(**changes)}"

    @property
    def stages(self) -> list[str]:
        """The stages asked for, empty when none or one of `WITHOUT_STAGE` is."""
        return [] if self.stage in (*WITHOUT_STAGE, STAGED) else [stage for stage in self.stage.split(",") if stage]

    @property
    def next_by(self) -> date | None:
        if self.next_within is None or self.as_of is None:
            return None
        return self.as_of + timedelta(days=self.next_within)

    @property
    def is_near(self) -> bool:
        return self.next_within is not None or bool(self.next_stage)

    @property
    def is_detailed(self) -> bool:
        return bool(self.filters) or any(getattr(self, name) not in (None, "") for name in RARE)

    @property
    def narrows(self) -> bool:
        """Whether anything but the model and the day is chosen."""
        free = {"model", "as_of", "sort", "down"}
        return any(getattr(self, f.name) not in (None, "", ()) for f in fields(self) if f.name not in free)


def customers_url(day: date | None, **columns: object) -> str:
    """Return the list of customers whose columns hold these values: ``customers_url(day, silence_p_max=0.05)``."""
    operators = {name: name[-4:] if name.endswith((AT_LEAST, AT_MOST)) else EQUALS for name in columns}
    restrictions = tuple(
        ColumnFilter(name.removesuffix(operators[name]), operators[name], str(value))
        for name, value in columns.items()
        if value is not None
    )
    return CustomerQuery(as_of=day, filters=restrictions).url()


def read(address: Mapping[str, str], today: date, model: str = "") -> tuple[CustomerQuery, list[str]]:
    """Return the query of an address, and the names of the fields whose values mean nothing.

    `today` and `model` hold where the address names no day and no model.
    """
    values: dict[str, Any] = {"as_of": today, "model": model}
    unknown: list[str] = []
    for field in fields(CustomerQuery):
        text = unicodedata.normalize("NFKC", address.get(field.name, "")).strip()
        if not text or field.name in ("sort", "down", "filters"):
            continue
        try:
            values[field.name] = _READ.get(str(field.type).split(" ")[0], str)(text)
        except (ValueError, InvalidOperation):
            unknown.append(field.name)
    if (values.get("next_within") or 0) > MOST_DAYS:
        unknown.append("next_within")
        del values["next_within"]
    if values.get("moved") not in (None, "entered", "left", "reactivated"):
        unknown.append("moved")
        del values["moved"]
    filters: list[ColumnFilter | AttributeFilter] = []
    for name in address:
        item = _filter(name, address[name].strip())
        try:
            if item and item.values is not None:
                filters.append(item)
        except (ValueError, InvalidOperation):
            unknown.append(name)
    values["filters"] = tuple(sorted(filters, key=lambda item: item.name))
    if sort := address.get("sort"):
        values |= {"sort": sort.lstrip("-"), "down": sort.startswith("-")}
    return CustomerQuery(**values), unknown


def _filter(name: str, text: str) -> ColumnFilter | AttributeFilter | None:
    columns = catalogue()
    if not text:
        return None
    if name.startswith(ATTRIBUTE) and name != ATTRIBUTE:
        return AttributeFilter(name.removeprefix(ATTRIBUTE), text)
    if name in columns and columns[name].filter:
        return ColumnFilter(name, EQUALS, text)
    base, operator = name[:-4], name[-4:]
    ordered = base in columns and columns[base].filter and columns[base].kind in ("number", "money", "percent", "day")
    return ColumnFilter(base, operator, text) if ordered and operator in (AT_LEAST, AT_MOST) else None


def _number(text: str) -> Decimal:
    number = Decimal(text.replace(",", ""))
    if not number.is_finite():
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text.replace(",", ""))
    if not 0 <= number < 2**31:
        raise ValueError(text)
    return number


_READ: dict[str, Callable[[str], Any]] = {"date": date.fromisoformat, "int": _count, "Decimal": _number, "str": str}
