"""Rows: how this installation is set, and failed sign-ins."""

from __future__ import annotations

from django.db import models


class Preference(models.Model):
    """The application's own settings: one row. What the business is called lives in the lake."""

    language = models.CharField(max_length=10, blank=True, default="")
    as_of = models.CharField(max_length=10, default="data")
    first_run_done = models.BooleanField(default=False)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(pk=1), name="one_preference"),)


class FailedSignIn(models.Model):
    address = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
