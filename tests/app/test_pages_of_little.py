"""Value, risk, economics, products and predictions where there is little: an empty lake, an older one, a few orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake

pytestmark = pytest.mark.django_db
PAGES = (
    "/value/",
    "/value/report/",
    "/risk/",
    "/risk/decline/",
    "/risk/settlement/",
    "/economics/",
    "/products/",
    "/predictions/",
)
NONSENSE = (
    "/value/?from=abc&to=zz",
    "/risk/?signal=zz&page=-1",
    "/economics/?model=nope",
    "/products/?q=%00&page=999",
    "/products/product/?id=nope",
    "/predictions/?format=zz.csv",
    "/economics/choose/?model=retail-activity&customer=nope",
    "/economics/who/?model=zz",
)


def test_an_empty_lake_says_what_is_missing(signed_in: Client, lake: Lake) -> None:
    assert {path: signed_in.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 200)


def test_a_scorecard_of_an_older_version_has_no_value_yet(signed_in: Client, filled_lake: Lake) -> None:
    from refreshes import stages_only as refresh

    refresh(filled_lake)  # writes the bare roster, as versions before value and risk did
    assert {path: signed_in.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 200)


def test_six_orders_are_shown_and_nothing_is_foretold(signed_in: Client, filled_lake: Lake) -> None:
    assert {path: signed_in.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 200)
    assert "500" in signed_in.get("/predictions/").content.decode()  # buyers that predictions need


@pytest.mark.parametrize("path", NONSENSE)
def test_nonsense_in_an_address_is_answered(signed_in: Client, filled_lake: Lake, path: str) -> None:
    assert signed_in.get(path).status_code in (200, 302, 404)
