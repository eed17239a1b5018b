"""What may come at the caret: found by name or by what it is called, and leading to a rule that holds together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rule_texts import rules_of_any_kind
from oracle.settings import checks
from oracle.strategies import rules
from tenure.errors import RuleError
from tenure.facts.kinds import KINDS, Kind
from tenure.rules.syntax.completion import Completion, KnownNames, complete
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.parser import parse
from tenure.words import LocalizedText


def at_end(text: str, language: str = "en", **more: object) -> Completion:
    return complete(text, len(text), language=language, **more)  # type: ignore[arg-type]


def texts(text: str, **more: object) -> list[str]:
    return [suggestion.text for suggestion in at_end(text, **more).suggestions]  # type: ignore[arg-type]


def test_an_empty_rule_may_begin_with_any_measure_not_or_otherwise() -> None:
    first = texts("")
    assert first[0] == "days_since()"
    assert "not " in first
    assert first[-1] == "otherwise"
    assert "otherwise" not in texts("has(order) and ")


def test_the_beginning_of_a_name_comes_before_its_inside() -> None:
    assert texts("days_s")[:2] == ["days_since()", "days_since_first()"]
    assert texts("gap") == ["gap_variation()", "typical_gap()", "longest_gap()"]


def test_what_is_replaced_is_the_whole_word_around_the_caret() -> None:
    found = complete("days_since(ordxx) <= 3", 14, language="en")
    assert (found.start, found.end) == (11, 16)
    assert found.suggestions[0].text == "order"


def test_kinds_are_found_by_what_they_are_called() -> None:
    assert texts("count(投诉")[0] == "complaint"
    assert texts("count(enq")[0] == "enquiry"
    assert texts("下单")[:3] == ["days_since(order)", "count(order)", "has(order)"]
    assert at_end("下单", "zh_Hans").suggestions[0].meaning == "距最近一次下单的天数"


def test_only_kinds_that_fit_the_measure_are_offered() -> None:
    assert texts("open(") == ["case", "complaint"]
    assert "csat" not in texts("categories(")
    assert "complaint" not in texts("sum(")
    assert "webinar" in texts(
        "count(web", kinds={**KINDS, "webinar": Kind("webinar", "interactions", "kind", ("webinar",))}
    )


def test_after_a_kind_come_its_fields_windows_or_another_kind() -> None:
    assert texts("sum(order.") == ["amount", "cost"]
    assert texts("sum(order | refund.") == ["amount"]
    assert " | " in texts("count(order ")
    assert ", last 90d" in texts("count(order ")
    assert texts("count(order, ")[0] == "last 90d"
    assert texts("count(order, last 90d, ") == ["before 90d", "before 30d", "before 180d"]
    assert "90d" in texts("count(order, last ")
    assert texts("days_since(order, ") == []
    assert texts("slope(order, ") == ["last 360d", "last 180d"]


def test_signs_come_after_a_number_and_words_after_a_condition() -> None:
    assert texts("days_since(order) ")[:4] == ["<= ", "< ", ">= ", "> "]
    assert texts("days_since(order) <= 45 ")[:2] == ["and ", "or "]
    assert texts("has(order) ")[:2] == ["and ", "or "]
    assert texts("last(csat) is ") == ["known", "unknown"]


def test_a_mistake_in_one_condition_leaves_the_next_one_its_suggestions() -> None:
    assert texts("count(nonsense) > 3 and days_s")[0] == "days_since()"
    assert texts('3x > 1 or attribute("', names=KnownNames(["level"])) == []
    assert texts("has(order) <= 3 and count(order) ")[0] == "<= "


def test_names_of_attributes_are_those_of_the_lake() -> None:
    assert texts("attribute(", names=KnownNames(["city", "level"])) == ["city", "level"]
    assert texts("attribute(le", names=KnownNames(["city", "level"])) == ["level"]


def explained(text: str) -> dict[str, str]:
    return {suggestion.text: suggestion.meaning for suggestion in at_end(text, "zh_Hans", names=KNOWN).suggestions}


KNOWN = KnownNames(
    attributes=["city", "生日"],
    scores=["churn"],
    named_dates={"双十一": ["11-11"], "店庆": ["05-18"]},
    parameters={
        "silent_after": Parameter("silent_after", 45, "days", label=LocalizedText("活跃期的最长天数", "Longest")),
        "high": Parameter("high", 0.2),
    },
    stages={
        "": {"": "本模型", "active": "活跃", "lost": "流失"},
        "retail-activity": {"": "零售活跃度", "silent": "沉默"},
    },
    values=lambda table, column: {("orders", "channel"): ("app", "门店")}.get((table, column), ()),
)


def test_brackets_open_after_a_kind_and_offer_its_columns() -> None:
    brackets = next(each for each in at_end("count(order ").suggestions if each.text == "[]")
    assert brackets.caret == -1
    columns = explained("count(order[")
    assert columns["channel "] == "渠道"
    assert columns["weekday "] == "星期"
    assert {"amount ", "store ", "on ", "not on "} <= set(columns)
    assert "severity " not in columns
    assert texts("count(order[ch") == ["channel "]


def test_a_column_is_compared_by_what_fits_it() -> None:
    assert texts("count(order[channel ")[:4] == ["= ", "!= ", "in ()", "not in ()"]
    assert "<= " not in texts("count(order[channel ")
    assert "<= " in texts("count(order[amount ")
    assert texts("count(order[store is ") == ["known", "unknown"]
    assert texts("count(order[amount > 5 ") == ["]", ", "]


def test_values_are_those_of_the_lake() -> None:
    assert texts("count(order[channel = ", names=KNOWN) == ['"app"', '"门店"']
    assert texts('count(order[channel in ("app", ', names=KNOWN) == ['"app"', '"门店"']
    assert texts('count(order[channel = "a', names=KNOWN) == ['"app"']
    assert texts("first(order).channel = ", names=KNOWN)[:2] == ['"app"', '"门店"']
    assert explained("count(order[weekday = ")["6"] == "周六"
    assert "silent_after" in texts("count(order[amount > ", names=KNOWN)


def test_a_text_is_replaced_with_its_quotation_marks() -> None:
    text = 'count(order[channel = "ap"]) > 3'
    found = complete(text, text.index("ap") + 2, language="en", names=KNOWN)
    assert text[found.start : found.end] == '"ap"'
    assert [suggestion.text for suggestion in found.suggestions] == ['"app"']


def test_windows_are_days_calendar_periods_and_facts() -> None:
    windows = explained("count(order, ")
    assert windows["last 3 months"] == "最近 3 个完整月"
    assert windows["last 3 facts"] == "最近 3 次下单中"
    assert windows["this month"] == "当月"
    assert windows["same month last year"] == "去年同月"
    assert "before 3 months" in texts("count(order, last 3 months, ")
    assert "before 90d" not in texts("count(order, last 3 months, ")
    assert texts("count(order, this ") == ["week", "month", "quarter", "year"]
    assert "90d last year" in texts("count(order, same ")
    assert texts("count(order, same 90d ") == ["last year"]
    assert explained("count(order, last 3 ")["orders"] == "下单"
    assert texts("count(order, last 3 mo")[0] == "months"


def test_then_within_and_for_take_days() -> None:
    assert "then " in texts("has(view ")
    assert "order" in texts("has(view then ")
    assert "within " in texts("has(view then order ")
    assert texts("has(view then order within ", names=KNOWN) == ["silent_after", "30d", "14d", "7d", "90d"]
    assert "for " in texts("has(order) ")
    assert texts("has(order) for ") == ["30d", "14d", "7d", "90d"]


def test_names_of_the_model_and_the_shop_are_offered_where_they_belong() -> None:
    assert explained("stage(") == {'"retail-activity"': "零售活跃度"}
    assert explained("in_stage(") == {'"active"': "活跃", '"lost"': "流失"}
    assert explained('in_stage("lo') == {'"lost"': "流失"}
    assert texts('stage("retail-activity") = ', names=KNOWN)[0] == '"silent"'
    assert texts("previous_stage() = ", names=KNOWN)[:2] == ['"active"', '"lost"']
    assert texts("days_until(", names=KNOWN) == ["contract", "city", "生日", '"双十一"', '"店庆"']
    assert texts("count(order[on ", names=KNOWN) == ['"双十一"', '"店庆"']
    assert texts("score(", names=KNOWN) == ["churn"]
    assert texts("average(count(order), by ", names=KNOWN) == ["city", "生日"]
    assert explained("days_since(order) <= ")["silent_after"] == "活跃期的最长天数 = 45d"
    assert "silent_after" in texts("count(order, last ", names=KNOWN)
    assert "high" not in texts("count(order, last ", names=KNOWN)


def test_columns_come_after_a_single_fact() -> None:
    assert ".channel" in texts("first(order)")
    assert "channel" in texts("first(order).")
    assert explained("last(case).")["severity"] == "严重程度"
    assert texts("distinct(order.ch") == ["channel"]
    assert texts("running(") == ["contract"]
    assert texts("days_until(contract.") == ["ends_at"]


def test_every_suggestion_for_an_empty_place_is_explained_in_both_languages() -> None:
    for text in (
        *(
            "",
            "count(",
            "count(order, ",
            "sum(order.",
            "days_since(order) ",
            "has(order) ",
            "has(view ",
            "has(order) for ",
        ),
        *(
            "count(order[",
            "count(order[channel ",
            "count(order[weekday = ",
            "count(order[on ",
            "count(order[amount > 1 ",
        ),
        *("count(order, last ", "count(order, last 3 ", "count(order, this ", "count(order, same ", "first(order)."),
        *("stage(", "in_stage(", "days_until(", "score(", "average(count(order) ", "attribute("),
    ):
        for language in ("zh_Hans", "en"):
            suggestions = at_end(text, language, names=KNOWN).suggestions
            assert all(suggestion.meaning for suggestion in suggestions), (text, language)


@checks(300)
@given(st.data())
def test_no_half_written_rule_is_refused_and_replacements_stay_inside_the_text(data: st.DataObject) -> None:
    rule = data.draw(st.one_of(rules(), rules_of_any_kind()))
    caret = data.draw(st.integers(0, len(rule)))
    found = complete(rule[:caret] + data.draw(st.sampled_from(["", " ", "(", "x", "最", '"', "#"])), caret)
    assert 0 <= found.start <= caret <= found.end


@pytest.mark.parametrize("start", ["", "has(order) and ", "not "])
def test_following_the_first_suggestion_leads_to_a_rule_that_can_be_understood(start: str) -> None:
    text, caret = start, len(start)
    for typed in ("count", "ord", "", "3"):
        text = text[:caret] + typed + text[caret:]
        caret += len(typed)
        if typed.isdigit():
            break
        found = complete(text, caret, language="en")
        one = next(
            suggestion for suggestion in found.suggestions if suggestion.what != "window" and suggestion.text != " | "
        )
        text = text[: found.start] + one.text + text[found.end :]
        caret = found.start + len(one.text) + one.caret
        if typed == "ord":
            caret = len(text)
    try:
        parse(text)
    except RuleError as wrong:
        pytest.fail(f"{text}: {wrong}")
