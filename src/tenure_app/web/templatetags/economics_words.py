"""Amounts on the pages of economics: {% load economics_words %}, then {% amount row.value %}."""

from __future__ import annotations

from django import template

from tenure_app.web import economics_said

register = template.Library()


@register.simple_tag
def amount(value: object) -> str:
    """Write an amount in the business's currency, whole from a hundred on."""
    return economics_said.amount(value)
