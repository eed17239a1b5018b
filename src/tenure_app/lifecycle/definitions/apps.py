"""The life-cycle models that people change, their versions and previews."""

from django.apps import AppConfig


class DefinitionsConfig(AppConfig):
    name = "tenure_app.lifecycle.definitions"
    label = "definitions"
