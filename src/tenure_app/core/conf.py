"""The lake of this installation, as requests read it: opened once a request, one shared view per table.

What is kept between requests carries the versions of the tables that it reads, so that a commit to one table leaves
the answers of all others alone.
"""

from __future__ import annotations

import os
import re
import threading
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

from tenure.lake.tables import SETTINGS_FILE, SOURCES_FILE
from tenure.lake.views import identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    import duckdb
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tenure.facts.lake import Lake

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Versions:
    """Which version of each table a moment knows; equal texts mean equal rows."""

    common: str
    tables: dict[str, str]

    @classmethod
    def read(cls, root: Path) -> Versions:
        tables = {}
        for log in root.glob("*/*/_delta_log"):
            with os.scandir(log) as entries:
                tables[log.parent.name] = max((e.name for e in entries if e.name.endswith(".json")), default="")
        # Every table is read with these: who was merged into whom, the settings, the description of outside tables.
        files = (root / SETTINGS_FILE, root / SOURCES_FILE)
        about, sources = (str(file.stat().st_mtime_ns) if file.exists() else "" for file in files)
        spellings = tables.get("spellings", "") if sources else ""  # by which ids of outside tables are read
        return cls("|".join([str(root), tables.get("identities", ""), about, sources, spellings]), tables)

    def of(self, *names: str) -> str:
        """Return a text that changes whenever one of these tables was written; any table, when none is named."""
        chosen = sorted(names or self.tables)
        return "|".join([self.common, *(f"{name}:{self.tables.get(name, '')}" for name in chosen)])

    def named_in(self, sql: str) -> str:
        # A column of the same name counts too: an answer dropped too early is only asked again.
        return self.of(*set(re.findall(r"\w+", sql)) & set(self.tables))


class Moment:
    def __init__(self, *, steady: bool) -> None:
        self.root = Path(settings.TENURE_LAKE)
        self.steady = steady  # nothing is written meanwhile, so versions need reading only once
        self._known: Versions | None = None

    @cached_property
    def lake(self) -> Lake:
        from tenure.facts.lake import Lake

        return Lake.open(self.root)

    @property
    def versions(self) -> Versions:
        if self._known is None or not self.steady:
            self._known = Versions.read(self.root)
        return self._known


_moment: ContextVar[Moment | None] = ContextVar("tenure_moment", default=None)


