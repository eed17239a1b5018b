"""Every address of the application: the pages that the packages declare."""

from tenure_app.acquisition import pages as acquisition
from tenure_app.core import pages as work
from tenure_app.customers import pages as customers
from tenure_app.economics import pages as economics
from tenure_app.facts.pages import imports, quarantine, start
from tenure_app.lifecycle import pages as lifecycle
from tenure_app.lifecycle.definitions import editor
from tenure_app.lifecycle.definitions import pages as models
from tenure_app.predictions import pages as predictions
from tenure_app.recommend import pages as products
from tenure_app.risk import pages as risk
from tenure_app.staff.pages import settings, sign_in
from tenure_app.value import pages as value
from tenure_app.web.pages import addresses

# The quarantine's addresses stand before those of an import, which would take them for its number.
urlpatterns = addresses(work, settings, sign_in, start, quarantine, imports, models, editor)
urlpatterns += addresses(lifecycle, acquisition, customers, value, predictions, risk, economics, products)

handler403 = "tenure_app.web.errors.forbidden"
handler404 = "tenure_app.web.errors.missing"
handler500 = "tenure_app.web.errors.broken"
