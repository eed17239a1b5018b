"""The addresses of the pages of products."""

from tenure_app.recommend import pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages)