class LakeMiddleware:
    """Open the lake once a request; a request that writes nothing reads each table's version once, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = _moment.set(Moment(steady=request.method in ("GET", "HEAD")))
        try:
            response = self.get_response(request)
            if response.streaming:
                # The parts are made later, but as this request sees the lake.
                parts = iter(response.streaming_content)  # type: ignore[attr-defined]
                made = iter(partial(copy_context().run, next, parts, None), None)
                response.streaming_content = made  # type: ignore[attr-defined]
            return response
        finally:
            _moment.reset(token)


def current() -> Moment:
    return _moment.get() or Moment(steady=False)


def lake() -> Lake:
    """Return the lake of this installation; a LakeError says that the folder is none."""
    return current().lake


def versions() -> Versions:
    return current().versions


@dataclass(frozen=True, slots=True)
class Copy:
    """What is held in memory of a table, because many pages read it: joins there take half the time of files."""

    view: str  # takes the place of this view
    key: str  # of the copy, unique
    columns: str  # SQL; of all rows of the view …
    where: str = "true"  # … or of some
    shown: str = "*"  # SQL of the view over the copy
    index: str = "number"  # a column by which few rows are found


#: Copies that are held at most, the least recently read goes first; and rows of the largest, some 35 bytes each.
COPIES, ROWS = 4, 10_000_000


class SharedViews:
    """A database in memory with a view of each table, for all threads; a view is made anew when its table was written.

    Making all views of a large lake takes longer than most pages, and live events commit every second.
    """

    def __init__(self) -> None:
        self._lock, self._holding = threading.Lock(), threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._shown: Versions | None = None
        self._copies: dict[str, tuple[str, int]] = {}  # version and rows by key

    def reading(self, now: Moment, copies: Iterable[Copy]) -> duckdb.DuckDBPyConnection:
        """Return a cursor like :meth:`cursor` that reads copies in the place of their views."""
        copies = list(copies)
        if not copies:
            return self.cursor(now)
        # No copy goes or changes between its check and the cursor's first look.
        with self._holding:
            held = [copy for copy in copies if self._hold(now, copy, {other.key for other in copies})]
            cursor = self.cursor(now)
            for copy in held:
                cursor.execute(f"CREATE TEMP VIEW {copy.view} AS SELECT {copy.shown} FROM held.{identifier(copy.key)}")
        return cursor

    def _hold(self, now: Moment, copy: Copy, needed: Collection[str]) -> bool:
        """Copy the rows, unless they are held in this version; say whether they are: too many stay in their files."""
        version = "|".join((now.versions.of(copy.view), copy.columns, copy.where))
        if self._copies.get(copy.key, ("", 0))[0] != version:
            writer = self.cursor(now)
            source, name = f"FROM {copy.view} WHERE {copy.where}", f"held.{identifier(copy.key)}"
            rows = writer.execute(f"SELECT count(*) {source}").fetchone()[0]  # type: ignore[index]
            others = [key for key in self._copies if key not in needed]
            for oldest in others[: max(len({*self._copies, copy.key}) - COPIES, 0)]:
                del self._copies[oldest]
                writer.execute(f"DROP TABLE IF EXISTS held.{identifier(oldest)}")
            if rows <= ROWS:
                writer.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {copy.columns} {source}")
                writer.execute(f"CREATE INDEX {identifier(copy.key + ' index')} ON {name} ({copy.index})")
            else:
                writer.execute(f"DROP TABLE IF EXISTS {name}")
            writer.commit()
            self._copies[copy.key] = (version, rows)
        self._copies[copy.key] = self._copies.pop(copy.key)  # the last one read stands last
        return self._copies[copy.key][1] <= ROWS

    def cursor(self, now: Moment) -> duckdb.DuckDBPyConnection:
        """Return a cursor that sees the tables at least as new as `now`, and always the same ones."""
        versions = now.versions
        with self._lock:
            if self._database is None:
                from tenure.lake.duck import connect

                self._database = connect()
                self._database.execute("ATTACH ':memory:' AS held (COMPRESS)")
            names, known = list(now.lake.specs), self._shown
            if known is not None and known.common == versions.common:
                names = [name for name in names if known.tables.get(name) != versions.tables.get(name)]
            if names:
                writer = self._database.cursor()
                # One transaction: readers see all tables of before, or all of now.
                writer.begin()
                now.lake.show(writer, names)
                writer.commit()
                self._shown = versions
            cursor = self._database.cursor()
            # The cursor's transaction begins with its first look, which is why it looks while the lock is held.
            cursor.execute("SET enable_progress_bar = false")  # a cursor does not take this over
            cursor.begin()
            cursor.execute("SELECT count(*) FROM duckdb_views()")
        return cursor


@lru_cache(maxsize=4)
def _shared(root: str) -> SharedViews:
    return SharedViews()


def connection(*copies: Copy) -> duckdb.DuckDBPyConnection:
    """Return a cursor of this thread over the lake's tables as they are now, one view a table.

    It goes on seeing these tables while others write. Let it go when done. What is asked for as a copy is read from
    memory.
    """
    now = current()
    return _shared(str(now.root)).reading(now, copies)


@lru_cache(maxsize=64)
def _remembered(root: str, name: str) -> dict[str, Any]:
    return {}


def remembered(name: str, find: Callable[[], Value], *tables: str) -> Value:
    """Return what `find` reads from the named tables, read again only after one of them was written."""
    version = versions().of(*tables)
    kept = _remembered(str(settings.TENURE_LAKE), name)
    if kept.get("version") != version:
        # Both entries at once: other threads read the same dictionary.
        kept.update(version=version, value=find())
    return kept["value"]
