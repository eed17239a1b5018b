"""Imports: files that people bring, and what became of them."""

from django.apps import AppConfig


class FactsConfig(AppConfig):
    name = "tenure_app.facts"
    label = "facts"
