"""One customer: who they are, their life as a ribbon, every stage change with its reason, everything that happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from tenure.errors import TenureError
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.customers.profile import STAGES, TIMELINE, Profile, Span
from tenure_app.lifecycle import actions, catalogue, reasons
from tenure_app.lifecycle.catalogue import Entry
from tenure_app.web import customers_facts, customers_outlook
from tenure_app.web.formats import money
from tenure_app.web.layout import as_of, business, today

if TYPE_CHECKING:
    import duckdb

PAGE = 50


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in a stage, in words."""

    span: Span
    name: str
    family: str
    why: reasons.ReasonInWords
    cause: str
    doubts: tuple[str, ...]
    days: int


@dataclass(frozen=True, slots=True)
class Life:
    """A customer's life under one model."""

    entry: Entry
    stays: tuple[Stay, ...]
    now: Stay | None
    next_name: str = ""
    next_family: str = ""
    next_on: date | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a person's judgement holds now."""
        return bool(self.now and self.now.why.by_hand)


@require_GET
def customer(request: HttpRequest, customer_id: str) -> HttpResponse:
    """Show one customer."""
    con = conf.connection()
    who = _who(con, customer_id)
    if isinstance(who, HttpResponse):
        return who
    entries = catalogue.catalogue(con)
    day = as_of(request)
    stays = profile.spans(con, who.customer_id, [entry.id for entry in entries.values()])
    lives = [_life(entry, stays[entry.id], day) for entry in entries.values() if entry.id in stays]
    chosen = next((life for life in lives if life.entry.id == request.GET.get("model")), lives[0] if lives else None)
    counted = profile.counts(con, who.customer_id)
    context = {
        "who": replace(who, merged=_merged(who.customer_id)),
        "called": who.called,
        "lives": lives,
        "life": chosen,
        "life_stages": [(one, chosen.entry.stage_name(one)) for one in chosen.entry.order] if chosen else [],
        "entries": [entry for entry in entries.values() if entry.fits],
        "day": day,
        "real_today": today(),
        "outlook": customers_outlook.panels(con, who.customer_id),
        "ribbon": _ribbon(con, who, lives, day),
        "absent": [entry for entry in entries.values() if entry.fits and entry.id not in stays],
        **_timeline(request, con, who, counted, chosen),
    }
    return render(request, "tenure_app/customers/page.html", context)


def _who(con: duckdb.DuckDBPyConnection, customer_id: str) -> Profile | HttpResponse:
    who = profile.profile(con, customer_id)
    if who is not None:
        return who
    into = conf.lake().merged().get(customer_id)
    if into:
        return redirect("customer", into)
    raise Http404(_("There is no customer %(id)s.") % {"id": customer_id})


def _merged(customer_id: str) -> tuple[str, ...]:
    return tuple(sorted(old for old, into in conf.lake().merged().items() if into == customer_id))


def _life(entry: Entry, spans: list[Span], day: date) -> Life:
    shown = [_stay(entry, span, day) for span in spans if span.entered_on <= day]
    now = next((stay for stay in shown if stay.span.left_on is None or stay.span.left_on > day), None)
    if now is not None and now.span.passed_through:
        now = None
    life = Life(entry, tuple(reversed(shown)), now)
    if now is None:
        return life
    following = next((span for span in spans if span.entered_on == now.span.left_on and not span.passed_through), None)
    stage = following.stage if following else now.span.next_stage
    on = now.span.left_on or now.span.next_change_on
    return replace(life, next_name=entry.stage_name(stage) if on else "", next_family=entry.family(stage), next_on=on)


def _stay(entry: Entry, span: Span, day: date) -> Stay:
    stage = entry.stage(span.stage)
    cause = next((one for one in (stage.causes if stage else ()) if one.id == span.cause), None)
    return Stay(
        span,
        entry.stage_name(span.stage),
        entry.family(span.stage),
        reasons.in_words(span.reason),
        cause.name.render() if cause else (span.cause or ""),
        tuple(entry.stage_name(one) for one in span.cannot_judge),
        span.days(day),
    )


