"""Early warnings: the figures they read and the part of the scorecard they are."""

from tenure.risk.warnings.figures import FIGURES
from tenure.risk.warnings.part import PART, WARNINGS

__all__ = ["FIGURES", "PART", "WARNINGS"]
