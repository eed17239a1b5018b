"""The lake of a business: what happened, and what followed from it.

Files are sorted by customer and time, so that everybody can be read in one pass and one customer in milliseconds.
Always read through :meth:`Lake.connect` or :meth:`Lake.read`: merged customers and replaced results are resolved there.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import zone
from tenure.errors import LakeError
from tenure.facts.businesses import check_business
from tenure.facts.customers import canonical
from tenure.facts.external import ExternalSource, all_sources, external_sql
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.named_dates import NAMED_DATES
from tenure.facts.schema import FACT_TABLES, TABLES
from tenure.facts.spelling import FEW_CUSTOMERS, normal_ids, respell
from tenure.lake import backup, customer_index, views
from tenure.lake.duck import connect
from tenure.lake.files import write_text
from tenure.lake.lock import writing
from tenure.lake.store import DeltaStore
from tenure.lake.tables import SETTINGS_FILE
from tenure.words import current_language, mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Settings:
    tz: str = "Asia/Shanghai"
    currency: str = "CNY"
    business: str = ""  # its name
    business_kind: str = ""  # a key of BUSINESSES; empty until somebody says it
    models_on: tuple[str, ...] | None = None  # models that people look at; all until they were chosen
    recommended: str = ""  # the model that is shown first
    recommended_because: Mapping[str, str] = field(default_factory=dict)  # why, by language, as it was chosen
    # the shop's own named dates, see :mod:`tenure.facts.named_dates`
    named_dates: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def why_recommended(self) -> str:
        """Why the recommended model was chosen, in the language of the moment."""
        return self.recommended_because.get(current_language(), "")

    def is_on(self, model: str) -> bool:
        """Whether a model is switched on."""
        return self.models_on is None or model in self.models_on


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of rows that were offered."""

    accepted: int
    duplicates: int


def _settings_in(folder: Path) -> Settings:
    """Return the settings of the lake in a folder; raise a LakeError when there is none that this version reads."""
    try:
        about = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LakeError(
            mark("There is no lake in %(path)s. Create one with: tenure import FILE --lake %(path)s"), path=folder
        ) from error
    if about.get("format") != FORMAT:
        text = mark(
            "The lake in %(path)s has format %(format)s, but this version reads format %(known)d. Update Tenure."
        )
        raise LakeError(text, path=folder, format=about.get("format"), known=FORMAT)
    given: dict[str, Any] = {name: about[name] for name in Settings.__slots__ if name in about}
    if given.get("models_on") is not None:
        given["models_on"] = tuple(given["models_on"])
    return Settings(**given)


