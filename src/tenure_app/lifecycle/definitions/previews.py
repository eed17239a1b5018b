"""Previews: asked for by a page, worked out here or by a worker, kept as rows.

A preview belongs to exactly one text, compared with exactly one other, on one day, over one state of the facts; when
any of these changes, it is another preview.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from django.db import transaction

from tenure.facts.tables import TABLES
from tenure.lifecycle import preview as library
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.lifecycle.definitions import actions, queries
from tenure_app.lifecycle.definitions.models import ModelPreview

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_FACTS = tuple(name for name, spec in TABLES.items() if spec.folder == "facts")
#: Up to so many rows of facts a preview is worked out while the page waits; beyond, a worker does it.
AT_ONCE = 300_000


def preview_of(text: str, person: User, as_of: date) -> ModelPreview:
    """Return the preview of a text: an earlier one, else a new one, finished at once on a small lake."""
    model = queries.read(text)
    now = queries.one_in_force(model.id)
    same = {
        "person": person,
        "model_id": model.id,
        "text_hash": queries.hash_of(text),
        "base_hash": queries.hash_of(now.text) if now else "",
        "facts": hashlib.sha256(conf.versions().of(*_FACTS).encode()).hexdigest(),
        "as_of": as_of,
    }
    earlier = ModelPreview.objects.filter(**same).first()
    if earlier is not None and (earlier.result is not None or (earlier.job is not None and earlier.job.open)):
        return earlier
    lake = conf.lake()
    size = sum(file.rows for name in ("orders", "order_lines", "interactions") for file in lake.files(name))
    with transaction.atomic():
        row = actions.keep_preview(text=text, **same)
        if size > AT_ONCE:
            row.job = jobs.enqueue("preview", preview_id=row.pk)
            row.save()
    return row if row.job is not None else work_out(row.pk)


def work_out(preview_id: int, on_progress: Callable[[int, int], None] | None = None) -> ModelPreview:
    """Compute a preview and keep its result."""
    row = ModelPreview.objects.get(pk=preview_id)
    after = queries.read(row.text)
    now = queries.one_in_force(row.model_id)
    before = now.model if now is not None and queries.hash_of(now.text) == row.base_hash else None
    row.result = library.compare_lake(conf.lake(), before, after, as_of=row.as_of, on_progress=on_progress).as_json()
    ModelPreview.objects.filter(pk=row.pk).update(result=row.result)
    return row


def of_person(preview_id: int, person: User) -> ModelPreview | None:
    """Return a preview of this person."""
    return ModelPreview.objects.filter(pk=preview_id, person=person).select_related("job").first()
