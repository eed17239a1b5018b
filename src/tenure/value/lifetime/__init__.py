"""What each customer has brought and will bring.

Choosing, back-tests, scores and reports stand in modules of their own.
"""

from tenure.value.lifetime.figures import FIGURES
from tenure.value.lifetime.part import PART

__all__ = ["FIGURES", "PART"]
