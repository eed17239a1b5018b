"""The page of work that was left running and is found again here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tenure.words import Message, say
from tenure_app.core.tables import FINISHED
from tenure_app.core.work import actions, queries
from tenure_app.core.work.kinds import kinds
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from tenure_app.core.models import Job


def describe(job: Job) -> dict[str, object]:
    """Return a job as a page shows it: its sentence, its progress, why it failed, in the reader's language."""
    return {
        "job": job,
        "kind": kinds()[job.kind].label if job.kind in kinds() else job.kind,
        "doing": say(job.doing) if job.doing else "",
        "wrong": Message.from_dict(job.error).render() if job.error else "",
        "percent": job.percent,
    }


@page("in-progress/", "in-progress", rule=SIGNED_IN)
def in_progress(request: HttpRequest) -> HttpResponse:
    """List what waits and runs, and what was finished lately; htmx asks for the lists alone."""
    recent = [describe(job) for job in queries.recent_jobs()]
    context = {
        "title": _("In progress"),
        "open": [describe(job) for job in queries.open_jobs()],
        "recent": FINISHED.show(recent) if recent else None,
        "stuck": not queries.worker_is_alive(),
    }
    fragment = request.headers.get("HX-Request") and not request.headers.get("HX-Boosted")
    return render(request, "jobs/list.html" if fragment else "jobs/page.html", context)


@page("in-progress/count/", "in-progress-count", rule=SIGNED_IN)
def count(request: HttpRequest) -> HttpResponse:
    return render(request, "components/jobs_count.html")


@page("in-progress/<int:job_id>/", "job", rule=SIGNED_IN)
def one(request: HttpRequest, job_id: int) -> HttpResponse:
    """Answer one job's progress as a fragment that asks for itself until the job is over."""
    job = queries.job(job_id)
    if job is None:
        raise Http404
    response = render(request, "jobs/progress.html", describe(job))
    if not job.open:
        response.headers["HX-Refresh"] = "true"
    return response


@page("in-progress/<int:job_id>/again/", "job-again", rule=SIGNED_IN, methods=("POST",))
def again(request: HttpRequest, job_id: int) -> HttpResponse:
    actions.retry(job_id)
    return redirect("in-progress")


@page("in-progress/<int:job_id>/cancel/", "job-cancel", rule=SIGNED_IN, methods=("POST",))
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    actions.cancel(job_id)
    return redirect("in-progress")
