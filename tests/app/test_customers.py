"""The list of customers: it shows exactly the rows it is asked for, however it is asked."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from app import people
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
from tenure_app.customers import queries
from tenure_app.customers.query import NOT_STAGED, STAGED, CustomerQuery, read
from tenure_app.customers.tables import CUSTOMERS

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake

MODEL = "retail-activity"
TODAY = people.TODAY


def orders_of() -> dict[str, list[tuple[date, Decimal]]]:
    """Return the orders of each customer, straight from the rows that were written."""
    found: dict[str, list[tuple[date, Decimal]]] = {}
    for row in people.order_rows():
        found.setdefault(row["customer_id"], []).append((row["at"].date(), Decimal(str(row["amount"]))))
    return found


def stage_on(days: list[date], day: date) -> str:
    """Say the stage by hand: retail-activity is days since the last order, 45, 90 and 180."""
    past = [one for one in days if one <= day]
    if not past:
        return NOT_IN_MODEL
    gap = (day - max(past)).days
    return "active" if gap <= 45 else "silent" if gap <= 90 else "dormant" if gap <= 180 else "lost"


def by_hand(day: date) -> dict[str, str]:
    """Return everybody's stage on a day, people without orders included."""
    everybody = {row["customer_id"] for row in people.order_rows()} | {f"K{n:03d}" for n in range(40)} | {"P001"}
    orders = orders_of()
    return {one: stage_on([on for on, _amount in orders.get(one, [])], day) for one in everybody}


def found(lake: Lake, chosen: CustomerQuery) -> list[str]:
    """Return the ids of all rows of a selection."""
    many, rows = queries.page(lake.connect(), chosen, CUSTOMERS, 1000)
    assert many == len(rows)
    return [row["customer_id"] for row in rows]


@pytest.mark.parametrize("days_ago", [0, 1, 30, 46, 200, 400])
@pytest.mark.parametrize("stage", ["active", "silent", "dormant", "lost"])
def test_it_lists_exactly_those_who_were_in_a_stage_on_any_day(shop: Lake, stage: str, days_ago: int) -> None:
    day = TODAY - timedelta(days=days_ago)
    wanted = {one for one, place in by_hand(day).items() if place == stage}
    assert set(found(shop, CustomerQuery(model=MODEL, stage=stage, as_of=day))) == wanted


def test_it_lists_those_outside_of_the_model_who_were_known_on_the_day(shop: Lake) -> None:
    outside = {one for one, place in by_hand(TODAY).items() if place == NOT_IN_MODEL}
    assert set(found(shop, CustomerQuery(model=MODEL, stage=NOT_IN_MODEL, as_of=TODAY))) == outside
    before = found(shop, CustomerQuery(model=MODEL, stage=NOT_IN_MODEL, as_of=date(2026, 9, 30)))
    assert "P001" not in before, "nobody knew this customer yet"


def test_it_lists_one_band_of_a_flow(shop: Lake) -> None:
    then = TODAY - timedelta(days=60)
    here, there = by_hand(TODAY), by_hand(then)
    wanted = {one for one in here if here[one] == "silent" and there[one] == "active"}
    assert wanted
    assert (
        set(found(shop, CustomerQuery(model=MODEL, stage="silent", as_of=TODAY, was="active", was_on=then))) == wanted
    )
    new = {one for one in here if here[one] == "lost" and there[one] == NOT_IN_MODEL}
    assert set(found(shop, CustomerQuery(model=MODEL, stage="lost", as_of=TODAY, was=NOT_STAGED, was_on=then))) == new


