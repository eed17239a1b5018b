"""The addresses of the value pages."""

from tenure_app.value import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
