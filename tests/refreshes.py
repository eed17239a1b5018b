"""A refresh of stages alone, for tests that need no scores."""

from __future__ import annotations

from functools import partial

from tenure.refreshing.run import refresh

stages_only = partial(refresh, scorecard=())
