"""Value: what people want to reach, beside what the refresh works out."""

from django.apps import AppConfig


class ValueConfig(AppConfig):
    name = "tenure_app.value"
    label = "value"
