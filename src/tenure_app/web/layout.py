"""The frame around every page: navigation, business, as-of day, language, work in progress."""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenure.clock import EPOCH
from tenure.errors import LakeError
from tenure_app.core import conf
from tenure_app.core.work import queries as jobs
from tenure_app.staff import queries as staff

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as StrOrPromise

    from tenure.facts.lake import Settings


class Item(NamedTuple):
    """One page of the navigation."""

    group: StrOrPromise
    name: str  # of the address
    label: StrOrPromise
    icon: str
    under: tuple[str, ...] = ()  # other address names that belong to it


NAVIGATION = (
    Item(_("Overview"), "overview", _("Overview"), "layout-dashboard"),
    Item(_("Customers"), "customers", _("All customers"), "users", ("customer",)),
    Item(_("Customers"), "first-contact", _("First contact"), "user-plus"),
    Item(_("Customers"), "duplicates", _("Duplicates"), "copy"),
    Item(_("Life cycle"), "lifecycle", _("Stages"), "columns"),
    Item(_("Life cycle"), "models", _("Models"), "adjustments", ("model", "model-edit")),
    Item(_("Life cycle"), "economics", _("Economics"), "arrows-shuffle"),
    Item(_("Value and risk"), "value", _("Value"), "coin"),
    Item(_("Value and risk"), "risk", _("Early warning"), "alert-triangle"),
    Item(_("Value and risk"), "products", _("Products"), "shopping-cart"),
    Item(_("Value and risk"), "predictions", _("Predictions"), "target"),
    Item(_("Settings"), "imports", _("Imports"), "upload", ("import", "quarantine", "import-new")),
    Item(_("Settings"), "in-progress", _("In progress"), "clock"),
    Item(_("Settings"), "settings", _("Settings"), "settings"),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups, the present page marked."""
    current = (request.resolver_match and request.resolver_match.url_name) or ""
    items = [
        {**item._asdict(), "active": current in (item.name, *item.under) or current.startswith(f"{item.name}-")}
        for item in NAVIGATION
    ]
    return [{"label": label, "items": list(members)} for label, members in groupby(items, itemgetter("group"))]


def business() -> Settings:
    """Return whose data this is; the defaults while there is no lake yet."""
    try:
        return conf.lake().settings
    except (LakeError, ImportError):
        from tenure.facts.lake import Settings

        return Settings()


def today() -> date:
    return datetime.now(ZoneInfo(business().tz)).date()


def last_data_day() -> date | None:
    return conf.remembered("last refreshed day", _last_data_day, "refreshes")


def _last_data_day() -> date | None:
    from tenure.refreshing.report import last_refresh

    try:
        day = last_refresh(conf.connection())
    except (LakeError, ImportError):
        return None
    # A refresh of an empty lake speaks of the first day there is.
    return day if day and day > EPOCH else None


def default_day() -> date:
    """Return the day that pages speak of when none is asked for: the last refreshed day, or today."""
    if staff.preference().as_of == "today":
        return today()
    return last_data_day() or today()


def chosen_day(request: HttpRequest) -> date | None:
    """Return the day that the address asks for, None when it asks for none that there is."""
    try:
        return date.fromisoformat(request.GET.get("as_of", ""))
    except ValueError:
        return None


def as_of(request: HttpRequest) -> date:
    """Return the day that all numbers of this page speak of: `as_of` of the address, else the default."""
    return chosen_day(request) or default_day()


def frame(request: HttpRequest) -> dict[str, object]:
    """Give every template what the frame needs; nothing of it before sign-in."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    return {
        "navigation": navigation(request),
        "business": business(),
        "as_of": as_of(request),
        "as_of_default": default_day(),
        "as_of_chosen": chosen_day(request) is not None,
        "today": timezone.localdate(),
        "jobs_open": jobs.count_open(),
        "customers_url": reverse("customers"),
    }
