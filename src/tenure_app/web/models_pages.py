"""The models: the list, one model to read, its versions, switching, deleting, files in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.errors import TenureError
from tenure_app.core import conf
from tenure_app.lifecycle import catalogue
from tenure_app.lifecycle.definitions import actions, changes, queries
from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.staff import queries as staff
from tenure_app.web import models_said
from tenure_app.web.formats import number
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model, Stage
    from tenure_app.lifecycle.definitions.models import ModelVersion
    from tenure_app.lifecycle.definitions.queries import InForce


@dataclass(frozen=True, slots=True)
class Line:
    """One model of the list."""

    now: InForce
    on: bool
    staged: bool
    customers: int
    missing: tuple[str, ...]

    @property
    def model(self) -> Model | None:
        """The model, unless its text cannot be read."""
        return self.now.model

    @property
    def name(self) -> str:
        """Its name in the reader's language."""
        return self.model.name.render() if self.model else self.now.id

    @property
    def summary(self) -> str:
        """What it is for."""
        return self.model.summary.render() if self.model else ""

    @property
    def path(self) -> list[models_said.Badge]:
        """Its stages in the order of life."""
        return models_said.path_of(self.model) if self.model else []

    @property
    def sources(self) -> str:
        """Where it comes from, short."""
        return ", ".join(dict.fromkeys(source.ref for source in self.model.sources)) if self.model else ""

    @property
    def lacks(self) -> str:
        """The kinds of facts it misses, in words."""
        return models_said.kinds_said(self.missing)

    @property
    def wrong(self) -> str:
        """Why its text cannot be read, in words."""
        return self.now.wrong.say() if self.now.wrong else ""

    def holds(self, sought: str) -> bool:
        """Tell whether all sought words stand in its id, name, summary or stages."""
        model = self.model
        texts = [self.now.id]
        if model is not None:
            names = (model.name, model.summary, *(stage.name for stage in model.stages))
            texts += [text for name in names for text in (name.zh, name.en)]
        everything = " ".join(texts).lower()
        return all(word in everything for word in sought.lower().split())


@page("models/", "models", rule=SIGNED_IN)
def models(request: HttpRequest) -> HttpResponse:
    """List every model, in groups."""
    actions.take_in_files()
    sought = request.GET.get("q", "").strip()
    lines = [line for line in _lines() if line.holds(sought)]
    groups = []
    for group, name, _ids in models_said.GROUPS:
        members = [line for line in lines if models_said.group_of(line.now.id) == group]
        if members:
            groups.append({"name": name, "lines": members})
    return render(
        request,
        "tenure_app/models/list.html",
        {"title": _("Models"), "groups": groups, "sought": sought, "many": len(lines)},
    )


def _lines() -> list[Line]:
    chosen = staff.preference().models_on
    available = queries.available_kinds()
    try:
        reports = catalogue.model_reports(conf.connection())
    except TenureError:
        reports = {}
    lines = []
    for now in queries.in_force().values():
        told = reports.get(now.id)
        missing = now.model.missing(available) if now.model is not None else ()
        staged = told is not None and not told.get("missing")
        customers = int(told.get("customers") or 0) if told else 0
        lines.append(Line(now, queries.is_on(now.id, chosen), staged, customers, missing))
    return lines


def find(model_id: str) -> InForce:
    """Return a model as it holds now, or answer that there is none."""
    now = queries.one_in_force(model_id)
    if now is None:
        raise Http404(_("There is no model %(id)s.") % {"id": model_id})
    return now


@page("models/<str:model_id>/", "model", rule=SIGNED_IN)
def model(request: HttpRequest, model_id: str) -> HttpResponse:
    """Show one model to read."""
    now = find(model_id)
    if now.model is None:
        return redirect("model-edit", model_id)
    line = next(one for one in _lines() if one.now.id == model_id)
    versions = queries.versions(model_id)
    follows = queries.one_in_force(now.model.follows) if now.model.follows else None
    context = {
        "title": line.name,
        "line": line,
        "now": now,
        "model": now.model,
        "stages": [_stage(stage) for stage in _in_order(now.model)],
        "versions": _history(now, versions),
        "follows": follows.model if follows else None,
    }
    return render(request, "tenure_app/models/model.html", context)


