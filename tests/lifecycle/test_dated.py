"""Attributes, scores and comparisons hold from the day on which they became known, and what was known then stays."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import tenure as tn
from refreshes import numbers_agree
from tenure.clock import day_number
from tenure.facts import customers as people
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lake.backup import backup, restore
from tenure.lifecycle.explain import explain_from
from tenure.lifecycle.model_file import read
from tenure.lifecycle.preview import compare_lake, count_places
from tenure.refreshing import work
from tenure.refreshing.publishing import publish
from tenure.refreshing.run import refresh
from tenure.rules.evaluation.published import Averages, Distribution
from tenure.value.lifetime import Lifetime
from tenure.value.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenure.lifecycle.model import Model

LEVELS = read("""
id: levels
enters: [order]
stages:
  - {id: gold, when: 'attribute(level) = "gold"'}
  - {id: silver, when: 'attribute(level) = "silver"'}
  - {id: none, when: otherwise}
""")
#: Reads a score of the ranking: how many orders were known when it was published.
DEALS = read("""
id: deals
enters: [order]
stages:
  - {id: unknown, when: score(deals) is unknown}
  - {id: loyal, when: score(deals) >= 3}
  - {id: new, when: otherwise}
""")
PLACES = read("""
id: places
enters: [order]
stages:
  - {id: unknown, when: percentile(sum(order.amount)) is unknown}
  - {id: upper, when: percentile(sum(order.amount)) >= 0.5}
  - {id: lower, when: otherwise}
""")
CITIES = read("""
id: cities
enters: [order]
stages:
  - {id: unknown, when: "average(sum(order.amount), by city) is unknown"}
  - {id: above, when: "sum(order.amount) > average(sum(order.amount), by city)"}
  - {id: below, when: otherwise}
""")
MODELS = (LEVELS, DEALS, PLACES, CITIES)
RANKING = (Ranking(),)
Rows = list[tuple[Any, ...]]


class Shop:
    """A lake, and a folder for the files that are imported into it."""

    def __init__(self, folder: Path, name: str = "lake") -> None:
        self.folder = folder
        self.lake = Lake.create(folder / name, tz="UTC")
        self.files = 0

    def bring(self, as_: str, text: str, **how: Any) -> int:
        self.files += 1
        file = self.folder / f"{self.files}.csv"
        file.write_text(text.replace(" ", "\n"), encoding="utf-8")
        return import_files(self.lake, [file], as_=as_, **how).accepted

    def orders(self, text: str) -> int:
        return self.bring("orders", f"customer_id,at,amount {text}")

    def refresh(self, day: str, models: Sequence[Model] = MODELS, **how: Any) -> Any:
        return refresh(self.lake, date.fromisoformat(day), models, scorecard=how.pop("scorecard", RANKING), **how)

    def stages(self, model: Model, who: str = "ann") -> list[tuple[str, str]]:
        """Return the stages of a customer, each with its first day."""
        sql = "SELECT stage, entered_on::VARCHAR FROM spans WHERE model = ? AND customer_id = ? ORDER BY entered_on"
        return self.lake.connect(("spans",)).execute(sql, [model.id, who]).fetchall()

    def rows(self, table: str) -> Rows:
        sql = f"SELECT COLUMNS(c -> c NOT IN ('generation', 'number')) FROM {table} ORDER BY ALL"
        return self.lake.connect((table,)).execute(sql).fetchall() if self.lake.has(table) else []


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop of four customers, who bought in January and February."""
    shop = Shop(tmp_path)
    shop.orders("ann,2024-01-05,10 ann,2024-02-05,10 bob,2024-01-06,30 cem,2024-01-07,50 dan,2024-02-08,70")
    return shop


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


# Scores


def test_a_score_is_read_from_the_day_of_its_refresh_and_never_worked_out_again_for_days_before(shop: Shop) -> None:
    shop.refresh("2024-02-29", [DEALS])
    first = [("unknown", "2024-01-05"), ("new", "2024-02-29")]
    assert shop.stages(DEALS) == first
    shop.orders("ann,2024-02-10,5 ann,2024-03-10,5")  # the first of them is late: known then, it had made three
    shop.refresh("2024-03-31", [DEALS])
    assert shop.stages(DEALS) == [*first, ("loyal", "2024-03-31")]
    shop.refresh("2024-04-30", [DEALS])
    assert shop.stages(DEALS) == [*first, ("loyal", "2024-03-31")]
    # A refresh of an earlier day publishes nothing, and sees only what was published by then.
    shop.refresh("2024-03-15", [DEALS])
    assert shop.stages(DEALS) == first
    shop.refresh("2024-04-30", [DEALS])
    assert shop.stages(DEALS) == [*first, ("loyal", "2024-03-31")]


