"""One thread for linear algebra while models are fitted.

Answers: why is a fit not faster on more cores? Its sums are over some ten thousand cells: too few to share out, and the
linear algebra's threads would wait for each other, spinning, many times a millisecond. On a busy machine of two cores
that made fits ten times slower (measured). What is large is shared out a level above, by blocks of customers.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def _libraries() -> Any:
    import scipy.linalg  # noqa: F401 - its linear algebra is a library of its own, found only once loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy and SciPy use one thread for linear algebra inside the block."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield
