"""The door for people."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "tenure_app.web"
    label = "web"
