"""Writes of imports: keep uploaded files, set which column is which, start, discard."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from tenure.errors import MappingError, TenureError
from tenure.facts.schema import FACT_TABLES
from tenure.words import Message, mark
from tenure_app.core.work import actions as jobs
from tenure_app.facts.models import Import, ImportFile
from tenure_app.facts.queries import needed_of

_FIRST = ("orders", "baskets", "order_lines", "customers")
TABLES = (*_FIRST, *(name for name in FACT_TABLES if name not in _FIRST))
SAMPLE = 6
SURE = 0.75


def bring(files: Iterable[UploadedFile], table: str) -> Import:
    new = Import.objects.create(table=table)
    for number, file in enumerate(files):
        # The file's own name, without anything a file system or a page could stumble over.
        base = re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|\[\]]+", "_", Path(file.name or "").name).strip(". ")
        path = _folder_of(new) / str(number) / (base[-150:] or "file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as kept:
            kept.writelines(file.chunks())
        row = ImportFile.objects.create(of=new, name=path.name, path=str(path), bytes=file.size or 0)
        _look(row, table)
    return new


def _folder_of(upload: Import) -> Path:
    return Path(settings.MEDIA_ROOT) / str(upload.pk)


def _look(file: ImportFile, table: str) -> None:
    """Guess a file's columns for a table; what cannot be read is kept as its trouble."""
    from tenure.facts.reading.guessing import guess

    try:
        found = guess(Path(file.path), table)
    except TenureError as wrong:
        file.looked, file.mapping = {}, {}
        data = {name: str(value).replace(file.path, file.name) for name, value in wrong.data.items()}
        file.trouble = Message(wrong.message.template, data).to_dict()
    else:
        layout = found.layout
        file.mapping, file.trouble = dict(found.mapping), {}
        file.looked = {
            **{name: getattr(layout, name) for name in ("kind", "encoding", "delimiter", "sheet", "header")},
            "columns": list(layout.names),
            "sample": [list(row) for row in layout.sample[:SAMPLE]],
            "guessed": dict(found.mapping),
            "unsure": [field for field, sure in found.confidence.items() if sure < SURE],
            # Day and month cannot be told apart in the sample: a person has to say which comes first.
            "ambiguous": any(style.ambiguous for style in found.date_styles.values()),
        }
    file.save()


def choose_table(upload: Import, table: str) -> None:
    """Say what the files hold, and guess their columns anew."""
    upload.table = table
    upload.save()
    for file in upload.files.all():
        _look(file, table)


def choose_columns(
    upload: Import,
    choices: Mapping[int, Mapping[str, str]],
    date_format: str = "",
    *,
    corrections: bool = False,
    valid_from: date | None = None,
) -> None:
    """Keep which column is which field, file by file: {file's row: {field: column}}."""
    upload.corrections, upload.valid_from = corrections, valid_from
    if date_format in ("", "dmy", "mdy"):
        upload.date_format = date_format
    upload.save()
    for file in upload.files.filter(pk__in=list(choices)):
        known = set(file.looked.get("columns", ()))
        file.mapping = {field: column for field, column in choices[file.pk].items() if column in known}
        file.save()


def start(upload: Import) -> None:
    """Let a worker read the files; a MappingError says which needed field has no column."""
    for file in upload.files.all():
        if file.trouble:
            trouble = Message.from_dict(file.trouble)
            raise TenureError(trouble.template, **trouble.data)
        lost = [field for field in needed_of(upload.table) if field not in file.mapping]
        if lost:
            text = mark("%(file)s: no column selected for %(fields)s. Select one, or change the type of data.")
            raise MappingError(text, file=file.name, fields=", ".join(lost))
    with transaction.atomic():
        upload.job = jobs.enqueue("import", import_id=upload.pk)
        upload.state = Import.STARTED
        upload.save()


def discard(upload: Import) -> None:
    """Forget an import and its files; facts that it brought stay."""
    drop_files(upload)
    upload.delete()


def drop_files(upload: Import) -> None:
    shutil.rmtree(_folder_of(upload), ignore_errors=True)


def payload(upload: Import) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for file in upload.files.all():
        key = repr(sorted(file.mapping.items()))
        dropped = {field: "=" for field in file.looked.get("guessed", ()) if field not in file.mapping}
        groups.setdefault(key, {"mapping": {**file.mapping, **dropped}, "paths": []})["paths"].append(file.path)
    return list(groups.values())
