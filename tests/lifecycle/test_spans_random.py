"""Random rules about random facts: the kernel's spans are the ones that a clerk with a calendar would write."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import assume, given, seed, target
from hypothesis import strategies as st

from memory import explain
from oracle.compare import assert_equal, rows_of
from oracle.history import Calendar, Model, oracle_spans
from oracle.people import people
from oracle.settings import checks
from oracle.strategies import LENGTH, START, Facts, as_of_days, comparison, facts, mapping, models, rules, zones
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of

SEED = 20261122
ONE_RULE = ("UTC", START + timedelta(days=LENGTH))


def _holds(rule: str) -> dict[str, Any]:
    return mapping(
        [{"id": "yes", "when": rule}, {"id": "no", "when": f"not ({rule})"}, {"id": "maybe", "when": "otherwise"}]
    )


@seed(SEED)
@checks(80)
@given(comparison, facts())
def test_one_comparison_is_true_false_or_unknown_on_the_same_days(rule: str, facts: Facts) -> None:
    tz, as_of = ONE_RULE
    assert_equal(facts.tables, _holds(rule), as_of, tz, facts.customers)


@seed(SEED)
@checks(100)
@given(rules(), facts(), as_of_days, zones)
def test_one_rule_is_true_false_or_unknown_on_the_same_days(rule: str, facts: Facts, as_of: Any, tz: str) -> None:
    assert_equal(facts.tables, _holds(rule), as_of, tz, facts.customers)


@seed(SEED)
@checks(100)
@given(models(special=False), facts(), as_of_days, zones)
def test_the_first_stage_that_holds_is_the_stage_of_each_day(
    model: dict[str, Any], facts: Facts, as_of: Any, tz: str
) -> None:
    assert_equal(facts.tables, model, as_of, tz, facts.customers)


@seed(SEED)
@checks(100)
@given(models(), facts(), as_of_days, zones)
def test_steps_setbacks_ends_and_records_without_facts_are_as_the_clerk_writes_them(
    model: dict[str, Any], facts: Facts, as_of: Any, tz: str
) -> None:
    assert_equal(facts.tables, model, as_of, tz, facts.customers)


@seed(SEED)
@checks(150)
@given(models(special=False, settling=True), facts(), as_of_days, zones)
def test_stages_settle_and_hold_as_the_clerk_writes_them(
    model: dict[str, Any], facts: Facts, as_of: Any, tz: str
) -> None:
    assert_equal(facts.tables, model, as_of, tz, facts.customers)


@seed(SEED)
@checks(150)
@given(st.data(), models(settling=True), as_of_days, zones)
def test_settling_stages_may_be_steps_ends_or_without_facts_and_overridden(
    data: st.DataObject, model: dict[str, Any], as_of: Any, tz: str
) -> None:
    found = data.draw(facts(overrides=[stage["id"] for stage in model["stages"]]))
    assert_equal(found.tables, model, as_of, tz, found.customers)


@seed(SEED)
@checks(80)
@given(st.data(), models(), as_of_days, zones)
def test_decisions_of_persons_win_while_they_last(
    data: st.DataObject, model: dict[str, Any], as_of: Any, tz: str
) -> None:
    found = data.draw(facts(overrides=[stage["id"] for stage in model["stages"]]))
    assert_equal(found.tables, model, as_of, tz, found.customers)


def _restricted(facts: Facts, who: str) -> dict[str, pa.Table]:
    """Return the facts that a customer's own staging needs: their rows, and the rows in which they referred."""
    kept = {}
    for name, table in facts.tables.items():
        mine = [row for row in table.to_pylist() if who in (row["customer_id"], row.get("referrer_id"))]
        kept[name] = pa.Table.from_pylist(mine, schema=table.schema)
    return kept


