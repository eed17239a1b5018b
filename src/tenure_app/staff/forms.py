"""The forms of the settings."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.facts.businesses import BUSINESSES
from tenure.words.formats import symbol
from tenure_app.core.forms import Styled

#: Currencies on offer; a lake keeps any other one that it was made with.
CURRENCIES = ("CNY", "USD", "EUR", "GBP", "HKD", "TWD", "JPY", "SGD", "KRW")
_NEW = forms.PasswordInput(attrs={"autocomplete": "new-password"})


class PercentField(forms.FloatField):
    """A share, written in percent."""

    def prepare_value(self, value: Any) -> Any:
        return round(100 * value, 4) if isinstance(value, int | float) else value

    def clean(self, value: Any) -> float | None:
        percent = super().clean(value)
        return None if percent is None else percent / 100


def _zones() -> list[tuple[str, str]]:
    zones = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [(name, name) for name in ["UTC", *zones]]


class BusinessForm(Styled):
    business = forms.CharField(label=_("Business name"), max_length=80, required=False)
    business_kind = forms.ChoiceField(
        label=_("Kind of business"),
        choices=lambda: [("", _("Not specified")), *((kind, name.render()) for kind, name in BUSINESSES.items())],
        required=False,
        help_text=_("Another answer chooses the models that suit it; see Models."),
    )
    tz = forms.ChoiceField(
        label=_("Time zone"),
        choices=_zones,
        help_text=_("Determines the calendar day of each fact. Changing it recalculates all stages."),
    )
    currency = forms.ChoiceField(
        label=_("Currency"), choices=lambda: [(code, f"{code} {symbol(code)}") for code in CURRENCIES]
    )


class NamedDatesForm(Styled):
    """Dates that rules may name; those of a name that is there already are changed."""

    name = forms.CharField(
        label=_("Name of the dates"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "店庆", "maxlength": 40}),
    )
    dates = forms.CharField(
        label=_("Dates"),
        required=False,
        help_text=_("11-11 every year, 2024-05-18 once, 11-01..11-11 a stretch; commas between several."),
    )


class ViewForm(Styled):
    """How pages speak when nobody chose."""

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("Browser default")), ("zh-hans", "中文"), ("en", "English")],
    )
    as_of = forms.ChoiceField(
        label=_("Default as-of date"), choices=[("data", _("The last day of the data")), ("today", _("Today"))]
    )


class AssumptionsForm(Styled):
    """What is assumed where facts say nothing."""

    horizon_days = forms.IntegerField(
        label=_("Forecast horizon for potential value, days"), min_value=30, max_value=3650
    )
    discount = PercentField(label=_("Annual discount rate, %"), min_value=0, max_value=100)
    margin = PercentField(
        label=_("Margin if costs are unknown, % of sales"),
        min_value=0,
        max_value=100,
        required=False,
        help_text=_("If empty, value is measured in sales."),
    )
    attention_days = forms.IntegerField(
        label=_("Attention window, days"),
        min_value=1,
        max_value=365,
        help_text=_("From the first contact. The source says a week to a month; 30 days are our choice."),
    )
    decision_days = forms.IntegerField(
        label=_("Decision window, days"),
        min_value=1,
        max_value=730,
        help_text=_("The source says several weeks to several months; 90 days are our choice."),
    )
    decision_from = forms.ChoiceField(
        label=_("Decision window runs from"),
        choices=[
            ("consideration", _("the first sign of consideration")),
            ("first-contact", _("the first contact")),
        ],
    )
    funnel_days = forms.IntegerField(
        label=_("First-contact funnel, days"),
        min_value=1,
        max_value=730,
        help_text=_("Steps count when they are reached within so many days after the first contact."),
    )


class PasswordForm(Styled):
    password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=_NEW,
        validators=[validate_password],
        help_text=_("At least 10 characters, not only digits."),
    )
    repeated = forms.CharField(label=_("Repeat password"), strip=False, widget=_NEW)

    def clean_repeated(self) -> str:
        password, repeated = self.data.get("password"), self.cleaned_data["repeated"]
        if password and password != repeated:
            raise forms.ValidationError(gettext("The passwords do not match."))
        return repeated
