"""What every answer carries, what forms need, and how the secret key is kept."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

import tenure_app
from tenure_app import environment
from tenure_app.environment import secret_key

TEMPLATES = Path(tenure_app.__file__).parent / "templates"


@pytest.mark.django_db
def test_every_answer_carries_a_policy_without_inline_scripts(client: Client) -> None:
    answer = client.get("/sign-in/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["object-src"] == policy["frame-ancestors"] == "'none'"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_no_template_has_an_inline_script_or_handler() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text("utf-8")
        for script in re.findall(r"<script\b[^>]*>", text):
            assert "src=" in script or 'type="application/json"' in script, f"{path}: {script}"
        markup = re.sub(r"{%.*?%}", "", text)  # `{% include … with one=… %}` is no handler
        assert not re.search(r"\son[a-z]+=", markup), path
        assert "<style" not in text, path
        assert not re.search(r"\|\s*safe\b", text), f"{path} lets a value through unescaped"


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_words(token: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["tenure_language"] = "zh-hans"
    client.get("/", {"token": token})
    answer = client.post("/settings/refresh/")
    assert answer.status_code == 403
    assert "刷新" in answer.content.decode()


@pytest.mark.django_db
def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: Client, token: str, settings: object) -> None:
    client.get("/", {"token": token})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]  # type: ignore[attr-defined]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("en", "Page not found"), ("zh-hans", "没有")])
def test_an_unknown_address_is_answered_in_words(signed_in: Client, language: str, words: str) -> None:
    signed_in.cookies["tenure_language"] = language
    answer = signed_in.get("/nowhere/")
    assert answer.status_code == 404
    assert words in answer.content.decode()


def test_the_secret_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = secret_key(tmp_path / "new")
    assert secret_key(tmp_path / "new") == first
    assert stat.S_IMODE((tmp_path / "new" / "secret_key").stat().st_mode) == 0o600
    assert secret_key(tmp_path, "x" * 40) == "x" * 40
    with pytest.raises(ImproperlyConfigured, match="TENURE_SECRET_KEY has 5"):
        secret_key(tmp_path, "short")


def test_a_bad_setting_stops_the_start_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TENURE_DEBUG", "maybe")
    with pytest.raises(ImproperlyConfigured, match="TENURE_DEBUG is 'maybe'"):
        environment.flag("TENURE_DEBUG")
    monkeypatch.setenv("TENURE_UPLOAD_MB", "lots")
    with pytest.raises(ImproperlyConfigured, match="TENURE_UPLOAD_MB is 'lots'"):
        environment.number("TENURE_UPLOAD_MB", 1, 1, 10)
    (tmp_path / "file").touch()
    monkeypatch.setenv("TENURE_DATA", str(tmp_path / "file"))
    with pytest.raises(ImproperlyConfigured, match="TENURE_DATA is"):
        environment.folder("TENURE_DATA", tmp_path)


@pytest.mark.parametrize("url", ["mysql://a:b@host/name", "nonsense"])
def test_a_database_that_is_not_supported_is_named(url: str) -> None:
    from tenure_app.settings import _database

    with pytest.raises(ImproperlyConfigured, match="postgres://"):
        _database(url)
