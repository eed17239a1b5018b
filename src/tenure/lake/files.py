"""Texts beside a lake's tables, written complete or not at all: others may read them at any time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def write_text(path: Path, text: str, at: datetime | None = None) -> None:
    """Write a text, line ends as they are, beside its place first and then moved there.

    Parameters
    ----------
    path : Path
        The file; its folder is made when it is missing.
    text : str
        What it holds from now on.
    at : datetime, optional
        When the file is to have been changed, now when omitted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if at is not None:
            os.utime(draft, (at.timestamp(), at.timestamp()))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
