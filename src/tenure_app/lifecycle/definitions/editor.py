"""The editor of a model: fields and YAML as two views of one text, live check, completion, preview, save.

Nothing is stored while a model is edited: the whole text travels with the form. What is saved is exactly the text whose
preview was seen; the server compares hashes and does not trust the button.
"""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from tenure.errors import RuleError, TenureError
from tenure.lifecycle.model import UNSTAGED
from tenure.lifecycle.model_file import builtin_texts
from tenure.lifecycle.reasons import Reason
from tenure.lifecycle.statistics import UNDONE_WITHIN
from tenure.rules.syntax.completion import complete
from tenure.words import current_language
from tenure_app.core.pages import describe
from tenure_app.lifecycle.definitions import actions, drafts, editor_fields, forms, labels, previews, queries, tables
from tenure_app.lifecycle.definitions.models import ModelPreview, ModelVersion
from tenure_app.lifecycle.reasons import in_words
from tenure_app.web.formats import percent
from tenure_app.web.layout import as_of
from tenure_app.web.pages import SIGNED_IN, page

MAX_TEXT = 200_000


def read_draft(request: HttpRequest) -> forms.ModelDraft:
    text = drafts.filled_in(request.POST.get("text", "")[:MAX_TEXT].replace("\r\n", "\n"), request.POST)
    base, origin = request.POST.get("base", "0"), request.POST.get("origin", "")
    try:
        day = date.fromisoformat(request.POST.get("as_of", ""))
    except ValueError:
        day = as_of(request)
    refusal, mode, parameters = None, request.POST.get("mode"), drafts.posted_parameters(request.POST)
    try:
        text, parameters = drafts.with_parameters(text, parameters), {}
    except TenureError as error:
        refusal = error
    return forms.ModelDraft(
        text=text,
        base=int(base) if base.isdigit() else 0,
        mode=mode if mode in ("yaml", "parameters") else "fields",
        new=request.POST.get("new") == "1",
        origin=origin if origin in labels.ORIGINS else "",
        note=request.POST.get("note", "")[:300],
        as_of=day,
        refusal=refusal,
        parameters=parameters,
    )


# Opening the editor


@page("models/<str:model_id>/edit/", "model-edit", rule=SIGNED_IN)
def edit(request: HttpRequest, model_id: str) -> HttpResponse:
    now = queries.one_or_404(model_id)
    text, restoring = now.text, None
    number = request.GET.get("version", "")
    if number.isdigit():
        restoring = int(number)
        version = queries.versions(model_id).filter(number=restoring).first()
        old = builtin_texts().get(model_id) if restoring == 0 else version.text if version else None
        if old is None:
            raise Http404
        text = old
    return _page(request, forms.ModelDraft(text, base=now.number, extra={"restoring": restoring}))


@page("models/-/new/", "model-new", rule=SIGNED_IN)
def new(request: HttpRequest) -> HttpResponse:
    """Open the editor with a new model: a copy of another one, or an empty one."""
    source = request.GET.get("copy", "")
    taken = set(queries.in_force())
    if not source:
        return _page(request, forms.ModelDraft(drafts.empty(drafts.id_of("my-model", taken)), new=True))
    now = queries.one_or_404(source)
    name = now.model.name if now.model else None
    zh, en = (f"{name.zh} 副本", f"{name.en} copy") if name else ("", "")
    text = drafts.copied(now.text, drafts.id_of(f"{source}-copy", taken), zh, en)
    return _page(request, forms.ModelDraft(text, new=True, origin=ModelVersion.COPIED))


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
        text = _("%(name)s is not a text in UTF-8. Save it as UTF-8 and try again.") % {"name": file.name}
        messages.error(request, text)
        return redirect("models")
    draft = forms.ModelDraft(text, origin=ModelVersion.UPLOADED)
    now = queries.one_in_force(draft.model_id)
    draft.new, draft.base = now is None, now.number if now else 0
    draft.mode = "fields" if drafts.mapping_of(text) else "yaml"
    return _page(request, draft)


# While it is edited


@page("models/-/change/", "model-change", rule=SIGNED_IN, methods=("POST",))
def change(request: HttpRequest) -> HttpResponse:
    """Carry out a button of the editor (move, add, remove, other view) and show the form again."""
    draft = read_draft(request)
    verb, _colon, key = request.POST.get("do", "").partition(":")
    if verb == "mode":
        draft.mode = key
        if key == "fields" and drafts.mapping_of(draft.text) is None:
            draft.mode = "yaml"
            draft.extra["no_fields"] = True
        return _page(request, draft)
    draft.text = drafts.apply_command(draft.text, request.POST.get("do", ""))
    order = [stage.key for stage in draft.fields.stages] if draft.fields else []
    if verb in ("up", "down") and key in order:
        # Whoever cannot see the page hears where the stage is now.
        place = {"stage": key, "place": order.index(key) + 1}
        draft.extra["announcement"] = _("%(stage)s is now rule number %(place)s.") % place
    return _page(request, draft)


@page("models/-/check/", "model-check", rule=SIGNED_IN, methods=("POST",))
def check(request: HttpRequest) -> HttpResponse:
    return render(request, "models/checked.html", forms.form_of(request, read_draft(request)))


@page("models/-/completion/", "model-completion", rule=SIGNED_IN, methods=("POST",))
def completion(request: HttpRequest) -> JsonResponse:
    """Return what may come at the caret of a rule of the model that is being edited."""
    text, caret = request.POST.get("rule", "")[:5000], request.POST.get("caret", "")
    place = int(caret) if caret.isdigit() else len(text)
    draft = read_draft(request)
    names = editor_fields.names_in(draft.text, draft.fields)
    completed = complete(text, place, queries.known_kinds(), current_language(), names)
    suggestions = [
        {"text": suggestion.text, "meaning": suggestion.meaning, "what": suggestion.what, "caret": suggestion.caret}
        for suggestion in completed.suggestions
    ]
    return JsonResponse({"start": completed.start, "end": completed.end, "suggestions": suggestions})


