"""The whole lake in one file, and back.

A backup holds the newest version of every table, so old versions and removed rows are not in it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from tenure.errors import FileUnreadable, LakeError
from tenure.lake import delta
from tenure.lake.lock import writing
from tenure.lake.tables import OPTIONS_FILE, SETTINGS_FILE, SOURCES_FILE, WRITTEN_FOLDERS
from tenure.words import mark

_ABOUT = "backup.json"
FORMAT = 1
_SETTINGS = (SETTINGS_FILE, OPTIONS_FILE, SOURCES_FILE)
#: What of a folder is the lake's; anything else in it, such as the application's, is not touched.
PARTS = ("facts", "life", *WRITTEN_FOLDERS, SOURCES_FILE, OPTIONS_FILE, SETTINGS_FILE)
_DRAFT, _READY = ".restore-", ".restored"

if TYPE_CHECKING:
    from tenure.lake.store import DeltaStore


@dataclass(frozen=True, slots=True)
class BackupContents:
    """What a backup holds: rows by table."""

    rows: dict[str, int]


def backup(lake: DeltaStore, file: Path) -> BackupContents:
    """Write a lake into one tar.gz file; the file appears only when it is whole.

    Parquet files never change once they are written, so the lock is held only while they are listed and linked.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory(dir=lake.path, prefix=".backup-") as folder:
        tables = _link_all(lake, Path(folder))
        rows = {name: sum(file["rows"] for file in table["files"]) for name, table in tables.items()}
        try:
            with tarfile.open(draft, "w:gz", compresslevel=1) as tar:
                about = json.dumps({"format": FORMAT, "tables": tables}, ensure_ascii=False).encode()
                entry = tarfile.TarInfo(_ABOUT)
                entry.size = len(about)
                tar.addfile(entry, io.BytesIO(about))
                for path in sorted(Path(folder).rglob("*")):
                    if path.is_file():
                        tar.add(path, str(path.relative_to(folder)))
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    return BackupContents(rows)


def _link_all(lake: DeltaStore, folder: Path) -> dict[str, dict[str, Any]]:
    """Link the files of every table's newest version into a folder, all of the same moment."""
    tables: dict[str, dict[str, Any]] = {}
    with writing(lake.path):
        for name in lake.tables():
            table = lake.table(name)
            if table is None:
                continue
            inside = Path(lake.uri(name)).relative_to(lake.path).as_posix()
            files = []
            for file in delta.active_files(table):
                path = Path(file.path)
                _link(path, folder / inside / path.name)
                files.append({"path": path.name, "rows": file.rows, "partition": dict(file.partition)})
            tables[name] = {"folder": inside, "partition_by": list(table.metadata().partition_columns), "files": files}
        written = [path for name in WRITTEN_FOLDERS for path in sorted((lake.path / name).glob("*.yaml"))]
        for path in [*(lake.path / name for name in _SETTINGS), *written]:
            if path.exists():
                _link(path, folder / path.relative_to(lake.path))
    return tables


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.suffix == ".parquet":
            os.link(source, target)
            return
    except OSError:  # another disk, or a disk without links
        pass
    shutil.copy2(source, target)


def restore(file: Path, folder: Path, *, force: bool = False) -> BackupContents:
    """Make a lake from a backup: the whole lake appears, or nothing changes. What is not the lake's stays untouched."""
    target = folder.absolute()
    fresh = not target.exists()
    if not fresh and not force and any(not path.name.startswith((".restor", ".lock")) for path in target.iterdir()):
        raise LakeError(
            mark("%(path)s is not empty. Choose a new folder, or replace its lake with --force."), path=str(target)
        )
    target.mkdir(parents=True, exist_ok=True)
    with writing(target):
        finish_restore(target)
        for left in target.glob(f"{_DRAFT}*"):  # of a restore that was killed
            shutil.rmtree(left, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(dir=target, prefix=_DRAFT))
        try:
            rows = _unpack(file, draft)
            draft.rename(target / _READY)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            if fresh and not (target / _READY).exists():
                shutil.rmtree(target)
        finish_restore(target)
    return BackupContents(rows)


def finish_restore(folder: Path) -> None:
    """Put an unpacked lake in the place of the one that is there; begun once, it can be finished by anybody.

    From the moment on at which the unpacked lake has its name, it is the lake that counts: whoever opens the lake
    finishes what a killed restore has left. Every part of a lake is in it, if empty, so each is exchanged exactly once.
    """
    ready = folder / _READY
    if not ready.exists():
        return
    with writing(folder):
        if not ready.exists():  # another one was quicker
            return
        old = Path(tempfile.mkdtemp(dir=ready))
        for name in PARTS:
            if (ready / name).exists():
                if (folder / name).exists():
                    (folder / name).rename(old / name)
                (ready / name).rename(folder / name)
        os.utime(folder / PARTS[-1])  # readers that keep a lake open see by its time that it is another one
        ready.rename(folder / f"{_DRAFT}done-{os.getpid()}")
        shutil.rmtree(folder / f"{_DRAFT}done-{os.getpid()}", ignore_errors=True)


def _unpack(file: Path, draft: Path) -> dict[str, int]:
    try:
        with tarfile.open(file, "r:gz") as tar:
            tar.extractall(draft, filter="data")
        about = json.loads((draft / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, tarfile.TarError, ValueError, EOFError) as error:
        raise FileUnreadable(
            mark("%(path)s is not a Tenure backup, or it is damaged: %(told)s"), path=str(file), told=str(error)
        ) from error
    (draft / _ABOUT).unlink()
    rows = {name: _rebuild(draft / table["folder"], table) for name, table in about["tables"].items()}
    for name in ("facts", "life", "models"):
        (draft / name).mkdir(exist_ok=True)
    if not (draft / SOURCES_FILE).exists():
        (draft / SOURCES_FILE).write_text('{"format": 1, "sources": []}\n', encoding="utf-8")
    return rows


def _rebuild(folder: Path, table: dict[str, Any]) -> int:
    """Make a Delta table of the files of one table."""
    files = {folder / file["path"]: file["partition"] for file in table["files"]}
    if not files:
        return 0
    partition_by = next(iter(table["partition_by"]), None)
    created = delta.create_table(folder, pq.read_schema(next(iter(files))), partition_by)
    added = [
        delta.action_of(path, {column: str(value or "") for column, value in partition.items()})
        for path, partition in files.items()
    ]
    delta.commit(created, added, [])
    return sum(pq.read_metadata(path).num_rows for path in files)
