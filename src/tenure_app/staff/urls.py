"""The addresses of settings and of signing in."""

from tenure_app.staff.pages import settings, sign_in
from tenure_app.web.pages import addresses

urlpatterns = addresses(settings, sign_in)
