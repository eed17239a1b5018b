"""Writes of the models: a new version, switching on and off, deleting, and publishing to the lake's folder.

The lake's folder ``models/`` holds the text of every model that differs from what is shipped, so that
``tenure refresh`` in a terminal stages by the same rules as the browser. The database is the original; a file that
somebody else put there is taken in as a version of its own.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from tenure.errors import TenureError
from tenure.facts.lake import Lake
from tenure.lake.files import write_text
from tenure.lifecycle import choice, model_folder
from tenure.lifecycle import model_file as models
from tenure.lifecycle.model import Model
from tenure.refreshing.planning import last_fact_day
from tenure.words import mark
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.core.work.running import Running
from tenure_app.lifecycle.definitions import queries
from tenure_app.lifecycle.definitions.models import ModelDefinition, ModelVersion
from tenure_app.web.layout import business


class NotSaved(TenureError):
    code = "not-saved"


class SavedMeanwhile(NotSaved):
    code = "saved-meanwhile"

    def __init__(self, other: ModelVersion) -> None:
        who = other.author.get_username() if other.author else "?"
        super().__init__(
            mark(
                "%(who)s saved version %(number)s of this model while you were editing. Nothing was "
                "overwritten: review that version, then apply your changes to it."
            ),
            who=who,
            number=other.number,
        )
        self.other = other


def save_version(text: str, *, base: int, person: User, note: str = "", origin: str = "") -> ModelVersion:
    """Add a version of the model that a text describes, put it in force and queue its refresh.

    `base` is the version that the editor started from, 0 for a shipped or a new model. The person must have seen the
    preview of exactly this text. How the text came about (`origin`) is worked out when empty.
    """
    model = queries.read(text)
    with transaction.atomic():
        # Locked first, so that of two people who save at once the second sees what the first saved.
        definition, _created = ModelDefinition.objects.select_for_update().get_or_create(pk=model.id)
        now = queries.one_in_force(model.id)
        if now is not None and now.number != base and now.version is not None:
            raise SavedMeanwhile(now.version)
        if now is not None and now.text == text:
            raise NotSaved(mark("There are no changes to save."))
        if not queries.has_seen(person, text, now):
            raise NotSaved(mark("Preview this version first to see which customers would move."))
        if models.builtin_texts().get(model.id) == text:
            origin = ModelVersion.SHIPPED
        elif definition.versions.filter(content_hash=queries.hash_of(text)).exists():
            origin = ModelVersion.RESTORED
        origin = origin or ModelVersion.WRITTEN
        version = _add_version(definition, text, origin=origin, note=note.strip()[:300], author=person)
        if not business().is_on(model.id):
            choice.switch(conf.lake(), model.id, on=True, known=[model.id])
        jobs.enqueue("refresh")
        transaction.on_commit(publish)
    return version


def _add_version(definition: ModelDefinition, text: str, **fields: Any) -> ModelVersion:
    newest = ModelVersion.objects.filter(definition=definition).first()
    # A deleted model comes back with its new version.
    ModelDefinition.objects.filter(pk=definition.pk).update(deleted_at=None)
    return ModelVersion.objects.create(
        definition=definition,
        number=(newest.number if newest else 0) + 1,
        text=text,
        content_hash=queries.hash_of(text),
        **fields,
    )


def switch(model_id: str, *, on: bool) -> None:
    choice.switch(conf.lake(), model_id, on=on, known=queries.in_force())
    if on:
        jobs.enqueue("refresh")


def choose(kind: str) -> choice.Choice | None:
    """Choose models for a kind of business; None while a job has to count the customers first."""
    lake = conf.lake()
    if lake.has("refreshes") and queries.available_kinds() and not queries.is_large():
        return _choose(lake, kind)
    lake.save_settings(business_kind=kind)
    if not queries.available_kinds():
        return None  # the refresh after the first import chooses
    if lake.has("refreshes"):
        jobs.enqueue("choice", business=kind)
    else:
        jobs.enqueue("refresh")
    return None


def run_choice(running: Running) -> dict[str, Any]:
    """Choose models for a kind of business on a lake whose customers take long to count."""
    doing = mark("Choosing models")
    running.report(doing)
    _choose(conf.lake(), running.payload["business"])
    return {}


def _choose(lake: Lake, kind: str) -> choice.Choice:
    chosen = choice.choose(lake, kind, as_of=last_fact_day(lake))
    choice.switch_on(lake, chosen)
    staged = {file.partition.get("model") for file in lake.files("spans")}
    if not staged.issuperset(suitability.model.id for suitability in chosen.models):
        jobs.enqueue("refresh")
    return chosen


def delete(model_id: str) -> None:
    """Delete a model of one's own. Its versions stay in the database and come back with a model of the same id."""
    if model_id in models.builtin_texts():
        raise NotSaved(mark("Built-in models can be turned off or reset, but not deleted."))
    with transaction.atomic():
        ModelDefinition.objects.filter(pk=model_id).update(deleted_at=timezone.now())
        jobs.enqueue("refresh")
        transaction.on_commit(publish)


