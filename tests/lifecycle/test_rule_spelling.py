"""Numbers, units and words of other languages in a rule: what is suggested is right, or nothing is."""

from __future__ import annotations

import pytest

from tenure.errors import RuleError
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.parser import parse

# The rule, with what must be marked between ‹ and ›, and the suggestion: none where the value could be another one.
SUGGESTED = [
    ("sum(order.amount) > ‹¥5k›", "5000"),
    ("sum(order.amount) > ‹$0.5k›", "500"),
    ("sum(order.amount) > ‹.5k›", "500"),
    ("sum(order.amount) > ‹¥5千万元›", "50_000_000"),
    ("sum(order.amount) > ‹1,000k›", "1_000_000"),
    ("sum(order.amount) > ‹1,000元›", "1000"),
    ("sum(order.amount) > ‹€0,50›", "0.5"),
    ("sum(order.amount) > ‹€1.000,50›", "1000.5"),
    ("sum(order.amount) > ‹€1.500›", ""),
    ("sum(order.amount) > 1.500 ‹CNY›", ""),
    ("sum(order.amount) > ‹$5›M", ""),
    ("sum(order.amount) > ‹¥5› 万", ""),
    ("sum(order.amount) > ‹¥5›%", ""),
    ("sum(order.amount) > US‹$5›", ""),
    ("sum(order.amount) > 1 ‹000 €›", ""),
    ("sum(order.amount) > ‹1,2k›", ""),
    ("sum(order.amount) > ‹1.2.5k›", ""),
    ("sum(order.amount) > ‹1,000,000›", "1_000_000"),
    ("sum(order.amount) > ‹1,000,000 元›", "1_000_000"),
    ("sum(order.amount) > ‹1，234.5›", "1234.5"),
    ("sum(order.amount) > 1234‹,›567", ""),
    ("sum(order.amount) > 1‹,›000 k", ""),
    ("sum(order.amount) > ‹5M›", ""),
    ("sum(order.amount) > ‹2m›", ""),
    ("sum(order.amount) > 2 ‹m›", ""),
    ("sum(order.amount) > ‹5w›", ""),
    ("sum(order.amount) > 1.‹5y›", ""),
    ("sum(order.amount) > ‹5k› 且 has(view)", "5000"),
    ("days_since(order) > ‹45d›", "45"),
    ("days_since(order) > ‹2周›", "14"),
    ("has(order[month = ‹3月›])", ""),
    ("first(order).date > ‹2024年›", ""),
    ("count(order) in (500, ‹100元›)", "100"),
    ("count(order) in (500, ‹100 元›)", "100"),
    ("count(order) in (‹500,100元›)", ""),
    ("count(order) in (1,000 ‹元›)", ""),
    ("count(order) in (30, ‹90天›)", "90"),
    ("count(order[amount > 5, ‹90天›]) > 1", ""),
    ("has(order) for ‹2 周›", "2w"),
    ("has(order) for ‹2个月›", "60d"),
    ("has(order) for ‹2 fortnights›", ""),
    ("has(order) for ‹14› and has(view)", "14d"),
    ("has(view then order within ‹2 周›)", "2w"),
    ("count(order, last ‹3 周›) > 1", "3w"),
    ("count(order, last ‹90 天›) > 1", "90d"),
    ("count(order, last ‹1›,000) > 1", ""),
    ("count(order, last ‹5.5›) > 1", ""),
    ('attribute(city) in ("a", ‹null›)', ""),
    ('count(order[channel in ("a", ‹null›)]) > 1', ""),
    ("attribute(city) ‹!= null›", "is known"),
    ("attribute(city) > ‹null›", ""),
    ("attribute(city) is ‹null›", "unknown"),
    ("has(order[amount > ‹1,000›])", "1000"),
    ('has(order[amount > ‹1,000›, channel = "web"])', "1000"),
    ("has(order[amount > ‹500 元›])", "500"),
    ("(count(order) > ‹1,000›) and has(order)", "1000"),
    ("(count(order) > ‹1,5›) and has(order)", "1.5"),
    ("(sum(order.amount) > ‹500 元›) and has(order)", "500"),
    ("(days_since(order) > ‹3 个月›) and has(order)", "90"),
]


@pytest.mark.parametrize(("marked", "suggested"), SUGGESTED, ids=[marked for marked, _ in SUGGESTED])
def test_a_suggested_number_is_the_one_that_was_meant_or_there_is_none(marked: str, suggested: str) -> None:
    rule = marked.replace("‹", "").replace("›", "")
    with pytest.raises(RuleError) as refused:
        parse(rule)
    wrong = refused.value
    assert f"{rule[: wrong.start]}‹{rule[wrong.start : wrong.end]}›{rule[wrong.end :]}" == marked
    assert wrong.nearest == ((suggested,) if suggested else ())
    assert "%(" not in str(wrong)


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("default < 5k", "5k"),
        ("default < @", "@"),
        ("others + default < 5 default > 3", "default"),
        ("空 > 3 空", "空"),
    ],
)
def test_a_parameter_may_have_a_name_that_other_languages_have_for_a_word(rule: str, place: str) -> None:
    parameters = {name: Parameter(name, 5) for name in ("default", "others", "空")}
    with pytest.raises(RuleError) as refused:
        parse(rule, parameters=parameters)
    assert rule[refused.value.start : refused.value.end] == place
    assert "is not used in rules" not in str(refused.value)


def test_the_first_word_of_a_rule_is_not_blamed_for_a_sign_further_on() -> None:
    with pytest.raises(RuleError) as refused:
        parse("null(order) > @")
    assert refused.value.start == len("null(order) > ")
