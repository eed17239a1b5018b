"""The addresses of early warnings."""

from tenure_app.risk import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
