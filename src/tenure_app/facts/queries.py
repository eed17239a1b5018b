"""Reads of imports and refreshes."""

from __future__ import annotations

from typing import Any

from tenure.errors import LakeError
from tenure_app.core import conf
from tenure_app.customers.profile import has
from tenure_app.facts.models import Import, ImportFile

#: Fields that people do not bring.
_OURS = {"batch_id", "source", "seen_at", "props"}


def import_of(import_id: int) -> Import | None:
    return Import.objects.select_related("job").filter(pk=import_id).first()


def imports(limit: int = 50) -> list[Import]:
    return list(Import.objects.select_related("job").prefetch_related("files")[:limit])


def files(import_id: int) -> list[ImportFile]:
    return list(ImportFile.objects.filter(of_id=import_id))


def needed_of(table: str) -> tuple[str, ...]:
    from tenure.facts.reading.guessing import shape_of_table

    return shape_of_table(table)[1]


def fields_of(table: str) -> list[str]:
    """Return the fields that a file may bring for a table, the needed ones first."""
    from tenure.facts.reading.guessing import shape_of_table

    schema, needed = shape_of_table(table)
    return [*needed, *(name for name in schema.names if name not in needed and name not in _OURS)]


def batches(limit: int = 200) -> list[dict[str, Any]]:
    """Return everything that was ever imported, from the terminal as well, newest first."""
    return rows("batches", f'SELECT * FROM batches ORDER BY "at" DESC LIMIT {int(limit)}')


def brought() -> dict[str, int]:
    """Return how many files were brought, and how many facts they held."""
    result = rows("batches", "SELECT count(*) AS files, coalesce(sum(accepted), 0)::BIGINT AS accepted FROM batches")
    return result[0] if result else {}


def refreshes(limit: int = 20) -> list[dict[str, Any]]:
    result = rows("refreshes", f"SELECT * FROM refreshes ORDER BY started_at DESC LIMIT {int(limit)}")
    return [{**row, "seconds": (row["finished_at"] - row["started_at"]).total_seconds()} for row in result]


def has_facts() -> bool:
    return bool(rows("batches", "SELECT 1 FROM batches LIMIT 1"))


def is_refreshed() -> bool:
    return bool(rows("refreshes", "SELECT 1 FROM refreshes LIMIT 1"))


def rows(table: str, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    """Return the rows of a query over one table of the lake; none while the table does not exist."""
    try:
        con = conf.connection()
    except LakeError:
        return []
    # By way of Arrow: fetchall() needs one more package for instants.
    return con.execute(sql, parameters or []).to_arrow_table().to_pylist() if has(con, table) else []
