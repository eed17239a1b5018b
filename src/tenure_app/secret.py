"""The installation's secret key: made once, kept in the data folder, readable by its owner only.

It never prints the key.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

LEAST = 32


def secret_key(data: Path, given: str = "") -> str:
    """Return the given key, or the one of the data folder, made when there is none yet."""
    if given:
        return _checked(given, "TENURE_SECRET_KEY")
    path = data / "secret_key"
    if not path.exists():
        _write_once(path)
    return _checked(path.read_text().strip(), str(path))


def _write_once(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(fresh, path)  # fails when another process was first; its key is then ours
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _checked(key: str, where: str) -> str:
    if len(key) < LEAST:
        raise ImproperlyConfigured(f"The secret key in {where} has {len(key)} characters. It needs at least {LEAST}.")
    return key
