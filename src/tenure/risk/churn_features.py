"""Features: what of a customer's life a churn model looks at, seen from one origin.

A :class:`View` reads the table as of one origin and refuses anything newer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.schema import SCALE
from tenure.features.snapshot import Snapshot
from tenure.features.windows import HORIZON
from tenure.risk.encoding import FeatureColumn, LeakError
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
#: The stretches of ninety days before the last one.
_BEFORE = range(1, 4)


@dataclass(frozen=True)
class View:
    """The table as somebody would have seen it on a snapshot."""

    table: pa.Table  # with the features that churn reads
    origin: int  # the snapshot; 0 is the last day
    rows: np.ndarray | None = None  # which customers; all when omitted
    _columns: dict[str, np.ndarray] = field(default_factory=dict)

    def at(self, name: str, back: int = 0) -> np.ndarray:
        """Return an input `back` snapshots before this one, ``nan`` where unknown."""
        if back < 0:
            text = mark(
                "%(name)s is taken at snapshot %(read)s, after the prediction snapshot %(origin)s. Use that "
                "snapshot or an earlier one."
            )
            raise LeakError(text, name=name, read=self.origin + back, origin=self.origin)
        snapshot = Snapshot(self.table, self.origin + back, self.rows, self._columns)
        return _READ[name](snapshot) if name in _READ else snapshot.at(name)

    def feature(self, name: str) -> np.ndarray:
        """Return what a model sees, or what is shown: an input, or what is derived from inputs."""
        return _DERIVED[name](self) if name in _DERIVED else self.at(name)

    def before(self, name: str) -> np.ndarray:
        """Return the average of ninety days over the (up to) three stretches before the last; ``nan`` when too new."""
        lived = (self.at("age") - HORIZON) / HORIZON
        total = self.total(name, _BEFORE)
        return np.where(lived > 0.1, total / np.clip(np.nan_to_num(lived, nan=1.0), 1.0, 3.0), np.nan)

    def total(self, name: str, back: range = range(4)) -> np.ndarray:
        """Return the sum over some stretches of ninety days: the last 360 days when omitted."""
        return sum((self.at(name, k) for k in back), np.zeros(1))

    def change(self, name: str, *, year: bool = False) -> np.ndarray:
        """Return the growth against the 90 days before, or the own average of the year before, as a logarithm."""
        before = np.maximum(self.before(name), 0) if year else self.at(name, 1)
        return np.log1p(np.maximum(self.at(name), 0)) - np.log1p(before)


def _basket(view: View, back: range = range(4)) -> np.ndarray:
    days, money = view.total("orders", back), view.total("amount", back)
    return np.where(days > 0, money / np.maximum(days, 1), np.nan)


_DERIVED: dict[str, Callable[[View], np.ndarray]] = {
    "overdue": lambda view: view.at("silence") / np.maximum(view.at("gap"), 1.0),
    "orders_year": lambda view: view.total("orders"),
    "order_change": lambda view: view.change("orders", year=True),
    "amount_change": lambda view: view.change("amount", year=True),
    "basket": _basket,
    "returns": lambda view: view.total("refunds", range(2)),
    "refunds": lambda view: view.total("refunds", range(2)),
    "category_change": lambda view: view.change("categories"),
    "interaction_change": lambda view: view.change("interactions"),
    "response_change": lambda view: view.change("responses"),
    "csat_change": lambda view: view.at("csat") - view.at("csat_mean"),
    "complaints": lambda view: view.total("complaints", range(2)),
}
#: What a model sees, by group, each with its name; one group makes one reason.
FEATURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "rhythm": (mark("Purchase rhythm"), ("silence", "overdue", "gap", "variation")),
    "frequency": (mark("Order frequency"), ("orders", "orders_year", "order_change")),
    "spend": (mark("Spending"), ("amount", "amount_change", "basket")),
    "returns": (mark("Returned goods"), ("returns",)),
    "breadth": (mark("Category variety"), ("categories", "category_change")),
    "interaction": (mark("Contact"), ("interactions", "interaction_change", "quiet")),
    "response": (mark("Response to messages"), ("responses", "response_change")),
    "satisfaction": (mark("Satisfaction"), ("csat", "csat_change", "nps")),
    "complaints": (mark("Complaints"), ("complaints", "open")),
    "tenure": (mark("Length of the relationship"), ("age",)),
    "contract": (mark("Contract"), ("to_end", "renewals", "contract_age")),
}
#: The feature that is shown for one that says little to a reader.
_SHOWN_AS = {
    "overdue": "silence",
    "orders_year": "orders",
    "order_change": "orders",
    "amount_change": "amount",
    "returns": "refunds",
    "category_change": "categories",
    "interaction_change": "interactions",
    "response_change": "responses",
    "csat_change": "csat",
}


def features(view: View, *, contract: bool) -> list[FeatureColumn]:
    """Return the columns that a model sees on a snapshot; those of contracts only where there is one."""
    return [
        FeatureColumn(name, view.feature(name), group)
        for group, (_name, names) in FEATURES.items()
        if contract or group != "contract"
        for name in names
    ]


@dataclass(frozen=True, slots=True)
class MeasureText:
    text: str  # sentences, marked for translation
    unit: str = "count"  # how the number is written
    own_text: str = ""
    own: Callable[[View], np.ndarray] | None = None  # the number in the customer's own past


def _at(name: str, back: int = 0) -> Callable[[View], np.ndarray]:
    return lambda view: view.at(name, back)


def _average(name: str, text: str, unit: str = "count") -> MeasureText:
    return MeasureText(text, unit, mark("previous average: %(own)s"), lambda view: view.before(name))


def _earlier(name: str, text: str) -> MeasureText:
    return MeasureText(text, "count", mark("in the previous 90 days: %(own)s"), _at(name, 1))


MEASURES: dict[str, MeasureText] = {
    "silence": MeasureText(
        mark("days since the last order: %(value)s"), "days", mark("usual pattern: every %(own)s days"), _at("gap")
    ),
    "gap": MeasureText(mark("typical days between orders: %(value)s"), "days"),
    "variation": MeasureText(mark("variation of the gaps between orders: %(value)s"), "share"),
    "orders": _average("orders", mark("days with an order in the last 90 days: %(value)s")),
    "amount": _average("amount", mark("spent in the last 90 days: %(value)s"), "money"),
    "basket": MeasureText(
        mark("spent per order day: %(value)s"),
        "money",
        mark("previous average: %(own)s"),
        lambda view: _basket(view, _BEFORE),
    ),
    "refunds": MeasureText(mark("returns in the last 180 days: %(value)s")),
    "categories": _earlier("categories", mark("categories bought in the last 90 days: %(value)s")),
    "interactions": _earlier("interactions", mark("contacts in the last 90 days: %(value)s")),
    "quiet": MeasureText(mark("days since the last contact: %(value)s"), "days"),
    "responses": _earlier(
        "responses", mark("messages opened, clicked, answered or redeemed in the last 90 days: %(value)s")
    ),
    "csat": MeasureText(
        mark("satisfaction in the last survey: %(value)s"),
        "score",
        mark("average over the year: %(own)s"),
        _at("csat_mean"),
    ),
    "nps": MeasureText(mark("likelihood to recommend in the last survey: %(value)s"), "score"),
    "complaints": MeasureText(mark("complaint events in the last 180 days: %(value)s")),
    "open": MeasureText(mark("complaints still open: %(value)s")),
    "age": MeasureText(mark("days since the first order: %(value)s"), "days"),
    "to_end": MeasureText(mark("days until the contract ends: %(value)s"), "days"),
    "renewals": MeasureText(mark("renewals so far: %(value)s")),
    "contract_age": MeasureText(mark("days since the first contract: %(value)s"), "days"),
}
#: Instead of the measure's own sentence when the contract ran out already.
RAN_OUT = mark("days since the contract expired: %(value)s")


def shown_as(feature: str) -> str:
    return _SHOWN_AS.get(feature, feature)
