"""The editor of a model: fields and YAML as two views of one text, live check, completion, preview, save.

Nothing is stored while somebody edits: the whole text travels with the form. What is saved is exactly the text whose
preview was seen; the server compares hashes and does not trust the button.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from tenure.errors import TenureError
from tenure.lifecycle.model_file import builtin_texts
from tenure.rules.syntax.completion import complete
from tenure.words import current_language
from tenure_app.lifecycle.definitions import actions, changes, checks, drafts, previews, queries
from tenure_app.lifecycle.definitions.models import ModelPreview, ModelVersion
from tenure_app.lifecycle.titles import family_names
from tenure_app.web import models_said
from tenure_app.web.layout import as_of
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_TEXT = 200_000


@dataclass
class Draft:
    """What a person is editing."""

    text: str
    base: int = 0  # the version they started from
    mode: str = "fields"
    new: bool = False
    origin: str = ""
    note: str = ""
    as_of: date | None = None
    checked: checks.ModelCheck | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> drafts.Fields | None:
        """The editor's fields, unless the text can only be edited as text."""
        return drafts.fields_of(self.text) if self.mode == "fields" else None

    @property
    def model_id(self) -> str:
        """The id that the text names."""
        given = drafts.mapping_of(self.text)
        return str(given.get("id", "")) if given else ""


def read_draft(request: HttpRequest) -> Draft:
    """Return the draft that a form holds: its text with its fields filled in."""
    text = request.POST.get("text", "")[:MAX_TEXT].replace("\r\n", "\n")
    number = request.POST.get("base", "0")
    draft = Draft(
        text=drafts.filled_in(text, request.POST),
        base=int(number) if number.isdigit() else 0,
        mode="yaml" if request.POST.get("mode") == "yaml" else "fields",
        new=request.POST.get("new") == "1",
        origin=request.POST.get("origin", "") if request.POST.get("origin") in models_said.ORIGINS else "",
        note=request.POST.get("note", "")[:300],
    )
    draft.as_of = _day(request)
    draft.checked = checks.check(draft.text, current_language())
    return draft


def _day(request: HttpRequest) -> date:
    try:
        return date.fromisoformat(request.POST.get("as_of", ""))
    except ValueError:
        return as_of(request)


# Opening the editor


@page("models/<str:model_id>/edit/", "model-edit", rule=SIGNED_IN)
def edit(request: HttpRequest, model_id: str) -> HttpResponse:
    """Open a model for editing; with ``version=N``, or ``version=0`` for the shipped one, to bring that text back."""
    now = queries.one_in_force(model_id)
    if now is None:
        raise Http404
    text, restoring = now.text, None
    wanted = request.GET.get("version", "")
    if wanted.isdigit():
        restoring = int(wanted)
        version = queries.version(model_id, restoring)
        old = builtin_texts().get(model_id) if restoring == 0 else version.text if version else None
        if old is None:
            raise Http404
        text = old
    draft = Draft(text, base=now.number, extra={"restoring": restoring})
    return _page(request, draft)


@page("models/-/new/", "model-new", rule=SIGNED_IN)
def new(request: HttpRequest) -> HttpResponse:
    """Open the editor with a new model: a copy of another one, or an empty one."""
    source = request.GET.get("copy", "")
    taken = set(queries.in_force())
    if source:
        now = queries.one_in_force(source)
        if now is None:
            raise Http404
        name = now.model.name if now.model else None
        zh, en = (f"{name.zh} 副本", f"{name.en} copy") if name else ("", "")
        text = drafts.copied(now.text, drafts.id_of(f"{source}-copy", taken), zh, en)
        return _page(request, Draft(text, new=True, origin=ModelVersion.COPIED))
    return _page(request, Draft(drafts.empty(drafts.id_of("my-model", taken)), new=True))


@page("models/-/upload/", "model-upload", rule=SIGNED_IN, methods=("POST",))
def upload(request: HttpRequest) -> HttpResponse:
    """Open the editor with a YAML file; nothing is saved yet."""
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > MAX_TEXT:
        messages.error(request, _("Choose a YAML file of at most 200 KB."))
        return redirect("models")
    try:
        text = file.read().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        messages.error(
            request, _("%(name)s is not a text in UTF-8. Save it as UTF-8 and try again.") % {"name": file.name}
        )
        return redirect("models")
    draft = Draft(text, origin=ModelVersion.UPLOADED)
    now = queries.one_in_force(draft.model_id)
    draft.new, draft.base = now is None, now.number if now else 0
    draft.mode = "fields" if drafts.mapping_of(text) else "yaml"
    return _page(request, draft)


# What the form asks for while it is edited


@page("models/-/change/", "model-change", rule=SIGNED_IN, methods=("POST",))
def change(request: HttpRequest) -> HttpResponse:
    """Do what a button of the editor says (move, add, remove, other view) and show the form again."""
    draft = read_draft(request)
    command = request.POST.get("do", "")
    if command.startswith("mode:"):
        draft.mode = command.partition(":")[2]
        if draft.mode == "fields" and drafts.mapping_of(draft.text) is None:
            draft.mode = "yaml"
            draft.extra["stay"] = True
    else:
        draft.text = drafts.apply_command(draft.text, command)
        draft.extra["told"] = _told(draft, command)
    draft.checked = None
    return _page(request, draft)


def _told(draft: Draft, command: str) -> str:
    """Say for screen readers where a moved stage stands now."""
    verb, _colon, key = command.partition(":")
    fields = draft.fields
    order = [stage.key for stage in fields.stages] if fields else []
    if verb in ("up", "down") and key in order:
        return _("%(stage)s is now rule number %(place)s.") % {"stage": key, "place": order.index(key) + 1}
    return ""


