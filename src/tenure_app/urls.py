"""Every address of the application. The pages list their own in `tenure_app.web.urls`."""

from django.urls import include, path

urlpatterns = [path("", include("tenure_app.web.urls"))]

handler403 = "tenure_app.web.errors.forbidden"
handler404 = "tenure_app.web.errors.missing"
handler500 = "tenure_app.web.errors.broken"
