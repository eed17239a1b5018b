"""Intervals for shares and for rates of events.

Wilson (1927) for shares, Garwood (1936) for rates.
"""

from __future__ import annotations

import numpy as np

LEVEL = 0.95


def wilson(hits: int, tries: int, level: float = LEVEL) -> tuple[float, float]:
    """Return an interval for a share."""
    from scipy.special import ndtri

    if tries <= 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + level / 2))
    share = hits / tries
    middle = (share + z * z / (2 * tries)) / (1 + z * z / tries)
    half = z / (1 + z * z / tries) * np.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    return (0.0 if hits == 0 else float(middle - half)), (1.0 if hits == tries else float(middle + half))


def garwood(count: int, exposure: float, level: float = LEVEL) -> tuple[float, float]:
    """Return an exact interval for a rate of events."""
    from scipy.special import gammaincinv

    if exposure <= 0:
        return 0.0, float("inf")
    low = float(gammaincinv(count, 0.5 - level / 2)) if count else 0.0
    return low / exposure, float(gammaincinv(count + 1, 0.5 + level / 2)) / exposure