def test_of_two_refreshes_of_one_day_the_later_score_counts(shop: Shop) -> None:
    shop.refresh("2024-03-31", [DEALS])
    shop.orders("ann,2024-02-10,5")
    shop.refresh("2024-03-31", [DEALS])
    assert shop.stages(DEALS) == [("unknown", "2024-01-05"), ("loyal", "2024-03-31")]


def test_a_score_may_be_unknown_again_and_come_back(shop: Shop) -> None:
    fifths = read("\n{id: fifths, enters: [order], stages: [{id: has, when: score(tier) is known}]}")
    shop.orders("eve,2024-01-08,90")
    shop.refresh("2024-02-29", [fifths])
    assert shop.stages(fifths) == [("has", "2024-02-29")]
    for day, stages in (("2024-03-31", 0), ("2024-04-30", 1)):
        lost = people.merge(shop.lake, "bob", ["eve"], "", datetime.now(UTC)) if not stages else ""
        shop.refresh(day, [fifths])
        if lost:  # four buyers are too few for tiers
            people.undo_merge(shop.lake, lost, datetime.now(UTC))
    sql = "SELECT entered_on::VARCHAR, left_on::VARCHAR FROM spans WHERE customer_id = 'ann' ORDER BY ALL"
    assert shop.lake.connect().execute(sql).fetchall() == [("2024-02-29", "2024-03-31"), ("2024-04-30", None)]


def test_a_score_that_no_rule_read_before_is_known_since_the_scorecard_was_written(shop: Shop) -> None:
    shop.refresh("2024-02-29", [LEVELS])
    assert not shop.lake.has("score_history")
    days = [("unknown", "2024-01-05"), ("new", "2024-02-29")]
    for day in ("2024-03-31", "2024-04-30"):  # the second time it is no more in the scorecard
        shop.refresh(day, [DEALS])
        assert [shop.stages(DEALS), shop.stages(DEALS, "dan")] == [days, [("unknown", "2024-02-08"), days[1]]]
    shop.refresh("2024-05-31", [DEALS], customers=["ann"])
    assert shop.stages(DEALS) == days


def test_who_changed_is_read_with_the_newest_scores_like_everybody(shop: Shop) -> None:
    shop.refresh("2024-02-29")
    shop.orders("ann,2024-02-20,500 bob,2024-03-03,5 bob,2024-03-04,5")
    report = shop.refresh("2024-03-31", only_changed=True)
    assert report.mode == "touched"
    assert shop.stages(DEALS) == [("unknown", "2024-01-05"), ("new", "2024-02-29"), ("loyal", "2024-03-31")]
    assert [row[1] for row in shop.stages(DEALS, "bob")] == ["2024-01-06", "2024-02-29", "2024-03-31"]
    assert {model.id: model.customers for model in report.models}["deals"] == 4  # everybody has new scores
    assert numbers_agree(shop.lake)
    spans, doubts = shop.rows("spans"), shop.rows("doubts")
    shop.refresh("2024-03-31", customers=["ann", "dan"])
    assert (shop.rows("spans"), shop.rows("doubts")) == (spans, doubts)
    shop.refresh("2024-03-31", [DEALS])
    assert [row for row in shop.rows("spans") if "deals" in row] == [row for row in spans if "deals" in row]


def test_who_is_overtaken_moves_though_nothing_happened_to_them(shop: Shop) -> None:
    tops = read("""
id: tops
enters: [order]
stages: [{id: top, when: 'score(top_fifth) = "true"'}, {id: other, when: otherwise}]
""")
    shop.orders("eve,2024-01-08,20")
    scorecard = (Lifetime(), Ranking())
    shop.refresh("2024-03-31", [tops, LEVELS], scorecard=scorecard)
    assert shop.stages(tops, "dan")[-1] == ("top", "2024-03-31")
    shop.orders("ann,2024-02-10,500")
    report = shop.refresh("2024-03-31", [tops, LEVELS], only_changed=True, scorecard=scorecard)
    assert (report.mode, report.customers) == ("touched", 1)
    assert shop.stages(tops) == [("other", "2024-01-05"), ("top", "2024-03-31")]
    assert shop.stages(tops, "dan") == [("other", "2024-02-08")]
    whole = shop.rows("spans")
    shop.refresh("2024-03-31", [tops, LEVELS], scorecard=scorecard)
    assert shop.rows("spans") == whole


# Comparisons


