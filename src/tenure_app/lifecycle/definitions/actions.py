"""Writes of the models: a new version, switching on and off, deleting, and publishing to the lake's folder.

The lake's folder ``models/`` holds the text of every model that differs from what is shipped, so that
``tenure refresh`` in a terminal stages by the same rules as the browser. The database is the original; a file that
somebody else put there is taken in as a version of its own.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tenure.errors import TenureError
from tenure.lifecycle import model_file as models
from tenure.words import mark
from tenure_app.core.work import actions as jobs
from tenure_app.lifecycle.definitions import queries
from tenure_app.lifecycle.definitions.models import ModelDefinition, ModelPreview, ModelVersion
from tenure_app.staff import actions as staff_actions
from tenure_app.staff import queries as staff

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class NotSaved(TenureError):
    """A version was not saved, and why."""

    code = "not-saved"


class SavedMeanwhile(NotSaved):
    """Somebody saved another version in the meantime."""

    code = "saved-meanwhile"

    def __init__(self, other: ModelVersion) -> None:
        who = other.author.get_username() if other.author else "?"
        super().__init__(
            mark(
                "%(who)s saved version %(number)s of this model while you were editing. Nothing was overwritten: "
                "look at that version, then bring your changes into it."
            ),
            who=who,
            number=other.number,
        )
        self.other = other


def save_version(text: str, *, base: int, person: User, note: str = "", origin: str = "") -> ModelVersion:
    """Add a version of the model that a text describes, put it in force and queue its refresh.

    Parameters
    ----------
    text : str
        The model's YAML.
    base : int
        Number of the version that the editor started from; 0 for a shipped or a new model.
    person : User
        Who saves. They must have seen the preview of exactly this text.
    note : str
        Why.
    origin : str
        How the text came about; found out when empty.

    Raises
    ------
    TenureError
        When the text is no model, or was not previewed, or somebody saved meanwhile, or nothing changed.
    """
    model = queries.read(text)
    with transaction.atomic():
        definition, _made = ModelDefinition.objects.select_for_update().get_or_create(pk=model.id)
        now = queries.one_in_force(model.id)
        _allow(now, text, base, person)
        newest = ModelVersion.objects.filter(definition=definition).first()
        version = ModelVersion.objects.create(
            definition=definition,
            number=(newest.number if newest else 0) + 1,
            text=text,
            content_hash=queries.hash_of(text),
            origin=_origin(definition, text, origin),
            note=note.strip()[:300],
            author=person,
        )
        ModelDefinition.objects.filter(pk=definition.pk).update(deleted_at=None)
        _switch_on(model.id)
        jobs.enqueue("refresh")
        transaction.on_commit(publish)
    return version


def _allow(now: queries.InForce | None, text: str, base: int, person: User) -> None:
    if now is not None and now.number != base and now.version is not None:
        raise SavedMeanwhile(now.version)
    if now is not None and now.text == text:
        raise NotSaved(mark("Nothing was changed, so there is nothing to save."))
    if queries.seen_preview(person, text, queries.hash_of(now.text) if now else "") is None:
        raise NotSaved(mark("Look at the preview of exactly this text first: it shows who would move."))


def _origin(definition: ModelDefinition, text: str, given: str) -> str:
    if models.builtin_texts().get(definition.pk) == text:
        return ModelVersion.SHIPPED
    if definition.versions.filter(content_hash=queries.hash_of(text)).exists():
        return ModelVersion.RESTORED
    return given or ModelVersion.WRITTEN


def _switch_on(model_id: str) -> None:
    chosen = staff.preference().models_on
    if chosen is not None and model_id not in chosen:
        staff_actions.save_preference(models_on=[*chosen, model_id])


def switch(model_id: str, *, on: bool) -> None:
    """Let a model take part in refreshes, or not."""
    chosen = staff.preference().models_on
    now = list(queries.models_in_force()) if chosen is None else list(chosen)
    wanted = [one for one in now if one != model_id] + ([model_id] if on else [])
    with transaction.atomic():
        staff_actions.save_preference(models_on=wanted)
        if on:
            jobs.enqueue("refresh")


def delete(model_id: str) -> None:
    """Delete a model of one's own. Its versions stay in the database and come back with a model of the same id."""
    if model_id in models.builtin_texts():
        raise NotSaved(mark("A model that comes with the product can be switched off or reset, not deleted."))
    with transaction.atomic():
        ModelDefinition.objects.filter(pk=model_id).update(deleted_at=timezone.now())
        jobs.enqueue("refresh")
        transaction.on_commit(publish)


# The lake's folder


def folder() -> Path:
    """Return where the lake keeps its own models."""
    return Path(settings.TENURE_LAKE) / "models"


def publish() -> None:
    """Write the text of every model that differs from the shipped one into the lake's folder, each file atomically."""
    target = folder()
    if not target.parent.is_dir():
        return
    wanted = {
        one.id: one.text
        for one in queries.in_force().values()
        if one.version is not None and (one.edited or not one.shipped)
    }
    for model_id, text in wanted.items():
        _write(target / f"{model_id}.yaml", text)
    ours = set(ModelDefinition.objects.values_list("pk", flat=True))
    for path in target.glob("*.yaml"):
        if path.stem in ours and path.stem not in wanted:
            path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def take_in_files() -> list[ModelVersion]:
    """Make versions of the files that others put into the lake's folder, and publish what is missing there."""
    taken = []
    for path in sorted(folder().glob("*.yaml")) if folder().is_dir() else ():
        found = _foreign(path)
        if found is not None:
            taken.append(found)
    publish()
    return taken


def _foreign(path: Path) -> ModelVersion | None:
    try:
        text = path.read_text(encoding="utf-8-sig")
        model = queries.read(text)
    except (OSError, UnicodeDecodeError, TenureError):
        return None
    known = ModelVersion.objects.filter(definition_id=model.id)
    # A text that was ever ours is an old file of ours, not news.
    if model.id != path.stem or known.filter(content_hash=queries.hash_of(text)).exists():
        return None
    with transaction.atomic():
        definition, _made = ModelDefinition.objects.get_or_create(pk=model.id)
        ModelDefinition.objects.filter(pk=model.id).update(deleted_at=None)
        newest = known.first()
        return ModelVersion.objects.create(
            definition=definition,
            number=(newest.number if newest else 0) + 1,
            text=text,
            content_hash=queries.hash_of(text),
            origin=ModelVersion.FOLDER,
        )


# Previews


def mark_seen(preview: ModelPreview) -> None:
    """Note that its reader has the finished preview before them."""
    if preview.seen_at is None and preview.result is not None:
        ModelPreview.objects.filter(pk=preview.pk).update(seen_at=timezone.now())


def keep_preview(**fields: Any) -> ModelPreview:
    """Write the row of a preview that is asked for, and forget this person's older ones."""
    row = ModelPreview.objects.create(**fields)
    old = ModelPreview.objects.filter(person=row.person).values_list("pk", flat=True)[20:]
    ModelPreview.objects.filter(pk__in=list(old)).delete()
    return row
