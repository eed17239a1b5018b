"""One writer at a time.

Answers: may I write to this lake now? The lock is held by the operating system, so that a killed writer never leaves
one behind. Readers need no lock.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from tenure.errors import LakeError
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_held: dict[str, int] = {}  # this process's locks by path, so that a writer may call another writer


def _try(handle: IO[bytes]) -> bool:
    try:
        if os.name == "nt":  # pragma: no cover - tried on Windows only
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def writing(folder: Path, wait: float = 600.0) -> Iterator[None]:
    """Hold the lake's write lock inside the block.

    Parameters
    ----------
    folder : Path
        The lake's folder.
    wait : float
        Seconds to wait for another writer.

    Raises
    ------
    LakeError
        When another writer does not finish in time.
    """
    key = f"{folder.resolve()}:{os.getpid()}:{_thread()}"
    if _held.get(key):
        yield
        return
    with (folder / ".lock").open("ab") as handle:
        until = time.monotonic() + wait
        while not _try(handle):
            if time.monotonic() > until:
                raise LakeError(
                    mark(
                        "Another process has been writing to %(folder)s for more than %(wait)d s. "
                        "Wait for it to finish, then try again."
                    ),
                    folder=str(folder),
                    wait=int(wait),
                )
            time.sleep(0.05)
        _held[key] = 1
        try:
            yield
        finally:
            del _held[key]


def _thread() -> int:
    import threading

    return threading.get_ident()