def test_how_customers_compare_is_known_since_it_was_published_and_kept(shop: Shop) -> None:
    shop.refresh("2024-02-29", [PLACES])
    first = [("unknown", "2024-01-05"), ("lower", "2024-02-29")]
    assert shop.stages(PLACES) == first
    assert shop.stages(PLACES, "cem")[-1] == ("upper", "2024-02-29")
    shop.orders("ann,2024-02-20,990")  # late: by the places of February it is the most of all since then
    shop.refresh("2024-03-31", [PLACES])
    assert shop.stages(PLACES) == [("unknown", "2024-01-05"), ("upper", "2024-02-29")]
    assert shop.stages(PLACES, "cem") == [("unknown", "2024-01-07"), ("upper", "2024-02-29"), ("lower", "2024-03-31")]
    published = shop.rows("populations")
    assert [row[1] for row in published] == [date(2024, 2, 29), date(2024, 3, 31)]
    shop.refresh("2024-03-10", [PLACES])  # an earlier day publishes nothing and reads nothing later
    assert shop.stages(PLACES, "cem") == [("unknown", "2024-01-07"), ("upper", "2024-02-29")]
    shop.refresh("2024-03-31", [PLACES], only_changed=True)
    shop.refresh("2024-04-30", [PLACES], customers=["cem"])
    assert shop.rows("populations") == published
    assert shop.stages(PLACES, "cem")[-1] == ("lower", "2024-03-31")


def test_a_place_among_scores_is_one_among_those_of_the_same_refresh(shop: Shop) -> None:
    ranks = read("\n{id: ranks, enters: [order], stages: [{id: most, when: percentile(score(deals)) > 0.5}]}")
    shop.refresh("2024-02-29", [ranks, PLACES])
    assert shop.stages(ranks) == [("most", "2024-02-29")]  # two orders where the others have one
    assert shop.stages(ranks, "bob") == []
    assert len(shop.rows("populations")) == 2


