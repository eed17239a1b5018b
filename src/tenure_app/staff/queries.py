"""Reads of accounts, settings and sign-in."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from tenure_app.staff.models import FailedSignIn, Preference

ADMINISTRATOR = "admin"
WINDOW = timedelta(minutes=15)
ATTEMPTS = 10


def preference() -> Preference:
    """Return the installation's preferences, the defaults when none were saved."""
    return Preference.objects.filter(pk=1).first() or Preference(pk=1)


def administrator() -> User | None:
    return User.objects.filter(username=ADMINISTRATOR).first()


def password_is_set() -> bool:
    person = administrator()
    return person is not None and person.has_usable_password()


def is_locked_out(address: str) -> bool:
    """Tell whether an address failed so often that it has to wait."""
    since = timezone.now() - WINDOW
    return FailedSignIn.objects.filter(address=address, at__gt=since).count() >= ATTEMPTS
