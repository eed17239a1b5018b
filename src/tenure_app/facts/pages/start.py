"""Where a person arrives: three steps while there is no data, the overview afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tenure.words import current_language, say
from tenure_app.core import conf
from tenure_app.core.pages import describe
from tenure_app.core.work import actions as jobs
from tenure_app.core.work import queries as job_queries
from tenure_app.facts import quarantine, queries
from tenure_app.facts.pages.imports import tables
from tenure_app.lifecycle.definitions.labels import businesses
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from tenure.practices.samples import Sample


@page("", "home", rule=SIGNED_IN)
def home(request: HttpRequest) -> HttpResponse:
    """Lead to the page that is of use now; the chosen day comes along."""
    name = "overview" if queries.is_refreshed() else "start"
    response = redirect(name)
    if request.GET:
        response["Location"] += f"?{request.GET.urlencode()}"
    return response


@page("start/", "start", rule=SIGNED_IN)
def start(request: HttpRequest) -> HttpResponse:
    has_facts = queries.has_facts()
    context: dict[str, Any] = {
        "title": _("First steps"),
        "subtitle": _("From your orders to every customer's life-cycle stage in three steps."),
        "tables": tables(),
        "upload_mb": settings.TENURE_UPLOAD_MB,
        "samples": [(sample.id, say(sample.name)) for sample in _samples().values()],
        "has_facts": has_facts,
        "is_refreshed": queries.is_refreshed(),
        "busy": [describe(job) for job in job_queries.open_jobs()],
        "failed": [describe(job) for job in job_queries.recent_jobs(1) if job.state == "failed"],
        "drafts": [upload for upload in queries.imports(5) if upload.state == "draft"],
    }
    if has_facts:
        context |= {"businesses": businesses()}
        context |= {"brought": queries.brought(), "quarantined": quarantine.count(), "models": _models()}
    return render(request, "start/page.html", context)


def _samples() -> dict[str, Sample]:
    from tenure.practices.samples import SAMPLES

    return SAMPLES


def _models() -> list[dict[str, Any]]:
    from tenure.lifecycle.model_file import builtin
    from tenure.rules.wording.vocabulary import kind_name

    available, language = conf.lake().available_kinds(), current_language()
    models = [
        {
            "name": model.name.render(),
            "summary": model.summary.render(),
            "missing": [kind_name(kind, language) for kind in model.missing(available)],
        }
        for model in builtin().values()
    ]
    return sorted(models, key=lambda model: len(model["missing"]))


@page("start/demo/", "start-demo", rule=SIGNED_IN, methods=("POST",))
def bring_demo(request: HttpRequest) -> HttpResponse:
    sample = request.POST.get("sample", "complete-journey")
    if sample not in _samples():
        raise Http404
    jobs.enqueue("demo", sample=sample, language=current_language())
    return redirect("start")


@page("start/stage/", "start-stage", rule=SIGNED_IN, methods=("POST",))
def stage(request: HttpRequest) -> HttpResponse:
    jobs.enqueue("refresh")
    return redirect("start")
