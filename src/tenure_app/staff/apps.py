"""Who may sign in, and how this installation is set."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "tenure_app.staff"
    label = "staff"
