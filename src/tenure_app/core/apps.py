"""What every package of the application stands on: due work and the connection to the lake."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "tenure_app.core"
    label = "core"
