"""The figures of first contacts: the funnel, its trend, what goes with conversion, decision time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.acquisition import decision, factors, funnel
from tenure.acquisition.factors import ATTRIBUTE, BANDS
from tenure.acquisition.scoring import STEPS
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language, say
from tenure.words.formats import month
from tenure_app.acquisition import tables
from tenure_app.web.charts import Bar, Bars, Chart, Line, Series
from tenure_app.web.figures import Figure, Switch
from tenure_app.web.formats import day, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    names: dict[str, str]  # of steps
    families: dict[str, str]
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
    def decision(self) -> Row:
        return decision.decision_time(self.contacts)

    @cached_property
    def shown_factor(self) -> Row | None:
        return next((item for item in self.factors if item["factor"] == self.factor), next(iter(self.factors), None))

    @property
    def steps(self) -> list[Row]:
        return [
            row
            | {"stage": self.names.get(row["step"], row["step"]), "family": self.families.get(row["step"], "")}
            | {f"{which}_url": self.people_url(row["step"], which) for which in funnel.WHICH}
            for row in self.funnel["steps"]
        ]

    def people_url(self, step: str, which: str) -> str:
        """Return the address of the people behind a number."""
        period = f"{self.period.since}..{self.period.until}"
        query = urlencode({**self.query, "period": period, "step": step, "which": which})
        return f"{reverse('first-contact-people')}?{query}"

    @property
    def months(self) -> list[Row]:
        states = {"open": _("still open"), "finished": _("finished"), "empty": _("nobody")}
        return [
            {"month": month(item["since"]), "people": item["people"], "state": states[item["state"]]}
            | {"url": self._month_url(item)}
            | {of["step"]: of["share"] if item["state"] == "finished" else None for of in item["steps"]}
            for item in reversed(self.trend["months"])
        ]  # fmt: skip

    def _month_url(self, item: Row) -> str:
        query = {**self.query, "period": f"{item['since']:%Y-%m}", "step": self.step}
        return f"{reverse('first-contact')}?{urlencode(query)}"

    def factor_name(self, item: Row) -> str:
        """Return what a factor is called; an attribute goes by its own name."""
        return str(item["name"]) if item["factor"].startswith(ATTRIBUTE) else say(item["name"])

    @property
    def groups(self) -> list[Row]:
        item = self.shown_factor
        return [row | {"value": self._value(item["factor"], row["value"])} for row in item["rows"]] if item else []

    @staticmethod
    def _value(factor: str, value: str) -> str:
        if factor in ("price", "awareness"):
            return say(BANDS[value])
        return kind_words(value) if factor == "kind" else value

    @property
    def decision_rows(self) -> list[Row]:
        rows = self.decision["groups"].get(self.group, [])
        everybody = self.decision["all"] | {"value": _("Everybody")}
        named = [row | {"value": month(f"{row['value']}-01")} for row in rows] if self.group == "month" else rows
        return [everybody, *named]


def kind_words(kind: str | None) -> str:
    """Return what a kind of first contact is called."""
    if kind == "record":
        return _("Only a customer record")
    name = kind_name(kind or "", current_language()).strip("“”")
    return name[:1].upper() + name[1:]


# The funnel


def funnel_title(data: FirstContacts) -> str:
    """Return the sentence over the funnel: how many came how far, or that nobody can be judged yet."""
    body = data.funnel
    step = next(row for row in body["steps"] if row["step"] == data.step)
    words = {
        "people": number(body["closed"] or body["people"]),
        "share": percent(step["share"]),
        "step": data.names.get(data.step, data.step),
        "days": body["window_days"],
        "from": day(data.period.since),
        "to": day(data.period.until),
    }
    if step["share"] is None:
        return _("%(people)s people first met from %(from)s to %(to)s; their days are not over yet") % words
    text = _(
        "Of %(people)s people first met from %(from)s to %(to)s, %(share)s reached “%(step)s” within %(days)s days"
    )
    if body["open"]:
        text = _(
            "Of %(people)s people first met from %(from)s to %(to)s whose %(days)s days are over, %(share)s reached "
            "“%(step)s”"
        )
    return text % words


def _funnel_note(data: FirstContacts) -> str:
    body = data.funnel
    texts = []
    if body["open"]:
        text = _(
            "Still open: the first %(days)s days of %(open)s people are not over. Shares and drop-off count only the "
            "%(closed)s others; the numbers reached so far will still grow."
        )
        words = {"days": body["window_days"], "open": number(body["open"]), "closed": number(body["closed"])}
        texts.append(text % words)
    if body["bought_unseen"]:
        text = _(
            "%(number)s more customers have no contact on record before their first order; they are not counted here."
        )
        texts.append(text % {"number": number(body["bought_unseen"])})
    if not data.contacts.has("orders") and not body["steps"][-1]["reached"]:
        texts.append(
            _(
                "No order is on record, so nobody can have reached the last step. If purchases are among the "
                "interactions, import them as orders, or name their kind in the rule of the last step."
            )
        )
    return " ".join(texts)


def _funnel(data: FirstContacts) -> Chart:
    bars = [Bar(row["stage"], row["reached"], row["family"], row["reached_url"]) for row in data.steps]
    return Bars(bars, _(" people"))


# The trend


def trend_title(data: FirstContacts) -> str:
    """Say what is different in the newest finished month, or that nothing is beyond chance."""
    compared = data.trend["compared"]
    for row in compared:
        if row["differ"]:
            words = {
                "month": month(row["month"]), "step": data.names.get(row["step"], row["step"]),
                "share": percent(row["share"]), "before": percent(row["share_before"]), "months": row["months_before"],
            }  # fmt: skip
            return (
                _("%(month)s: %(share)s reached “%(step)s”, against %(before)s in the %(months)s months before") % words
            )
    if not compared:
        return _("No two finished months to compare yet")
    return _("%(month)s does not differ from the months before beyond chance") % {"month": month(compared[0]["month"])}


def _trend(data: FirstContacts) -> Chart | None:
    finished = [item for item in data.trend["months"] if item["state"] == "finished"]
    if len(finished) < 2:
        return None
    lines = []
    for place, step in enumerate(STEPS[1:], 1):
        rows = [item["steps"][place] for item in finished]
        share, low, high = (
            [round(100 * row[name], 2) for row in rows] for name in ("share", "share_low", "share_high")
        )
        # One interval is enough to see what is chance; three would hide each other.
        bounds = (low, high) if step == data.step else ((), ())
        lines.append(Series(data.names.get(step, step), data.families.get(step, ""), share, *bounds))
    return Line([item["since"] for item in finished], lines, "%")


# Factors


def factors_title(data: FirstContacts) -> str:
    """Name the factors that differ beyond chance."""
    names = [data.factor_name(item) for item in data.factors if item["verdict"] == "differs"]
    step = data.names.get(data.step, data.step)
    if names:
        return _("Conversion to “%(step)s” differs by: %(names)s") % {"step": step, "names": _(", ").join(names)}
    if any(item["verdict"] == "no-difference" for item in data.factors):
        return _("No factor makes conversion to “%(step)s” differ beyond chance") % {"step": step}
    return _("Too few people to say what goes with conversion to “%(step)s”") % {"step": step}


def _factor_rows(data: FirstContacts) -> list[Row]:
    shown = data.shown_factor
    rows = []
    for item in data.factors:
        query = urlencode({**data.query, "step": data.step, "factor": item["factor"]})
        address = f"{reverse('first-contact')}?{query}#factor"
        about = {"name": data.factor_name(item), "groups": len(item["rows"]) + item["more"]}
        rows.append(item | about | {"url": address, "current": item is shown})
    return rows


def factor_title(data: FirstContacts) -> str:
    """Name the highest and the lowest group of the factor that is shown, and whether that means anything."""
    item = data.shown_factor
    rows = sorted(data.groups, key=lambda row: row["rate"])
    if not item or not rows:
        return ""
    words = {"name": data.factor_name(item), "verdict": tables.VERDICTS[item["verdict"]]}
    if item["verdict"] != "differs":
        return _("%(name)s: %(verdict)s") % words
    high, low = rows[-1], rows[0]
    words |= {
        "high": high["value"], "most": percent(high["rate"]), "low": low["value"], "least": percent(low["rate"]),
    }  # fmt: skip
    return _("%(name)s: %(high)s %(most)s, %(low)s %(least)s; the difference is beyond chance") % words


def _factor(data: FirstContacts) -> Chart | None:
    bars = [Bar(row["value"], round(100 * row["rate"], 1)) for row in data.groups]
    return Bars(bars, "%", plain=True) if bars else None


# Decision time


def decision_title(data: FirstContacts) -> str:
    """Say after how many days half of the people have ordered, those who have not yet counted in."""
    row = data.decision["all"]
    words = {
        "half": number(row["median_days"], 0),
        "quarter": number(row["lower_quartile"], 0),
        "ordered": number(row["ordered"]),
    }
    if row["median_days"] is not None:
        return _("Half have ordered %(half)s days after the first contact") % words
    if row["lower_quartile"] is not None:
        return _("A quarter have ordered %(quarter)s days after the first contact; half have not yet") % words
    return _("%(ordered)s have ordered so far: fewer than a quarter") % words


def _group_names(data: FirstContacts) -> Sequence[tuple[str, str]]:
    names = {"channel": _("Channel"), "month": _("Month")}
    return [(name, names.get(name, name.removeprefix(ATTRIBUTE))) for name in data.decision["groups"]]


FUNNEL = Figure(
    "funnel",
    funnel_title,
    tables.STEPS,
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
        lambda data: tables.trend_table(data.names),
        lambda data: data.months,
        _trend,
        note=gettext_lazy("Only months whose people all had their full days are drawn and compared."),
        wide=True,
    ),
    Figure(
        "factors",
        factors_title,
        tables.FACTORS,
        _factor_rows,
        note=gettext_lazy("What was known on the day of the first contact. An association is not proof of a cause."),
        term="conversion-factor",
    ),
    Figure("factor", factor_title, tables.GROUPS, lambda data: data.groups, _factor, term="wilson"),
    Figure(
        "decision-time",
        decision_title,
        tables.DECISION,
        lambda data: data.decision_rows,
        note=gettext_lazy("Those who have not ordered yet are counted as watched so far, not left out (Kaplan-Meier)."),
        switch=lambda data: Switch(_("Group by"), "group", _group_names(data), data.group),
        term="decision-time",
        wide=True,
    ),
)
