"""What a folder of Delta tables has to know about one of its tables; the packages above describe theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa


# Beside the tables, a lake's folder holds what people set and wrote.
SETTINGS_FILE = "tenure.json"
OPTIONS_FILE = "options.json"
SOURCES_FILE = "sources.json"
WRITTEN_FOLDERS = ("models", "plans")


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: where it lies, what it holds, and how its rows are shown."""

    folder: str
    schema: pa.Schema | None = None  # None: the first writer decides
    partition_by: str | None = None
    customer_columns: tuple[str, ...] = ()  # ids that are replaced by the customer they were merged into
    is_sorted: bool = False  # by customer and time, so that some customers can be read on their own
    # Rows carry the number of the refresh that wrote them, and a newer one hides older rows of the same customers.
    # "rows": every row says so; "markers": rows without a model do, so that few of many rows need to be read.
    generations: Literal["", "rows", "markers"] = ""
    shown: str = "true"  # SQL over the row `s`: rows that only hide older ones are not shown
    widened: bool = False  # older files may lack columns
    view: Callable[[str, str], str] | None = None  # SQL around the SQL that reads the rows, in a time zone
    indexed: tuple[str, ...] = ()  # columns that the customer index keeps, see tenure.lake.customer_index
    listed: tuple[str, ...] = ()  # indexed columns whose different values are remembered
    optional: tuple[str, ...] = ()  # indexed columns of which only is remembered whether there is a value

    @property
    def row_group(self) -> int:
        """Rows of a row group: results of refreshes are scanned, of facts some customers are read."""
        return 65_536 if self.generations else 16_384