def test_averages_are_those_of_customers_with_the_same_attribute(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,city ann,2024-01-01,x bob,2024-01-01,x cem,2024-01-01,y")
    shop.refresh("2024-02-29", [CITIES])
    assert shop.stages(CITIES, "ann")[-1] == ("below", "2024-02-29")
    assert shop.stages(CITIES, "bob")[-1] == ("above", "2024-02-29")
    assert shop.stages(CITIES, "cem")[-1] == ("below", "2024-02-29")  # alone: exactly the average
    assert shop.stages(CITIES, "dan")[-1][0] == "unknown"  # no city
    shop.bring("customers", "customer_id,valid_from,city cem,2024-03-10,z")
    shop.refresh("2024-03-15", [CITIES], customers=["cem"])
    # A city that nobody had when it was published has no average yet.
    assert shop.stages(CITIES, "cem")[1:] == [("below", "2024-02-29"), ("unknown", "2024-03-10")]
    shop.refresh("2024-03-31", [CITIES])
    assert shop.stages(CITIES, "cem")[-1] == ("below", "2024-03-31")


def test_places_among_equal_values_one_customer_and_nobody() -> None:
    day = day_number(date(2024, 1, 1))
    equal = Distribution.of(pa.array([5.0, 5.0, 5.0]).to_numpy(), day)
    assert equal.places(pa.array([4.0, 5.0, 6.0]).to_numpy()).tolist() == [0.0, 0.5, 1.0]
    alone = Distribution.of(pa.array([5.0]).to_numpy(), day)
    assert alone.places(pa.array([5.0]).to_numpy()).tolist() == [0.5]
    nobody = Distribution.of(pa.array([], pa.float64()).to_numpy(), day)
    assert str(nobody.places(pa.array([5.0]).to_numpy()).tolist()) == "[nan]"
    four = Distribution.of(pa.array([1.0, 2.0, 2.0, 4.0]).to_numpy(), day)
    assert four.places(pa.array([1.0, 2.0, 3.0, 4.0]).to_numpy()).tolist() == [0.125, 0.5, 0.75, 0.875]
    assert Averages(day, {}).means == {}


def test_a_lake_without_customers_publishes_that_nobody_compares(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.orders("ann,2024-05-05,10")
    shop.refresh("2024-01-31")  # before all facts
    assert shop.rows("spans") == []
    shop.refresh("2024-05-31")
    assert shop.stages(PLACES) == [("unknown", "2024-05-05"), ("upper", "2024-05-31")]


# Whoever evaluates, the answer is the same


def test_preview_and_explanation_agree_with_the_refresh(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,level,city ann,2024-01-20,silver,x bob,2024-02-01,gold,x")
    shop.refresh("2024-02-29")
    shop.orders("ann,2024-03-05,30")
    foreseen = count_places(shop.lake, MODELS, as_of=date(2024, 3, 31))
    shop.refresh("2024-03-31")
    for day in (date(2024, 3, 31), date(2024, 2, 29), date(2024, 2, 10)):
        for model in MODELS:
            sql = """SELECT customer_id, stage FROM spans
                     WHERE model = ? AND entered_on <= ? AND coalesce(left_on > ?, true) ORDER BY 1"""
            stages = dict(shop.lake.connect().execute(sql, [model.id, day, day]).fetchall())
            assert {who: explain_from(shop.lake, model, who, day).stage for who in stages} == stages
            if day == date(2024, 3, 31):
                assert compare_lake(shop.lake, model, model, as_of=day).moved == 0
                if model is not DEALS:  # whose scores only a refresh can work out
                    assert {name: count for name, count in foreseen[model.id].items() if count} == Counter(
                        stages.values()
                    )


def test_a_backup_keeps_what_was_published(shop: Shop, tmp_path: Path) -> None:
    shop.refresh("2024-02-29")
    shop.orders("ann,2024-03-05,30")
    shop.refresh("2024-03-31")
    backup(shop.lake, tmp_path / "lake.tar.gz")
    restore(tmp_path / "lake.tar.gz", tmp_path / "restored")
    again = Shop(tmp_path, "restored")
    before = [shop.rows(table) for table in ("score_history", "populations", "spans")]
    assert all(before)
    assert [again.rows(table) for table in ("score_history", "populations", "spans")] == before
    again.refresh("2024-03-31")
    assert again.rows("spans") == before[2]


def test_markers_of_customers_go_with_the_next_refresh_of_everybody(shop: Shop) -> None:
    shop.refresh("2024-02-29")
    shop.refresh("2024-02-29", customers=["ann"])
    shop.refresh("2024-03-31")
    assert not [file for file in shop.lake.files("spans") if not file.partition.get("model")]


# Refreshes that fail, and refreshes that meet


def test_a_refresh_that_fails_after_scoring_publishes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.refresh("2024-02-29")
    tables = ("spans", "doubts", "scorecard", "score_history", "populations", "refreshes")
    before = [shop.rows(table) for table in tables]
    files = set((shop.lake.path / "life").rglob("*.parquet"))
    shop.orders("ann,2024-03-05,30")
    with monkeypatch.context() as patched:
        patched.setattr(work.Work, "_spans_of", _failing_at(2, work.Work._spans_of))
        with pytest.raises(OSError, match="disk full"):
            shop.refresh("2024-03-31")
    assert [shop.rows(table) for table in tables] == before
    assert set((shop.lake.path / "life").rglob("*.parquet")) == files
    shop.refresh("2024-03-31")
    assert shop.stages(DEALS)[-1] == ("loyal", "2024-03-31")


def _failing_at(call: int, method: Any) -> Any:
    calls = []

    def wrapped(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == call:
            raise OSError("disk full")
        return method(*arguments)

    return wrapped


def test_customers_restaged_while_everybody_is_refreshed_keep_their_stages_under_every_model(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.refresh("2024-02-29")

    def meet(job: work.Work, scored: Any) -> None:
        monkeypatch.setattr("tenure.refreshing.run.publish", publish)
        shop.orders("ann,2024-02-20,500")
        shop.refresh("2024-02-29", customers=["ann"])
        publish(job, scored)

    monkeypatch.setattr("tenure.refreshing.run.publish", meet)
    report = shop.refresh("2024-03-31")
    assert not report.problems
    met = shop.rows("spans")
    assert shop.stages(DEALS) == [("unknown", "2024-01-05"), ("loyal", "2024-02-29")]
    shop.refresh("2024-03-31")
    assert [row for row in shop.rows("spans") if "places" not in row] == [row for row in met if "places" not in row]


def test_customers_refreshed_while_a_newer_day_was_published_are_read_with_what_it_published(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.refresh("2024-02-29")
    shop.orders("ann,2024-03-05,30")

    def meet(job: work.Work, scored: Any) -> None:
        monkeypatch.setattr("tenure.refreshing.run.publish", publish)
        shop.refresh("2024-03-31")
        publish(job, scored)

    monkeypatch.setattr("tenure.refreshing.run.publish", meet)
    shop.refresh("2024-02-29", customers=["ann"])
    met = shop.rows("spans")
    shop.refresh("2024-03-31")
    assert shop.rows("spans") == met
