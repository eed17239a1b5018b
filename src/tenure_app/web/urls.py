"""The addresses of the pages that still live here."""

from __future__ import annotations

from importlib import import_module

from tenure_app.web.pages import addresses

#: In this order: an address is answered by the first that knows it.
MODULES = (
    "signin",
    "firstrun",
    "quarantine",
    "imports",
    "jobs_pages",
    "settings_pages",
    "models_pages",
    "models_editor",
    "risk_pages",
    "risk_decline",
    "products_pages",
    "predictions_pages",
)

urlpatterns = addresses(*(import_module(f"tenure_app.web.{name}") for name in MODULES))
