"""The addresses of the settings."""

from tenure_app.staff import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
