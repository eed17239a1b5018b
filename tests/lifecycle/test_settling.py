"""When a customer moves and when not: each sentence of the contract by a customer made by hand, and small models."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from memory import explain
from oracle.compare import assert_equal
from oracle.settings import checks
from oracle.strategies import instant, mapping, tables
from tenure.errors import ModelError, RuleError
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of
from tenure.lifecycle.waiting import Waiting
from tenure.words import speaking

SEED = 20261130
FIRST = date(2024, 1, 10)
Stages = list[dict[str, Any]]


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def orders(*days: int) -> dict[str, pa.Table]:
    rows = [{"order_id": f"o{n}", "amount": 10, "status": "sale"} for n in range(len(days))]
    return tables(
        [
            ("orders", {"customer_id": "ann", "at": instant(on, 12, 0, n), **row})
            for n, (on, row) in enumerate(zip(days, rows, strict=True))
        ]
    )


def facts(*kinds: tuple[str, int]) -> dict[str, pa.Table]:
    """Return orders and views of one customer."""
    bought, viewed = ([on for what, on in kinds if what == kind] for kind in ("order", "view"))
    views = [
        ("interactions", {"customer_id": "ann", "at": instant(on, 9, 0, 500 + n), "kind": "view"})
        for n, on in enumerate(viewed)
    ]
    return {**orders(*bought), **tables(views)}


def lived(given: dict[str, pa.Table], stages: Stages, as_of: int, **settings: Any) -> list[tuple[str, int, int | None]]:
    """Return the stages with the days from and to which they lasted; the oracle must agree."""
    model = mapping(stages, **settings)
    assert_equal(given, model, day(as_of), "UTC")
    rows = spans_of(given, read(model), as_of=day(as_of)).to_pylist()
    days = [(row["entered_on"], row["left_on"]) for row in rows]
    return [
        (row["stage"], (entered - FIRST).days, None if left is None else (left - FIRST).days)
        for row, (entered, left) in zip(rows, days, strict=True)
    ]


def coming(given: dict[str, pa.Table], stages: Stages, as_of: int, **settings: Any) -> tuple[str | None, int | None]:
    """Return the next stage and the day of it."""
    model = mapping(stages, **settings)
    assert_equal(given, model, day(as_of), "UTC", horizon=420)
    row = spans_of(given, read(model), as_of=day(as_of)).to_pylist()[-1]
    on = row["next_change_on"]
    return row["next_stage"], None if on is None else (on - FIRST).days


ACTIVE = {"id": "active", "when": "days_since(order) <= 10"}
SILENT = {"id": "silent", "when": "otherwise"}


def test_a_stage_that_settles_is_entered_on_the_first_day_after_it_held_so_long() -> None:
    # Silent is the candidate from day 11; 11 + 14 is 25.
    assert lived(orders(0), [ACTIVE, {**SILENT, "settles": "14d"}], 60) == [("active", 0, 25), ("silent", 25, None)]


@pytest.mark.parametrize(("back", "is_left"), [(24, False), (25, False), (26, True)])
def test_what_ends_on_the_day_of_moving_or_before_is_not_moved_into(back: int, is_left: bool) -> None:
    stages = [ACTIVE, {**SILENT, "settles": "14d"}]
    kept = [("active", 0, 25), ("silent", 25, 26), ("active", 26, None)]
    assert lived(orders(0, back), stages, 30) == (kept if is_left else [("active", 0, None)])


def test_the_model_says_it_for_every_stage_that_does_not_say_its_own() -> None:
    stages = [{**ACTIVE, "settles": "0d"}, SILENT]
    assert lived(orders(0, 40), stages, 60, settles="2w")[:2] == [("active", 0, 25), ("silent", 25, 40)]
    # Without its own, back to active takes two weeks as well, and so never happens in ten days.
    assert lived(orders(0, 40), [ACTIVE, SILENT], 60, settles="2w") == [("active", 0, 25), ("silent", 25, None)]


def test_another_candidate_in_between_starts_the_wait_anew() -> None:
    stages = [
        {"id": "once", "when": "days_since(order) = 15"},
        ACTIVE,
        {**SILENT, "settles": "10d"},
    ]
    # Once is entered at once on day 15 and left ten days after day 16.
    assert lived(orders(0), stages, 40) == [("active", 0, 15), ("once", 15, 26), ("silent", 26, None)]
    # Is once entered slowly, it only interrupts: silent from 16 on, entered on 26.
    stages[0] = {**stages[0], "settles": "5d"}
    assert lived(orders(0), stages, 40) == [("active", 0, 26), ("silent", 26, None)]


def test_on_the_day_of_entry_the_customer_enters_at_once() -> None:
    assert lived(orders(0), [{**ACTIVE, "settles": "30d"}, SILENT], 5) == [("active", 0, None)]


def test_into_no_stage_it_takes_what_the_model_says_and_out_of_it_nothing() -> None:
    stages = [{**ACTIVE, "settles": "20d"}]
    assert lived(orders(0, 30), stages, 60, settles="5d") == [("active", 0, 16), ("active", 30, 46)]
    assert lived(orders(0, 12), stages, 40, settles="5d") == [("active", 0, 28)]


def test_whoever_is_in_a_stage_stays_by_its_stay_rule_and_enters_by_its_own() -> None:
    stages = [{**ACTIVE, "stays_while": "days_since(order) <= 20"}, SILENT]
    assert lived(orders(0), stages, 60) == [("active", 0, 21), ("silent", 21, None)]
    # By a view somebody enters the model and is silent; the stay rule takes nobody in.
    loyal = {
        "id": "loyal", "when": "count(order, last 30d) >= 2", "stays_while": "count(order, last 30d) >= 1",
    }  # fmt: skip
    assert lived(orders(0, 10), [loyal, SILENT], 60) == [("silent", 0, 10), ("loyal", 10, 40), ("silent", 40, None)]


def test_an_earlier_stage_takes_customers_whom_a_later_one_would_keep() -> None:
    stages = [
        {"id": "silent", "when": "days_since(order) > 15"},
        {**ACTIVE, "stays_while": "days_since(order) <= 90"},
    ]
    assert lived(orders(0), stages, 60) == [("active", 0, 16), ("silent", 16, None)]


def test_whoever_stays_by_the_stay_rule_does_not_wait() -> None:
    stages = [{**ACTIVE, "stays_while": "days_since(order) <= 20"}, {**SILENT, "settles": "14d"}]
    assert lived(orders(0), stages, 60) == [("active", 0, 35), ("silent", 35, None)]


def test_an_end_holds_until_a_fact_brings_somebody_elses_turn_and_then_waits_like_any_other() -> None:
    stages: Stages
    stages = [{"id": "lost", "when": "days_since(order) > 10", "terminal": True}, {"id": "here", "when": "otherwise"}]
    settling = [stages[0], {**stages[1], "settles": "5d"}]
    assert lived(orders(0, 30), stages, 60) == [("here", 0, 11), ("lost", 11, 30), ("here", 30, 41), ("lost", 41, None)]
    assert lived(orders(0, 30), settling, 60)[1:] == [("lost", 11, 35), ("here", 35, 41), ("lost", 41, None)]
    # A view is a fact of a kind the model reads, but it is still lost's turn.
    seen = [{**stages[0], "when": "days_since(order) > 10 and count(view, last 3d) < 2"}, settling[1]]
    assert lived(facts(("order", 0), ("view", 20), ("view", 40)), seen, 60)[1:] == [("lost", 11, None)]


def test_an_end_that_becomes_the_candidate_again_holds_again() -> None:
    stages = [
        {"id": "lost", "when": "days_since(order) > 10", "terminal": True},
        {"id": "here", "when": "otherwise", "settles": "12d"},
    ]
    # The order of day 30 gives here eleven days only; afterwards nothing but another fact leads out.
    assert lived(orders(0, 30), stages, 90) == [("here", 0, 11), ("lost", 11, None)]


def test_a_persons_decision_lies_over_it_and_the_wait_goes_on_underneath() -> None:
    given = orders(0)
    override = {
        "customer_id": "ann", "at": instant(12, 9, 0, 900), "model": "random", "stage": "vip", "until": day(29),
    }  # fmt: skip
    stages = [{"id": "vip", "when": "count(order) > 99"}, ACTIVE, {**SILENT, "settles": "14d"}]
    both = {**given, **tables([("overrides", override)])}
    assert lived(both, stages, 60) == [("active", 0, 12), ("vip", 12, 30), ("silent", 30, None)]


def test_steps_are_passed_when_the_stage_is_entered_not_when_it_first_holds() -> None:
    stages = [
        {"id": "many", "when": "count(order) >= 3", "settles": "7d"},
        {"id": "two", "when": "count(order) = 2"},
        {"id": "one", "when": "otherwise"},
    ]
    path = ["one", "two", "many"]
    assert lived(orders(0, 5, 5), stages, 30, stepwise=True, path=path) == [
        ("one", 0, 12), ("two", 12, 12), ("many", 12, None),
    ]  # fmt: skip


def test_the_next_change_is_the_end_of_the_wait() -> None:
    stages = [{**ACTIVE, "settles": "3d"}, {**SILENT, "settles": "14d"}]
    for seen_on in (0, 5, 11, 20, 24):
        assert coming(orders(0), stages, seen_on) == ("silent", 25)
    assert coming(orders(0), stages, 25) == (None, None)
    assert coming(orders(0), [ACTIVE], 3, settles="14d") == (None, 25)
    assert coming(orders(0, 30), stages, 31) == ("active", 33)
    assert coming(orders(0, 30), [{**ACTIVE, "settles": "11d"}, SILENT], 31) == (None, None)


def test_a_model_without_settling_is_staged_as_before() -> None:
    plain, zero = (mapping([dict(ACTIVE), dict(SILENT)], **more) for more in ({}, {"settles": "0d"}))
    given = orders(0, 12, 40)
    old, new = (spans_of(given, read(model), as_of=day(60)).drop_columns(["version"]) for model in (plain, zero))
    assert old.equals(new)


# Small models in which everything happens within days, so that bounds meet

_rules = st.one_of(
    st.integers(0, 5).map(lambda n: f"days_since(order) <= {n}"),
    st.tuples(st.integers(1, 6), st.integers(1, 3)).map(lambda t: f"count(order, last {t[0]}d) >= {t[1]}"),
    st.integers(1, 5).map(lambda n: f"count(order) = {n}"),
)
_settles = st.integers(0, 5).map(lambda n: f"{n}d")


_ids = st.sampled_from(("s0", "s1"))
_state = st.one_of(
    _ids.map(lambda stage: f'in_stage("{stage}")'),
    st.just('in_stage("s0", "s1")'),
    st.tuples(st.sampled_from(("<", "<=", "=", ">=", ">", "!=")), st.integers(0, 6)).map(
        lambda t: f"days_in_stage() {t[0]} {t[1]}"
    ),
    st.integers(1, 4).map(lambda n: f"2 * days_in_stage() - 1 > {n}"),
    st.tuples(st.sampled_from(("=", "!=")), _ids).map(lambda t: f'previous_stage() {t[0]} "{t[1]}"'),
    st.sampled_from(('previous_stage() = ""', "previous_stage() is known", "days_in_stage() is unknown")),
)
_asking = st.one_of(
    _rules,
    _state,
    st.tuples(_state, st.sampled_from(("and", "or")), _rules).map(" ".join),
    st.tuples(_state, st.sampled_from(("and", "or")), _state).map(lambda t: f"not ({' '.join(t)})"),
)


@st.composite
def _models(draw: st.DrawFn, rules: st.SearchStrategy[str] = _rules) -> dict[str, Any]:
    stages: Stages = []
    for place in range(draw(st.integers(2, 4))):
        stage: dict[str, Any] = {"id": f"s{place}", "when": draw(rules), "settles": draw(_settles)}
        if draw(st.booleans()):
            stage["stays_while"] = draw(rules)
        if draw(st.sampled_from((False, False, True))):
            stage["terminal"] = True
        stages.append(stage)
    simple = draw(st.booleans())
    for stage in stages if simple else ():
        stage.pop("stays_while", None)
        stage.pop("terminal", None)
    return mapping(stages, settles=draw(_settles))


@seed(SEED)
@checks(400)
@given(_models(), st.lists(st.integers(0, 40), min_size=1, max_size=14), st.integers(0, 60))
def test_small_models_are_as_the_clerk_walks_through_them(model: dict[str, Any], days: list[int], as_of: int) -> None:
    assert_equal(orders(*sorted(days)), model, day(as_of), "UTC", horizon=60)


@seed(SEED)
@checks(400)
@given(_models(_asking), st.lists(st.integers(0, 40), min_size=1, max_size=14), st.integers(0, 60))
def test_rules_that_ask_for_the_stage_are_as_the_clerk_walks(
    model: dict[str, Any], days: list[int], as_of: int
) -> None:
    model["enters"] = ["order"]
    assert_equal(orders(*sorted(days)), model, day(as_of), "UTC", horizon=60)


# Reading


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"settles": "14"}, "stage 1 (a): settles must be a number of days or weeks up to 36525d, such as 14d or 2w"),
        ({"settles": 14}, "or 0d for at once, not 14."),
        ({"settles": "-1d"}, "not '-1d'."),
        ({"settles": "99999d"}, "not '99999d'."),
        ({"settles": "2 months"}, "not '2 months'."),
        ({"stays_while": "otherwise"}, "stays_while must say when somebody stays"),
        ({"when": "otherwise", "stays_while": "has(order)"}, "matches everyone (otherwise), so stays_while changes"),
    ],
)
def test_what_a_stage_may_not_say_is_named(stage: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as refused:
        read({"id": "m", "stages": [{"id": "a", "when": "has(order)", **stage}]})
    assert message in refused.value.say("en")
    assert "(a)" in refused.value.say("zh_Hans")


def test_a_stay_rule_of_the_model_or_with_a_mistake_is_refused() -> None:
    stages = [{"id": "a", "when": "has(order)"}]
    with pytest.raises(ModelError, match="stays_while belongs to a stage"):
        read({"id": "m", "stages": stages, "stays_while": "has(order)"})
    with pytest.raises(RuleError) as refused:
        read({"id": "m", "stages": [{**stages[0], "stays_while": "days_since(ordr) < 3"}]})
    assert refused.value.where == "model m, stage 1 (a)"


def test_the_kinds_of_a_stay_rule_are_read_needed_and_bring_customers_in() -> None:
    model = read(
        {"id": "m", "stages": [{"id": "a", "when": "has(order)", "stays_while": "has(view)", "settles": "2W"}]}
    )
    assert (model.entry_kinds, model.needs, model.stages[0].settles) == (("order", "view"), ("order", "view"), 14)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('in_stage("b")', "in_stage(\"b\") names 'b', which is not a stage of this model. Try: a."),
        ('previous_stage() = "x"', "names 'x', which is not a stage of this model"),
        ('not previous_stage() in ("a", "y")', "names 'y', which is not a stage of this model"),
        ("days_in_stage() > typical_gap(order)", "mixes where the customer was with something else"),
        ("previous_stage() = previous_stage()", "mixes where the customer was with something else"),
        ('in_stage("a") for 14d', "mixes where the customer was with something else"),
        ('ever(in_stage("a") and has(order))', "mixes where the customer was with something else"),
    ],
)
def test_what_a_rule_may_not_ask_about_the_stage_is_named(rule: str, message: str) -> None:
    with pytest.raises(ModelError) as refused:
        read({"id": "m", "stages": [{"id": "a", "when": f"has(order) or {rule}"}]})
    assert message in refused.value.say("en")


def test_values_of_the_stage_before_stand_in_the_reason() -> None:
    stages = [
        {"id": "back", "when": 'days_since(order) < 9 and (in_stage("silent", "back") or previous_stage() = "back")'},
        {"id": "long", "when": 'in_stage("active", "long") and days_in_stage() in (5, 6)'},
        ACTIVE,
        SILENT,
    ]  # fmt: skip
    given, model = orders(0, 30), read(mapping(stages))
    rows = spans_of(given, model, as_of=day(32)).to_pylist()
    assert [(row["stage"], (row["entered_on"] - FIRST).days) for row in rows] == [
        ("active", 0), ("long", 5), ("active", 6), ("long", 11), ("silent", 12), ("back", 30),
    ]  # fmt: skip
    assert "days_in_stage() = 5" in rows[1]["because"]
    assert 'in_stage("silent", "back") = yes, previous_stage() = long' in rows[-1]["because"]
    explained = explain(given, model, "ann", day(31))
    assert [each.holds for each in explained.evaluations] == [True, False, True, False]
    values = {str(read.measure): read.value for each in explained.evaluations for read in each.values}
    assert values['in_stage("silent", "back")'] is True
    assert (values["previous_stage()"], values["days_in_stage()"]) == ("silent", 1.0)


# Explaining


def test_an_explanation_says_who_stays_and_what_is_waited_for() -> None:
    model = read(
        mapping(
            [
                {**ACTIVE, "stays_while": "days_since(order) <= 20"},
                {**SILENT, "settles": "14d"},
            ]
        )
    )
    staying = explain(orders(0), model, "ann", day(15))
    first = staying.evaluations[0]
    assert (staying.stage, first.holds, first.stays, first.taken) == ("active", False, True, True)
    assert staying.waiting is None
    waiting = explain(orders(0), model, "ann", day(22))
    assert (waiting.stage, [each.taken for each in waiting.evaluations]) == ("active", [False, True])
    assert waiting.waiting == Waiting("silent", 14, day(21), day(35))
    sentence = "silent has held since 31 Jan 2024; enters on 14 Feb 2024 unless it stops holding."
    assert waiting.waiting.say(model) == sentence
    differs = waiting.why_not_by_rules(model)
    assert differs is not None
    assert differs.render("en") == f"Still active. {sentence}"
    assert staying.why_not_by_rules(model) is None
    with speaking("zh_Hans"):
        assert waiting.waiting.say(model) == "自2024年1月31日起符合“silent”；若持续符合，将于2024年2月14日进入。"
    assert explain(orders(0), model, "ann", day(35)).waiting is None
    assert explain(orders(0), model, "ann", day(5)).waiting is None


def test_an_explanation_says_when_a_stage_will_stop_before_it_is_entered() -> None:
    model = read(
        mapping([{"id": "new", "when": "count(order) >= 2 and days_since(order) < 5", "settles": "9d"}, SILENT])
    )
    explained = explain(orders(0, 3), model, "ann", day(4))
    assert (explained.stage, explained.waiting) == ("silent", Waiting("new", 9))
    assert explained.waiting is not None
    assert "will stop before it has held for the 9 days" in explained.waiting.say(model)


def test_an_explanation_says_when_somebody_waits_to_be_in_no_stage() -> None:
    model = read(mapping([dict(ACTIVE)], settles="14d"))
    waiting = explain(orders(0), model, "ann", day(12)).waiting
    assert waiting == Waiting(None, 14, day(11), day(25))
    assert waiting is not None
    assert waiting.say(model) == "No stage has held since 21 Jan 2024; leaves on 4 Feb 2024 unless one holds before."