# Preview


@page("models/-/preview/", "model-preview", rule=SIGNED_IN, methods=("POST",))
def preview(request: HttpRequest) -> HttpResponse:
    """Work out who would move, or let a worker do it on a large lake."""
    draft = read_draft(request)
    try:
        if draft.refusal:
            raise draft.refusal
        row = previews.preview_of(draft.text, forms.person_of(request), draft.as_of or as_of(request))
    except RuleError:
        context: dict[str, Any] = {}  # the check marks it in the rule
    except TenureError as error:
        context = {"error": error.say(current_language())}
    else:
        context = _preview(row)
    if not request.headers.get("HX-Request"):  # without JavaScript
        draft.extra |= context
        return _page(request, draft)
    return _fragment(request, context)


@page("models/-/preview/<int:preview_id>/", "model-preview-progress", rule=SIGNED_IN)
def preview_progress(request: HttpRequest, preview_id: int) -> HttpResponse:
    """Return how far a preview is, or the finished preview."""
    row = previews.of_person(preview_id, forms.person_of(request))
    if row is None:
        raise Http404
    return _fragment(request, _preview(row))


def _preview(row: ModelPreview) -> dict[str, Any]:
    """Return a preview as far as it is, and note that its reader has it before them once it is finished."""
    if row.result is None:
        return {"preview": row, **(describe(row.job) if row.job else {})}
    previews.mark_seen(row)
    return {"preview": row, "result": row.result, **_comparison(row)}


def _fragment(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    response = render(request, "models/preview.html", context)
    if "result" in context:  # the form asks again whether its text may be saved
        response.headers["HX-Trigger-After-Settle"] = "previewed"
    return response


def _comparison(row: ModelPreview) -> dict[str, Any]:
    """Return a finished preview for its page: stages as badges, reasons in words, tables."""
    result = cast("dict[str, Any]", row.result)
    now, after = queries.one_in_force(row.model_id), queries.read(row.text)
    badges = labels.Badges(now.model if now else None, after)
    moves = [
        {**move, "source": badges[move["source"]], "target": badges[move["target"]], "people": move["customers"]}
        for move in result["moves"]
    ]
    examples = [
        {
            **example,
            "source": badges[example["source"]],
            "target": badges[example["target"]],
            "reason": in_words(Reason(**example["reason"]), after) if example["reason"] else None,
        }
        for example in result["examples"]
    ]
    overlaps = [
        (badges[overlap["first"]], badges[overlap["second"]], overlap["customers"]) for overlap in result["overlaps"]
    ]
    matrix, matrix_rows = tables.matrix(result, badges)
    return {
        "moves": moves,
        "moves_table": tables.MOVES.show(moves),
        "matrix": matrix.show(matrix_rows),
        "examples": examples,
        "overlaps": overlaps,
        "shadowed": [badges[stage] for stage in result["shadowed"]],
        "empty": [badges[stage] for stage in result["nobody"] if stage not in result["shadowed"]],
        "unstaged": result["after"].get(UNSTAGED, 0),
        "unstaged_before": result["before"].get(UNSTAGED, 0),
        "share": result["value_moved"] / result["value"] if result["value"] > 0 else None,
        "of_products": after.subject == "product",
        "undone": _undone(result),
        "texts": labels.changed_texts(now.model, after) if now and now.model else [],
    }


def _undone(result: dict[str, Any]) -> str:
    """Return how many moves are undone, before the change and after; nothing for an older preview."""
    before, after = ((result.get(side) or {}).get("share") for side in ("undone_before", "undone"))
    if before is None and after is None:
        return ""
    words = {"days": UNDONE_WITHIN, "before": percent(before), "after": percent(after)}
    if before is None:
        return _("Moves undone within %(days)s days: %(after)s.") % words
    return _("Moves undone within %(days)s days: %(before)s before, %(after)s after.") % words


# Saving


@page("models/-/save/", "model-save", rule=SIGNED_IN, methods=("POST",))
def save(request: HttpRequest) -> HttpResponse:
    """Save the text as a new version, or show why not and keep what was written."""
    draft = read_draft(request)
    try:
        if draft.refusal:
            raise draft.refusal
        version = actions.save_version(
            draft.text, base=draft.base, person=forms.person_of(request), note=draft.note, origin=draft.origin
        )
    except TenureError as error:
        draft.extra["refusal"] = error.say(current_language())
        if isinstance(error, actions.SavedMeanwhile):
            draft.extra["other"] = error.other
            draft.extra["other_changes"] = labels.changes(draft.text, error.other.text)
        return _page(request, draft)
    messages.success(
        request,
        _("Version %(number)s is saved and in force. All lists and figures follow as soon as the refresh is done.")
        % {"number": version.number},
    )
    target = reverse("model", args=[version.definition_id])
    return HttpResponseClientRedirect(target) if request.headers.get("HX-Request") else redirect(target)


# The page


def _page(request: HttpRequest, draft: forms.ModelDraft) -> HttpResponse:
    context = forms.form_of(request, draft)
    model = context["checked"].model
    name = model.name.render(current_language()) if model else draft.model_id
    context["title"] = _("New model") if draft.new else _("Edit %(name)s") % {"name": name}
    fragment = request.headers.get("HX-Request") and not request.headers.get("HX-Boosted")
    return render(request, f"models/{'form' if fragment else 'edit'}.html", context)
