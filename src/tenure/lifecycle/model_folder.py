"""The folder of a lake's own models: which file holds which model, whatever the files are called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from tenure.errors import ModelError
from tenure.lifecycle.file_entries import load_yaml
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def own_files(folder: Path) -> dict[str, Path]:
    """Return a lake's own model files by the ids in them; by its name one that cannot be read.

    Of two files with one id it is the one that is named after it, see :func:`refuse_doubles`.
    """
    ids = {path: _id_in(path) for path in sorted(folder.glob("*.yaml"))}
    files: dict[str, Path] = {}
    for path, model_id in sorted(ids.items(), key=lambda item: (item[0].stem != item[1], item[0])):
        files.setdefault(model_id, path)
    return files


def file_for(folder: Path, model_id: str) -> Path:
    """Return the file of a lake's own model: the one that holds it, or a new one, never that of another model."""
    files = own_files(folder)
    if model_id in files:
        return files[model_id]
    taken = set(folder.glob("*.yaml"))
    names = (f"{model_id}.yaml", *(f"{model_id}-{number}.yaml" for number in range(2, len(taken) + 3)))
    return next(path for path in (folder / name for name in names) if path not in taken)


def refuse_doubles(folder: Path, ids: Collection[str]) -> None:
    """Refuse models that two files of a lake define."""
    paths = own_files(folder)
    for path in sorted(folder.glob("*.yaml")):
        model_id = _id_in(path)
        if path not in paths.values() and model_id in ids:
            text = mark("%(first)s and %(second)s both have the id %(id)r. Change or remove one of them.")
            raise ModelError(text, first=paths[model_id], second=path, id=model_id)


def _id_in(path: Path) -> str:
    try:
        given = _cached_yaml(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ModelError):
        return path.stem
    return str(given.get("id") or path.stem) if isinstance(given, Mapping) else path.stem


_cached_yaml = lru_cache(maxsize=256)(load_yaml)
