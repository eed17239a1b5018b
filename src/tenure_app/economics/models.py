"""Rows: plans and budget of a model as people entered them, and what was decided for single customers.

The plans also lie in the lake's folder, so that a refresh and the command line reckon with the same.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class PlanRow(models.Model):
    """One plan for the customers of a stage, see tenure.economics.plans.Plan."""

    model_id = models.CharField(max_length=80, db_index=True)
    plan_id = models.CharField(max_length=80)
    place = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=10)
    stage = models.CharField(max_length=80)
    target = models.CharField(max_length=80)
    cost = models.FloatField()
    effect = models.FloatField()
    capacity = models.PositiveIntegerField(null=True, default=None)
    tiers = models.JSONField(default=list)
    zh = models.CharField(max_length=200, blank=True, default="")
    en = models.CharField(max_length=200, blank=True, default="")
    assumed = models.BooleanField(default=False)

    class Meta:
        ordering = ("place", "id")
        constraints = (models.UniqueConstraint(fields=("model_id", "plan_id"), name="one_plan_an_id"),)


class BookState(models.Model):
    model_id = models.CharField(max_length=80, primary_key=True)
    budget = models.DecimalField(max_digits=18, decimal_places=2, null=True, default=None)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)


class CustomerChoice(models.Model):
    """What was decided for one customer under one model. Rows are added; the newest counts.

    `options` keeps what stood beside each other when it was decided. Owner and day make it a task.
    """

    model_id = models.CharField(max_length=80)
    customer_id = models.CharField(max_length=200)
    as_of = models.DateField()
    stage = models.CharField(max_length=80)
    tier = models.CharField(max_length=40, blank=True, default="")
    weeks = models.PositiveIntegerField(default=0)
    plan_id = models.CharField(max_length=80)  # "nothing", or empty when a decision was taken back
    kind = models.CharField(max_length=10, blank=True, default="")
    cost = models.FloatField(default=0.0)
    profit = models.FloatField(default=0.0)
    low = models.FloatField(default=0.0)
    high = models.FloatField(default=0.0)
    options = models.JSONField(default=list)
    task_zh = models.CharField(max_length=200, blank=True, default="")
    task_en = models.CharField(max_length=200, blank=True, default="")
    owner = models.CharField(max_length=120, blank=True, default="")
    due_on = models.DateField(null=True, default=None)
    note = models.CharField(max_length=500, blank=True, default="")
    newest = models.BooleanField(default=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("model_id", "newest"), name="choices_of_a_model"),)
        constraints = (
            models.UniqueConstraint(
                fields=("model_id", "customer_id"), condition=models.Q(newest=True), name="one_newest_choice"
            ),
        )
