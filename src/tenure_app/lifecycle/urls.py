"""The addresses of the life cycle's pages."""

from tenure_app.lifecycle import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
