"""The addresses of waiting work."""

from tenure_app.core import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
