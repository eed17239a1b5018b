"""Why this stage and not another: every rule of a model, judged for one customer on one day, with its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from tenure.rules.wording.sentence import measure_phrase, sentence
from tenure.words import current_language
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.lifecycle import catalogue, reasons
from tenure_app.web.formats import number
from tenure_app.web.layout import as_of

if TYPE_CHECKING:
    from tenure.lifecycle.explain import Judgement, MeasureValue
    from tenure_app.lifecycle.catalogue import Entry


@dataclass(frozen=True, slots=True)
class Verdict:
    """One stage's rule in words: whether it holds, and by which figures."""

    name: str
    family: str
    rule: str
    written: str
    truth: str  # yes, no or unknown
    taken: bool
    figures: tuple[tuple[str, str], ...]


@require_GET
def why(request: HttpRequest, customer_id: str) -> HttpResponse:
    """Show every rule of a model with its truth."""
    from tenure.lifecycle.explain import explain_from

    con = conf.connection()
    who = profile.profile(con, customer_id)
    entries = catalogue.catalogue(con)
    entry = entries.get(request.GET.get("model", "")) or next((one for one in entries.values() if one.fits), None)
    if who is None or entry is None:
        raise Http404(_("There is no customer %(id)s.") % {"id": customer_id})
    day = as_of(request)
    found = explain_from(conf.lake(), entry.model, customer_id, day)
    verdicts = [_verdict(entry, judgement) for judgement in found.judgements]
    by_rules = next((verdict for verdict in verdicts if verdict.taken), None)
    context = {
        "who": who, "called": who.called, "entry": entry, "day": day, "found": found, "verdicts": verdicts,
        "entries": [one for one in entries.values() if one.fits],
        "stage": entry.stage_name(found.stage), "family": entry.family(found.stage),
        "reason": reasons.in_words(found.reason),
        "differs": bool(by_rules and found.stage and by_rules.name != entry.stage_name(found.stage)),
    }  # fmt: skip
    return render(request, "tenure_app/customers/why.html", context)


def _verdict(entry: Entry, one: Judgement) -> Verdict:
    truth = {True: "yes", False: "no", None: "unknown"}[one.holds]
    return Verdict(
        entry.stage_name(one.stage.id),
        one.stage.family,
        sentence(one.stage.rule, current_language()),
        one.stage.when,
        truth,
        one.taken,
        tuple((measure_phrase(read.measure, current_language()), _value(read)) for read in one.values),
    )


def _value(read: MeasureValue) -> str:
    return number(read.value) if type(read.value) is float else reasons.value_text(read.value)


urlpatterns = [path("customers/<path:customer_id>/why/", why, name="customer-why")]