@page("models/-/check/", "model-check", rule=SIGNED_IN, methods=("POST",))
def check(request: HttpRequest) -> HttpResponse:
    """Say of every rule what it says or what is wrong, and whether this text may be saved."""
    draft = read_draft(request)
    return render(request, "tenure_app/models/checked.html", _context(request, draft))


@page("models/-/completion/", "model-completion", rule=SIGNED_IN)
def completion(request: HttpRequest) -> JsonResponse:
    """Answer what may come at the caret of a rule."""
    text, caret = request.GET.get("text", "")[:5000], request.GET.get("caret", "")
    found = complete(text, int(caret) if caret.isdigit() else len(text), queries.known_kinds(), current_language())
    suggestions = [
        {"text": suggestion.text, "meaning": suggestion.meaning, "what": suggestion.what, "caret": suggestion.caret}
        for suggestion in found.suggestions
    ]
    return JsonResponse({"start": found.start, "end": found.end, "suggestions": suggestions})


# Preview


@page("models/-/preview/", "model-preview", rule=SIGNED_IN, methods=("POST",))
def preview(request: HttpRequest) -> HttpResponse:
    """Work out who would move, or let a worker do it on a large lake."""
    draft = read_draft(request)
    context = _context(request, draft)
    if draft.checked is not None and draft.checked.good:
        try:
            found = previews.preview_of(draft.text, _person(request), draft.as_of or as_of(request))
            context |= _shown(request, found)
        except TenureError as wrong:
            context["preview_wrong"] = wrong.say(current_language())
    return _previewed(request, context)


@page("models/-/preview/<int:preview_id>/", "model-preview-progress", rule=SIGNED_IN)
def preview_progress(request: HttpRequest, preview_id: int) -> HttpResponse:
    """Answer how far a preview is, or the finished preview."""
    found = previews.of_person(preview_id, _person(request))
    if found is None:
        raise Http404
    return _previewed(request, _shown(request, found))


def _previewed(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Answer a preview; a finished one tells the form to look again whether its text may be saved."""
    response = render(request, "tenure_app/models/preview.html", context)
    if "result" in context:
        response.headers["HX-Trigger-After-Settle"] = "previewed"
    return response


def _shown(request: HttpRequest, found: ModelPreview) -> dict[str, Any]:
    """Return a preview for its page, and note that its reader has it before them."""
    from tenure_app.core.pages import describe

    if found.result is None:
        return {"preview": found, "progress": describe(found.job) if found.job else None}
    actions.mark_seen(found)
    now = queries.one_in_force(found.model_id)
    after = queries.read(found.text)
    said = models_said.preview_said(found.result, now.model if now else None, after)
    return {"preview": found, "result": found.result, "said": said, "subject": after.subject}


# Saving


@page("models/-/save/", "model-save", rule=SIGNED_IN, methods=("POST",))
def save(request: HttpRequest) -> HttpResponse:
    """Save the text as a new version, or say why not and keep what was written."""
    draft = read_draft(request)
    try:
        version = actions.save_version(
            draft.text, base=draft.base, person=_person(request), note=draft.note, origin=draft.origin
        )
    except TenureError as wrong:
        draft.extra["refused"] = wrong.say(current_language())
        if isinstance(wrong, actions.SavedMeanwhile):
            draft.extra["other"] = wrong.other
            draft.extra["theirs"] = [
                models_said.change_said(one) for one in changes.changes(draft.text, wrong.other.text)
            ]
        return _page(request, draft)
    messages.success(
        request,
        _("Version %(number)s is saved and in force. All lists and figures follow as soon as the refresh is done.")
        % {"number": version.number},
    )
    target = reverse("model", args=[version.definition_id])
    return HttpResponseClientRedirect(target) if request.headers.get("HX-Request") else redirect(target)


# What the templates need


def _person(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # signed in: the middleware lets nobody else through


def _context(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    if draft.checked is None:
        draft.checked = checks.check(draft.text, current_language())
    draft.as_of = draft.as_of or as_of(request)
    now = queries.one_in_force(draft.model_id)
    found = [models_said.change_said(one) for one in changes.changes(now.text, draft.text)] if now else []
    return {
        "draft": draft,
        "fields": draft.fields,
        "checked": draft.checked,
        "rules": draft.checked.rules,
        "families": {family: name for family, name in family_names().items() if family},
        "now": now,
        "changes": found,
        "untouched": now is not None and now.text == draft.text,
        **draft.extra,
        **_allowed(request, draft),
    }


def _allowed(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """Tell whether this very text may be saved: it is a model, it is new, and its preview was seen."""
    now = queries.one_in_force(draft.model_id)
    seen = queries.seen_preview(_person(request), draft.text, queries.hash_of(now.text) if now else "")
    good = draft.checked is not None and draft.checked.good
    same = now is not None and now.text == draft.text
    return {"seen": seen is not None, "may_save": good and not same and seen is not None, "same": same}


def _page(request: HttpRequest, draft: Draft) -> HttpResponse:
    context = _context(request, draft)
    name = (
        draft.checked.model.name.render(current_language()) if draft.checked and draft.checked.model else draft.model_id
    )
    context["title"] = _("New model") if draft.new else _("Edit %(name)s") % {"name": name}
    fragment = request.headers.get("HX-Request") and not request.headers.get("HX-Boosted")
    return render(request, f"tenure_app/models/{'form' if fragment else 'edit'}.html", context)
