"""The page of settings: the business, the day pages speak of, assumptions, the password, refreshes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.errors import LakeError, TenureError
from tenure.facts.named_dates import NAMED_DATES
from tenure.lifecycle.shop_dates import forget_dates, models_naming, name_dates
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.facts import queries as facts
from tenure_app.lifecycle.definitions import actions as models
from tenure_app.lifecycle.definitions import labels
from tenure_app.lifecycle.definitions import queries as model_queries
from tenure_app.staff import actions, queries
from tenure_app.staff.forms import AssumptionsForm, BusinessForm, NamedDatesForm, PasswordForm, ViewForm
from tenure_app.staff.tables import REFRESHES
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tenure.scorecard.model import Options


def _options() -> Options:
    from tenure.scorecard.model import Options
    from tenure.scorecard.options import options_of

    try:
        return options_of(conf.lake())
    except LakeError:
        return Options()


def _page(request: HttpRequest, status: int = 200, **changed: object) -> HttpResponse:
    current, row, refreshes = business(), queries.preference(), facts.refreshes()
    context = {
        "title": _("Settings"),
        "password_hint": _("A password is set. A new one replaces it and signs out other sessions.")
        if queries.password_is_set()
        else _("No password yet. Sign in with the link that the server prints at startup."),
        "refreshes": REFRESHES.show(refreshes) if refreshes else None,
        "business_form": BusinessForm(initial=asdict(current)),
        "view_form": ViewForm(initial={"language": row.language, "as_of": row.as_of}),
        "dates_form": NamedDatesForm(),
        "named_dates": _named_dates(),
        "assumptions_form": AssumptionsForm(initial=asdict(_options())),
        "password_form": PasswordForm(),
        **changed,
    }
    return render(request, "staff/settings.html", context, status=status)


def _named_dates() -> dict[str, tuple[str, bool]]:
    """Return the dates of every name, and whether the name can be removed."""
    custom = business().named_dates
    return {name: (", ".join(dates), name in custom) for name, dates in (NAMED_DATES | dict(custom)).items()}


@page("settings/", "settings", rule=SIGNED_IN)
def settings(request: HttpRequest) -> HttpResponse:
    return _page(request)


@page("settings/business/", "settings-business", rule=SIGNED_IN, methods=("POST",))
def save_business(request: HttpRequest) -> HttpResponse:
    form = BusinessForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, business_form=form)
    before, kind, chosen = business(), form.cleaned_data["business_kind"], ""
    if kind and kind != before.business_kind:
        try:
            chosen = labels.result_of(models.choose(kind))
        except TenureError as error:  # such as a model that cannot be read: nothing is saved
            form.add_error("business_kind", error.say())
            return _page(request, 422, business_form=form)
    conf.lake().save_settings(**form.cleaned_data)
    if form.cleaned_data["tz"] != before.tz:
        jobs.enqueue("refresh")
        messages.info(request, _("Saved. All stages are being recalculated for the new time zone."))
    elif not chosen:
        messages.success(request, _("Saved."))
    if chosen:
        messages.success(request, chosen)
    return redirect("settings")


@page("settings/assumptions/", "settings-assumptions", rule=SIGNED_IN, methods=("POST",))
def save_assumptions(request: HttpRequest) -> HttpResponse:
    from tenure.scorecard.options import save_options

    form = AssumptionsForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, assumptions_form=form)
    save_options(conf.lake(), **form.cleaned_data)
    jobs.enqueue("refresh")
    messages.info(request, _("Saved. Value and risk are being recalculated."))
    return redirect("settings")


@page("settings/named-dates/", "settings-named-dates", rule=SIGNED_IN, methods=("POST",))
def save_named_dates(request: HttpRequest) -> HttpResponse:
    """Give dates a name, or take it from them; whoever is staged by a rule that names them is staged anew."""
    form = NamedDatesForm(request.POST)
    name, dates = request.POST.get("name", "").strip(), request.POST.get("dates", "")
    known = list(model_queries.models_in_force().values())
    try:
        if "remove" in request.POST:
            forget_dates(conf.lake(), name, known)
        else:
            name_dates(conf.lake(), name, dates)
    except LakeError as error:
        context: dict[str, object] = {"dates_error": error.say(), "dates_form": form}
        rows = _named_dates()
        if name in rows:  # its row is shown again as it was typed, and the form for another name stays empty
            rows[name] = (dates, rows[name][1])
            context |= {"dates_form": NamedDatesForm(), "named_dates": rows}
        return _page(request, 422, **context)
    if models_naming(name, known):
        jobs.enqueue("refresh")
        messages.info(request, _("Saved. The stages of models that name these dates are being recalculated."))
    else:
        messages.success(request, _("Saved."))
    return redirect(reverse("settings") + "#named-dates")


@page("settings/view/", "settings-view", rule=SIGNED_IN, methods=("POST",))
def save_view(request: HttpRequest) -> HttpResponse:
    form = ViewForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, view_form=form)
    actions.save_preference(**form.cleaned_data)
    messages.success(request, _("Saved."))
    return redirect("settings")


@page("settings/password/", "settings-password", rule=SIGNED_IN, methods=("POST",))
def save_password(request: HttpRequest) -> HttpResponse:
    """Set the password; other sessions end, this one stays."""
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, password_form=form)
    person = cast("User", request.user)
    actions.set_password(person, form.cleaned_data["password"])
    update_session_auth_hash(request, person)
    messages.success(request, _("The password is set. Other sessions were signed out."))
    return redirect("settings")


@page("settings/refresh/", "settings-refresh", rule=SIGNED_IN, methods=("POST",))
def refresh_now(request: HttpRequest) -> HttpResponse:
    jobs.enqueue("refresh")
    messages.info(request, _("Refresh started. You can leave this page."))
    return redirect("in-progress")
