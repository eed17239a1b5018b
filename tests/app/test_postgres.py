"""The pages once more, with PostgreSQL as the operations database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = ("test_postgres.py", "test_signin.py", "test_settings.py", "test_imports.py", "test_work.py")


@pytest.mark.slow
@pytest.mark.needs("postgres")
def test_pages_work_the_same_on_postgresql() -> None:
    # Its own process: which database Django uses is decided once, when it wakes up.
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "not browser and not narrow and not postgresql",
    ]
    # Named here already, the settings would be read before tests/conftest.py says which database is meant.
    clean = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [*command, *(str(HERE / name) for name in FILES)],
        env={**clean, "TENURE_TEST_DATABASE": "postgres"},
        capture_output=True,
        text=True,
        cwd=HERE.parent.parent,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_the_database_is_the_one_that_was_asked_for() -> None:
    from django.db import connection

    wanted = "postgresql" if os.environ.get("TENURE_TEST_DATABASE") == "postgres" else "sqlite"
    assert connection.vendor == wanted
