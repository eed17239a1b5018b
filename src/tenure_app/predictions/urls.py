"""The address of the page of predictions."""

from tenure_app.predictions import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
