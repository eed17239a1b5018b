"""The addresses of customers' pages."""

from tenure_app.customers import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
