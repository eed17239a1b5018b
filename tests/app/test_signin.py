"""Signing in, signing out, and what is shown to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

pytestmark = pytest.mark.django_db
OPEN = {"/sign-in/", "/language/", "/health/"}


def addresses(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Walk all addresses, their places filled with something plain."""
    for pattern in patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, text)
            continue
        for name, converter in pattern.pattern.converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower()
            plain = "1" if kind == "int" else "x"
            text = text.replace(f"<{kind}:{name}>", plain).replace(f"<{name}>", plain)
        yield text


def test_no_page_opens_without_signing_in(client: Client) -> None:
    every = set(addresses(get_resolver().url_patterns))
    assert len(every) > 15
    for address in sorted(every - OPEN):
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code == 302, address
            assert answer.headers["Location"].startswith("/sign-in/"), address


def test_an_htmx_request_without_sign_in_sends_the_whole_page_to_sign_in(client: Client) -> None:
    answer = client.get("/settings/", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in/"


def test_the_link_signs_in_and_leaves_a_clean_address(client: Client, token: str) -> None:
    answer = client.get("/settings/", {"token": token, "as_of": "2026-03-01"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/settings/?as_of=2026-03-01"
    assert client.get("/settings/").status_code == 200


def test_a_wrong_or_old_link_says_what_to_do(client: Client) -> None:
    answer = client.get("/", {"token": "old"}, follow=True)
    assert answer.status_code == 200
    assert "每次启动" in answer.content.decode()
    assert client.get("/settings/").status_code == 302


def test_without_a_running_server_of_that_token_nobody_gets_in(client: Client, settings: object) -> None:
    settings.TENURE_TOKEN_SHA256 = ""  # type: ignore[attr-defined]
    client.get("/", {"token": ""})
    assert client.post("/sign-in/", {"secret": ""}).status_code == 403
    assert client.get("/settings/").status_code == 302


def test_the_password_signs_in_once_it_is_set(client: Client) -> None:
    from tenure_app.staff import actions

    person = actions.ensure_administrator()
    assert client.post("/sign-in/", {"secret": ""}).status_code == 403
    actions.set_password(person, "correct horse battery")
    assert client.post("/sign-in/", {"secret": "wrong horse battery"}).status_code == 403
    answer = client.post("/sign-in/", {"secret": "correct horse battery", "next": "/settings/"})
    assert answer.headers["Location"] == "/settings/"


def test_the_token_can_be_pasted_into_the_form(client: Client, token: str) -> None:
    assert client.post("/sign-in/", {"secret": token}).status_code == 302
    assert client.get("/settings/").status_code == 200


def test_too_many_attempts_lock_the_address_for_a_while(client: Client, token: str) -> None:
    from tenure_app.staff.models import FailedSignIn

    for _ in range(10):
        assert client.post("/sign-in/", {"secret": "guess"}).status_code == 403
    assert client.post("/sign-in/", {"secret": token}).status_code == 429
    assert client.get("/", {"token": token}).headers["Location"].startswith("/sign-in/")
    FailedSignIn.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert client.post("/sign-in/", {"secret": token}).status_code == 302


def test_signing_out_ends_the_session(signed_in: Client) -> None:
    assert signed_in.get("/sign-out/").status_code == 405
    signed_in.post("/sign-out/")
    assert signed_in.get("/settings/").status_code == 302


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_after_sign_in_nobody_is_sent_to_another_site(client: Client, token: str, wanted: str) -> None:
    answer = client.post("/sign-in/", {"secret": token, "next": wanted})
    assert answer.headers["Location"] == "/"


def test_the_language_switch_keeps_the_page(client: Client, token: str) -> None:
    client.get("/", {"token": token})
    answer = client.post("/language/", {"language": "en", "next": "/settings/?as_of=2026-03-01"})
    assert answer.headers["Location"] == "/settings/?as_of=2026-03-01"
    assert '<html lang="en">' in client.get("/settings/").content.decode()
    client.post("/language/", {"language": "zh-hans"})
    assert '<html lang="zh-Hans">' in client.get("/settings/").content.decode()


def test_the_browser_chooses_the_language_until_somebody_does(client: Client) -> None:
    assert '<html lang="en">' in client.get("/sign-in/", headers={"Accept-Language": "en-US,en"}).content.decode()
    assert '<html lang="zh-Hans">' in client.get("/sign-in/", headers={"Accept-Language": "zh-CN"}).content.decode()
    from tenure_app.staff.actions import save_preference

    save_preference(language="zh-hans")
    assert '<html lang="zh-Hans">' in client.get("/sign-in/", headers={"Accept-Language": "en"}).content.decode()
