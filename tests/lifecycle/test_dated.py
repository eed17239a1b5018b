"""What records say of customers holds from the day on which it became known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import tenure as tn
from dated_shop import LEVELS, Shop
from tenure.facts import customers as people
from tenure.lifecycle.explain import explain_from
from tenure.lifecycle.model_file import read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop of four customers, who bought in January and February."""
    return Shop.of_four(tmp_path)


# Attributes


def test_an_attribute_changes_nothing_before_the_day_from_which_it_holds(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,level ann,2024-01-20,silver")
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    silver = [("none", "2024-01-05"), ("silver", "2024-01-20")]
    assert shop.stages(LEVELS) == silver
    assert shop.bring("customers", "customer_id,level ann,gold", valid_from=date(2024, 4, 1)) == 1
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [*silver, ("gold", "2024-04-01")]
    explained = [explain_from(shop.lake, LEVELS, "ann", date(2024, *day)).stage for day in ((1, 10), (3, 31), (4, 1))]
    assert explained == ["none", "silver", "gold"]


def test_an_attribute_without_a_day_is_known_from_its_import(shop: Shop) -> None:
    shop.bring("customers", "customer_id,level ann,gold")
    imported = datetime.now(UTC).date()
    shop.refresh(imported.isoformat(), [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [("none", "2024-01-05"), ("gold", imported.isoformat())]


def test_one_file_may_hold_a_whole_history_and_adds_nothing_the_second_time(shop: Shop) -> None:
    history = "customer_id,valid_from,level ann,2024-03-01,gold ann,2024-02-01,silver ann,2024-05-01,silver"
    assert shop.bring("customers", history) == 3
    assert shop.bring("customers", history + " bob,2024-02-01,gold") == 1  # the other three are known
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    days = [("none", "2024-01-05"), ("silver", "2024-02-01"), ("gold", "2024-03-01"), ("silver", "2024-05-01")]
    assert shop.stages(LEVELS) == days
    # What a list shows is the newest.
    assert shop.lake.connect().execute("SELECT attributes->>'level' FROM customers ORDER BY ALL").fetchall() == [
        ("gold",),
        ("silver",),
    ]


def test_of_two_records_of_one_day_the_later_import_counts(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,level ann,2024-02-01,silver")
    shop.bring("customers", "customer_id,valid_from,level ann,2024-02-01,gold")
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [("none", "2024-01-05"), ("gold", "2024-02-01")]
    assert shop.lake.connect().execute("SELECT attributes->>'level' FROM customers").fetchall() == [("gold",)]


def test_changed_looks_again_at_records_of_the_past_and_at_those_whose_day_has_come(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,level ann,2024-02-01,gold bob,2024-07-15,gold")
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    assert shop.stages(LEVELS, "bob") == [("none", "2024-01-06")]
    shop.bring("customers", "customer_id,valid_from,level ann,2024-01-20,silver")  # older than what is known
    report = shop.refresh("2024-07-31", [LEVELS], scorecard=(), only_changed=True)
    assert (report.mode, report.customers) == ("touched", 2)
    assert shop.stages(LEVELS) == [("none", "2024-01-05"), ("silver", "2024-01-20"), ("gold", "2024-02-01")]
    assert shop.stages(LEVELS, "bob") == [("none", "2024-01-06"), ("gold", "2024-07-15")]


def test_a_slow_import_is_read_by_the_next_refresh_of_who_changed(shop: Shop) -> None:
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    began = datetime.now(UTC) - timedelta(minutes=5)  # before the refresh, and it wrote its facts only after it
    shop.bring("orders", "customer_id,at,amount new,2024-06-01,10", now=began)
    report = shop.refresh("2024-06-30", [LEVELS], scorecard=(), only_changed=True)
    assert (report.mode, report.customers) == ("touched", 1)
    assert shop.stages(LEVELS, "new") == [("none", "2024-06-01")]


WAITING = read("\n{id: waiting, stages: [{id: new, when: count(order) = 0, without_facts: true}]}")


def test_who_becomes_a_customer_on_a_later_day_is_evaluated_on_that_day(shop: Shop) -> None:
    shop.bring("customers", "customer_id,created_on,city eve,2024-02-10,x")
    shop.bring("customers", "customer_id,city fay,x", now=datetime(2024, 2, 12, tzinfo=UTC))
    shop.refresh("2024-02-09", [WAITING], scorecard=())
    assert shop.rows("spans") == []
    shop.refresh("2024-02-20", [WAITING], scorecard=(), only_changed=True)
    assert shop.stages(WAITING, "eve") == [("new", "2024-02-10")]
    assert shop.stages(WAITING, "fay") == [("new", "2024-02-12")]


@pytest.mark.parametrize("tz", ["UTC", "Asia/Shanghai"])
def test_who_has_no_day_of_their_own_enters_on_the_local_day_of_the_first_record(tmp_path: Path, tz: str) -> None:
    shop = Shop(tmp_path, tz=tz)
    shop.orders("bob,2024-01-05,10")  # without any order, no model that counts them is evaluated
    evening = datetime(2024, 1, 1, 20, tzinfo=UTC)
    shop.bring("customers", "customer_id,city ann,x", now=evening)
    shop.bring("customers", "customer_id,city ann,y", now=datetime(2024, 5, 1, tzinfo=UTC))
    shop.refresh("2024-06-30", [WAITING], scorecard=())
    first = "2024-01-01" if tz == "UTC" else "2024-01-02"
    assert shop.stages(WAITING) == [("new", first)]
    several = shop.lake.connect().execute("SELECT unnest(history, recursive := true) FROM customers").to_arrow_table()
    records = pa.table({"customer_id": ["ann", "ann"], "seen_at": several.column("seen_at")})
    spans = tn.spans_of({}, WAITING, as_of=date(2024, 6, 30), tz=tz, customers=records)
    assert spans.column("entered_on").to_pylist() == [date.fromisoformat(first)]


def test_lists_and_rules_agree_on_the_newest_value_in_the_time_zone_of_the_business(tmp_path: Path) -> None:
    shop = Shop(tmp_path, tz="Asia/Shanghai")
    shop.orders("ann,2024-01-05,10")
    shop.bring("customers", "customer_id,valid_from,level ann,2024-03-05,gold", now=datetime(2024, 3, 1, tzinfo=UTC))
    evening = datetime(2024, 3, 4, 20, tzinfo=UTC)  # already the 5th in Shanghai
    shop.bring("customers", "customer_id,level ann,iron", now=evening)
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [("none", "2024-01-05")]
    assert shop.rows_of("SELECT attributes->>'level' FROM customers") == [("iron",)]


def test_what_holds_from_a_later_day_than_today_is_not_shown_yet(shop: Shop) -> None:
    shop.bring("customers", "customer_id,name,level ann,Ann,silver")
    shop.bring("customers", "customer_id,valid_from,name,level ann,2999-01-01,Anne,gold eve,2999-01-01,Eve,gold")
    sql = "SELECT customer_id, name, attributes->>'level', valid_from FROM customers ORDER BY 1"
    assert shop.rows_of(sql) == [("ann", "Ann", "silver", None), ("eve", None, None, None)]
    assert shop.bring("customers", "customer_id,name,level ann,Ann,silver bob,Bob,") == 1  # the first says nothing new


def test_a_record_corrected_back_counts_though_it_was_brought_before(shop: Shop) -> None:
    for n, level in enumerate(("gold", "iron", "gold")):
        assert shop.bring("customers", f"customer_id,valid_from,level ann,2024-03-05,{level}" + " " * n) == 1
    assert shop.bring("customers", "customer_id,valid_from,level,city ann,2024-03-05,gold,") == 0
    in_one_file = "customer_id,valid_from,level bob,2024-03-05,gold bob,2024-03-05,iron bob,2024-03-05,gold"
    assert shop.bring("customers", in_one_file + " bob,2024-03-05,gold") == 3
    levels = "SELECT attributes->>'level' FROM customers ORDER BY customer_id"
    assert shop.rows_of(levels) == [("gold",), ("gold",)]
    shop.bring("customers", "customer_id,level bob,iron bob,gold")
    assert shop.rows_of(levels) == [("gold",), ("gold",)]


def test_merged_customers_share_their_histories(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,level ann,2024-02-01,silver bob,2024-03-01,gold")
    merged = people.merge(shop.lake, "ann", ["bob"], "same person", datetime.now(UTC))
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [("none", "2024-01-05"), ("silver", "2024-02-01"), ("gold", "2024-03-01")]
    people.undo_merge(shop.lake, merged, datetime.now(UTC))
    shop.refresh("2024-06-30", [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [("none", "2024-01-05"), ("silver", "2024-02-01")]
    assert shop.stages(LEVELS, "bob") == [("none", "2024-01-06"), ("gold", "2024-03-01")]


def test_records_of_an_older_version_have_no_column_for_the_day(shop: Shop) -> None:
    shop.bring("customers", "customer_id,level ann,silver")
    old = shop.lake.connect().execute("SELECT * EXCLUDE (valid_from, history) FROM customers").to_arrow_table()
    shop.lake.write("customers", old, schema=old.schema, replace=True)
    imported = datetime.now(UTC).date().isoformat()
    shop.refresh(imported, [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [("none", "2024-01-05"), ("silver", imported)]
    assert shop.bring("customers", "customer_id,level ann,silver") == 0
    assert shop.bring("customers", "customer_id,valid_from,level ann,2024-02-01,gold") == 1  # beside the old file
    shop.refresh(imported, [LEVELS], scorecard=())
    assert shop.stages(LEVELS) == [("none", "2024-01-05"), ("gold", "2024-02-01"), ("silver", imported)]


ORDERS = pa.table({"customer_id": ["ann", "bob"], "at": [date(2024, 1, 5), date(2024, 1, 6)], "amount": [10.0, 30.0]})


def in_notebook(rule: str, customers: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    """Return the stages of a notebook's customers under a model of one rule."""
    model = f"id: m\nenters: [order]\nstages: [{{id: 'yes', when: '{rule}'}}, {{id: 'no', when: otherwise}}]"
    table = tn.spans(ORDERS, model, as_of="2024-06-30", tz="UTC", customers=pa.table(customers))
    rows = table.to_arrow().to_pylist()
    return [(row["customer_id"], row["stage"], row["entered_on"].isoformat()) for row in rows]


def test_records_in_a_notebook_hold_always_unless_they_say_since_when() -> None:
    levels = {"customer_id": ["ann", "bob"], "attributes": ['{"level": "gold"}', None]}
    rule = 'attribute(level) = "gold"'
    assert in_notebook(rule, levels) == [("ann", "yes", "2024-01-05"), ("bob", "no", "2024-01-06")]
    dated = {
        "customer_id": ["ann", "ann", "ann"],
        "attributes": ['{"level": "gold"}', '{"level": "silver"}', '{"level": "gold"}'],
        "valid_from": [date(2024, 3, 1), date(2024, 2, 1), date(2024, 12, 1)],
    }
    assert in_notebook(rule, dated) == [
        ("ann", "no", "2024-01-05"),
        ("ann", "yes", "2024-03-01"),
        ("bob", "no", "2024-01-06"),
    ]
    assert in_notebook(rule, {name: column[:0] for name, column in levels.items()})[0][1] == "no"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("1", "attribute(x) = 1"),
        ("1.50", "attribute(x) = 1.5"),
        ('"12"', "attribute(x) > 11"),
        ("true", 'attribute(x) = "true"'),
        ('["a"]', "attribute(x) is known"),
        ("null", "attribute(x) is unknown"),
        ('"null"', 'attribute(x) = "null"'),
        ('"客"', 'attribute(x) in ("客", "龄")'),
    ],
)
def test_values_of_attributes(value: str, rule: str) -> None:
    records = {"customer_id": ["ann"], "attributes": [f'{{"x": {value}}}']}
    assert in_notebook(rule, records) == [("ann", "yes", "2024-01-05"), ("bob", *in_notebook_of_bob(rule))]


def in_notebook_of_bob(rule: str) -> tuple[str, str]:
    """Return where somebody without a record is."""
    return ("yes" if "unknown" in rule else "no", "2024-01-06")


def test_a_record_that_leaves_an_attribute_out_says_nothing_and_null_takes_it_back() -> None:
    records = {
        "customer_id": ["ann"] * 3,
        "attributes": ['{"level": "gold"}', '{"city": "上海"}', '{"level": null}'],
        "valid_from": [date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1)],
        "phone": ["1", None, None],
    }
    assert in_notebook("attribute(level) is known", records)[:3] == [
        ("ann", "no", "2024-01-05"),
        ("ann", "yes", "2024-02-01"),
        ("ann", "no", "2024-04-01"),
    ]
    assert in_notebook("attribute(phone) = 1", records)[:2] == [
        ("ann", "no", "2024-01-05"),
        ("ann", "yes", "2024-02-01"),
    ]
