"""Rows: targets. What is true today is worked out by every refresh; what is wanted, and until when, stands here."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Target(models.Model):
    AT_LEAST, AT_MOST = "min", "max"

    measure = models.CharField(max_length=200)  # see tenure_app.value.target_queries
    sense = models.CharField(max_length=3, default=AT_LEAST)
    value = models.FloatField()
    began_at = models.FloatField(null=True, default=None)  # what the figure was when the target was set
    due_on = models.DateField(null=True, default=None)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
