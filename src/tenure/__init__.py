"""Tenure (客龄): which life-cycle stage every customer is in, on any day, and why.

The library. Tables and values in, tables and values out; no server, no wall clock, nothing sent.

>>> import tenure as tn
>>> sorted(tn.models())[:3]
['apparel-3', 'attract-retain-convert', 'awareness-3']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenure.errors import FactsError, ModelError, RuleError, TenureError
    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model
    from tenure.lifecycle.model_file import builtin as models
    from tenure.lifecycle.model_file import read as read_model
    from tenure.lifecycle.spans import spans_of
    from tenure.lifecycle.table import Spans, spans
    from tenure.refreshing.run import refresh
    from tenure.rules.syntax.parser import parse as parse_rule
    from tenure.value.notebook import clv

__version__ = "0.1.0"

# Loaded when first used, so that `import tenure` and `tenure --help` cost nothing.
_HOMES = {
    "FactsError": ("tenure.errors", "FactsError"),
    "Lake": ("tenure.facts.lake", "Lake"),
    "Model": ("tenure.lifecycle.model", "Model"),
    "ModelError": ("tenure.errors", "ModelError"),
    "RuleError": ("tenure.errors", "RuleError"),
    "Spans": ("tenure.lifecycle.table", "Spans"),
    "TenureError": ("tenure.errors", "TenureError"),
    "clv": ("tenure.value.notebook", "clv"),
    "models": ("tenure.lifecycle.model_file", "builtin"),
    "parse_rule": ("tenure.rules.syntax.parser", "parse"),
    "read_model": ("tenure.lifecycle.model_file", "read"),
    "refresh": ("tenure.refreshing.run", "refresh"),
    "spans": ("tenure.lifecycle.table", "spans"),
    "spans_of": ("tenure.lifecycle.spans", "spans_of"),
}

__all__ = [
    "FactsError",
    "Lake",
    "Model",
    "ModelError",
    "RuleError",
    "Spans",
    "TenureError",
    "clv",
    "models",
    "parse_rule",
    "read_model",
    "refresh",
    "spans",
    "spans_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
