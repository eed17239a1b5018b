"""Plans, budgets and what was decided for single customers."""

from django.apps import AppConfig


class EconomicsConfig(AppConfig):
    name = "tenure_app.economics"
    label = "economics"