def test_it_lists_those_who_entered_or_left_in_a_period(shop: Lake) -> None:
    start, end = TODAY - timedelta(days=29), TODAY
    days = [start + timedelta(days=n) for n in range(30)]
    entered = {
        one
        for one in by_hand(TODAY)
        if any(by_hand_one(one, d) == "silent" and by_hand_one(one, d - timedelta(days=1)) != "silent" for d in days)
    }
    chosen = CustomerQuery(model=MODEL, as_of=TODAY, moved="entered", move_stage="silent", move_from=start, move_to=end)
    assert set(found(shop, chosen)) == entered
    left = {
        one
        for one in by_hand(TODAY)
        if any(by_hand_one(one, d) != "active" and by_hand_one(one, d - timedelta(days=1)) == "active" for d in days)
    }
    chosen = CustomerQuery(model=MODEL, as_of=TODAY, moved="left", move_stage="active", move_from=start, move_to=end)
    assert set(found(shop, chosen)) == left


def by_hand_one(customer: str, day: date) -> str:
    """Return one customer's stage on a day."""
    return stage_on([on for on, _amount in orders_of().get(customer, [])], day)


def test_it_lists_those_whose_stage_changes_soon(shop: Lake) -> None:
    wanted = {
        one
        for one, place in by_hand(TODAY).items()
        if place != NOT_IN_MODEL and any(by_hand_one(one, TODAY + timedelta(days=n)) != place for n in range(1, 8))
    }
    assert wanted
    chosen = CustomerQuery(model=MODEL, as_of=TODAY, next_within=7)
    assert set(found(shop, chosen)) == wanted
    parts = [
        found(shop, CustomerQuery(model=MODEL, as_of=TODAY, next_within=7, next_stage=to))
        for to in ("silent", "dormant", "lost")
    ]
    assert sorted(one for part in parts for one in part) == sorted(wanted)


def test_all_places_together_are_everybody(shop: Lake) -> None:
    for day in (TODAY, TODAY - timedelta(days=100)):
        places = [STAGED, UNSTAGED, NOT_IN_MODEL]
        together = [one for place in places for one in found(shop, CustomerQuery(model=MODEL, stage=place, as_of=day))]
        assert len(together) == len(set(together))
        stages = [
            found(shop, CustomerQuery(model=MODEL, stage=one, as_of=day))
            for one in ("active", "silent", "dormant", "lost")
        ]
        assert sum(map(len, stages)) == len(found(shop, CustomerQuery(model=MODEL, stage=STAGED, as_of=day)))
    assert len(together) <= len(found(shop, CustomerQuery(model=MODEL, as_of=TODAY)))


@pytest.mark.parametrize(
    ("q", "wanted"),
    [
        ("K007", {"K007"}),
        ("k007", {"K007"}),
        ("王芳", {f"K{n:03d}" for n in range(0, 40, 10)}),
        ("138 0000 0005", {"K005"}),
        ("K012@EXAMPLE.COM", {"K012"}),
        ("SO00300", {"K003"}),
        ("SO0030", set()),
        ("';--", set()),
    ],
)
def test_it_finds_by_id_name_phone_mail_and_whole_order_number(shop: Lake, q: str, wanted: set[str]) -> None:
    assert set(found(shop, CustomerQuery(q=q, model=MODEL, as_of=TODAY))) == wanted


@pytest.mark.parametrize(
    "sort", ["customer", "name", "orders", "amount", "last_order", "first_order", "since", "next", "stage"]
)
@pytest.mark.parametrize("down", [True, False])
def test_pages_in_any_order_hold_everybody_once(shop: Lake, sort: str, down: bool) -> None:
    chosen = CustomerQuery(model=MODEL, as_of=TODAY, sort=sort, down=down)
    con = shop.connect()
    parts = [queries.page(con, chosen, CUSTOMERS, 7, offset)[1] for offset in range(0, 42, 7)]
    ids = [row["customer_id"] for part in parts for row in part]
    assert len(ids) == len(set(ids)) == 41
    if sort == "amount":
        amounts = [row["amount"] for part in parts for row in part if row["amount"] is not None]
        assert amounts == sorted(amounts, reverse=down)


def test_an_address_is_read_back_as_it_was_written() -> None:
    from urllib.parse import parse_qsl

    chosen = CustomerQuery(
        q="王", model=MODEL, stage="lost", as_of=TODAY, was="active", was_on=date(2026, 1, 1), next_within=7,
        orders_min=2, amount_max=Decimal("12.5"), last_from=date(2026, 2, 1), sort="since", down=False,
    )  # fmt: skip
    again, wrong = read(dict(parse_qsl(chosen.address())), date(2020, 1, 1))
    assert (again, wrong) == (chosen, [])