class Lake(DeltaStore):
    """A folder of Delta tables. Make one with :meth:`create`, open one with :meth:`open`."""

    specs = TABLES

    def __init__(self, path: Path, settings: Settings) -> None:
        super().__init__(path)
        self.settings = settings

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], tz: str = "Asia/Shanghai", currency: str = "CNY", business: str = ""
    ) -> Lake:
        """Make a lake in a folder that is new or empty; open it when it is there already."""
        folder = Path(path).absolute()
        if (folder / SETTINGS_FILE).exists():
            return cls.open(folder)
        if any(sign in str(folder) for sign in "*?["):
            text = mark("The lake path %(path)s contains *, ? or [, which is not allowed. Choose another folder.")
            raise LakeError(text, path=folder)
        if folder.is_file() or (folder.is_dir() and any(path.name != ".lock" for path in folder.iterdir())):
            raise LakeError(mark("%(path)s is not empty and is not a lake. Choose a new or empty folder."), path=folder)
        zone(tz)
        folder.mkdir(parents=True, exist_ok=True)
        lake = cls(folder, Settings(tz, currency, business))
        lake._write_settings()
        return lake

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Lake:
        """Open the lake in a folder.

        Raises
        ------
        LakeError
            When there is none, or one of a newer format.
        """
        folder = Path(path).absolute()
        backup.finish_restore(folder)
        return cls(folder, _settings_in(folder))

    def save_settings(self, **changes: Any) -> Settings:
        """Change settings, see :class:`Settings`, and return all of them.

        A change that is a function is given the settings as they are by then, and returns the new value.
        """
        if "tz" in changes:
            zone(changes["tz"])
        if changes.get("business_kind"):
            check_business(changes["business_kind"])
        with writing(self.path):
            # Somebody else may have changed others since this lake was opened.
            now = _settings_in(self.path)
            self.settings = replace(
                now, **{name: value(now) if callable(value) else value for name, value in changes.items()}
            )
            self._write_settings()
        return self.settings

    def _write_settings(self) -> None:
        text = json.dumps({"format": FORMAT, **asdict(self.settings)}, ensure_ascii=False, indent=2)
        write_text(self.path / SETTINGS_FILE, text + "\n")

    @property
    def tz(self) -> str:
        """The business's time zone."""
        return self.settings.tz

    @property
    def named_dates(self) -> dict[str, tuple[str, ...]]:
        """The named dates that rules may use: those everybody has and the shop's own."""
        return NAMED_DATES | {name: tuple(specs) for name, specs in self.settings.named_dates.items()}

    # What the store asks for

    def merged(self) -> dict[str, str]:
        stored = self.stored("identities")
        return canonical(connect().execute(f"FROM {stored}").to_arrow_table().to_pylist()) if stored else {}

    def external_relations(self, name: str) -> list[str]:
        return [external_sql(self, source) for source in self._external_sources(name)]

    def is_external(self, name: str) -> bool:
        return bool(self._external_sources(name))

    def _external_sources(self, name: str) -> list[ExternalSource]:
        # Only fact tables have external rows; the list is not read for the others, which are asked for often.
        return [source for source in all_sources(self.path) if source.table == name] if name in FACT_TABLES else []

    # Facts

    def append_facts(self, name: str, table: pa.Table) -> Appended:
        """Append the rows of a fact table that are not there yet, in one atomic commit.

        Duplicates are those that were there already, or that come twice among the given ones.
        """
        schema = FACT_TABLES[name].schema
        offered = table.select(schema.names).cast(schema)
        ids = normal_ids(offered.column("customer_id").combine_chunks())
        con = connect()
        con.register("offered", offered.set_column(schema.names.index("customer_id"), schema.field("customer_id"), ids))
        con.execute("CREATE TEMP TABLE staged AS SELECT *, row_number() OVER () AS row FROM offered")
        if len(pc.unique(ids)) >= customer_index.MIN_CUSTOMERS:
            # Built before the lock is taken, so that nobody has to wait for it.
            customer_index.indexes_of(self, name, self.files(name), make=True)
        with writing(self.path):
            respell(self, con)
            fresh = "SELECT * FROM staged QUALIFY row_number() OVER (PARTITION BY fact_id ORDER BY row) = 1"
            known = self._known_facts(con, name)
            if known:
                fresh = f"SELECT o.* FROM ({fresh}) AS o ANTI JOIN ({known}) AS k USING (fact_id)"
            sql = f'SELECT {views.columns(schema.names)} FROM ({fresh}) ORDER BY customer_id, "at", fact_id'
            result = con.execute(sql).to_arrow_table()
            if result.num_rows:
                self.write(name, result.cast(schema))
                self.tidy(name)
        return Appended(result.num_rows, table.num_rows - result.num_rows)

    def _known_facts(self, con: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return SQL for the fact_ids that the staged customers have already, as far as they can be staged ones."""
        staged = con.execute("SELECT customer_id, hash(fact_id) AS hash FROM staged").to_arrow_table()
        ids = pc.unique(staged.column("customer_id")).to_pylist()
        files = [file for file in self.files(name) if ids and file.may_hold(ids)]
        if not files:
            return ""
        indexes = customer_index.indexes_of(self, name, files, make=False)
        hashes, customers = staged.column("hash").to_numpy(), pa.array(sorted(ids), pa.string())
        known = [chunk for index in indexes.values() for chunk in index.facts(customers, hashes).chunks]
        con.register("indexed", pa.table({"fact_id": pa.chunked_array(known, pa.string())}))
        paths = [file.path for file in files if file.path not in indexes]
        if not paths:
            return "SELECT fact_id FROM indexed"
        # Literals let DuckDB skip row groups by their statistics; a long list of them would take longer to plan.
        texts = ", ".join(map(views.quoted, ids)) if len(ids) <= FEW_CUSTOMERS else "SELECT customer_id FROM staged"
        return f"SELECT fact_id FROM {views.scan(paths)} WHERE customer_id IN ({texts}) UNION ALL FROM indexed"

    def stored(self, name: str, *, places: bool = False) -> str:
        """Return SQL that reads a table's own rows, merges not applied; empty when it has none.

        `places` adds the file of each row as `filename`.
        """
        paths = [file.path for file in self.files(name) if file.rows]
        return views.scan(paths, places=places, grown=self.specs[name].widened) if paths else ""

    def rows(self, name: str, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query over one table; none while nothing was written to it."""
        con = self.connect((name,))
        if name not in views.names(con):
            return []
        # By way of Arrow: fetchall() needs one more package for instants.
        return con.execute(sql, parameters or {}).to_arrow_table().to_pylist()

    def kinds(self) -> dict[str, Kind]:
        """Return the fact kinds that rules may name here: the built-in ones and this lake's own interactions."""
        own = self.distinct_values("interactions", "kind") - {*KINDS}
        return KINDS | {name: Kind(name, "interactions", "kind", (name,), ("seconds",)) for name in own}

    def available_kinds(self) -> set[str]:
        kinds = self.kinds()
        columns = {(kind.table, kind.column) for kind in kinds.values() if kind.column}
        values = {column: self.distinct_values(*column) for column in columns}
        plain = {kind.table for kind in kinds.values()} - {table for table, _ in columns}
        tables = {table for (table, _), texts in values.items() if texts} | set(filter(self.has, plain))

        def is_available(kind: Kind) -> bool:
            if kind.table not in tables:
                return False
            if kind.column and not values[kind.table, kind.column].intersection(kind.values):
                return False
            required = {kind.who, kind.present} - {"customer_id", ""}
            return all(self.has_value(kind.table, column) for column in required)

        return {name for name, kind in kinds.items() if is_available(kind)}

    def known_attributes(self) -> set[str]:
        """Return the attributes that any customer's record holds."""
        sql = "SELECT DISTINCT unnest(json_keys(attributes::JSON)) AS name FROM customers WHERE attributes IS NOT NULL"
        return {row["name"] for row in self.rows("customers", sql)}
