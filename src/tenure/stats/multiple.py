"""Multiple testing: the false discovery rate of many tests at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.errors import TenureError
from tenure.words import mark

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return adjusted p-values: of all tests at or below 0.05, on average 5 % are false discoveries.

    ``nan`` means not tested, is not counted and stays ``nan``. Holds for independent tests and for those that depend
    positively: Benjamini, Hochberg (1995), Controlling the false discovery rate, JRSS B 57(1):289-300.
    """
    # SciPy's statistics take a second to import.
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, np.float64)
    tested = ~np.isnan(p)
    wrong = p[tested][(p[tested] < 0.0) | (p[tested] > 1.0)]
    if wrong.size:
        raise TenureError(mark("A p-value must be between 0 and 1, not %(value)s."), value=float(wrong[0]))
    adjusted = np.full(p.shape, np.nan)
    if tested.any():
        adjusted[tested] = false_discovery_control(p[tested])
    return adjusted
