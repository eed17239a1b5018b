"""The addresses of facts' pages."""

from tenure_app.facts.pages import imports, quarantine, start
from tenure_app.web.pages import addresses

# The quarantine's addresses stand before those of an import, which would take them for its number.
urlpatterns = addresses(start, quarantine, imports)
