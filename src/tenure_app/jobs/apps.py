"""Work that outlives a request."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "tenure_app.jobs"
    label = "jobs"
