"""The form of a model: the draft that travels with it, and what its templates show of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest

from tenure.errors import TenureError
from tenure_app.lifecycle.definitions import drafts, editor_fields, labels, queries
from tenure_app.web.layout import as_of


@dataclass
class ModelDraft:
    text: str
    base: int = 0  # the version that the editor started from
    mode: str = "fields"
    new: bool = False
    origin: str = ""
    note: str = ""
    as_of: date | None = None
    refusal: TenureError | None = None  # why the parameters could not be put into the text
    parameters: dict[str, str] = field(default_factory=dict)  # their values as posted, while they are not in the text
    extra: dict[str, Any] = field(default_factory=dict)  # what the form shows besides

    @property
    def fields(self) -> drafts.Fields | None:
        return drafts.fields_of(self.text) if self.mode == "fields" else None

    @property
    def model_id(self) -> str:
        content = drafts.mapping_of(self.text)
        return str(content.get("id", "")) if content else ""


def person_of(request: HttpRequest) -> User:
    return cast("User", request.user)  # signed in: the middleware lets nobody else through


def form_of(request: HttpRequest, draft: ModelDraft) -> dict[str, Any]:
    """Return what the form shows, and whether this very text may be saved: a model, changed, its preview seen."""
    checked = editor_fields.check(draft.text, draft.refusal)
    draft.as_of = draft.as_of or as_of(request)
    now, fields = queries.one_in_force(draft.model_id), draft.fields
    unchanged = now is not None and now.text == draft.text
    seen = queries.has_seen(person_of(request), draft.text, now)
    stages = editor_fields.stages_of(fields) if fields else []
    return {
        "draft": draft,
        "fields": fields,
        "stages": stages,
        "path": editor_fields.path_of(fields, stages) if fields else [],
        "names": editor_fields.names_of("name", "", fields) if fields else [],
        "parameters": editor_fields.parameters(draft.text, now, draft.parameters) if draft.mode != "yaml" else [],
        "checked": checked,
        "rules": checked.rules,
        "now": now,
        "changes": labels.changes(now.text, draft.text) if now else [],
        "unchanged": unchanged,
        "seen": seen,
        "may_save": checked.model is not None and not unchanged and seen,
        **draft.extra,
    }
