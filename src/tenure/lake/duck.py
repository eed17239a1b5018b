"""Databases in memory, in which rows are read, compared and sorted.

In UTC, silent (its progress bar would print into people's terminals), and for work on whole files bounded in memory,
spilling to a folder that is gone afterwards.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from tenure.lake.views import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MEMORY = "640MB"  # more makes nothing faster: what is sorted is read and written in one pass each


def connect() -> duckdb.DuckDBPyConnection:
    """Return an empty database in memory."""
    con = duckdb.connect()
    con.execute("SET GLOBAL TimeZone = 'UTC'; SET enable_progress_bar = false")  # global: cursors of it as well
    return con


@contextmanager
def spilling(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a database bounded in memory; what does not fit lies in `.staging` of a lake's folder meanwhile."""
    staging = folder / ".staging"
    staging.mkdir(exist_ok=True)
    yesterday = datetime.now(UTC).timestamp() - 86_400
    for left in staging.iterdir():  # by killed imports
        if left.stat().st_mtime < yesterday:
            shutil.rmtree(left, ignore_errors=True)
    spill = tempfile.mkdtemp(dir=staging)
    con = connect()
    con.execute(f"SET memory_limit = '{_MEMORY}'; SET temp_directory = {quoted(spill)}")
    try:
        yield con
    finally:
        con.close()
        shutil.rmtree(spill, ignore_errors=True)
