"""The addresses of the frame's own pages."""

from tenure_app.web import signin
from tenure_app.web.pages import addresses

urlpatterns = addresses(signin)
