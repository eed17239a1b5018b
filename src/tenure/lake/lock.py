"""One writer at a time: the lake's write lock. Readers need none.

The operating system owns the lock (``flock``, on Windows ``msvcrt``), so that a killed writer never leaves one behind.
On NFS that needs a working lock manager; where a file system has no ``flock`` at all, filelock uses a marker file.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from tenure.errors import LakeError
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def writing(folder: Path, wait: float = 600.0) -> Iterator[None]:
    """Hold the write lock of a lake's folder inside the block, waiting so many seconds for another writer.

    Raises
    ------
    LakeError
        When another writer does not finish in time.
    """
    # One lock object per path and process, counted per thread: a writer may call another writer, a second thread waits.
    lock = FileLock(folder.resolve() / ".lock", is_singleton=True)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise LakeError(
            mark(
                "Another process has been writing to %(folder)s for more than %(wait)d s. Try again when "
                "it has finished."
            ),
            folder=str(folder),
            wait=int(wait),
        ) from None
    try:
        yield
    finally:
        lock.release()
