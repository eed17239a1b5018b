"""What may come at the caret: found by name or by what it is called, and leading to a rule that holds together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.settings import checks
from oracle.strategies import rules
from tenure.errors import RuleError
from tenure.facts.kinds import KINDS, Kind
from tenure.rules.syntax.completion import Completion, KnownNames, complete
from tenure.rules.syntax.parser import parse


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


def test_every_suggestion_for_an_empty_place_is_explained_in_both_languages() -> None:
    for text in ("", "count(", "count(order, ", "sum(order.", "days_since(order) ", "has(order) "):
        for language in ("zh_Hans", "en"):
            assert all(suggestion.meaning for suggestion in at_end(text, language).suggestions), (text, language)


@checks(300)
@given(st.data())
def test_no_half_written_rule_is_refused_and_replacements_stay_inside_the_text(data: st.DataObject) -> None:
    rule = data.draw(rules())
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
