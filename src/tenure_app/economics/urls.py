"""The addresses of the economics pages."""

from tenure_app.economics import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
