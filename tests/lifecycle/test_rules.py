"""The rule language as a user meets it: what can be written, and how a mistake is answered."""

from __future__ import annotations

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from lifecycle.rule_texts import rules_of_any_kind
from oracle.settings import checks
from oracle.strategies import rules
from tenure.errors import RuleError
from tenure.facts.kinds import KINDS
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import measures_of
from tenure.words import speaking

# rule, the place the caret must mark, the first suggestion (None: none is expected)
MISTAKES = [
    ("days_sinc(order) <= 45", "days_sinc", "days_since"),
    ("days_since(ordr) <= 45", "ordr", "order"),
    ("count(order|ordr) > 1", "ordr", "order"),
    ('categories(order[channel = "web"]) > 1', 'order[channel = "web"]', None),
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
    ("count(order, last 3m) > 1", "3m", "3 months"),
    ("count(order, last 3个月) > 1", "3个月", "3 months"),
    ("count(order, last 90天) > 1", "90天", "90d"),
    ("count(order, last 90 days) > 1", "90 days", "90d"),
    ("count(order, last month) > 1", "month", "1 month"),
    ("count(order, last 3 oders) > 1", "oders", "orders"),
    ("count(order, last 0 months) > 1", "0", None),
    ("count(order, this 3 months) > 1", "3", "week"),
    ("count(order, same 90d) > 1", ")", None),
    ("count(order, same 3 orders last year) > 1", "orders", None),
    ("count(order, last 3 orders, before 90d) > 0", "before 90d", None),
    ("count(order, last 3 months, before 90d) > 0", "before", None),
    ("slope(order, last 3 months) > 0", "3", None),
    ("slope(order, this month) > 0", ")", "last 360d"),
    ("count(order[channel = web]) > 1", "web", '"web"'),
    ("count(order[chanel = \"web\"]) > 1", "chanel", "channel"),
    ("count(order[channel > \"web\"]) > 1", ">", None),
    ("count(order[channel in \"web\"]) > 1", '"web"', '("web")'),
    ("count(order[channel = 5]) > 1", "5", None),
    ("count(order[channel is]) > 1", "]", None),
    ("count(order[channel not \"web\"]) > 1", '"web"', None),
    ("count(order[channel]) > 1", "]", None),
    ("count(order[amount]) > 1", "]", None),
    ("count(order[amount > \"500\"]) > 1", '"500"', None),
    ("count(order[weekday = 0]) > 1", "0", None),
    ("count(order[hour in (9, 24)]) > 1", ")", None),
    ("count(order[date > \"11-11\"]) > 1", '"11-11"', None),
    ("count(order[date > 5]) > 1", "5", None),
    ("count(order[channel = \"web\" and amount > 5]) > 1", "and", ","),
    ("count(order[channel = \"web\" or amount > 5]) > 1", "or", None),
    ("count(order[channel = \"web\") > 1", ")", None),
    ("count(order[on \"店庆\"]) > 1", '"店庆"', '"双十一"'),
    ("days_until(\"双十二\") < 3", '"双十二"', '"双十一"'),
    ("days_until(contract) < 3", ")", None),
    ("days_until(order.date) < 3", "order", "contract"),
    ("sum(order.amount | refund.amount) > 3", ".amount |", None),
    ("has(view then order)", ")", None),
    ("has(view then order within 30)", "30", "30d"),
    ("count(order).channel = \"web\"", ".channel", None),
    ("first(order) = 1", "first(order)", "first(order).amount"),
    ("first(order).channel, last 90d = \"web\"", "first(order).channel, last 90d", "first(order, last 90d).channel"),
    ("count(order) this month > 1", "count(order) this month", "count(order, this month)"),
    ("last(order.amount).channel = \"web\"", ".channel", None),
    ("nth(order).channel = \"web\"", ")", None),
    ("nth(order, 0).channel = \"web\"", "0", None),
    ("largest(order.amount) > 1", ")", None),
    ("distinct(order) > 1", "order", "order.amount"),
    ("first(order).date in (\"2024-11-11\")", "first(order).date", None),
    ("first(order).date > \"11.11.2024\"", '"11.11.2024"', None),
    ("attribute(city) = 上海", "上海", '"上海"'),
    ("attribute(city) in \"上海\"", '"上海"', '("上海")'),
    ("count(order) in (1, \"a\")", "count(order)", None),
    ("previous_stage() in (1)", "previous_stage()", None),
    ("has(order) in (1)", "has(order)", None),
    ("stage(retail-activity) = \"active\"", "retail-activity", '"retail-activity"'),
    ("running(order)", "order", "contract"),
    ("running(cancel)", "cancel", "contract"),
    ("days_open(order) > 1", "order", "complaint"),
    ("open(view then complaint within 30d) > 0", "view", None),
    ("open(complaint then complaint within 30d) > 0", "then", None),
    ("running(contract then contract within 30d)", "then", None),
    ("days_until(contract then contract within 30d.ends_at) < 3", "then", None),
    ("categories(referred_buyer) > 1", "referred_buyer", "line"),
    ("days_since(order) > 45 for 14", "14", "14d"),
    ("days_since(order) > 45 for 2 weeks", "2 weeks", "2w"),
    ("count(order) for 14d", "count(order)", None),
    ("ever(count(order))", "count(order)", None),
    ("percentile(days_since(order)) > 0.5", "days_since(order)", None),
    ("percentile(count(order)) > 90", "90", "90%"),
    ("average(count(order), city) > 3", "city", None),
    ("has(order) && has(visit)", "&&", "and"),
    ("has(order) || has(visit)", "||", "or"),
    ("has(order) | has(visit)", "|", "or"),
    ("!has(order)", "!", "not"),
    ("has(order) 且 has(visit)", "且", "and"),
    ("(has(order) 或 has(visit))", "或", "or"),
    ("非 has(order)", "非", "not"),
    ("count(order) 大于 1", "大于", ">"),
    ("count(order) => 3", "=>", ">="),
    ("count(order) < = 3", "< =", "<="),
    ("days_since(order) ‹= 45天", "‹=", "<="),
    ("days_since(order) ≦ 45", "≦", "<="),
    ("days_since(order) <= 45天", "45天", "45"),
    ("days_since(order) <= 3 个月", "3 个月", "90"),
    ("count(order, 90天) > 1", "90天", "last 90d"),
    ("has(order) for 2周", "2周", "2w"),
    ("sum(order.amount) >= 1.5万", "1.5万", "15_000"),
    ("sum(order.amount) >= 3千元", "3千元", "3000"),
    ("sum(order.amount) >= €1,500", "€1,500", "1500"),
    ("sum(order.amount) >= 500 ￥", "500 ￥", "500"),
    ("sum(order.amount) >= 500 CNY", "500 CNY", "500"),
    ("sum(order.amount) >= 1,000", "1,000", "1000"),
    ("sum(order.amount) / count(order) > 0,5", "0,5", "0.5"),
    ("sum(order.amount) >= 1.000,50", "1.000,50", "1000.5"),
    ("sum(order.amount) >= 5e3", "5e3", "5000"),
    ("attribute(city) = 「上海」", "「上海」", '"上海"'),
    ("attribute(city) = null", "= null", "is unknown"),
    ("count(order) > −3", "−", "-"),
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


PARAMETERS = {"silent_after": Parameter("silent_after", 45, "days"), "high": Parameter("high", 0.2)}


def test_parameters_stand_for_their_values() -> None:
    rule = "count(order[amount > high], last silent_after) > 1 - high and has(order) for silent_after"
    plain = "count(order[amount > 0.2], last 45d) > 1 - 0.2 and has(order) for 45d"
    assert str(parse(rule, parameters=PARAMETERS)) == plain


@pytest.mark.parametrize(
    ("rule", "place", "nearest"),
    [
        ("days_since(order) <= silent_afte", "silent_afte", "silent_after"),
        ("count(order, last silent_afte) > 1", "silent_afte", "silent_after"),
        ("count(order, last high) > 1", "high", None),
        ("largest(order.amount, silent_afte) > 1", "silent_afte", "silent_after"),
        ("count(order[amount > silent_afte]) > 1", "silent_afte", "silent_after"),
        ("count(order) in (silent_afte)", "silent_afte", "silent_after"),
    ],
)
def test_a_wrong_parameter_is_answered(rule: str, place: str, nearest: str | None) -> None:
    with pytest.raises(RuleError) as caught:
        parse(rule, parameters=PARAMETERS)
    assert rule[caught.value.start : caught.value.end] == place
    assert caught.value.nearest[:1] == ((nearest,) if nearest else ())


def test_a_name_that_is_like_no_parameter_lists_them_all() -> None:
    with pytest.raises(RuleError, match=r"Parameters of the model: silent_after, high\.$"):
        parse("count(order) > least_visits", parameters=PARAMETERS)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("has(ordr)", "has(ordr)\n    ^^^^"),
        ("has(view)\nand has(ordr)\nor has(use)", "and has(ordr)\n        ^^^^"),
        ('attribute(city) = "上海" and has(ordr)', f'attribute(city) = "上海" and has(ordr)\n{" " * 33}^^^^'),
        ("has(order) and ", f"has(order) and \n{' ' * 15}^"),
    ],
)
def test_the_place_is_drawn_below_its_line(rule: str, expected: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(rule)
    assert caught.value.picture() == expected


@pytest.mark.parametrize("before", [0, 1, 7, 50, 200])
@pytest.mark.parametrize("after", [0, 1, 7, 50, 500])
def test_of_a_long_rule_the_part_around_the_place_is_drawn(before: int, after: int) -> None:
    with pytest.raises(RuleError) as caught:
        parse("has(order) and " * before + "has(ordr)" + " and has(order)" * after)
    for width in (30, 78):
        line, carets = caught.value.picture(width).split("\n")
        assert max(len(line), len(carets)) <= width
        if len(caught.value.rule) <= 4_000:
            assert line[carets.index("^") : len(carets)] == "ordr"


def test_spaces_without_width_are_spaces() -> None:
    assert str(parse("count(order)\u200b >\ufeff 3")) == "count(order) > 3"


def test_what_looks_like_a_unit_may_be_part_of_a_name() -> None:
    kinds = {**KINDS, "百货浏览": KINDS["view"]}
    assert str(parse("count(百货浏览, last 3 百货浏览) > 1", kinds)) == "count(百货浏览, last 3 facts) > 1"


def test_named_dates_are_those_of_the_shop() -> None:
    (measure,) = measures_of(parse('days_until("店庆") < 3', named_dates={"店庆": ["05-18"]}))
    assert measure.arguments == ("店庆", "05-18")
    for text in ('days_until("店庆") < 3', 'count(order[on "店庆"]) > 1'):
        assert str(parse(text, named_dates=None)) == text


SAME = [
    ("count(order, last 12W) > 1", "count(order, last 84d) > 1"),
    ("count(order, same month last year) > 1", "count(order, last 1 month, before 11 months) > 1"),
    ("count(order, same 3 months last year) > 1", "count(order, last 3 months, before 12 months) > 1"),
    ("avg(order.amount, last 3 orders) > 1", "avg(order.amount, last 3 facts) > 1"),
    ("count(order[store is not unknown]) > 1", "count(order[store is known]) > 1"),
    ("count(order[amount >= 1, amount >= 1]) > 1", "count(order[amount ≥ 1]) > 1"),
    ('first(order).date = "2024-01-05"', 'FIRST(ORDER).DATE == "2024-01-05"'),
    ("DAYS_SINCE(Order) <= 45 AND NOT HAS(VIEW)", "days_since(order) <= 45 and not has(view)"),
    ("days_since(order) ≤ 45", "days_since(order) <= 45"),
    ("days_since(order)<=45", "days_since(order) <= 45"),
    ("count(order) == 50%", "count(order) = 0.5"),
    ("count(order) <> 1_000", "count(order) != 1000"),
    ("count(order, before 90d, last 30d) > 0", "count(order, last 30d, before 90d) > 0"),
    ("count(order) > 1  # regulars\nand has(view)", "count(order) > 1 and has(view)"),
    ("((count(order))) > ((1))", "count(order) > 1"),
]


@pytest.mark.parametrize("number", ["12345.678", "123456.5", "0.1234567", "1234567.891", "5000", "0.1", "45"])
def test_the_text_of_a_rule_keeps_every_digit(number: str) -> None:
    assert str(parse(f"sum(order.amount) > {number}")) == f"sum(order.amount) > {number}"
    assert str(parse(f"sum(order.amount) in ({number})")) == f"sum(order.amount) in ({number})"


@pytest.mark.parametrize(("one", "other"), SAME, ids=[pair[0] for pair in SAME])
def test_the_same_rule_may_be_written_in_several_ways(one: str, other: str) -> None:
    assert str(parse(one)) == str(parse(other))


@seed(20261122)
@checks(150)
@given(st.one_of(rules(), rules_of_any_kind()))
def test_a_rule_read_back_from_its_tree_is_the_same_rule(text: str) -> None:
    tree = parse(text)
    again = parse(str(tree))
    assert again == tree
    assert str(again) == str(tree)


_WORDS = ("and", "or", "not", "is", "known", "last", "before", "90d", "9", "order", "view", "count", "days_since",
          "otherwise", "amount", " ", "、", "\x00", "[", "]", "in", "for", "this", "same", "then", "within", "month",
          "year", "first", "nth", "ever", "channel", "date", "on", "by", "percentile", '"web"', "14d", "0.5", "50%",
          "1_000", "&&", "且", "元", "万", "€", "天", "months", "CNY", "null", "5e99", "5e999", "‹", "：")  # fmt: skip
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
