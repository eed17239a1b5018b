"""Kinds of due work. A package declares its kinds on its AppConfig, so core imports no package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from tenure_app.core.work.running import Running

Work = Callable[["Running"], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of due work: its label on pages, the function that does it, and how it is retried."""

    name: str
    label: str | _StrPromise
    path: str  # dotted path of a function that takes a Running; loaded when a job of this kind runs
    max_attempts: int = 5
    first_pause: timedelta = timedelta(seconds=10)
    longest_pause: timedelta = timedelta(hours=1)

    def load(self) -> Work:
        """Return the function that does this work."""
        work: Work = import_string(self.path)
        return work

    def pause_after(self, attempts: int) -> timedelta:
        """Return how long to wait after so many failed attempts: twice as long each time, up to a limit."""
        # The exponent is capped too: a large power of two is no timedelta any more.
        return min(self.first_pause * 2 ** min(attempts - 1, 20), self.longest_pause)


def kinds() -> dict[str, JobKind]:
    """Return every declared kind by its name."""
    return {kind.name: kind for config in apps.get_app_configs() for kind in getattr(config, "job_kinds", ())}
