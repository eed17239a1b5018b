"""Sign in, sign out, choose the language, and say that the server is alive."""

from __future__ import annotations

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


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else "/"


@never_cache
@page("sign-in/", "sign-in", rule=EVERYONE, methods=("GET", "POST"))
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for the password, or for the link's token."""
    if request.user.is_authenticated:
        return redirect(_next(request))
    wrong, status = "", 200
    if request.method == "POST":
        person, wrong, status = _try(request)
        if person is not None:
            login(request, person, backend="django.contrib.auth.backends.ModelBackend")
            return redirect(_next(request))
    elif "stale" in request.GET:
        wrong = _("This link is no longer valid: each start of the server prints a new one. Copy it from the terminal.")
    context = {"wrong": wrong, "next": _next(request), "has_password": queries.password_is_set()}
    return render(request, "signin.html", context, status=status)


def _try(request: HttpRequest):  # type: ignore[no-untyped-def]
    address, given = address_of(request), request.POST.get("secret", "").strip()
    if queries.is_locked_out(address):
        return (
            None,
            _("Too many attempts from this address. Wait 15 minutes, or restart the server and use its new link."),
            429,
        )
    person = actions.sign_in_by_token(given) or actions.sign_in_by_password(given)
    if person is None:
        actions.note_failure(address)
        return None, _("This is neither the password nor the token of the running server."), 403
    actions.forget_failures(address)
    return person, "", 200


@page("sign-out/", "sign-out", rule=SIGNED_IN, methods=("POST",))
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    logout(request)
    return redirect("sign-in")


@page("language/", "language", rule=EVERYONE, methods=("POST",))
def language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language in a cookie and return to the same page."""
    response = HttpResponseRedirect(_next(request))
    chosen = request.POST.get("language", "")
    if chosen in {code for code, _name in settings.LANGUAGES}:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite="Lax",
            secure=settings.HTTPS,
        )
    return response


@page("health/", "health", rule=EVERYONE)
def health(request: HttpRequest) -> HttpResponse:
    """Answer that the server is alive, to whoever asks; nothing else."""
    return HttpResponse("ok", content_type="text/plain")
