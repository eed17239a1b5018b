"""A shop whose models read attributes, scores, and how customers compare."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import read
from tenure.refreshing.run import refresh
from tenure.value.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenure.lifecycle.model import Model

LEVELS = read("""
id: levels
enters: [order]
stages:
  - {id: gold, when: 'attribute(level) = "gold"'}
  - {id: silver, when: 'attribute(level) = "silver"'}
  - {id: none, when: otherwise}
""")
#: Reads a score of the ranking: how many orders were known when it was published.
DEALS = read("""
id: deals
enters: [order]
stages:
  - {id: unknown, when: score(deals) is unknown}
  - {id: loyal, when: score(deals) >= 3}
  - {id: new, when: otherwise}
""")
PLACES = read("""
id: places
enters: [order]
stages:
  - {id: unknown, when: percentile(sum(order.amount)) is unknown}
  - {id: upper, when: percentile(sum(order.amount)) >= 0.5}
  - {id: lower, when: otherwise}
""")
CITIES = read("""
id: cities
enters: [order]
stages:
  - {id: unknown, when: "average(sum(order.amount), by city) is unknown"}
  - {id: above, when: "sum(order.amount) > average(sum(order.amount), by city)"}
  - {id: below, when: otherwise}
""")
MODELS = (LEVELS, DEALS, PLACES, CITIES)
RANKING = (Ranking(),)
Rows = list[tuple[Any, ...]]


class Shop:
    """A lake, and a folder for the files that are imported into it."""

    def __init__(self, folder: Path, name: str = "lake", tz: str = "UTC") -> None:
        self.folder = folder
        self.lake = Lake.create(folder / name, tz=tz)
        self.files = 0

    def bring(self, as_: str, text: str, **how: Any) -> int:
        self.files += 1
        file = self.folder / f"{self.files}.csv"
        file.write_text(text.replace(" ", "\n"), encoding="utf-8")
        return import_files(self.lake, [file], as_=as_, **how).accepted

    def orders(self, text: str) -> int:
        return self.bring("orders", f"customer_id,at,amount {text}")

    def refresh(self, day: str, models: Sequence[str | Model] = MODELS, **how: Any) -> Any:
        return refresh(self.lake, date.fromisoformat(day), models, scorecard=how.pop("scorecard", RANKING), **how)

    def stages(self, model: Model, who: str = "ann") -> list[tuple[str, str]]:
        """Return the stages of a customer, each with its first day."""
        sql = "SELECT stage, entered_on::VARCHAR FROM spans WHERE model = ? AND customer_id = ? ORDER BY entered_on"
        return self.lake.connect(("spans",)).execute(sql, [model.id, who]).fetchall()

    def rows(self, table: str) -> Rows:
        sql = f"SELECT COLUMNS(c -> c NOT IN ('generation', 'number')) FROM {table} ORDER BY ALL"
        return self.lake.connect((table,)).execute(sql).fetchall() if self.lake.has(table) else []

    def rows_of(self, sql: str) -> Rows:
        return self.lake.connect().execute(sql).fetchall()

    @classmethod
    def of_four(cls, folder: Path) -> Shop:
        """Return a shop of four customers, who bought in January and February."""
        shop = cls(folder)
        shop.orders("ann,2024-01-05,10 ann,2024-02-05,10 bob,2024-01-06,30 cem,2024-01-07,50 dan,2024-02-08,70")
        return shop
