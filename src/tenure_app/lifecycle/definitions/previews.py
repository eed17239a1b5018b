"""Previews: asked for by a page, worked out here or by a worker, kept as rows.

A preview belongs to exactly one text, compared with exactly one other, on one day, over one state of the facts; when
any of these changes, it is another preview.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from tenure.facts.schema import TABLES
from tenure.lifecycle.preview import compare_lake
from tenure.words import mark
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.core.work.running import Running
from tenure_app.lifecycle.definitions import queries
from tenure_app.lifecycle.definitions.models import ModelPreview

_FACTS = tuple(name for name, spec in TABLES.items() if spec.folder == "facts")
#: So many previews of a person are kept.
KEPT = 20


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
    with transaction.atomic():
        row = ModelPreview.objects.create(text=text, **same)
        old = ModelPreview.objects.filter(person=person).values_list("pk", flat=True)[KEPT:]
        ModelPreview.objects.filter(pk__in=list(old)).delete()
        if queries.is_large():
            # Of a slider that is moved on and on, only the last place is worked out.
            for stale in ModelPreview.objects.filter(person=person, model_id=model.id, result=None):
                if stale.job_id is not None:
                    jobs.cancel(stale.job_id)
            row.job = jobs.enqueue("preview", preview_id=row.pk)
            row.save()
    return row if row.job is not None else _work_out(row)


def _work_out(row: ModelPreview, on_progress: Callable[[int, int], None] | None = None) -> ModelPreview:
    after, now = queries.read(row.text), queries.one_in_force(row.model_id)
    before = now.model if now is not None and queries.hash_of(now.text) == row.base_hash else None
    row.result = compare_lake(conf.lake(), before, after, as_of=row.as_of, on_progress=on_progress).as_json()
    ModelPreview.objects.filter(pk=row.pk).update(result=row.result)
    return row


def run_preview(running: Running) -> dict[str, Any]:
    """Compare a text with the model in force, for everybody."""
    doing = mark("Calculating which customers would move")
    running.report(doing)
    row = ModelPreview.objects.get(pk=running.payload["preview_id"])
    _work_out(row, lambda done, size: running.report(doing, done, size))
    return {}


def of_person(preview_id: int, person: User) -> ModelPreview | None:
    return ModelPreview.objects.filter(pk=preview_id, person=person).select_related("job").first()


def mark_seen(preview: ModelPreview) -> None:
    """Note that its reader has the finished preview before them."""
    if preview.seen_at is None and preview.result is not None:
        ModelPreview.objects.filter(pk=preview.pk).update(seen_at=timezone.now())
