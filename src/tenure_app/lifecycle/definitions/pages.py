"""The pages of the models: the list, one model with its versions, switching, deleting, files in and out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.errors import TenureError
from tenure.lifecycle.model_file import builtin_texts
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language
from tenure_app.core import conf
from tenure_app.lifecycle import catalogue
from tenure_app.lifecycle.definitions import actions, changes, labels, queries
from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.staff import queries as staff
from tenure_app.web.formats import customers, number
from tenure_app.web.pages import page

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model, Stage
    from tenure_app.lifecycle.definitions.queries import InForce


@dataclass(frozen=True, slots=True)
class ModelLine:
    now: InForce
    on: bool
    staged: bool
    customers: int
    missing: tuple[str, ...]

    @property
    def model(self) -> Model | None:
        return self.now.model

    @property
    def name(self) -> str:
        return self.now.name

    @property
    def summary(self) -> str:
        return self.model.summary.render() if self.model else ""

    @property
    def path(self) -> list[labels.Badge]:
        return labels.path_of(self.model) if self.model else []

    @property
    def of_products(self) -> bool:
        """Whether it stages products instead of customers."""
        return self.model is not None and self.model.subject == "product"

    @property
    def sources(self) -> str:
        return ", ".join(dict.fromkeys(source.ref for source in self.model.sources)) if self.model else ""

    @property
    def missing_facts(self) -> str:
        language = current_language()
        return ("、" if language == "zh_Hans" else ", ").join(kind_name(kind, language) for kind in self.missing)

    @property
    def error(self) -> str:
        """Why its text cannot be read, in words."""
        return self.now.wrong.say() if self.now.wrong else ""

    @property
    def state(self) -> str:
        """How many it stages, or why it stages none."""
        if self.missing:
            return _("Missing facts: %(kinds)s") % {"kinds": self.missing_facts}
        if not self.on:
            return _("Switched off")
        if not self.staged:
            return _("Fits; staged with the next refresh")
        if not self.of_products:
            return customers(self.customers)
        text = ngettext("%(shown)s product", "%(shown)s products", self.customers)
        return text % {"shown": number(self.customers)}

    @property
    def has_list(self) -> bool:
        """Whether the page of customers can list whom it stages."""
        return self.staged and self.on and not self.missing and not self.of_products

    @property
    def buttons(self) -> list[tuple[str, str, str]]:
        """What can be done with it: address, icon, label."""
        words = {"name": self.name}
        return [
            (reverse("model-edit", args=[self.now.id]), "edit", _("Edit %(name)s") % words),
            (f"{reverse('model-new')}?copy={self.now.id}", "copy", _("Copy %(name)s as a new model") % words),
            (reverse("model-yaml", args=[self.now.id]), "download", _("Download %(name)s as YAML") % words),
        ]

    def matches(self, search: str) -> bool:
        """Tell whether all words of a search are in its id, name, summary or stages."""
        texts = [self.now.id]
        if self.model is not None:
            names = (self.model.name, self.model.summary, *(stage.name for stage in self.model.stages))
            texts += [text for name in names for text in (name.zh, name.en)]
        text = " ".join(texts).lower()
        return all(word in text for word in search.lower().split())


@page("models/", "models")
def models(request: HttpRequest) -> HttpResponse:
    actions.take_in_files()
    search = request.GET.get("q", "").strip()
    lines = [line for line in _lines() if line.matches(search)]
    groups: dict[str, list[ModelLine]] = {str(title): [] for title, _ids in labels.GROUPS}
    for line in lines:
        groups[str(labels.GROUPS[labels.group_of(line.now.id)][0])].append(line)
    context = {
        "title": _("Models"),
        "groups": [(title, members) for title, members in groups.items() if members],
        "search": search,
        "total": len(lines),
    }
    return render(request, "models/list.html", context)


def _lines() -> list[ModelLine]:
    models_on = staff.preference().models_on
    available = queries.available_kinds()
    try:
        reports = catalogue.model_reports(conf.connection())
    except TenureError:
        reports = {}  # there is no lake yet
    lines = []
    for now in queries.in_force().values():
        report = reports.get(now.id)
        missing = now.model.missing(available) if now.model is not None else ()
        staged = report is not None and not report.get("missing")
        customers = int(report.get("customers") or 0) if report else 0
        lines.append(ModelLine(now, queries.is_on(now.id, models_on), staged, customers, missing))
    return lines


def _line(model_id: str) -> ModelLine:
    return next(line for line in _lines() if line.now.id == model_id)


def _or_404(model_id: str) -> InForce:
    now = queries.one_in_force(model_id)
    if now is None:
        raise Http404(_("There is no model %(id)s.") % {"id": model_id})
    return now


@page("models/<str:model_id>/", "model")
def model(request: HttpRequest, model_id: str) -> HttpResponse:
    now = _or_404(model_id)
    if now.model is None:
        return redirect("model-edit", model_id)
    line = _line(model_id)
    follows = queries.one_in_force(now.model.follows) if now.model.follows else None
    context = {
        "title": line.name,
        "line": line,
        "now": now,
        "model": now.model,
        "stages": [_stage(now.model.stage(badge.id)) for badge in labels.path_of(now.model)],
        "history": _history(now),
        "follows": follows.model if follows else None,
    }
    return render(request, "models/model.html", context)


def _stage(stage: Stage) -> dict[str, Any]:
    flags = (
        (stage.setback, "yellow", _("setback: can be entered from anywhere")),
        (stage.terminal, "secondary", _("end: only a new fact leads out")),
        (stage.without_facts, "secondary", _("also customers without facts")),
    )
    texts = ((_("Traits"), stage.traits), (_("What they need"), stage.needs_text), (_("Our goal"), stage.goal))
    plays = ((_("Do"), stage.advised), (_("Avoid"), stage.discouraged))
    return {
        "stage": stage,
        "sentence": sentence_of(stage.when),
        "flags": [(colour, text) for flag, colour, text in flags if flag],
        "texts": [(title, text.render()) for title, text in texts if text],
        "plays": [(title, plays) for title, plays in plays if plays],
        "causes": [(cause.name.render(), sentence_of(cause.when)) for cause in stage.causes],
    }


def _history(now: InForce) -> list[dict[str, Any]]:
    """Return the versions, newest first, each with what it changed; below them the shipped one."""
    shipped, versions = builtin_texts().get(now.id), list(queries.versions(now.id))
    history: list[dict[str, Any]] = []
    for version, older in zip_longest(versions, versions[1:]):
        before = older.text if older else shipped
        history.append(
            {
                "version": version,
                "origin": labels.ORIGINS.get(version.origin, version.origin),
                "changes": changes.changes(before, version.text),
                "lines": changes.unified(before, version.text) if before else [],
                "current": version.number == now.number,
            }
        )
    if shipped is not None:
        history.append({"version": None, "current": now.number == 0})
    return history


@page("models/<str:model_id>/model.yaml", "model-yaml")
def download(request: HttpRequest, model_id: str) -> HttpResponse:
    response = HttpResponse(_or_404(model_id).text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{model_id}.yaml"'
    return response


@page("models/<str:model_id>/switch/", "model-switch", methods=("POST",))
def switch(request: HttpRequest, model_id: str) -> HttpResponse:
    now = _or_404(model_id)
    on = request.POST.get("on") == "1"
    actions.switch(model_id, on=on)
    text = _("%(name)s is switched on; its customers are being staged.") if on else _("%(name)s is switched off.")
    messages.success(request, text % {"name": now.name})
    # A form could name any address to go to next; only our own are followed.
    target = request.POST.get("next", "")
    return redirect(target if url_has_allowed_host_and_scheme(target, {request.get_host()}) else "models")


@page("models/<str:model_id>/delete/", "model-delete", methods=("GET", "POST"))
def delete(request: HttpRequest, model_id: str) -> HttpResponse:
    """Show in numbers what deleting a custom model means, and delete it."""
    now = _or_404(model_id)
    if now.shipped:
        messages.error(request, _("Built-in models can be turned off or reset, but not deleted."))
        return redirect("model", model_id)
    line = _line(model_id)
    if request.method == "POST":
        actions.delete(model_id)
        messages.success(request, _("%(name)s was deleted.") % {"name": line.name})
        return redirect("models")
    consequence = ngettext(
        "%(people)s customer will no longer be staged by it, and its %(versions)s versions leave the list.",
        "%(people)s customers will no longer be staged by it, and its %(versions)s versions leave the list.",
        line.customers,
    ) % {"people": number(line.customers), "versions": number(queries.versions(model_id).count())}
    context = {"title": _("Delete %(name)s") % {"name": line.name}, "line": line, "consequence": consequence}
    return render(request, "models/delete.html", context)
