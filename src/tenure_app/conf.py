"""The lake of this installation, as the application reads it.

One DuckDB connection is kept for each state of the lake and shared by all threads through cursors, so that a page
pays for opening the tables only after something was written.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from tenure.facts.lake import Lake

Value = TypeVar("Value")
_lock = threading.Lock()
_kept: dict[str, tuple[str, duckdb.DuckDBPyConnection]] = {}
_remembered: dict[tuple[str, str], tuple[str, Any]] = {}


def lake() -> Lake:
    """Return the lake of this installation.

    Raises
    ------
    tenure.errors.LakeError
        When the folder is no lake.
    """
    from tenure.facts.lake import Lake

    return Lake.open(settings.TENURE_LAKE)


def lake_version(folder: Path | None = None) -> str:
    """Return a text that changes whenever a table of the lake was written."""
    root = folder or settings.TENURE_LAKE
    marks = []
    for log in sorted(root.glob("*/*/_delta_log")):
        commits = [entry.name for entry in log.iterdir() if entry.suffix == ".json"]
        marks.append(f"{log.parent.name}:{max(commits, default='')}")
    settings_file = root / "tenure.json"
    marks.append(str(settings_file.stat().st_mtime_ns) if settings_file.exists() else "")
    return f"{root}|" + "|".join(marks)


def connection() -> duckdb.DuckDBPyConnection:
    """Return a cursor of this thread over the lake's tables as they are now, one view a table.

    Close it when done, or let it go: it holds no transaction.
    """
    now = lake_version()
    root = str(settings.TENURE_LAKE)
    with _lock:
        version, shared = _kept.get(root, ("", None))
        if shared is None or version != now:
            shared = lake().connect()
            _kept[root] = (now, shared)
        cursor = shared.cursor()
    cursor.execute("SET enable_progress_bar = false")  # a cursor does not take this over
    return cursor


def remembered(name: str, find: Callable[[], Value]) -> Value:
    """Return what `find` says of the lake, asked again only after a table of the lake was written."""
    now, key = lake_version(), (str(settings.TENURE_LAKE), name)
    version, value = _remembered.get(key, ("", None))
    if version != now:
        value = find()
        _remembered[key] = (now, value)
    return value
