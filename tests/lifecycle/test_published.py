"""Scores, and how customers compare, hold from the day of their refresh, and are kept."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from dated_shop import CITIES, DEALS, LEVELS, MODELS, PLACES, Shop
from refreshes import numbers_agree
from tenure.clock import day_number
from tenure.facts import customers as people
from tenure.facts.blocks import block_of
from tenure.facts.streams import Stream
from tenure.lake.backup import backup, restore
from tenure.lifecycle.explain import explain_from
from tenure.lifecycle.model_file import models_of, read
from tenure.lifecycle.preview import compare_lake, count_places
from tenure.lifecycle.published import changed_scores, published_for
from tenure.lifecycle.shop_dates import name_dates
from tenure.refreshing import work
from tenure.refreshing.publishing import publish
from tenure.rules.evaluation.compute import EvaluationContext, TextSteps
from tenure.rules.evaluation.published import Averages, Distribution, Published
from tenure.rules.evaluation.steps import Moments
from tenure.rules.syntax.parser import parse
from tenure.value.lifetime import Lifetime
from tenure.value.ranking import Ranking

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop of four customers, who bought in January and February."""
    return Shop.of_four(tmp_path)


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


def test_a_score_that_stays_equal_is_kept_once_however_it_is_written(shop: Shop) -> None:
    model = read("\n{id: shares, enters: [order], stages: [{id: has, when: score(deals_share) is known}]}")
    rows = pa.table({"customer_id": ["ann", "bob"], "deals_share": [1.0, 0.00001]})
    more = {"as_of": [date(2024, 2, 29)] * 2, "orders": [1, 1], "generation": [1, 1]}
    shop.lake.write("scorecard", pa.table({**dict(zip(rows.column_names, rows.columns, strict=True)), **more}))
    known = published_for(shop.lake, [model])
    assert known.scores["deals_share"].column("value").to_pylist() == ["1", "0.00001"]
    assert len(changed_scores(known, rows, ["deals_share"], date(2024, 3, 31))) == 0
    some = published_for(shop.lake, [model], ["bob"]).scores["deals_share"]
    assert some.column("customer_id").to_pylist() == ["bob"]


def test_of_all_scores_only_those_of_the_block_are_read_and_once() -> None:
    everybody = pa.table(
        {"customer_id": ["ann", "bob", "cem"], "day": pa.nulls(3, pa.date32()), "value": ["1", "2", "3"]}
    )
    orders = pa.table({"customer_id": ["bob"], "at": [datetime(2024, 1, 1, tzinfo=UTC)]})
    block = block_of({Stream("orders"): orders}, tz="UTC", last_day=day_number(date(2024, 2, 1)))
    context, score = EvaluationContext(block, Published({"deals": everybody})), parse("score(deals) >= 2").children[0]
    assert context.texts(score).names == ["2"]
    context.values(score, Moments(block.origins))
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(TextSteps, "numbers")
        assert context.values(score, Moments(block.origins)).value.tolist() == [2.0]


def test_a_restage_of_one_customer_keeps_the_scores_of_the_others_that_no_rule_read_before(shop: Shop) -> None:
    shop.refresh("2024-02-29", [LEVELS])
    shop.refresh("2024-02-29", [DEALS], customers=["ann"])
    shop.refresh("2024-03-31", [DEALS])
    assert shop.stages(DEALS, "dan") == [("unknown", "2024-02-08"), ("new", "2024-02-29")]


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
    assert {model.id: model.customers for model in report.models} == {"tops": 1, "levels": 1}  # of whom changed
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


def test_a_population_is_kept_for_the_days_on_which_it_differs_from_the_one_before(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,city ann,2024-01-01,x bob,2024-01-01,y")
    for day in ("2024-02-29", "2024-03-15", "2024-03-31"):
        shop.refresh(day, [PLACES, CITIES])
    assert {row[1] for row in shop.rows("populations")} == {date(2024, 2, 29)}
    before = shop.stages(PLACES)
    shop.orders("dan,2024-03-20,5")
    shop.refresh("2024-03-31", [PLACES, CITIES])
    assert sorted(row[1] for row in shop.rows("populations")) == [date(2024, 2, 29)] * 2 + [date(2024, 3, 31)]
    assert shop.stages(PLACES) == before


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


def test_an_explanation_shows_places_and_averages_beside_what_is_compared_with_them(shop: Shop) -> None:
    shop.bring("customers", "customer_id,valid_from,city ann,2024-01-01,x bob,2024-01-01,x")
    shop.refresh("2024-02-29", [PLACES, CITIES])
    values: dict[str, Any] = {}
    for model in (PLACES, CITIES):
        explained = explain_from(shop.lake, model, "ann", date(2024, 2, 29))
        values |= {str(read.measure): read.value for each in explained.evaluations for read in each.values}
    assert values == {
        "percentile(sum(order.amount))": 0.125,
        "sum(order.amount)": 20,
        "average(sum(order.amount), by city)": 25,
    }


def test_named_dates_that_move_reach_stages_and_comparisons(shop: Shop) -> None:
    rules = {
        "fest": "stages: [{id: came, when: 'count(order[on \"店庆\"]) >= 1'}, {id: missed, when: otherwise}]",
        "fans": "stages: [{id: most, when: 'percentile(count(order[on \"店庆\"])) > 0.5'}]",
        "near": "stages: [{id: soon, when: 'days_until(\"店庆\") <= 7'}, {id: far, when: otherwise}]",
    }
    for name, text in rules.items():
        file = shop.lake.path / "models" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"id: {name}\nenters: [order]\n{text}\n", encoding="utf-8")
    models = list(rules)
    name_dates(shop.lake, "店庆", "01-05")
    shop.refresh("2024-01-31", models)
    read_before = models_of(shop.lake, models)
    assert shop.stages(read_before[0]) == [("came", "2024-01-05")]
    assert shop.stages(read_before[1]) == [("most", "2024-01-31")]
    name_dates(shop.lake, "店庆", "01-06")
    report = shop.refresh("2024-01-31", models, only_changed=True)
    assert report.mode == "full"
    read_after = models_of(shop.lake, models)
    assert {model.version for model in read_before}.isdisjoint(model.version for model in read_after)
    assert shop.stages(read_before[0]) == [("missed", "2024-01-05")]
    assert shop.stages(read_before[1]) == []
    assert shop.stages(read_before[1], "bob") == [("most", "2024-01-31")]


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
