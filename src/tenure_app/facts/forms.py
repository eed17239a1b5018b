"""The form of imports."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from tenure_app.core.forms import Styled


class RecordsForm(Styled):
    """What is asked of customer records alone."""

    valid_from = forms.DateField(
        label=_("Valid from, for rows that do not say it"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Choose a date such as 2024-01-31.")},
        help_text=_("Empty: since the day of the import. Before, rules that read attributes are undetermined."),
    )
