"""The pages of the models: the list, one model with its versions, switching, deleting, files in and out."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.errors import TenureError
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import builtin_texts
from tenure.lifecycle.reach import Unreachable
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language, listing
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.lifecycle import catalogue
from tenure_app.lifecycle.definitions import actions, forms, labels, queries
from tenure_app.lifecycle.definitions.queries import InForce
from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.web.formats import customers, number
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page


@page("models/", "models", rule=SIGNED_IN)
def models(request: HttpRequest) -> HttpResponse:
    actions.take_in_files()
    search = request.GET.get("q", "").strip()
    every = _lines()
    everything = bool(search) or request.GET.get("models") == catalogue.ALL or all(line["on"] for line in every)
    lines = [line for line in every if (everything or line["on"]) and _matches(line["now"], search)]
    groups: dict[str, list[dict[str, Any]]] = {str(title): [] for title, _ids in labels.GROUPS}
    for line in lines:
        groups[labels.group_of(line["now"].id)].append(line)
    context = {
        "title": _("Models"),
        "groups": [(title, members) for title, members in groups.items() if members],
        "search": search,
        "total": len(lines),
        "everything": everything,
        "all": len(every),
        "businesses": labels.businesses(),
    }
    return render(request, "models/list.html", context)


def _lines() -> list[dict[str, Any]]:
    """Return every model for the list."""
    settings = business()
    try:
        reports = catalogue.model_reports(conf.connection())
    except TenureError:
        reports = {}  # there is no lake yet
    return [
        _line(
            now,
            on=settings.is_on(now.id),
            recommended=settings.recommended == now.id,
            report=reports.get(now.id, {"missing": True}),
        )
        for now in queries.in_force().values()
    ]


def _line(now: InForce, *, on: bool, recommended: bool, report: dict[str, Any]) -> dict[str, Any]:
    model, language = now.model, current_language()
    missing = model.missing(queries.available_kinds()) if model else ()
    missing_facts = listing(kind_name(kind, language) for kind in missing)
    staged = not (report.get("missing") or report.get("off"))
    people = int(report.get("customers") or 0)
    of_products = model is not None and model.subject == "product"
    if missing:
        state = _("Missing facts: %(kinds)s") % {"kinds": missing_facts}
    elif not staged:
        state = _("Fits; staged with the next refresh") if on else _("Switched off")
    elif of_products:
        state = ngettext("%(shown)s product", "%(shown)s products", people) % {"shown": number(people)}
    else:
        state = customers(people)
    words = {"name": now.name}
    return {
        "now": now,
        "model": model,
        "name": now.name,
        "on": on,
        "recommended": recommended,
        "businesses": labels.for_whom(model) if model else "",
        "needs": [kind_name(kind, language) for kind in model.needs] if model else [],
        "staged": staged,
        "customers": people,
        "missing_facts": missing_facts,
        "of_products": of_products,
        "summary": model.summary.render() if model else "",
        "path": labels.path_of(model) if model else [],
        "sources": ", ".join(dict.fromkeys(source.ref for source in model.sources)) if model else "",
        "error": now.error.say() if now.error else "",
        "state": state,
        # Whether the page of customers can list whom it stages.
        "has_list": staged and not missing and not of_products,
        "buttons": [
            (reverse("model-edit", args=[now.id]), "edit", _("Edit %(name)s") % words),
            (f"{reverse('model-new')}?copy={now.id}", "copy", _("Copy %(name)s as a new model") % words),
            (reverse("model-yaml", args=[now.id]), "download", _("Download %(name)s as YAML") % words),
        ],
    }


def _matches(now: InForce, search: str) -> bool:
    """Tell whether all words of a search are in a model's id, name, summary or stages."""
    texts = [now.id]
    if now.model is not None:
        names = (now.model.name, now.model.summary, *(stage.name for stage in now.model.stages))
        texts += [text for name in names for text in (name.zh, name.en)]
    text = " ".join(texts).lower()
    return all(word in text for word in search.lower().split())


@page("models/-/choose/", "models-choose", rule=SIGNED_IN, methods=("POST",))
def choose(request: HttpRequest) -> HttpResponse:
    """Take the answer to what kind of business this is, and switch on the models that suit it."""
    try:
        choice = actions.choose(request.POST.get("business", ""))
    except TenureError as error:
        messages.error(request, error.say())
        return redirect("models")
    messages.success(request, labels.result_of(choice))
    return redirect("models" if choice else "start")


