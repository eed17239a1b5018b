"""Writes of accounts, settings and sign-in."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from tenure_app.staff.models import FailedSignIn, Preference
from tenure_app.staff.queries import ADMINISTRATOR, WINDOW, administrator, preference


def ensure_administrator() -> User:
    """Return the administrator, made without a password when there is none."""
    person, made = User.objects.get_or_create(username=ADMINISTRATOR)
    if made:
        person.set_unusable_password()
        person.save()
    return person


def hash_of(token: str) -> str:
    """Return what is kept of a sign-in link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def sign_in_by_token(token: str) -> User | None:
    """Return the administrator when the token is that of the running server."""
    kept = settings.TENURE_TOKEN_SHA256
    if not kept or not hmac.compare_digest(hash_of(token), kept):
        return None
    return ensure_administrator()


def sign_in_by_password(password: str) -> User | None:
    """Return the administrator when the password is theirs."""
    person = administrator()
    if person is None or not person.has_usable_password():
        return None
    return person if person.check_password(password) else None


def note_failure(address: str) -> None:
    """Count a failed sign-in against an address, and forget those that no longer count."""
    FailedSignIn.objects.filter(at__lt=timezone.now() - WINDOW).delete()
    FailedSignIn.objects.create(address=address)


def forget_failures(address: str) -> None:
    """Start counting anew after a good sign-in."""
    FailedSignIn.objects.filter(address=address).delete()


def set_password(person: User, password: str) -> None:
    """Set the administrator's password; an empty one takes it away."""
    if password:
        person.set_password(password)
    else:
        person.set_unusable_password()
    person.save()


def save_preference(**changes: Any) -> Preference:
    """Save some of the installation's preferences."""
    row = preference()
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()
    return row
