"""Sign in, sign out, choose the language, and answer whether the server is alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from tenure_app.staff import actions, queries
from tenure_app.web.middleware import address_of
from tenure_app.web.pages import EVERYONE, SIGNED_IN, page

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def _next(request: HttpRequest) -> str:
    """Return the page to go on to: the one that was asked for, unless that would lead away from here."""
    target = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe else "/"


@never_cache
@page("sign-in/", "sign-in", rule=EVERYONE, methods=("GET", "POST"))
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_next(request))
    error, status = "", 200
    if request.method == "POST":
        person, error, status = _try(request)
        if person is not None:
            login(request, person, backend="django.contrib.auth.backends.ModelBackend")
            return redirect(_next(request))
    elif "stale" in request.GET:
        error = _("This link has expired: the server prints a new one at each start. Copy it from the terminal.")
    context = {"error": error, "next": _next(request), "has_password": queries.password_is_set()}
    return render(request, "staff/sign_in.html", context, status=status)


def _try(request: HttpRequest) -> tuple[User | None, str, int]:
    """Return who a secret signs in, else why nobody and with which status."""
    address, secret = address_of(request), request.POST.get("secret", "").strip()
    if queries.is_locked_out(address):
        text = _("Too many attempts from this address. Wait 15 minutes, or restart the server and use its new link.")
        return None, text, 429
    person = actions.sign_in_by_token(secret) or actions.sign_in_by_password(secret)
    if person is None:
        actions.note_failure(address)
        return None, _("Incorrect password or token."), 403
    actions.forget_failures(address)
    return person, "", 200


@page("sign-out/", "sign-out", rule=SIGNED_IN, methods=("POST",))
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


@page("language/", "language", rule=EVERYONE, methods=("POST",))
def language(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(_next(request))
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite="Lax",
            secure=settings.HTTPS,
        )
    return response


@page("health/", "health", rule=EVERYONE)
def health(request: HttpRequest) -> HttpResponse:
    """Answer that the server is alive, and nothing else, to anybody."""
    return HttpResponse("ok", content_type="text/plain")
