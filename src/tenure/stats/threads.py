"""One thread for linear algebra while models are fitted.

A fit sums over some ten thousand cells: too few to share out. The linear algebra's threads would wait for each other,
spinning; on a busy machine of two cores that made fits ten times slower (measured).
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def _libraries() -> Any:
    # SciPy's linear algebra is a library of its own, which the controller finds only once it is loaded.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy and SciPy use one thread for linear algebra inside the block."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield
