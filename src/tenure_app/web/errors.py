"""The pages that say what went wrong: 403, 404, 500, and errors of the library."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "error.html", {"status": status, "title": title, "text": text}, status=status)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403, _("Access denied"), _("Go back, or sign in again."))


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that was not sent from our own page, or from one that is too old."""
    return _page(request, 403, _("This page has expired"), _("Go back, reload the page and send the form again."))


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = _("The link may be outdated or mistyped. Use the search above or the navigation on the left.")
    return _page(request, 404, _("Page not found"), text)


def broken(request: HttpRequest, *_args: Any) -> HttpResponse:
    """Answer 500 without asking the database or the lake, which may be what is broken."""
    title, text = _("Something went wrong"), _("No data was lost. Try again; details are in the server log.")
    return HttpResponse(render_to_string("error.html", {"status": 500, "title": title, "text": text}), status=500)
