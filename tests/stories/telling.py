"""Run the product as its user does: as a command of its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

RUN = "from tenure.cli import main; main()"


def said(*arguments: str, language: str = "en") -> str:
    """Run ``tenure``; fail unless it succeeds; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "TENURE_LAKE"}
    told = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**environment, "TENURE_LANG": language},
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def command(*arguments: str) -> Any:
    """Run ``tenure`` with arguments that include ``--json`` and return what it says."""
    return json.loads(said(*arguments))
