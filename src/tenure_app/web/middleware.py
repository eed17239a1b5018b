"""What happens to every request: language, sign-in, the business's zone, errors that teach."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation

from tenure.errors import TenureError
from tenure.words import language_of, speaking
from tenure_app.staff import actions, queries
from tenure_app.web.pages import EVERYONE, rule_of

Answer = Callable[[HttpRequest], HttpResponse]


def address_of(request: HttpRequest) -> str:
    """Return who is asking, as far as the network says."""
    return str(request.META.get("REMOTE_ADDR") or "unknown")


class Middleware:
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class LanguageMiddleware(Middleware):
    """Speak the language that was chosen, else the installation's, else the browser's."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = self._language(request)
        request.LANGUAGE_CODE = language
        with translation.override(language), speaking(language_of(language)):
            response = self.answer(request)
        response.headers.setdefault("Content-Language", language)
        response.headers.setdefault("Vary", "Cookie, Accept-Language, HX-Request")
        return response

    def _language(self, request: HttpRequest) -> str:
        known = {code for code, _ in settings.LANGUAGES}
        cookie = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if cookie in known:
            return cookie
        if request.path.startswith(settings.STATIC_URL):
            return settings.LANGUAGE_CODE
        preferred = queries.preference().language
        return preferred if preferred in known else translation.get_language_from_request(request)


class SignInMiddleware(Middleware):
    """Let people see what the pages declare; the link that `tenure up` prints signs in and leaves a clean address."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        rule = rule_of(request.path_info)
        if request.method == "GET" and "token" in request.GET and rule is not EVERYONE:
            return self._by_link(request)
        if rule.allows(request.user):
            return self.answer(request)
        if request.user.is_authenticated:
            raise PermissionDenied
        if request.headers.get("HX-Request"):
            # The browser would put the sign-in page into the middle of the old one.
            return HttpResponse(status=401, headers={"HX-Redirect": reverse("sign-in")})
        target = request.get_full_path()
        return redirect(reverse("sign-in") + ("" if target == "/" else f"?next={quote(target, safe='/')}"))

    def _by_link(self, request: HttpRequest) -> HttpResponse:
        rest = request.GET.copy()
        token = rest.pop("token")[-1]
        clean = request.path + (f"?{rest.urlencode()}" if rest else "")
        address = address_of(request)
        if request.user.is_authenticated:
            return redirect(clean)
        person = None if queries.is_locked_out(address) else actions.sign_in_by_token(str(token))
        if person is None:
            actions.note_failure(address)
            return redirect(reverse("sign-in") + "?stale=1")
        login(request, person, backend="django.contrib.auth.backends.ModelBackend")
        return redirect(clean)


class BusinessMiddleware(Middleware):
    """Show instants in the business's time zone, and the library's errors as a page that teaches."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from tenure_app.web.layout import business

        with timezone.override(ZoneInfo(business().tz)):
            return self.answer(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, TenureError):
            return None
        template = "components/error.html" if request.headers.get("HX-Request") else "error.html"
        title = translation.gettext("This request could not be completed")
        return render(request, template, {"status": 422, "title": title, "text": exception.say()}, status=422)
