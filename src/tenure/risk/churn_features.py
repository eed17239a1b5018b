"""Features: what of a customer's life a churn model looks at, seen from one origin.

A :class:`View` reads the table as of one origin and refuses anything newer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import SCALE
from tenure.features.snapshot import Snapshot
from tenure.features.windows import HORIZON
from tenure.risk.encoding import Column
from tenure.risk.guards import refuse_newer_origin
from tenure.words import mark

if TYPE_CHECKING:
    import pyarrow as pa


def _single(values: np.ndarray) -> np.ndarray:
    # Single precision is what stored fits were learnt from.
    return values.astype(np.float32).astype(np.float64)


def _since_contract(snapshot: Snapshot) -> np.ndarray:
    age = snapshot.at_last("contract_age") - HORIZON * snapshot.number
    return np.where(age >= 0, age, np.nan)


#: Inputs that are not a column of their own on every snapshot.
_READ: dict[str, Callable[[Snapshot], np.ndarray]] = {
    "silence": lambda snapshot: snapshot.silence,
    "age": lambda snapshot: snapshot.age,
    "gap": lambda snapshot: snapshot.published("gap_median"),
    "variation": lambda snapshot: _single(snapshot.published("gap_variation")),
    "orders": lambda snapshot: snapshot.at("order_days"),
    "amount": lambda snapshot: _single(snapshot.at("spend") / SCALE),
    "open": lambda snapshot: snapshot.published("open_complaints"),
    "contract_age": _since_contract,
}
#: Groups of features: one group makes one reason.
GROUPS: dict[str, str] = {
    "rhythm": mark("Purchase rhythm"),
    "frequency": mark("Order frequency"),
    "spend": mark("Spending"),
    "returns": mark("Returned goods"),
    "breadth": mark("Range of categories"),
    "interaction": mark("Contact"),
    "response": mark("Response to messages"),
    "satisfaction": mark("Satisfaction"),
    "complaints": mark("Complaints"),
    "tenure": mark("Length of the relationship"),
    "contract": mark("Contract"),
}


@dataclass(frozen=True)
class View:
    """The table as somebody would have seen it on an origin."""

    table: pa.Table  # with the features that churn reads
    origin: int  # 0 is the last day
    rows: np.ndarray | None = None  # which customers; all when omitted
    _columns: dict[str, np.ndarray] = field(default_factory=dict)

    def at(self, name: str, back: int = 0) -> np.ndarray:
        """Return an input `back` snapshots before this one, ``nan`` where unknown."""
        refuse_newer_origin(name, self.origin + back, self.origin)
        snapshot = Snapshot(self.table, self.origin + back, self.rows, self._columns)
        return _READ[name](snapshot) if name in _READ else snapshot.at(name)

    def before(self, name: str) -> np.ndarray:
        """Return the average of ninety days over the (up to) three stretches before the last; ``nan`` when too new."""
        lived = (self.at("age") - HORIZON) / HORIZON
        total = self.at(name, 1) + self.at(name, 2) + self.at(name, 3)
        return np.where(lived > 0.1, total / np.clip(np.nan_to_num(lived, nan=1.0), 1.0, 3.0), np.nan)

    def year(self, name: str) -> np.ndarray:
        """Return the sum over the last 360 days."""
        return sum((self.at(name, back) for back in range(4)), np.zeros(1))


Read = Callable[[View], np.ndarray]


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing a model looks at."""

    name: str  # what it is called, and with which others it is explained
    group: str
    read: Read  # the number that the model sees
    measure: str  # the measure that is shown for it, a key of :data:`MEASURES`
    contract: bool = False  # whether only customers under contract have it


@dataclass(frozen=True, slots=True)
class MeasureText:
    """How a measure is shown."""

    # the number that is shown, and what it was in the customer's own past (None: there is nothing to compare)
    value: Read
    own: Read | None
    text: str  # sentences, marked for translation
    own_text: str = ""
    unit: str = "count"  # how the number is written


def _change(name: str) -> Read:
    """Return the growth of a figure against the customer's own average before, as a logarithm."""
    return lambda view: np.log1p(np.maximum(view.at(name), 0)) - np.log1p(np.maximum(view.before(name), 0))


def _since(name: str) -> Read:
    """Return the growth of a figure against the ninety days before, as a logarithm."""
    return lambda view: np.log1p(view.at(name)) - np.log1p(view.at(name, 1))


def _overdue(view: View) -> np.ndarray:
    return view.at("silence") / np.maximum(view.at("gap"), 1.0)


def _basket(view: View) -> np.ndarray:
    days = view.year("orders")
    return np.where(days > 0, view.year("amount") / np.maximum(days, 1), np.nan)


def _basket_before(view: View) -> np.ndarray:
    days = sum((view.at("orders", back) for back in (1, 2, 3)), np.zeros(1))
    money = sum((view.at("amount", back) for back in (1, 2, 3)), np.zeros(1))
    return np.where(days > 0, money / np.maximum(days, 1), np.nan)


def _two(name: str) -> Read:
    return lambda view: view.at(name) + view.at(name, 1)


def _now(name: str) -> Read:
    return lambda view: view.at(name)


def _then(name: str) -> Read:
    return lambda view: view.at(name, 1)


