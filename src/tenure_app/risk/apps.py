"""Early warnings: who looks after which, until when, and what was dealt with."""

from django.apps import AppConfig


class RiskConfig(AppConfig):
    name = "tenure_app.risk"
    label = "risk"
