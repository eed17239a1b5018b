"""Which services of this machine tests can use, and why not.

| name | what it is | how it is found |
| --- | --- | --- |
| chromium | the browser that Playwright drives | TENURE_CHROMIUM, or on the path |
| postgres | a database for tests only | TENURE_TEST_POSTGRES, or tenure on this machine |
| spark | PySpark and Java 17 | importable, `java -version` |
| gettext | the program that collects Django's texts | on the path |

Data that may be passed on lies in tests/data. Other data lies where TENURE_TEST_DATA says, or is missing.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

POSTGRES = os.environ.get("TENURE_TEST_POSTGRES", "postgres://tenure:tenure@127.0.0.1:5432/tenure_test")

#: Data that comes with the tests, see SOURCES.md there.
DATA = Path(__file__).parent / "data"
#: Data that may not be passed on: tests that read it carry the marker external_data.
EXTERNAL_DATA = Path(os.environ.get("TENURE_TEST_DATA") or "no-external-data")


def chromium() -> str:
    """Return the browser's path, or nothing."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("TENURE_CHROMIUM") or next((found for name in names if (found := shutil.which(name))), "")


def _no_chromium() -> str | None:
    if importlib.util.find_spec("playwright") is None:
        return "the package playwright is not installed"
    return None if chromium() else "there is no Chromium: install it, or name it in TENURE_CHROMIUM"


def _no_postgres() -> str | None:
    if importlib.util.find_spec("psycopg") is None:
        return "the package psycopg is not installed: uv sync --extra postgres"
    import psycopg

    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
    except psycopg.OperationalError as wrong:
        return f"PostgreSQL does not answer (TENURE_TEST_POSTGRES names another one): {str(wrong).splitlines()[0]}"
    return None


def _no_spark() -> str | None:
    if importlib.util.find_spec("pyspark") is None:
        return "the package pyspark is not installed: uv sync --extra spark"
    java = shutil.which("java") or os.path.join(os.environ.get("JAVA_HOME", ""), "bin", "java")
    if not os.path.exists(java):
        return "there is no Java, which Spark needs (17 or 21)"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return None if found and int(found[1]) >= 17 else f"Java is too old for Spark: {told.splitlines()[:1]}"


def _no_gettext() -> str | None:
    return None if shutil.which("xgettext") else "there is no xgettext: install gettext"


_LOOKS = {"chromium": _no_chromium, "postgres": _no_postgres, "spark": _no_spark, "gettext": _no_gettext}


@cache
def missing(service: str) -> str | None:
    """Return why a service cannot be used, or nothing when it can."""
    return _LOOKS[service]()