def _in_order(found: Model) -> list[Stage]:
    return [found.stage(badge.id) for badge in models_said.path_of(found)]


def _stage(stage: Stage) -> dict[str, Any]:
    causes = [
        {"name": cause.name.render(), "when": cause.when, "sentence": sentence_of(cause.when)} for cause in stage.causes
    ]
    return {"stage": stage, "sentence": sentence_of(stage.when), "causes": causes}


def _history(now: InForce, versions: list[ModelVersion]) -> list[dict[str, Any]]:
    """Return the versions, newest first, each with what it changed; below them the shipped one."""
    from tenure.lifecycle.model_file import builtin_texts

    shipped = builtin_texts().get(now.id)
    lines: list[dict[str, Any]] = []
    for place, version in enumerate(versions):
        older = versions[place + 1].text if place + 1 < len(versions) else shipped
        found = [models_said.change_said(change) for change in changes.changes(older, version.text)] if older else []
        lines.append({
            "version": version, "origin": models_said.ORIGINS.get(version.origin, version.origin), "changes": found,
            "lines": changes.unified(older, version.text) if older else [], "current": version.number == now.number,
        })  # fmt: skip
    if shipped is not None:
        lines.append({"version": None, "changes": [], "lines": [], "current": now.number == 0})
    return lines


@page("models/<str:model_id>/model.yaml", "model-yaml", rule=SIGNED_IN)
def download(request: HttpRequest, model_id: str) -> HttpResponse:
    """Send a model's YAML."""
    response = HttpResponse(find(model_id).text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{model_id}.yaml"'
    return response


@page("models/<str:model_id>/switch/", "model-switch", rule=SIGNED_IN, methods=("POST",))
def switch(request: HttpRequest, model_id: str) -> HttpResponse:
    """Let a model take part in refreshes, or not."""
    now = find(model_id)
    on = request.POST.get("on") == "1"
    actions.switch(model_id, on=on)
    name = now.model.name.render() if now.model else model_id
    said = _("%(name)s is switched on; its customers are being staged.") if on else _("%(name)s is switched off.")
    messages.success(request, said % {"name": name})
    return redirect(request.POST.get("next") or "models") if _is_ours(request) else redirect("models")


def _is_ours(request: HttpRequest) -> bool:
    from django.utils.http import url_has_allowed_host_and_scheme

    return url_has_allowed_host_and_scheme(request.POST.get("next", ""), {request.get_host()})


@page("models/<str:model_id>/delete/", "model-delete", rule=SIGNED_IN, methods=("GET", "POST"))
def delete(request: HttpRequest, model_id: str) -> HttpResponse:
    """Say in numbers what deleting a model of one's own means, and do it."""
    now = find(model_id)
    if now.shipped:
        messages.error(request, _("A model that comes with the product can be switched off or reset, not deleted."))
        return redirect("model", model_id)
    line = next(one for one in _lines() if one.now.id == model_id)
    if request.method == "POST":
        actions.delete(model_id)
        messages.success(request, _("%(name)s was deleted.") % {"name": line.name})
        return redirect("models")
    count = len(queries.versions(model_id))
    said = ngettext(
        "%(people)s customer will no longer be staged by it, and its %(versions)s versions leave the list.",
        "%(people)s customers will no longer be staged by it, and its %(versions)s versions leave the list.",
        line.customers,
    ) % {"people": number(line.customers), "versions": number(count)}
    return render(
        request,
        "tenure_app/models/delete.html",
        {"title": _("Delete %(name)s") % {"name": line.name}, "line": line, "said": said},
    )
