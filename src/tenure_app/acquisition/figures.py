"""The figures of first contacts: the funnel, its trend, the factors of conversion, decision time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.acquisition import decision, factors, funnel
from tenure.acquisition.labels import STATES, VERDICTS, FunnelSteps, factor_label, group_label
from tenure.acquisition.scoring import STEPS
from tenure.words import say
from tenure.words.formats import month
from tenure_app.acquisition import tables
from tenure_app.web.charts import Bar, Bars, Chart, Line, Series
from tenure_app.web.figures import Figure, Switch
from tenure_app.web.formats import day, number, percent

if TYPE_CHECKING:
    from tenure.acquisition.contacts import Contacts, Period

Row = dict[str, Any]


@dataclass
class FirstContacts:
    """What the page of first contacts shows."""

    contacts: Contacts
    period: Period
    step: str  # that counts as conversion
    factor: str  # whose groups are shown; empty: the first
    group: str  # by which decision time is shown
    step_labels: FunnelSteps
    query: dict[str, str] = field(default_factory=dict)  # what links keep

    @cached_property
    def funnel(self) -> Row:
        return funnel.funnel(self.contacts, self.period)

    @cached_property
    def trend(self) -> Row:
        return funnel.trend(self.contacts)

    @cached_property
    def factors(self) -> list[Row]:
        return factors.factors(self.contacts, self.period, self.step)

    @cached_property
    def groupings(self) -> list[str]:
        return decision.groupings(self.contacts, self.period)

    @property
    def shown_grouping(self) -> str:
        return self.group if self.group in self.groupings else next(iter(self.groupings), "")

    @cached_property
    def decision(self) -> Row:
        return decision.decision_time_of_all(self.contacts, self.period)

    @cached_property
    def shown_factor(self) -> Row | None:
        return next((item for item in self.factors if item["factor"] == self.factor), next(iter(self.factors), None))

    @property
    def steps(self) -> list[Row]:
        return [
            row
            | {"stage": self.step_name(row["step"]), "family": self.step_labels.families.get(row["step"], "")}
            | {f"{measure}_url": self.people_url(row["step"], measure) for measure in funnel.MEASURES}
            for row in self.funnel["steps"]
        ]

    @property
    def step_labelled(self) -> str:
        """What the step that counts as conversion is called."""
        return self.step_name(self.step)

    def step_name(self, step: str) -> str:
        return self.step_labels.name(step)

    def people_url(self, step: str, measure: str) -> str:
        """Return the address of the people behind a number."""
        kept = {"as_of": self.query["as_of"]} if "as_of" in self.query else {}
        period = f"{self.period.since}..{self.period.until}"
        query = urlencode({**kept, "period": period, "step": step, "measure": measure})
        return f"{reverse('first-contact-people')}?{query}"

    def page_url(self, **changed: str) -> str:
        """Return the address of this page with something changed."""
        return f"{reverse('first-contact')}?{urlencode({**self.query, 'step': self.step, **changed})}"

    @property
    def months(self) -> list[Row]:
        return [
            {"month": month(item["since"]), "people": item["people"], "state": say(STATES[item["state"]])}
            | {"url": self.page_url(period=f"{item['since']:%Y-%m}")}
            | {row["step"]: row["share"] if item["state"] == "finished" else None for row in item["steps"]}
            for item in reversed(self.trend["months"])
        ]

    @property
    def groups(self) -> list[Row]:
        item = self.shown_factor
        return [row | {"value": group_label(item["factor"], row["value"])} for row in item["rows"]] if item else []

    @property
    def decision_rows(self) -> list[Row]:
        grouping = self.shown_grouping
        rows = decision.decision_time_by(self.contacts, self.period, grouping) if grouping else []
        named = [row | {"value": group_label(grouping, row["value"])} for row in rows]
        return [self.decision | {"value": _("All")}, *named]


# The funnel


def funnel_title(data: FirstContacts) -> str:
    """Return the sentence over the funnel: how many came how far, or that no observation window is complete."""
    body = data.funnel
    step = next(row for row in body["steps"] if row["step"] == data.step)
    words = {
        "people": number(body["closed"] or body["people"]),
        "share": percent(step["share"]),
        "step": data.step_labelled,
        "days": body["window_days"],
        "from": day(data.period.since),
        "to": day(data.period.until),
    }
    if step["share"] is None:
        return (
            _("%(people)s people with a first contact from %(from)s to %(to)s; no observation window is complete yet")
            % words
        )
    text = _(
        "Of %(people)s people with a first contact from %(from)s to %(to)s, %(share)s reached “%(step)s” within "
        "%(days)s days"
    )
    if body["open"]:
        text = _(
            "Of %(people)s people with a first contact from %(from)s to %(to)s and a complete observation window of "
            "%(days)s days, %(share)s reached “%(step)s”"
        )
    return text % words


def _funnel_note(data: FirstContacts) -> str:
    body = data.funnel
    texts = []
    if body["open"]:
        text = _(
            "The observation window of %(days)s days is not complete for %(open)s people. Shares and drop-off count "
            "only the %(closed)s others; the numbers reached will still grow."
        )
        words = {"days": body["window_days"], "open": number(body["open"]), "closed": number(body["closed"])}
        texts.append(text % words)
    if body["without_contact"]:
        text = _(
            "%(number)s more customers have no contact on record before their first order or contract; they are not "
            "counted here."
        )
        texts.append(text % {"number": number(body["without_contact"])})
    if not any(map(data.contacts.has, ("orders", "contracts"))) and not body["steps"][-1]["reached"]:
        texts.append(
            _(
                "There are no orders or contracts, so the last step cannot be reached. If purchases are among the "
                "interactions, import them as orders, or name their kind in the rule of the last step."
            )
        )
    return " ".join(texts)


def _funnel(data: FirstContacts) -> Chart:
    bars = [Bar(row["stage"], row["reached"], row["family"], row["reached_url"]) for row in data.steps]
    return Bars(bars, _(" people"))


# The trend


def trend_title(data: FirstContacts) -> str:
    """Return what differs in the newest complete month, or that no difference is significant."""
    compared = data.trend["compared"]
    for row in compared:
        if row["differ"]:
            words = {
                "month": month(row["month"]), "step": data.step_name(row["step"]),
                "share": percent(row["share"]), "before": percent(row["share_before"]), "months": row["months_before"],
            }  # fmt: skip
            return (
                _("%(month)s: %(share)s reached “%(step)s”, against %(before)s in the %(months)s months before") % words
            )
    if not compared:
        return _("Fewer than two months with complete observation windows")
    return _("%(month)s does not differ significantly from the months before") % {"month": month(compared[0]["month"])}


def _trend(data: FirstContacts) -> Chart | None:
    finished = [place for place, item in enumerate(data.trend["months"]) if item["state"] == "finished"]
    if len(finished) < 2:
        return None
    # Months without a first contact interrupt the line: nothing is known of what lies between.
    months = [item for item in data.trend["months"][finished[0] : finished[-1] + 1] if item["state"] != "open"]
    lines = []
    for place, step in enumerate(STEPS[1:], 1):
        rows = [item["steps"][place] for item in months]
        share, low, high = (
            [None if row[name] is None else round(100 * row[name], 2) for row in rows]
            for name in ("share", "share_low", "share_high")
        )
        # One interval is enough to see how sure a share is; three would hide each other.
        bounds = (low, high) if step == data.step else ((), ())
        lines.append(Series(data.step_name(step), data.step_labels.families.get(step, ""), share, *bounds))
    return Line([item["since"] for item in months], lines, "%")


# Factors


def factors_title(data: FirstContacts) -> str:
    """Name the factors that are significant."""
    names = [factor_label(item["factor"]) for item in data.factors if item["verdict"] == "differs"]
    words = {"step": data.step_labelled, "names": _(", ").join(names)}
    if names:
        return _("Conversion to “%(step)s” differs significantly by: %(names)s") % words
    if any(item["verdict"] == "no-difference" for item in data.factors):
        return _("No significant factor of conversion to “%(step)s”") % words
    return _("Too few people to test factors of conversion to “%(step)s”") % words


def _factor_rows(data: FirstContacts) -> list[Row]:
    return [
        item
        | {"name": factor_label(item["factor"]), "groups": len(item["rows"]) + item["more"]}
        | {"url": f"{data.page_url(factor=item['factor'])}#factor", "current": item is data.shown_factor}
        for item in data.factors
    ]


def factor_title(data: FirstContacts) -> str:
    """Name the highest and the lowest group of the factor that is shown, and whether the difference is significant."""
    item = data.shown_factor
    rows = sorted(data.groups, key=lambda row: row["rate"])
    if not item or not rows:
        return ""
    words = {"name": factor_label(item["factor"]), "verdict": say(VERDICTS[item["verdict"]])}
    if item["verdict"] != "differs":
        return _("%(name)s: %(verdict)s") % words
    high, low = rows[-1], rows[0]
    words |= {
        "high": high["value"], "most": percent(high["rate"]), "low": low["value"], "least": percent(low["rate"]),
    }  # fmt: skip
    return _("%(name)s: %(high)s %(most)s, %(low)s %(least)s; the difference is significant") % words


def _factor(data: FirstContacts) -> Chart | None:
    bars = [Bar(row["value"], round(100 * row["rate"], 1)) for row in data.groups]
    return Bars(bars, "%", plain=True) if bars else None


# Decision time


def decision_title(data: FirstContacts) -> str:
    """Return after how many days half of the people of the period have converted, or how many have."""
    row = data.decision
    words = {
        "half": number(row["median_days"], 0),
        "quarter": number(row["lower_quartile"], 0),
        "converted": number(row["converted"]),
    }
    if row["median_days"] is not None:
        return _("Half have made the transaction %(half)s days after the first contact") % words
    if row["lower_quartile"] is not None:
        return (
            _("A quarter have made the transaction %(quarter)s days after the first contact; half have not yet") % words
        )
    return _("%(converted)s have made the transaction so far: fewer than a quarter") % words


def _grouping_switch(data: FirstContacts) -> Switch:
    names = [(name, factor_label(name)) for name in data.groupings]
    return Switch(_("Group by"), "group", names, data.shown_grouping)


FUNNEL = Figure(
    "funnel",
    funnel_title,
    tables.STEP_TABLE,
    lambda data: data.steps,
    _funnel,
    note=_funnel_note,
    term="first-contact-funnel",
    wide=True,
    open=True,
)
FIGURES = (
    FUNNEL,
    Figure(
        "trend",
        trend_title,
        lambda data: tables.trend_table(data.step_labels.names),
        lambda data: data.months,
        _trend,
        note=gettext_lazy("The chart shows only months with complete observation windows."),
        wide=True,
    ),
    Figure(
        "factors",
        factors_title,
        tables.FACTOR_TABLE,
        _factor_rows,
        note=gettext_lazy(
            "What was known on the day of the first contact; attributes count from the day on which their record is "
            "valid. An association is not proof of a cause."
        ),
        term="conversion-factor",
    ),
    Figure("factor", factor_title, tables.GROUP_TABLE, lambda data: data.groups, _factor, term="wilson"),
    Figure(
        "decision-time",
        decision_title,
        tables.DECISION_TABLE,
        lambda data: data.decision_rows,
        note=gettext_lazy(
            "Days to the transaction. People without one yet are counted as observed so far, not left out "
            "(Kaplan-Meier)."
        ),
        switch=_grouping_switch,
        term="decision-time",
        wide=True,
    ),
)
