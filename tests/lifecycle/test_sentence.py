"""Rules read back: every construct of the language has a sentence in both languages that says what the rule says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rule_texts import rules_of_any_kind
from oracle.settings import checks
from oracle.strategies import rules
from tenure.facts.kinds import INTERACTIONS, KINDS, Kind
from tenure.facts.selection import CALENDAR_COLUMNS, columns_of_kind
from tenure.lifecycle.model_file import builtin
from tenure.rules.syntax import tree
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import measures_of
from tenure.rules.wording.sentence import measure_phrase, sentence
from tenure.rules.wording.vocabulary import KIND_NAMES, column_name, field_name, kind_name
from tenure.words import speaking

EXAMPLES = yaml.safe_load(Path(__file__).with_name("sentences.yaml").read_text("utf-8"))
SAID = [(example["rule"], example["zh"], example["en"]) for example in EXAMPLES]
RULES = [parse(rule) for rule, _zh, _en in SAID]
MEASURES_SAID = [measure for rule in RULES for measure in measures_of(rule)]


@pytest.mark.parametrize(("rule", "chinese", "english"), SAID, ids=[rule for rule, _zh, _en in SAID])
def test_a_rule_is_read_back_in_both_languages(rule: str, chinese: str, english: str) -> None:
    tree = parse(rule)
    assert sentence(tree, "zh_Hans") == chinese
    assert sentence(tree, "en") == english


def test_the_examples_speak_of_every_measure() -> None:
    parts = [part for rule in RULES for part in rule.walk()]
    spoken = {part.name for part in parts if isinstance(part, tree.Measure | tree.Population)}
    assert spoken | ({"ever"} if any(isinstance(part, tree.Ever) for part in parts) else set()) == set(MEASURES)


def test_the_examples_speak_of_every_column_condition_and_window() -> None:
    facts = [facts for measure in MEASURES_SAID for part in measure.facts for facts in part.all]
    conditions = [condition for part in facts for condition in part.where]
    assert {condition.operator for condition in conditions} == {
        *("<", "<=", "=", "!=", ">=", ">", "in", "not in", "on", "not on", "known", "unknown"),
    }
    assert {condition.column for condition in conditions} >= {*CALENDAR_COLUMNS}
    windows = {measure.window for measure in MEASURES_SAID}
    assert {window.unit for window in windows} == {"day", "week", "month", "quarter", "year", "fact"}
    columns = {column for kind in KINDS.values() for column in columns_of_kind(kind)}
    assert {column for column in columns if column_name(column, "en") == column_name(column, "zh_Hans")} == set()


def test_stages_and_models_go_by_their_names_where_they_are_given() -> None:
    names = {"": {"active": "活跃"}, "retail-activity": {"": "零售活跃度", "silent": "沉默"}}
    for rule, chinese in (
        ('in_stage("active", "lost")', "前一天处于“活跃”或“lost”阶段"),
        ('previous_stage() = "active"', "上一个阶段是“活跃”"),
        ('previous_stage() in ("active", "lost")', "上一个阶段是“活跃”或“lost”"),
        ('stage("retail-activity") = "silent"', "在模型“零售活跃度”中处于“沉默”阶段"),
        ('stage("retail-activity") != ""', "在模型“零售活跃度”中处于某个阶段"),
        ('not ever(stage("retail-activity") = "silent")', "从未符合“在模型‘零售活跃度’中处于‘沉默’阶段”"),
    ):
        assert sentence(parse(rule), "zh_Hans", names) == chinese


@checks(300)
@given(st.one_of(rules(), rules_of_any_kind()))
def test_any_rule_has_a_sentence_in_both_languages(rule: str) -> None:
    tree = parse(rule)
    chinese, english = sentence(tree, "zh_Hans"), sentence(tree, "en")
    assert re.search("[一-鿿]", chinese)
    assert not re.search("[一-鿿]", re.sub("“.*?”|‘.*?’", "", english))
    for text in (chinese, english):
        assert "None" not in text
        assert "{" not in text
        assert "  " not in text
    assert not re.search(r"(?<!\d),|[;()]", chinese), chinese  # Chinese marks in Chinese


def test_every_shipped_rule_is_read_back_without_a_bare_name() -> None:
    bare = re.compile(r"\b(" + "|".join([*MEASURES, *INTERACTIONS]) + r")\b")
    for model in builtin().values():
        for stage in model.stages:
            assert not bare.search(re.sub("“.*?”", "", sentence(stage.rule, "zh_Hans"))), (model.id, stage.id)


def test_every_kind_has_words_and_a_lakes_own_kind_keeps_its_name() -> None:
    assert set(KIND_NAMES) == set(KINDS)
    kinds = {**KINDS, "webinar": Kind("webinar", "interactions", "kind", ("webinar",), ("seconds",))}
    assert sentence(parse("count(webinar) > 2", kinds), "zh_Hans") == "累计“webinar”超过 2 次"
    assert sentence(parse("count(webinar) > 2", kinds), "en") == "there were more than 2 “webinar” so far"
    assert kind_name("complaint", "zh_Hans") == "投诉"
    assert kind_name("csat | nps | experience", "zh_Hans") == "满意度评分、NPS 评分或体验评分"
    assert kind_name("csat | nps | experience", "en") == "satisfaction score, NPS score or experience score"
    assert field_name(("view", "search"), "seconds", "zh_Hans") == "浏览或搜索时长（秒）"


def test_the_language_is_the_contexts_unless_told() -> None:
    rule = parse("has(order)")
    with speaking("zh-CN"):
        assert sentence(rule) == "有过下单"
        assert measure_phrase(measures_of(parse("count(order, last 90d) > 1"))[0]) == "过去 90 天的下单次数"
    with speaking("en"):
        assert sentence(rule) == "there was at least one order so far"
