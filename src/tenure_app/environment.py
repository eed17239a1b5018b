"""Typed readers of the environment.

A bad value stops the start with its name, its value and what to write instead, so that nothing half-configured ever
serves a page. It never reads anything but environment variables.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """Return a variable as text, or the default when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    """Return a variable as yes or no."""
    value = text(name).lower()
    if not value:
        return default
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write 1 or 0 (true/false, yes/no, on/off also work).")
    return value in _TRUE


def number(name: str, default: int, low: int, high: int) -> int:
    """Return a variable as a whole number between two bounds."""
    value = text(name)
    if not value:
        return default
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
