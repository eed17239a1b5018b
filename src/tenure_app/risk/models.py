"""Rows: what people decided about warnings.

A warning itself is worked out by every refresh and lies in the lake. Here stands who takes care of it, until when, and
whether it was dealt with, together with what was seen at that moment, so that it can become a task.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Followup(models.Model):
    """One customer's signal in somebody's care. It begins anew when the signal does, see `handled_as_of`."""

    customer_id = models.CharField(max_length=200)
    signal = models.CharField(max_length=40)
    owner = models.CharField(max_length=120, blank=True, default="")
    due_on = models.DateField(null=True, default=None)
    note = models.CharField(max_length=500, blank=True, default="")
    # The day of the data up to which the signal was dealt with: one that began later warns anew.
    handled_as_of = models.DateField(null=True, default=None)
    handled_at = models.DateTimeField(null=True, default=None)
    seen = models.JSONField(default=dict)  # score, since, value at stake and evidence when somebody last decided
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("customer_id", "signal"), name="one_followup_a_signal"),)


class FollowupStep(models.Model):
    """One thing that was decided about a warning. Rows are added, never changed."""

    ASSIGNED, HANDLED, REOPENED = "assigned", "handled", "reopened"

    of = models.ForeignKey(Followup, on_delete=models.CASCADE, related_name="steps")
    what = models.CharField(max_length=10)
    said = models.JSONField(default=dict)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
