"""重复客户: pairs that are probably one customer; merge with a look at both, undo at any time."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from tenure.errors import TenureError
from tenure.facts.customers import REASONS
from tenure.words import say
from tenure_app.customers import merging


def _said(codes: tuple[str, ...]) -> list[str]:
    return [say(REASONS.get(code, code)) for code in codes]


@require_GET
def duplicates(request: HttpRequest) -> HttpResponse:
    """Show the page at once; htmx then asks for the pairs, which takes a while with many customers."""
    if request.headers.get("HX-Request"):
        found = [{"pair": pair, "reasons": _said(pair.reasons)} for pair in merging.suspects()]
        return render(request, "duplicates/pairs.html", {"found": found, "most": merging.SHOWN})
    context = {
        "title": _("Duplicates"),
        "subtitle": _("Records that are probably one customer. A merge moves nothing and can be undone at any time."),
        "merges": merging.done(),
    }
    return render(request, "duplicates/page.html", context)


@require_POST
def merge(request: HttpRequest) -> HttpResponse:
    """Make two customers one."""
    one, other = request.POST.get("one", ""), request.POST.get("other", "")
    keep, into = (other, one) if request.POST.get("keep") == "other" else (one, other)
    try:
        merging.merge(keep, into, request.POST.get("reason", ""))
    except TenureError as wrong:
        messages.error(request, wrong.say())
    else:
        messages.success(
            request, _("%(other)s now counts as %(keep)s. You can undo this below.") % {"other": into, "keep": keep}
        )
    return redirect("duplicates")


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take a merge back."""
    try:
        merging.undo(request.POST.get("merge_id", ""))
    except TenureError as wrong:
        messages.error(request, wrong.say())
    else:
        messages.success(request, _("The merge was undone: they are separate customers again."))
    return redirect("duplicates")


urlpatterns = [
    path("customers/duplicates/", duplicates, name="duplicates"),
    path("customers/duplicates/merge/", merge, name="duplicates-merge"),
    path("customers/duplicates/undo/", undo, name="duplicates-undo"),
]