@seed(SEED)
@checks(100)
@given(st.data(), models(), as_of_days, zones, st.sampled_from(("ann", "bob", "eve")))
def test_one_customer_alone_is_staged_as_among_everybody(
    data: st.DataObject, model: dict[str, Any], as_of: Any, tz: str, who: str
) -> None:
    found = data.draw(facts(overrides=[stage["id"] for stage in model["stages"]]))
    everybody = spans_of(found.tables, read(model), as_of=as_of, tz=tz, customers=found.customers).to_pylist()
    alone = spans_of(_restricted(found, who), read(model), as_of=as_of, tz=tz, customers=found.customers).to_pylist()
    assert [row for row in alone if row["customer_id"] == who] == [
        row for row in everybody if row["customer_id"] == who
    ]


@seed(SEED)
@checks(80)
@given(st.data(), models(special=False), as_of_days, zones)
def test_facts_may_come_in_any_order_and_late(data: st.DataObject, model: dict[str, Any], as_of: Any, tz: str) -> None:
    found = data.draw(facts())
    shuffled = {}
    for name, table in found.tables.items():
        order = data.draw(st.permutations(range(table.num_rows)))
        shuffled[name] = table.take(list(order))
    once = spans_of(found.tables, read(model), as_of=as_of, tz=tz, customers=found.customers)
    assert (
        spans_of(shuffled, read(model), as_of=as_of, tz=tz, customers=found.customers).to_pylist() == once.to_pylist()
    )


@seed(SEED)
@checks(80)
@given(st.data(), models(special=False), zones)
def test_what_was_foreseen_comes_true_when_nothing_happens(data: st.DataObject, model: dict[str, Any], tz: str) -> None:
    found = data.draw(facts(records=False))
    now = START + timedelta(days=LENGTH + 2)
    current = [
        row for row in rows_of(spans_of(found.tables, read(model), as_of=now, tz=tz)) if row.next_change_on is not None
    ]
    assume(current)
    target(float(len(current)))
    for row in current:
        assert row.next_change_on is not None
        for shift, stage in ((-1, row.stage), (0, row.next_stage)):
            day = row.next_change_on + timedelta(days=shift)
            if day > now:
                then = rows_of(spans_of(found.tables, read(model), as_of=day, tz=tz))
                assert [one.stage for one in then if one.customer_id == row.customer_id and one.left_on is None] == (
                    [stage] if stage else []
                )


@seed(SEED)
@checks(80)
@given(models(), facts(records=False), as_of_days, zones)
def test_the_past_does_not_change_as_time_goes_by(model: dict[str, Any], facts: Facts, as_of: Any, tz: str) -> None:
    then = oracle_spans(facts.tables, model, as_of, tz, horizon=0)
    later = rows_of(spans_of(facts.tables, read(model), as_of=as_of + timedelta(days=90), tz=tz))
    for row in then:
        same = [
            one
            for one in later
            if (one.customer_id, one.stage, one.entered_on, one.passed_through)
            == (row.customer_id, row.stage, row.entered_on, row.passed_through)
        ]
        assert same, row
        assert row.left_on is None or row.left_on in {one.left_on for one in same}


@seed(SEED)
@checks(60)
@given(models(special=False), facts(), as_of_days, zones)
def test_an_explanation_judges_every_rule_as_the_clerk_does(
    model: dict[str, Any], facts: Facts, as_of: Any, tz: str
) -> None:
    clerk, everybody = Model(model), people(facts.tables, as_of, tz, facts.customers)
    for who, person in everybody.items():
        calendar = Calendar(person, clerk)
        told = explain(facts.tables, read(model), who, as_of, tz, customers=facts.customers)
        if calendar.entry is None:
            assert (told.entered_on, told.stage, told.evaluations) == (None, None, ())
            continue
        assert told.entered_on == date.fromordinal(calendar.entry)
        today = as_of.toordinal()
        assert told.stage == calendar.raw(today)
        for evaluation, stage in zip(told.evaluations, clerk.stages, strict=True):
            if stage.rule != ("otherwise",):
                assert evaluation.holds == calendar.judge.holds(stage.rule, today)
