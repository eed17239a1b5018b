"""How hard Hypothesis tries: quick for every push, ``HYPOTHESIS_PROFILE=deep`` for a night."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


def checks(examples: int, **more: Any) -> settings:
    """Return settings for so many examples (25 times as many when deep), with no clock and the way back printed."""
    return settings(
        max_examples=examples * (25 if DEEP else 1),
        deadline=None,
        print_blob=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        **more,
    )
