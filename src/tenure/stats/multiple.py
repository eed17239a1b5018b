"""Many tests at once, and how many of the alarms may be false.

Answers: when a thousand customers are tested for decline, which of them may be named so that at most a chosen share
of the named are false? Testing each at 5 % would name fifty people of a thousand in whom nothing changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.errors import TenureError
from tenure.words import mark

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return adjusted p-values: name everybody at most 0.05, and on average 5 % of the named are false.

    Parameters
    ----------
    p_values : array_like of float, shape (tests,)
        Probabilities between 0 and 1; ``nan`` means "not tested", is not counted and stays ``nan``.

    Returns
    -------
    numpy.ndarray of float, shape (tests,)
        The smallest false discovery rate at which each test is still named.

    Raises
    ------
    TenureError
        When a value is no probability.

    References
    ----------
    Benjamini, Hochberg (1995), Controlling the false discovery rate, JRSS B 57(1):289-300. It holds for independent
    tests and for those that depend positively.
    """
    p = np.asarray(p_values, np.float64)
    tested = np.flatnonzero(~np.isnan(p))
    wrong = p[tested][(p[tested] < 0.0) | (p[tested] > 1.0)]
    if wrong.size:
        raise TenureError(mark("A p-value lies between 0 and 1, not %(value)s."), value=float(wrong[0]))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * order.size / np.arange(1, order.size + 1)
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def discoveries(p_values: ArrayLike, level: float = 0.05) -> NDArray[np.bool_]:
    """Return who may be named at a false discovery rate of `level`; who was not tested never is.

    Parameters
    ----------
    p_values : array_like of float, shape (tests,)
    level : float
        The share of false alarms among the named that is accepted.
    """
    adjusted = benjamini_hochberg(p_values)
    return np.less_equal(adjusted, level, where=~np.isnan(adjusted), out=np.zeros(adjusted.shape, np.bool_))
