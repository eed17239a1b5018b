"""The addresses of the pages that still live here."""

from __future__ import annotations

from importlib import import_module

from tenure_app.web.pages import addresses

#: In this order: an address is answered by the first that knows it.
MODULES = (
    "signin",
    "products_pages",
)

urlpatterns = addresses(*(import_module(f"tenure_app.web.{name}") for name in MODULES))
