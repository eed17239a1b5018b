"""Kinds of due work. A package declares its kinds on its AppConfig, so core imports no package."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.apps import apps

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class JobKind:
    name: str
    label: str | _StrPromise
    path: str  # dotted path of a function that takes a Running; loaded when a job of this kind runs
    max_attempts: int = 5
    first_pause: timedelta = timedelta(seconds=10)
    longest_pause: timedelta = timedelta(hours=1)

    def pause_after(self, attempts: int) -> timedelta:
        """Return how long to wait after so many failed attempts: twice as long each time, up to a limit."""
        # The exponent is capped too: a large power of two is no timedelta any more.
        return min(self.first_pause * 2 ** min(attempts - 1, 20), self.longest_pause)


def kinds() -> dict[str, JobKind]:
    return {kind.name: kind for config in apps.get_app_configs() for kind in getattr(config, "job_kinds", ())}
