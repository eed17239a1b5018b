"""Warning signals: what they are called, who shows them, and why in words."""

from tenure.risk.signals.catalogue import SIGNALS

__all__ = ["SIGNALS"]