# The lake's folder


def folder() -> Path:
    return Path(settings.TENURE_LAKE) / "models"


def publish() -> None:
    """Write the text of every model that differs from the shipped one into the lake's folder, each file atomically."""
    target = folder()
    if not target.parent.is_dir():
        return
    versions = {
        current.id: current.version
        for current in queries.in_force().values()
        if current.version is not None and (current.edited or not current.shipped)
    }
    files = model_folder.own_files(target)
    for model_id, version in versions.items():
        path = model_folder.file_for(target, model_id)
        if not path.is_file() or path.read_text(encoding="utf-8") != version.text:
            write_text(path, version.text, at=version.created_at)  # never newer than the version: it is no news
    known = set(ModelDefinition.objects.values_list("pk", flat=True))
    for model_id, path in files.items():
        if model_id in known and model_id not in versions:
            path.unlink(missing_ok=True)


def take_in_files() -> list[ModelVersion]:
    """Make versions of the files that others put into the lake's folder, and publish what is missing there."""
    paths = sorted(model_folder.own_files(folder()).values()) if folder().is_dir() else []
    versions = [version for version in map(_take_in, paths) if version is not None]
    publish()
    return versions


def _take_in(path: Path) -> ModelVersion | None:
    try:
        text = path.read_text(encoding="utf-8-sig")
        model = queries.read(text)
    except (OSError, UnicodeDecodeError, TenureError):
        return None
    versions = list(queries.versions(model.id))
    places = [place for place, version in enumerate(versions) if version.content_hash == queries.hash_of(text)]
    # A text that was ever ours is an old file of ours, unless somebody wrote it after the newest version.
    is_old = bool(places) and (0 in places or path.stat().st_mtime <= versions[0].created_at.timestamp())
    if is_old:
        return None
    with transaction.atomic():
        definition, _created = ModelDefinition.objects.get_or_create(pk=model.id)
        return _add_version(definition, text, origin=ModelVersion.FOLDER)


# The job that stages everybody


def run_refresh(running: Running) -> dict[str, Any]:
    """Work out every customer's stage in the models that are switched on, or in one that was asked for."""
    from tenure.refreshing.run import refresh

    doing = mark("Calculating stages")
    running.report(doing)
    take_in_files()
    as_of = running.payload.get("as_of")
    report = refresh(
        conf.lake(),
        as_of=date.fromisoformat(as_of) if as_of else None,
        models=_asked_for(running.payload.get("model", "")) or queries.active_models(),
        on_progress=running.share,
    )
    choice.choose_first(conf.lake(), as_of=report.as_of)
    problems = {part: problem.to_dict() for part, problem in report.problems.items()}
    return {"generation": report.generation, "problems": problems}


def _asked_for(model_id: str) -> list[Model]:
    now = queries.one_in_force(model_id) if model_id else None
    return [now.model] if now is not None and now.model is not None else []
