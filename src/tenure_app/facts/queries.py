"""Reads of imports and refreshes."""

from __future__ import annotations

from typing import Any

from tenure.errors import LakeError
from tenure_app.core import conf
from tenure_app.facts.models import Import, ImportFile


def import_of(import_id: int) -> Import | None:
    """Return an import."""
    return Import.objects.select_related("job").filter(pk=import_id).first()


def imports(limit: int = 50) -> list[Import]:
    """Return the newest imports that were started in the browser."""
    return list(Import.objects.select_related("job").prefetch_related("files")[:limit])


def files(import_id: int) -> list[ImportFile]:
    """Return an import's files."""
    return list(ImportFile.objects.filter(of_id=import_id))


def batches(limit: int = 200) -> list[dict[str, Any]]:
    """Return everything that was ever imported, from the terminal as well, newest first."""
    return rows("batches", f'SELECT * FROM batches ORDER BY "at" DESC LIMIT {int(limit)}')


def brought() -> dict[str, int]:
    """Return how many files were brought, and how many facts they held."""
    result = rows("batches", "SELECT count(*) AS files, sum(accepted)::BIGINT AS accepted FROM batches")
    return {"files": int(result[0]["files"]), "accepted": int(result[0]["accepted"] or 0)} if result else {}


def refreshes(limit: int = 20) -> list[dict[str, Any]]:
    """Return the newest refreshes."""
    result = rows("refreshes", f"SELECT * FROM refreshes ORDER BY started_at DESC LIMIT {int(limit)}")
    return [{**row, "seconds": (row["finished_at"] - row["started_at"]).total_seconds()} for row in result]


def has_facts() -> bool:
    """Tell whether anything was ever imported."""
    try:
        return conf.lake().has("batches")
    except LakeError:
        return False


def is_refreshed() -> bool:
    """Tell whether stages were worked out at least once."""
    try:
        return conf.lake().has("refreshes")
    except LakeError:
        return False


def rows(table: str, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the rows of a query over one table of the lake; none while the table does not exist."""
    try:
        if not conf.lake().has(table):
            return []
    except LakeError:
        return []
    # By way of Arrow: fetchall() needs one more package for instants.
    result: list[dict[str, Any]] = conf.connection().execute(sql, parameters or []).to_arrow_table().to_pylist()
    return result
