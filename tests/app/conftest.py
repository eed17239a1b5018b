"""What tests of pages share: a small lake, a signed-in client, and a browser that fails the test when it complains."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings as project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Browser, Page

    from tenure.facts.lake import Lake
    from tenure_app.core.models import Job

# tests/conftest.py names the settings after pytest-django looked for them, so Django is woken up here.
django.setup()
# Playwright keeps an event loop in the tests' thread, which Django takes for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# The live server is built once, before any test's own settings: files are found where they lie, without hashes.
project.MIDDLEWARE = [name for name in project.MIDDLEWARE if "whitenoise" not in name]
project.STORAGES = {
    **project.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
TOKEN = "the token of the running server"
#: Customers of the small lake: who ordered on which days, for how much.
ORDERS = (
    ("A001", "2026-01-05", "120.50"),
    ("A001", "2026-02-07", "80.00"),
    ("A001", "2026-03-09", "99.90"),
    ("A002", "2026-01-20", "310.00"),
    ("A003", "2026-03-01", "45.00"),
    ("A003", "2026-03-28", "52.00"),
)


@pytest.fixture(autouse=True)
def _app_settings(settings: Any, tmp_path: Path) -> None:
    """Give every test a lake and a data folder of its own."""
    settings.TENURE_LAKE = tmp_path / "lake"
    settings.TENURE_DATA = tmp_path / "data"
    settings.MEDIA_ROOT = tmp_path / "data" / "uploads"
    settings.TENURE_TOKEN_SHA256 = hashlib.sha256(TOKEN.encode()).hexdigest()
    settings.ALLOWED_HOSTS = ["*"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def token() -> str:
    """Return the token of the sign-in link."""
    return TOKEN


@pytest.fixture
def lake(settings: Any) -> Lake:
    """Return an empty lake that the application reads."""
    from tenure.facts.lake import Lake

    return Lake.create(settings.TENURE_LAKE, business="小店")


@pytest.fixture
def orders_file(tmp_path: Path) -> Path:
    """Return a small orders file with Chinese headers."""
    return _written(tmp_path / "订单.csv")


def _written(path: Path) -> Path:
    rows = [f"{customer},{day} 10:00:00,{amount}" for customer, day, amount in ORDERS]
    path.write_text("客户编号,下单时间,金额\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a lake with a few customers' orders once, refreshed."""
    from datetime import date

    from tenure.facts.importing import import_files
    from tenure.facts.lake import Lake
    from tenure.refreshing.run import refresh

    folder = tmp_path_factory.mktemp("filled")
    made = Lake.create(folder / "lake", business="小店")
    import_files(made, [_written(folder / "订单.csv")], as_="orders")
    refresh(made, as_of=date(2026, 4, 1))
    return made.path


@pytest.fixture
def filled_lake(lake: Lake, filled_folder: Path) -> Lake:
    """Return a lake with a few customers' orders, refreshed, which the test may change."""
    import shutil

    from tenure.facts.lake import Lake

    shutil.copytree(filled_folder, lake.path, dirs_exist_ok=True)
    return Lake.open(lake.path)


@pytest.fixture
def signed_in(client: Client, db: None) -> Client:
    """Return a test client that opened the sign-in link; it speaks English."""
    client.cookies["tenure_language"] = "en"
    assert client.get("/", {"token": TOKEN}).status_code == 302
    return client


@pytest.fixture
def run_jobs(db: None) -> Callable[[], int]:
    """Return a function that does all due jobs in this process, as a worker would, and counts them."""

    def run() -> int:
        from tenure_app.core.work import leases, running

        count = 0
        while lease := leases.claim("test"):
            running.run(lease)
            count += 1
        return count

    return run


@pytest.fixture
def run_job(db: None) -> Callable[[str], Job]:
    """Return a function that does the next due job of a kind and nothing else."""

    def run(kind: str) -> Job:
        from tenure_app.core.models import Job
        from tenure_app.core.work import leases, running

        job = Job.objects.filter(kind=kind, state=Job.WAITING).order_by("id")[0]
        Job.objects.filter(pk=job.pk).update(priority=9)
        lease = leases.claim("test")
        assert lease is not None
        assert lease.job == job
        return running.run(lease)

    return run


@pytest.fixture
def open_page(browser: Browser, live_server: Any, lake: Lake) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a signed-in page: ``open_page("/imports/", language="en", width=390)``.

    Whatever the browser complains about (a script's error, a refused style, a missing file) fails the test at its end.
    """
    complaints: list[str] = []
    contexts = []

    def open_one(path: str = "/", language: str = "zh-hans", width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        context.add_cookies([{"name": "tenure_language", "value": language, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{live_server.url}/settings/?token={TOKEN}")
        page.goto(live_server.url + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints, f"The browser complained: {complaints}"


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the shop of people.py once: forty customers, every kind of page has something to show."""
    from app import people
    from tenure.facts.lake import Lake
    from tenure.refreshing.run import refresh

    shop = Lake.create(tmp_path_factory.mktemp("shop") / "lake", business="小店")
    people.fill(shop)
    refresh(shop, as_of=people.TODAY)
    return shop.path


@pytest.fixture
def shop(settings: Any, shop_folder: Path) -> Lake:
    """Return the shop's lake, which the application reads. Tests that write take `own_shop`."""
    from tenure.facts.lake import Lake

    settings.TENURE_LAKE = shop_folder
    return Lake.open(shop_folder)


@pytest.fixture
def own_shop(settings: Any, shop_folder: Path) -> Lake:
    """Return a copy of the shop's lake that a test may change."""
    import shutil

    from tenure.facts.lake import Lake

    shutil.copytree(shop_folder, settings.TENURE_LAKE)
    return Lake.open(settings.TENURE_LAKE)