def _ribbon(con: duckdb.DuckDBPyConnection, who: Profile, lives: list[Life], day: date) -> dict[str, Any] | None:
    """Return the data of the ribbon chart: see frontend/src/draw/ribbon.js."""
    if not lives:
        return None
    bought = [order_day for order_day in profile.order_days(con, who.customer_id, business().tz) if order_day[0] <= day]
    firsts = [stay.span.entered_on for life in lives for stay in life.stays] + [one[0] for one in bought]
    nexts = [life.next_on for life in lives if life.next_on]
    first = min(firsts)
    # What was is what matters: the future gets a third of the width at most. Later changes stand in the table.
    horizon = day + timedelta(days=max(60, (day - first).days // 2))
    last = max([day + timedelta(days=30), *(on for on in nexts if on <= horizon)])
    return {
        "from": first.isoformat(),
        "to": (last + timedelta(days=7)).isoformat(),
        "today": day.isoformat(),
        "todayName": _("today") if day == today() else _("as of"),
        "ordersName": _("Orders"),
        "rows": [_row(life, last) for life in lives],
        "orders": [{"on": on.isoformat(), "text": _order_text(count, amount)} for on, count, amount in bought],
    }


def _row(life: Life, last: date) -> dict[str, Any]:
    spans = [
        {
            "stage": stay.name,
            "family": stay.family,
            "from": stay.span.entered_on.isoformat(),
            "to": stay.span.left_on.isoformat() if stay.span.left_on else None,
            "because": stay.why.text,
            "hand": stay.why.by_hand,
        }
        for stay in reversed(life.stays)
        if not stay.span.passed_through
    ]
    coming = None
    if life.next_on and life.next_on <= last:
        coming = {"on": life.next_on.isoformat(), "stage": life.next_name, "family": life.next_family}
    return {"name": life.entry.name, "spans": spans, "next": coming, "id": life.entry.id}


def _order_text(count: int, amount: object) -> str:
    said = money(amount, business().currency)
    return said if count == 1 else _("%(count)d orders, %(amount)s") % {"count": count, "amount": said}


def _timeline(
    request: HttpRequest, con: duckdb.DuckDBPyConnection, who: Profile, counted: dict[str, int], life: Life | None
) -> dict[str, Any]:
    stays = [stay.span for stay in life.stays] if life else []
    sizes = {**counted, **({STAGES: len(stays)} if stays else {})}
    asked = [one for one in request.GET.getlist("show") if one in sizes]
    shown = asked or list(sizes)
    total = sum(sizes[one] for one in shown)
    page = request.GET.get("page", "1")
    number = min(max(int(page), 1), max((total - 1) // PAGE + 1, 1)) if page.isascii() and page.isdigit() else 1
    events = profile.timeline(
        con, who.customer_id, [one for one in shown if one in TIMELINE], business().tz,
        stays if STAGES in shown else (), PAGE, (number - 1) * PAGE,
    )  # fmt: skip
    names = customers_facts.names()
    words = {stay.span: stay for stay in life.stays} if life else {}
    return {
        "events": [customers_facts.told(event, words) for event in events],
        "sizes": [(one, names[one], count, one in asked) for one, count in sizes.items()],
        "total": total,
        "number": number,
        "pages": max((total - 1) // PAGE + 1, 1),
        "asked": asked,
        "previous": number - 1,
        "next": number + 1,
    }


@require_POST
def override(request: HttpRequest, customer_id: str) -> HttpResponse:
    """Put the customer into a stage by hand, or let the rules decide again."""
    model = request.POST.get("model", "")
    back = f"{reverse('customer', args=[customer_id])}?model={model}"
    try:
        if request.POST.get("what") == "cancel":
            actions.cancel_override(customer_id, model, request.POST.get("reason", ""), by=request.user.get_username())
            messages.success(request, _("The rules decide again."))
        else:
            actions.set_override(
                customer_id, model, request.POST.get("stage", ""), request.POST.get("reason", ""),
                actions.day_of(request.POST.get("until", "")), by=request.user.get_username(),
            )  # fmt: skip
            messages.success(request, _("Saved. The customer was judged again."))
    except TenureError as wrong:
        messages.error(request, wrong.say())
    return redirect(back)


urlpatterns = [
    path("customers/<path:customer_id>/override/", override, name="customer-override"),
    path("customers/<path:customer_id>/", customer, name="customer"),
]
