"""Every address of the application: each package lists its own pages."""

from django.urls import include, path

PACKAGES = (
    "core",
    "staff",
    "facts",
    "lifecycle.definitions",
    "lifecycle",
    "customers",
    "value",
    "predictions",
    "risk",
    "economics",
    "recommend",
)

urlpatterns = [path("", include(f"tenure_app.{package}.urls")) for package in PACKAGES]

handler403 = "tenure_app.web.errors.forbidden"
handler404 = "tenure_app.web.errors.missing"
handler500 = "tenure_app.web.errors.broken"