def test_m29_it_lists_those_with_an_attribute_and_the_customers_page_leads_there(shop: Lake, signed_in: Client) -> None:
    for address, wanted in (
        ({"attribute.level": "1"}, {f"K{n:03d}" for n in range(1, 40, 3)}),
        ({"attribute.level": "-"}, {"P001"}),
        ({"attribute.level": "1", "attribute.city": "上海"}, set()),
    ):
        selection, unknown = read(address, TODAY)
        assert not unknown
        assert set(found(shop, selection)) == wanted
    listed = signed_in.get("/customers/", {"attribute.level": "1"}).content.decode()
    assert "level: 1" in listed
    assert 'name="attribute.level" value="1"' in listed, "another filter keeps it"
    assert "attribute.level=1" in signed_in.get("/customers/K001/").content.decode()


def test_words_that_mean_nothing_are_named_and_left_out(shop: Lake, signed_in: Client) -> None:
    answer = signed_in.get(
        "/customers/", {"orders_min": "many", "since": "2026-02-31", "model": "no-such", "sort": "x"}
    )
    assert answer.status_code == 200
    said = answer.content.decode()
    for name in ("orders_min", "since", "model"):
        assert name in said


def test_the_page_says_how_many_and_shows_them(shop: Lake, signed_in: Client) -> None:
    answer = signed_in.get("/customers/", {"model": MODEL, "stage": "lost"})
    lost = [one for one, place in by_hand(TODAY).items() if place == "lost"]
    said = answer.content.decode()
    assert f"{len(lost)} customers" in said
    assert all(f"/customers/{one}/" in said for one in lost)


def test_the_download_holds_all_rows_and_no_formula(own_shop: Lake, signed_in: Client) -> None:
    import pyarrow as pa

    from refreshes import stages_only as refresh
    from tenure.facts.frames import completed

    bad = {
        "customer_id": "X1",
        "name": '=HYPERLINK("http://x")',
        "source": "t",
        "seen_at": people.noon(TODAY),
        "created_on": TODAY,
    }
    own_shop.write("customers", completed("customers", pa.Table.from_pylist([bad])))
    refresh(own_shop, as_of=TODAY)
    answer = signed_in.get("/customers.csv", {"model": MODEL})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 42
    assert next(line for line in lines if line["Customer id"] == "X1")["Name"].startswith("'=")
    stages = {line["Customer id"]: line["Stage id"] for line in lines}
    for customer, place in by_hand(TODAY).items():
        assert stages[customer] == ("" if place == NOT_IN_MODEL else place)
    amounts: dict[str, Any] = {line["Customer id"]: line["Amount"] for line in lines}
    assert Decimal(amounts["K003"]) == sum(amount for _on, amount in orders_of()["K003"])


def test_a_search_from_the_top_bar_that_finds_one_opens_it(shop: Lake, signed_in: Client) -> None:
    answer = signed_in.get("/customers/", {"q": "SO00300", "jump": "1"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/customers/K003/")


def test_an_empty_lake_says_what_fills_the_list(lake: Lake, signed_in: Client) -> None:
    said = signed_in.get("/customers/").content.decode()
    assert "No customers yet" in said
    assert signed_in.get("/customers.csv").status_code == 302


def test_nobody_reads_the_list_without_signing_in(shop: Lake, client: Client, db: None) -> None:
    for address in (
        "/customers/",
        "/customers.csv",
        "/customers/K003/",
        "/overview/",
        "/lifecycle/",
        "/lifecycle/families/",
    ):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/")


def test_a_change_in_ten_thousand_years_is_a_word_that_means_nothing() -> None:
    selection, unknown = read({"next_within": "9999999"}, date(2026, 3, 31))
    assert unknown == ["next_within"] and selection.next_within is None and selection.next_by is None
