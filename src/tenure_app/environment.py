"""Typed readers of the environment, and the installation's secret key.

A bad value stops the start with its name, its value and what to write instead, so that nothing half-configured ever
serves a page.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
SHORTEST_KEY = 32


def text(name: str, default: str = "") -> str:
    """Return a variable as text, or the default when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str) -> bool:
    value = text(name, "0").lower()
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write 1 or 0 (true/false, yes/no, on/off also work).")
    return value in _TRUE


def number(name: str, default: int, low: int, high: int) -> int:
    value = text(name, str(default))
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write a whole number from {low} to {high}.")
    return int(value)


def folder(name: str, default: Path) -> Path:
    """Return a variable as an absolute folder path that is not a file."""
    path = Path(text(name) or default).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ImproperlyConfigured(f"{name} is {str(path)!r}, which is a file. Name a folder; it is made when missing.")
    return path


def names(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return a comma-separated variable as a list."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def secret_key(data: Path, given: str = "") -> str:
    """Return the given key, or that of the data folder: made once, readable by its owner only, never printed."""
    path = data / "secret_key"
    if not given and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            with suppress(FileExistsError):  # another process was first; its key is then ours
                os.link(fresh, path)
        finally:
            fresh.unlink()
    key, where = (given, "TENURE_SECRET_KEY") if given else (path.read_text().strip(), str(path))
    if len(key) < SHORTEST_KEY:
        raise ImproperlyConfigured(
            f"The secret key in {where} has {len(key)} characters. It needs at least {SHORTEST_KEY}."
        )
    return key
