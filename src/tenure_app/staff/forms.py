"""The forms of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.words.formats import symbol

if TYPE_CHECKING:
    from tenure.scorecard.model import Options


class Styled(forms.Form):
    """A form whose fields look like the frame's."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for field in self.fields.values():
            look = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"
            field.widget.attrs["class"] = look


#: Currencies on offer; a lake keeps any other one that it was made with.
CURRENCIES = ("CNY", "USD", "EUR", "GBP", "HKD", "TWD", "JPY", "SGD", "KRW")


class BusinessForm(Styled):
    """What the business is called, where its days begin, what it counts in."""

    business = forms.CharField(label=gettext_lazy("Business name"), max_length=80, required=False)
    tz = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        help_text=gettext_lazy("Determines the calendar day of each fact. Changing it recalculates all stages."),
    )
    currency = forms.ChoiceField(label=gettext_lazy("Currency"))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
        self._choose("tz", [(name, name) for name in ["UTC", *zones]])
        self._choose("currency", [(code, f"{code} {symbol(code)}") for code in CURRENCIES])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        field.choices = choices  # type: ignore[attr-defined]


class ViewForm(Styled):
    """How pages speak when nobody chose."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=[("", gettext_lazy("Browser default")), ("zh-hans", "中文"), ("en", "English")],
    )
    as_of = forms.ChoiceField(
        label=gettext_lazy("Default as-of date"),
        choices=[("data", gettext_lazy("The last day of the data")), ("today", gettext_lazy("Today"))],
    )


class AssumptionsForm(Styled):
    """What is assumed where facts say nothing; shares are written in percent."""

    horizon_days = forms.IntegerField(
        label=gettext_lazy("Forecast horizon for potential value, days"), min_value=30, max_value=3650
    )
    discount = forms.FloatField(label=gettext_lazy("Annual discount rate, %"), min_value=0, max_value=100)
    margin = forms.FloatField(
        label=gettext_lazy("Margin if costs are unknown, % of sales"),
        min_value=0,
        max_value=100,
        required=False,
        help_text=gettext_lazy("If empty, value is measured in sales."),
    )

    @staticmethod
    def of(options: Options) -> dict[str, object]:
        """Return assumptions as the form shows them."""
        margin = None if options.margin is None else round(100 * options.margin, 4)
        return {
            "horizon_days": options.horizon_days, "discount": round(100 * options.discount, 4), "margin": margin
        }  # fmt: skip

    def asked(self) -> dict[str, float | None]:
        """Return what was entered, as the library takes it."""
        data = self.cleaned_data
        margin = None if data["margin"] is None else data["margin"] / 100
        return {"horizon_days": data["horizon_days"], "discount": data["discount"] / 100, "margin": margin}


class PasswordForm(Styled):
    """A new password, twice."""

    password = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 10 characters, not only digits."),
    )
    repeated = forms.CharField(
        label=gettext_lazy("Repeat password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, str]:
        """Refuse two different or a weak password."""
        data = super().clean() or {}
        if data.get("password") and data.get("repeated") and data["password"] != data["repeated"]:
            self.add_error("repeated", _("The passwords do not match."))
        if data.get("password"):
            try:
                validate_password(data["password"])
            except forms.ValidationError as wrong:
                self.add_error("password", wrong)
        return data
