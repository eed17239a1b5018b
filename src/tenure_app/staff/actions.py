"""Writes of accounts, settings and sign-in."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.utils import timezone

from tenure_app.staff.models import FailedSignIn, Preference
from tenure_app.staff.queries import ADMINISTRATOR, WINDOW, administrator


def ensure_administrator() -> User:
    """Return the administrator, made without a password when there is none."""
    return User.objects.get_or_create(username=ADMINISTRATOR, defaults={"password": make_password(None)})[0]


def hash_of(token: str) -> str:
    """Return what is kept of a sign-in link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def sign_in_by_token(token: str) -> User | None:
    kept = settings.TENURE_TOKEN_SHA256
    return ensure_administrator() if kept and hmac.compare_digest(hash_of(token), kept) else None


def sign_in_by_password(password: str) -> User | None:
    person = administrator()
    return person if person is not None and person.check_password(password) else None


def note_failure(address: str) -> None:
    """Count a failed sign-in against an address, and forget those that no longer count."""
    FailedSignIn.objects.filter(at__lt=timezone.now() - WINDOW).delete()
    FailedSignIn.objects.create(address=address)


def forget_failures(address: str) -> None:
    FailedSignIn.objects.filter(address=address).delete()


def set_password(person: User, password: str) -> None:
    person.set_password(password)
    person.save()


def save_preference(**changes: Any) -> None:
    Preference.objects.update_or_create(pk=1, defaults=changes)
