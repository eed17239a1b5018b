"""The rule language as a user meets it: what can be written, and how a mistake is answered."""

from __future__ import annotations

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from oracle.settings import checks
from oracle.strategies import rules
from tenure.errors import RuleError
from tenure.rules.syntax.parser import parse
from tenure.words import speaking

# rule, the place the caret must mark, the first suggestion (None: none is expected)
MISTAKES = [
    ("days_sinc(order) <= 45", "days_sinc", "days_since"),
    ("days_since(ordr) <= 45", "ordr", "order"),
    ("count(order|ordr) > 1", "ordr", "order"),
    ("sum(order.amout) > 3", "amout", "amount"),
    ("sum(order) > 3", "order", "order.amount"),
    ("sum(order|view.amount) > 1", "amount", None),
    ("avg(case.amount) > 1", "amount", None),
    ("last(case) > 2", "last(case)", "last(case).kind"),
    ("count(order.amount) > 1", ".amount", None),
    ("count(order, last 90) > 1", "90", "90d"),
    ("count(order, last 0d) > 1", "0d", None),
    ("count(order, before 0d) > 1", "0d", None),
    ("count(order, frist 90d) > 1", "frist", None),
    ("typical_gap(order, last 90d) > 1", "last 90d", None),
    ("slope(order.amount, last 90d) > 0", ")", "last 88d"),
    ("slope(order.amount) > 0", ")", None),
    ("open(order) > 0", "order", "complaint"),
    ("days_since(order) = \"gold\"", "days_since(order)", None),
    ("has(order) > 1", "has(order)", None),
    ("has(order) is known", "has(order)", None),
    ("count(order)", "count(order)", "count(order) > 0"),
    ("count(order) is knwon", "knwon", "known"),
    ("count(order) > 1 nad count(view) > 1", "nad", "and"),
    ("count(order) >> 3", ">", None),
    ("1 < 2 < 3", "<", None),
    ("otherwise and count(order) > 1", "and", None),
    ("@count(order) > 1", "@", None),
    ("attribute() = 1", ")", None),
    ("balance(order) > 1", "order", None),
    ("days_since(order) * days_since(view) > 3", "days_since(order) * days_since(view)", None),
    ("days_since(order) / days_since(view) > 3", "days_since(order) / days_since(view)", None),
    ("(days_since(order) + 1) * (2 - days_since(order)) > 3", None, None),
    ("(count(order) > 1", None, None),
    ("count(order, last 90d", None, None),
    ("count(order) > \"a", "\"", None),
    ("days_since(order) <=", None, None),
    ("", None, None),
    ("   # only a comment", None, None),
    ("count(order) > 1 count(view) > 1", "count", None),
    ("sum(order.amount, last 90d, last 30d) > 1", "last 30d", None),
    ("sum(order.amount, before 90d, before 30d) > 1", "before 30d", None),
    ("count(order, view) > 1", "view", None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "place", "nearest"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_is_answered_with_its_place_its_cause_and_the_nearest_right_name(
    rule: str, place: str | None, nearest: str | None
) -> None:
    with pytest.raises(RuleError) as caught:
        parse(rule)
    wrong = caught.value
    assert wrong.rule == rule
    assert 0 <= wrong.start < wrong.end <= max(len(rule), wrong.start) + 1
    if place is not None:
        assert rule[wrong.start : wrong.end] == place
    if nearest is not None:
        assert wrong.nearest[0] == nearest
    for language in ("en", "zh_Hans"):
        with speaking(language):
            said = str(wrong)
        assert said.strip()
        assert "%(" not in said


@pytest.mark.parametrize(("rule", "place", "nearest"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_every_mistake_is_said_in_chinese_too(rule: str, place: str | None, nearest: str | None) -> None:
    with pytest.raises(RuleError) as caught:
        parse(rule)
    assert any("一" <= letter <= "鿿" for letter in caught.value.say("zh_Hans"))


SAME = [
    ("DAYS_SINCE(Order) <= 45 AND NOT HAS(VIEW)", "days_since(order) <= 45 and not has(view)"),
    ("days_since(order) ≤ 45", "days_since(order) <= 45"),
    ("days_since(order)<=45", "days_since(order) <= 45"),
    ("count(order) == 50%", "count(order) = 0.5"),
    ("count(order) <> 1_000", "count(order) != 1000"),
    ("count(order, before 90d, last 30d) > 0", "count(order, last 30d, before 90d) > 0"),
    ("count(order) > 1  # regulars\nand has(view)", "count(order) > 1 and has(view)"),
    ("((count(order))) > ((1))", "count(order) > 1"),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=[pair[0] for pair in SAME])
def test_the_same_rule_may_be_written_in_several_ways(one: str, other: str) -> None:
    assert str(parse(one)) == str(parse(other))


@seed(20261122)
@checks(150)
@given(rules())
def test_a_rule_read_back_from_its_tree_is_the_same_rule(text: str) -> None:
    tree = parse(text)
    assert str(parse(str(tree))) == str(tree)


_WORDS = ("and", "or", "not", "is", "known", "last", "before", "90d", "9", "order", "view", "count", "days_since",
          "otherwise", "amount", " ", "、", "\x00")  # fmt: skip
_PIECES = st.sampled_from((*"()|.,<>=+-*/\"'#%_", *_WORDS))


@seed(20261122)
@checks(200)
@given(
    st.one_of(
        st.text(max_size=60), st.lists(_PIECES, max_size=25).map("".join), st.lists(_PIECES, max_size=20).map(" ".join)
    )
)
def test_whatever_is_typed_is_a_rule_or_a_taught_mistake(text: str) -> None:
    try:
        parse(text)
    except RuleError as wrong:
        assert 0 <= wrong.start < wrong.end
        assert wrong.start <= len(text)
        assert str(wrong)
        assert wrong.picture()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "1 > 0" + ")" * 5_000,
        "not " * 5_000 + "has(order)",
        "-" * 5_000 + "1 > 0",
        " and ".join(["has(order)"] * 5_000),
        " + ".join(["1"] * 5_000) + " > 0",
        "9" * 5_000 + " > count(order)",
        "count(order, last " + "9" * 40 + "d) > 0",
    ],
    ids=["parentheses", "not", "minus", "and", "plus", "digits", "days"],
)
def test_a_monstrous_rule_is_a_rule_or_a_taught_mistake(text: str) -> None:
    try:
        str(parse(text))
    except RuleError as wrong:
        assert str(wrong)