_BEFORE = mark("own average before: %(own)s")
_EARLIER = mark("in the 90 days before: %(own)s")
MEASURES: dict[str, MeasureText] = {
    "silence": MeasureText(
        _now("silence"),
        _now("gap"),
        mark("days since the last order: %(value)s"),
        mark("own rhythm: every %(own)s days"),
        "days",
    ),
    "gap": MeasureText(_now("gap"), None, mark("typical days between orders: %(value)s"), unit="days"),
    "variation": MeasureText(
        _now("variation"), None, mark("variation of the gaps between orders: %(value)s"), unit="share"
    ),
    "orders": MeasureText(
        _now("orders"),
        lambda view: view.before("orders"),
        mark("days with an order in the last 90 days: %(value)s"),
        _BEFORE,
    ),
    "amount": MeasureText(
        _now("amount"),
        lambda view: view.before("amount"),
        mark("spent in the last 90 days: %(value)s"),
        _BEFORE,
        "money",
    ),
    "basket": MeasureText(_basket, _basket_before, mark("spent on a day with an order: %(value)s"), _BEFORE, "money"),
    "refunds": MeasureText(_two("refunds"), None, mark("returns in the last 180 days: %(value)s")),
    "categories": MeasureText(
        _now("categories"), _then("categories"), mark("categories bought in the last 90 days: %(value)s"), _EARLIER
    ),
    "interactions": MeasureText(
        _now("interactions"), _then("interactions"), mark("contacts in the last 90 days: %(value)s"), _EARLIER
    ),
    "quiet": MeasureText(_now("quiet"), None, mark("days since the last contact: %(value)s"), unit="days"),
    "responses": MeasureText(
        _now("responses"),
        _then("responses"),
        mark("messages opened, clicked, answered or redeemed in the last 90 days: %(value)s"),
        _EARLIER,
    ),
    "csat": MeasureText(
        _now("csat"),
        _now("csat_mean"),
        mark("satisfaction in the last survey: %(value)s"),
        mark("own average of the year: %(own)s"),
        "score",
    ),
    "nps": MeasureText(_now("nps"), None, mark("likelihood to recommend in the last survey: %(value)s"), unit="score"),
    "complaints": MeasureText(_two("complaints"), None, mark("complaint events in the last 180 days: %(value)s")),
    "open": MeasureText(_now("open"), None, mark("complaints still open: %(value)s")),
    "age": MeasureText(_now("age"), None, mark("days since the first order: %(value)s"), unit="days"),
    "to_end": MeasureText(_now("to_end"), None, mark("days until the contract ends: %(value)s"), unit="days"),
    "renewals": MeasureText(_now("renewals"), None, mark("renewals so far: %(value)s")),
    "contract_age": MeasureText(
        _now("contract_age"), None, mark("days since the first contract: %(value)s"), unit="days"
    ),
}
#: Instead of the measure's own sentence when the contract ran out already.
RAN_OUT = mark("days since the contract ran out: %(value)s")

FEATURES: tuple[Feature, ...] = (
    Feature("silence", "rhythm", _now("silence"), "silence"),
    Feature("overdue", "rhythm", _overdue, "silence"),
    Feature("gap", "rhythm", _now("gap"), "gap"),
    Feature("variation", "rhythm", _now("variation"), "variation"),
    Feature("orders", "frequency", _now("orders"), "orders"),
    Feature("orders_year", "frequency", lambda view: view.year("orders"), "orders"),
    Feature("order_change", "frequency", _change("orders"), "orders"),
    Feature("amount", "spend", _now("amount"), "amount"),
    Feature("amount_change", "spend", _change("amount"), "amount"),
    Feature("basket", "spend", _basket, "basket"),
    Feature("returns", "returns", _two("refunds"), "refunds"),
    Feature("categories", "breadth", _now("categories"), "categories"),
    Feature("category_change", "breadth", _since("categories"), "categories"),
    Feature("interactions", "interaction", _now("interactions"), "interactions"),
    Feature("interaction_change", "interaction", _since("interactions"), "interactions"),
    Feature("quiet", "interaction", _now("quiet"), "quiet"),
    Feature("responses", "response", _now("responses"), "responses"),
    Feature("response_change", "response", _since("responses"), "responses"),
    Feature("csat", "satisfaction", _now("csat"), "csat"),
    Feature("csat_change", "satisfaction", lambda view: view.at("csat") - view.at("csat_mean"), "csat"),
    Feature("nps", "satisfaction", _now("nps"), "nps"),
    Feature("complaints", "complaints", _two("complaints"), "complaints"),
    Feature("open", "complaints", _now("open"), "open"),
    Feature("age", "tenure", _now("age"), "age"),
    Feature("to_end", "contract", _now("to_end"), "to_end", contract=True),
    Feature("renewals", "contract", _now("renewals"), "renewals", contract=True),
    Feature("contract_age", "contract", _now("contract_age"), "contract_age", contract=True),
)
_BY_NAME = {one.name: one for one in FEATURES}


def features(view: View, *, contract: bool) -> list[Column]:
    """Return the columns that a model sees from an origin."""
    return [
        Column(feature.name, feature.read(view), feature.group)
        for feature in FEATURES
        if contract or not feature.contract
    ]


def text_of(feature: str) -> tuple[str, MeasureText]:
    """Return the measure that is shown for a feature."""
    name = _BY_NAME[feature].measure
    return name, MEASURES[name]
