"""What a chart is drawn from: one class for each kind that frontend/src/draw/ draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Series:
    """One line, area or group of bars."""

    name: str
    family: str  # of stages, which gives the colour
    values: Sequence[float | None]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False
    symbol: str = ""  # marks the points
    stage: str = ""  # which it counts


@dataclass(frozen=True, slots=True)
class Mark:
    """A dotted line to compare with, or a point, and what it is called."""

    name: str
    x: float | str | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    kind: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Area(Chart):
    """Counts over days, stacked."""

    kind: ClassVar[str] = "area"
    days: Sequence[date]
    series: Sequence[Series]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Line(Area):
    """Lines over days, with intervals."""

    kind: ClassVar[str] = "line"


@dataclass(frozen=True, slots=True)
class Curve(Chart):
    """Lines over numbers or days, with intervals and lines to compare with."""

    kind: ClassVar[str] = "curve"
    series: Sequence[Series]
    x: Sequence[float] = ()
    days: Sequence[date | str] = ()
    percent: bool = False  # the values are shares
    x_percent: bool = False
    x_name: str = ""
    unit: str = ""
    marks: Sequence[Mark] = ()
    points: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    value: float
    family: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Bars(Chart):
    """Bars side by side, the first on top."""

    kind: ClassVar[str] = "bar"
    items: Sequence[Bar]
    unit: str = ""
    upright: bool = False
    plain: bool = False  # one colour for all


@dataclass(frozen=True, slots=True)
class GroupedBars(Chart):
    """Two or three bars a group, such as actual and predicted."""

    kind: ClassVar[str] = "beside"
    names: Sequence[str]
    series: Sequence[Series]
    x_name: str = ""
    unit: str = ""
    money: str = ""  # the sign of the currency


@dataclass(frozen=True, slots=True)
class Heatmap(Chart):
    """A table in colour: a cell is its column's place, its row's place, its value and its address, if any."""

    kind: ClassVar[str] = "heatmap"
    x: Sequence[str]
    y: Sequence[str]
    cells: Sequence[Sequence[Any]]
    percent: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class FlowNode:
    id: str
    name: str
    family: str = ""
    depth: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    source: str
    target: str
    value: float
    url: str = ""


@dataclass(frozen=True, slots=True)
class Sankey(Chart):
    kind: ClassVar[str] = "sankey"
    nodes: Sequence[FlowNode]
    links: Sequence[Link]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class RibbonSpan:
    """One stay in a stage; `to` is None while it lasts."""

    stage: str
    family: str
    start: date
    to: date | None
    because: str
    hand: bool  # a person put the customer there


@dataclass(frozen=True, slots=True)
class RibbonChange:
    on: date
    stage: str
    family: str


@dataclass(frozen=True, slots=True)
class RibbonRow:
    """A life under one model."""

    id: str
    name: str
    spans: Sequence[RibbonSpan]
    next: RibbonChange | None


@dataclass(frozen=True, slots=True)
class RibbonOrder:
    on: date
    text: str


@dataclass(frozen=True, slots=True)
class Ribbon(Chart):
    """A life under every model: stages through time, orders as ticks above."""

    kind: ClassVar[str] = "ribbon"
    start: date
    to: date
    today: date
    today_name: str
    orders_name: str
    rows: Sequence[RibbonRow]
    orders: Sequence[RibbonOrder] = ()


#: Names that Python or this file spells otherwise than the scripts do.
_SPELLED = {"start": "from", "today_name": "todayName", "orders_name": "ordersName"}


def to_json(value: Any) -> Any:
    """Return a chart as plain JSON; what is left at its default is left out."""
    if is_dataclass(value):
        given = ((item, getattr(value, item.name)) for item in fields(value))
        return {
            _SPELLED.get(item.name, item.name): to_json(content) for item, content in given if content != item.default
        }
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