@page("models/<str:model_id>/", "model", rule=SIGNED_IN)
def model(request: HttpRequest, model_id: str) -> HttpResponse:
    now = queries.one_or_404(model_id)
    if now.model is None:
        return redirect("model-edit", model_id)
    line = next(line for line in _lines() if line["now"].id == model_id)
    follows = queries.one_in_force(now.model.follows) if now.model.follows else None
    unreachable = queries.unreachable_of(now.model) if line["staged"] or not line["missing_facts"] else {}
    context = {
        **forms.form_of(request, forms.ModelDraft(now.text, base=now.number, mode="parameters")),
        "title": now.name,
        "line": line,
        "now": now,
        "model": now.model,
        "stages": [_stage(now.model, badge.id, unreachable.get(badge.id)) for badge in labels.path_of(now.model)],
        "history": _history(now),
        "attributes_known": labels.attributes_known(now.model),
        "follows": follows.model if follows else None,
    }
    return render(request, "models/model.html", context)


def _stage(model: Model, stage_id: str, unreachable: Unreachable | None) -> dict[str, Any]:
    stage = model.stage(stage_id)
    flags = (
        (stage.setback, "yellow", _("setback: can be entered from anywhere")),
        (stage.terminal, "secondary", _("end: only a new fact leads out")),
        (stage.without_facts, "secondary", _("also customers without facts")),
        (
            stage.settles > 0,
            "secondary",
            _("minimum days before entry: %(days)s") % {"days": number(stage.settles)},
        ),
    )
    (_title, sentence), *texts = labels.texts_of(model, stage)
    plays = ((_("Do"), stage.advised), (_("Avoid"), stage.discouraged))
    return {
        "stage": stage,
        "sentence": sentence,
        "unreachable": unreachable.message.render() if unreachable else "",
        "flags": [(colour, text) for flag, colour, text in flags if flag],
        "texts": [*texts, *labels.moves_and_metrics(model, stage)],
        "plays": [(title, plays) for title, plays in plays if plays],
        "causes": [(cause.name.render(), sentence_of(cause.rule, model)) for cause in stage.causes],
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
                "changes": labels.changes(before, version.text),
                "lines": labels.unified(before, version.text) if before else [],
                "current": version.number == now.number,
            }
        )
    if shipped is not None:
        history.append({"version": None, "current": now.number == 0})
    return history


@page("models/<str:model_id>/model.yaml", "model-yaml", rule=SIGNED_IN)
def download(request: HttpRequest, model_id: str) -> HttpResponse:
    response = HttpResponse(queries.one_or_404(model_id).text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{model_id}.yaml"'
    return response


@page("models/<str:model_id>/switch/", "model-switch", rule=SIGNED_IN, methods=("POST",))
def switch(request: HttpRequest, model_id: str) -> HttpResponse:
    now = queries.one_or_404(model_id)
    on = request.POST.get("on") == "1"
    actions.switch(model_id, on=on)
    text = _("%(name)s is switched on; its customers are being staged.") if on else _("%(name)s is switched off.")
    messages.success(request, text % {"name": now.name})
    # A form could name any address to go to next; only our own are followed.
    target = request.POST.get("next", "")
    return redirect(target if url_has_allowed_host_and_scheme(target, {request.get_host()}) else "models")


@page("models/<str:model_id>/evaluate/", "model-evaluate", rule=SIGNED_IN, methods=("POST",))
def evaluate(request: HttpRequest, model_id: str) -> HttpResponse:
    """Evaluate a model that is switched off; the next refresh leaves it out again."""
    now = queries.one_or_404(model_id)
    jobs.enqueue("refresh", model=now.id)
    messages.info(request, _("%(name)s is being evaluated. You can leave this page.") % {"name": now.name})
    return redirect("in-progress")


@page("models/<str:model_id>/delete/", "model-delete", rule=SIGNED_IN, methods=("GET", "POST"))
def delete(request: HttpRequest, model_id: str) -> HttpResponse:
    """Show in numbers what deleting a custom model means, and delete it."""
    now = queries.one_or_404(model_id)
    if now.shipped:
        messages.error(request, _("Built-in models can be turned off or reset, but not deleted."))
        return redirect("model", model_id)
    line = next(line for line in _lines() if line["now"].id == model_id)
    if request.method == "POST":
        actions.delete(model_id)
        messages.success(request, _("%(name)s was deleted.") % {"name": now.name})
        return redirect("models")
    consequence = ngettext(
        "%(people)s customer will no longer be staged by it, and its %(versions)s versions leave the list.",
        "%(people)s customers will no longer be staged by it, and its %(versions)s versions leave the list.",
        line["customers"],
    ) % {"people": number(line["customers"]), "versions": number(queries.versions(model_id).count())}
    context = {"title": _("Delete %(name)s") % {"name": now.name}, "line": line, "consequence": consequence}
    return render(request, "models/delete.html", context)
