"""What every test may use: the services it needs, a temporary home for the application, markers by folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

HERE = Path(__file__).parent

# Settings are read when pytest-django wakes up, so their folder is chosen here, before: nothing is written elsewhere.
_home = tempfile.TemporaryDirectory(prefix="tenure-tests-")
os.environ["TENURE_LAKE"] = os.path.join(_home.name, "lake")
os.environ["TENURE_DATA"] = os.path.join(_home.name, "app")
os.environ["TENURE_LANG"] = "en"
os.environ["DJANGO_SETTINGS_MODULE"] = "tenure_app.settings"
for name in ("DATABASE_URL", "SECRET_KEY", "HOSTS", "TOKEN_SHA256", "DEBUG", "HTTPS"):
    os.environ.pop(f"TENURE_{name}", None)
if os.environ.get("TENURE_TEST_DATABASE") == "postgres":  # set by tests/app/test_postgres.py, which runs pages there
    os.environ["TENURE_DATABASE_URL"] = services.POSTGRES

# The machine-run check answers for a change: the same examples every time. Everybody else's runs go on searching.
# On a busy machine anything may take long, so no example has a deadline.
settings.register_profile("no-deadline", deadline=None)
settings.register_profile("machine", derandomize=True, print_blob=True, deadline=None)
settings.load_profile("no-deadline")
if os.environ.get("TENURE_CI") == "1":
    settings.load_profile("machine")


def require(service: str) -> None:
    """Skip the test where a service is missing; fail in the machine-run check, where all of them must be there."""
    reason = services.missing(service)
    if reason is None:
        return
    if os.environ.get("TENURE_CI") == "1":
        pytest.fail(f"TENURE_CI=1 and {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def needs() -> Callable[[str], None]:
    """Return ``needs("chromium" | "postgres" | "spark" | "gettext")``, which skips with a reason or fails."""
    return require


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """Return the address of an empty database that tests may fill and drop tables in."""
    require("postgres")
    return services.POSTGRES


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the browser."""
    require("chromium")
    return services.chromium()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for service in mark.args:
            require(service)
    for mark in item.iter_markers("external_data"):
        for name in mark.args:
            # Never a failure, not even in the machine-run check: nobody can be asked to have what may not be passed on.
            if not (services.EXTERNAL_DATA / name).exists():
                pytest.skip(f"{name} may not be passed on with Tenure: TENURE_TEST_DATA names a folder that holds it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folders = {"conventions", "engines", "faults", "stories", "browser"}
    for item in items:
        parts = item.path.relative_to(HERE).parts if item.path.is_relative_to(HERE) else ()
        for folder in folders.intersection(parts[:-1]):
            item.add_marker(getattr(pytest.mark, folder))
    # Files go to the workers as they stand here: what takes minutes begins first, or one worker waits for the other.
    long = {item.path for item in items if any(item.iter_markers("engines")) or any(item.iter_markers("slow"))}
    items.sort(key=lambda item: (item.path not in long, not any(item.iter_markers("engines"))))


# One Chromium for all tests of a process: Playwright cannot be started twice in one thread.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Start Chromium once."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        running.close()
