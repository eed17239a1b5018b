"""Writes of imports: keep uploaded files, set which column is which, start, discard."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from tenure.errors import MappingError, TenureError
from tenure.facts.schema import FACT_TABLES
from tenure.words import Message, mark
from tenure_app.core.work import actions as jobs
from tenure_app.facts.looking import look, needed_of
from tenure_app.facts.models import Import, ImportFile

_FIRST = ("orders", "baskets", "order_lines", "customers")
TABLES = (*_FIRST, *(name for name in FACT_TABLES if name not in _FIRST))


def _plain_name(name: str) -> str:
    """Return a file's own name without anything a file system or a page could stumble over."""
    base = re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|\[\]]+", "_", Path(name).name).strip(". ")
    return base[-150:] or "file"


def bring(files: Iterable[UploadedFile], table: str) -> Import:
    """Keep uploaded files and look at each of them."""
    new = Import.objects.create(table=table)
    for number, file in enumerate(files):
        name = _plain_name(file.name or "")
        folder = folder_of(new) / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("wb") as kept:
            for piece in file.chunks():
                kept.write(piece)
        row = ImportFile.objects.create(of=new, name=name, path=str(folder / name), bytes=file.size or 0)
        look_again(row, table)
    return new


def folder_of(upload: Import) -> Path:
    """Return the folder of an import's files."""
    return Path(settings.MEDIA_ROOT) / str(upload.pk)


def look_again(file: ImportFile, table: str) -> None:
    """Guess a file's columns for a table; what cannot be read is kept as its trouble."""
    try:
        file.looked = look(Path(file.path), table)
        file.mapping, file.trouble = dict(file.looked["guessed"]), {}
    except TenureError as wrong:
        file.looked, file.mapping = {}, {}
        data = {name: str(value).replace(file.path, file.name) for name, value in wrong.data.items()}
        file.trouble = Message(wrong.message.template, data).to_dict()
    file.save()


def choose_table(upload: Import, table: str) -> None:
    """Say what the files hold, and guess their columns anew."""
    upload.table = table
    upload.save()
    for file in upload.files.all():
        look_again(file, table)


def choose_columns(
    upload: Import, choices: Mapping[int, Mapping[str, str]], date_format: str = "", *, corrections: bool = False
) -> None:
    """Keep which column is which field, file by file: {file's row: {field: column}}."""
    upload.corrections = corrections
    if date_format in ("", "dmy", "mdy"):
        upload.date_format = date_format
    upload.save()
    for file in upload.files.filter(pk__in=list(choices)):
        known = set(file.looked.get("columns", ()))
        file.mapping = {field: column for field, column in choices[file.pk].items() if column in known}
        file.save()


def start(upload: Import) -> None:
    """Let a worker read the files.

    Raises
    ------
    MappingError
        When a needed field has no column.
    """
    for file in upload.files.all():
        if file.trouble:
            trouble = Message.from_dict(file.trouble)
            raise TenureError(trouble.template, **trouble.data)
        lost = [field for field in needed_of(upload.table) if field not in file.mapping]
        if lost:
            raise MappingError(
                mark("%(file)s: no column selected for %(fields)s. Select one, or change the type of data."),
                file=file.name,
                fields=", ".join(lost),
            )
    with transaction.atomic():
        upload.job = jobs.enqueue("import", import_id=upload.pk)
        upload.state = Import.STARTED
        upload.save()


def discard(upload: Import) -> None:
    """Forget an import and its files; facts that it brought stay."""
    folder = folder_of(upload)
    upload.delete()
    shutil.rmtree(folder, ignore_errors=True)


def drop_files(upload: Import) -> None:
    """Remove the bytes of files that have been read."""
    shutil.rmtree(folder_of(upload), ignore_errors=True)


def payload(upload: Import) -> list[dict[str, Any]]:
    """Return what a job reads: the files grouped by their columns' meaning."""
    groups: dict[str, dict[str, Any]] = {}
    for file in upload.files.all():
        key = repr(sorted(file.mapping.items()))
        dropped = {field: "=" for field in file.looked.get("guessed", ()) if field not in file.mapping}
        groups.setdefault(key, {"mapping": {**file.mapping, **dropped}, "paths": []})["paths"].append(file.path)
    return list(groups.values())
