"""The addresses of the models' pages."""

from tenure_app.lifecycle.definitions import editor, pages
from tenure_app.web.pages import addresses

urlpatterns = addresses(pages, editor)
