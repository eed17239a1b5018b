"""The pages' addresses. A page module lists its own as `urlpatterns`; this one puts them together."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.urls import URLPattern, URLResolver

#: In this order: an address is answered by the first that knows it.
MODULES = (
    "signin",
    "firstrun",
    "quarantine",
    "imports",
    "duplicates",
    "jobs_pages",
    "settings_pages",
    "overview",
    "lifecycle",
    "models_pages",
    "customers",
    "value_pages",
    "risk_pages",
    "economics_pages",
    "products_pages",
    "predictions_pages",
)

urlpatterns: list[URLPattern | URLResolver] = []
for _name in MODULES:
    if find_spec(f"tenure_app.web.{_name}"):
        urlpatterns += import_module(f"tenure_app.web.{_name}").urlpatterns
