"""Rules read back: every construct of the language has a sentence in both languages that says what the rule says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from oracle.settings import checks
from oracle.strategies import rules
from tenure.facts.kinds import INTERACTIONS, KINDS, Kind
from tenure.lifecycle.model_file import builtin
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import measures_of
from tenure.rules.wording.sentence import measure_phrase, sentence
from tenure.rules.wording.vocabulary import KIND_NAMES, field_name, kind_name
from tenure.words import speaking

# rule, Chinese, English
SAID = [
    ("days_since(order) <= 45", "最近一次下单在 45 天以内", "the last order was at most 45 days ago"),
    ("days_since(order) < 45", "距最近一次下单不到 45 天", "the last order was less than 45 days ago"),
    ("days_since(order) > 45", "距最近一次下单已超过 45 天", "the last order was more than 45 days ago"),
    ("days_since(order) >= 45", "距最近一次下单已满 45 天", "the last order was at least 45 days ago"),
    ("days_since(order) = 1", "距最近一次下单正好 1 天", "the last order was exactly 1 day ago"),
    ("days_since(order) != 7", "距最近一次下单不是 7 天", "the last order was not exactly 7 days ago"),
    ("days_since(order) = 0", "最近一次下单就在当天", "the last order was on that very day"),
    ("45 >= days_since(order)", "最近一次下单在 45 天以内", "the last order was at most 45 days ago"),
    ("not days_since(order) <= 45", "距最近一次下单已超过 45 天", "the last order was more than 45 days ago"),
    ("days_since_first(order) <= 30", "首次下单在 30 天以内", "the first order was at most 30 days ago"),
    (
        "days_since(order) > 2 * typical_gap(order)",
        "距最近一次下单的时间已超过该客户惯常下单间隔的 2 倍",
        "the time since the last order is more than 2 times this customer's usual time between orders",
    ),
    (
        "days_since(cancel) < days_since(order | start | renewal)",
        "最近一次解约晚于最近一次下单、签约或续约",
        "the last cancellation was later than the last order, contract start or renewal",
    ),
    ("days_since(order) is known", "有过下单", "there was at least one order so far"),
    ("days_since(order) is unknown", "从未下单", "there was no order so far"),
    ("count(order) = 0", "从未下单", "there was no order so far"),
    ("count(order) >= 1", "有过下单", "there was at least one order so far"),
    ("count(order) >= 3", "累计下单至少 3 次", "there were at least 3 orders so far"),
    ("count(order) = 1", "累计下单恰好 1 次", "there was exactly 1 order so far"),
    ("count(order, last 90d) = 0", "过去 90 天没有下单", "there was no order in the last 90 days"),
    ("count(order, last 90d) >= 2", "过去 90 天下单至少 2 次", "there were at least 2 orders in the last 90 days"),
    (
        "count(order, last 90d) < 0.5 * count(order, last 90d, before 90d)",
        "过去 90 天的下单次数不到此前 90 天的一半",
        "the number of orders in the last 90 days is less than half of that in the 90 days before",
    ),
    (
        "count(order, last 90d) < count(order, last 90d, before 90d)",
        "过去 90 天的下单次数少于此前 90 天",
        "the number of orders in the last 90 days is less than that in the 90 days before",
    ),
    (
        "count(view | search, last 30d) > 3",
        "过去 30 天浏览或搜索超过 3 次",
        "there were more than 3 views or searches in the last 30 days",
    ),
    (
        "count(order, last 30d, before 90d) > 1",
        "90 至 119 天前下单超过 1 次",
        "there was more than 1 order from 119 to 90 days ago",
    ),
    ("count(order, before 90d) >= 1", "90 天以前有过下单", "there was at least one order at least 90 days ago"),
    (
        "days(login, last 30d) >= 5",
        "过去 30 天有登录的天数至少 5 天",
        "there were logins on at least 5 different days in the last 30 days",
    ),
    ("sum(order.amount) >= 10_000", "累计订单金额不低于 10,000", "the total order value is at least 10,000"),
    (
        "sum(order.amount, last 90d) < 60% * sum(order.amount, last 90d, before 90d)",
        "过去 90 天的订单金额合计低于此前 90 天的 60%",
        "the total order value in the last 90 days is less than 60% of that in the 90 days before",
    ),
    (
        "sum(order.amount) - sum(cost.amount) > 0",
        "累计订单金额减去累计投入金额大于 0",
        "the total order value minus the total amount spent on the customer is more than 0",
    ),
    ("sum(order.amount, last 1d) > 0", "当天的订单金额合计高于 0", "the total order value on that day is more than 0"),
    ("avg(order.amount) >= 200", "平均订单金额不低于 200", "the average order value is at least 200"),
    (
        "avg(csat, last 180d) < 3",
        "过去 180 天满意度评分的平均值低于 3",
        "the average satisfaction score in the last 180 days is less than 3",
    ),
    ("max(order.amount) > 500", "最高订单金额高于 500", "the highest order value is more than 500"),
    ("min(csat) <= 2", "最低满意度评分不超过 2", "the lowest satisfaction score is at most 2"),
    (
        "last(nps, last 90d) > 8",
        "过去 90 天最近一次 NPS 评分高于 8",
        "the latest NPS score in the last 90 days is more than 8",
    ),
    (
        "last(csat) >= 4 and open(complaint) = 0",
        "最近一次满意度评分不低于 4，且没有未关闭的投诉",
        "the latest satisfaction score is at least 4, and there is no open complaint",
    ),
    (
        "open(complaint) > 0 or last(csat) < 3",
        "有未关闭的投诉，或最近一次满意度评分低于 3",
        "there is an open complaint, or the latest satisfaction score is less than 3",
    ),
    ("open(case) >= 2", "未关闭的服务工单数至少 2 件", "the number of open service cases is at least 2"),
    (
        "categories(line, last 180d) >= 2 and gap_variation(order) < 0.6",
        "过去 180 天购买的品类数至少 2 个，且下单间隔的波动系数低于 0.6",
        "the number of categories bought in the last 180 days is at least 2, "
        "and the irregularity of the time between orders is less than 0.6",
    ),
    ("categories(view) > 3", "累计浏览涉及的品类数超过 3 个", "the number of categories met in views is more than 3"),
    (
        "typical_gap(order) <= 30",
        "该客户惯常下单间隔不超过 30 天",
        "this customer's usual time between orders is at most 30 days",
    ),
    (
        "slope(order.amount, last 360d) < 0",
        "过去 360 天订单金额呈下降趋势",
        "the order value is falling over the last 360 days",
    ),
    (
        "slope(order, last 360d) < -10%",
        "过去 360 天下单次数平均每 90 天下降超过 10%",
        "the number of orders fell by more than 10% every 90 days in the last 360 days",
    ),
    ("balance() = 0", "往来款项已结清", "everything is settled on either side"),
    ("balance() > 0", "往来款项尚未结清", "something is still to be settled"),
    ("balance() <= 500", "待结清的往来余额不超过 500", "the amount still to be settled is at most 500"),
    ("has(enquiry, last 30d)", "过去 30 天有过咨询", "there was at least one enquiry in the last 30 days"),
    ("not has(enquiry, last 30d)", "过去 30 天没有咨询", "there was no enquiry in the last 30 days"),
    ("not has(order)", "从未下单", "there was no order so far"),
    ('attribute(level) = "gold"', "客户属性“level”是“gold”", "the attribute “level” is “gold”"),
    ('attribute(level) != "gold"', "客户属性“level”不是“gold”", "the attribute “level” is not “gold”"),
    ("attribute(level) is known", "填写了客户属性“level”", "the attribute “level” is filled in"),
    ("attribute(age) >= 18", "客户属性“age”不低于 18", "the attribute “age” is at least 18"),
    ("score(churn) > 0.7", "评分“churn”高于 0.7", "the score “churn” is more than 0.7"),
    (
        "avg(volume.amount, last 90d) is unknown",
        "过去 90 天自身总业务量的平均值未知",
        "the average business volume of their own in the last 90 days is unknown",
    ),
    (
        "not (has(order) and has(view))",
        "并非“有过下单，且有过浏览”",
        "it is not so that (there was at least one order so far, and there was at least one view so far)",
    ),
    (
        "count(order) = 1 and days_since(order) <= 30 or has(cart)",
        "（累计下单恰好 1 次，且最近一次下单在 30 天以内），或有过加购",
        "(there was exactly 1 order so far, and the last order was at most 30 days ago), "
        "or there was at least one addition to the cart so far",
    ),
    (
        "sum(order.amount) / count(order) > 100",
        "累计订单金额除以累计下单次数大于 100",
        "the total order value divided by the number of orders is more than 100",
    ),
    (
        "(count(order) + count(refund)) * 2 > 4",
        "（累计下单次数加上累计退款次数）乘以 2 大于 4",
        "(the number of orders plus the number of refunds) times 2 is more than 4",
    ),
    ("-count(order) < -3", "累计下单次数的相反数小于 -3", "minus the number of orders is less than -3"),
    ("otherwise", "以上条件都不符合", "none of the rules above holds"),
]


@pytest.mark.parametrize(("rule", "chinese", "english"), SAID, ids=[rule for rule, _zh, _en in SAID])
def test_a_rule_is_read_back_in_both_languages(rule: str, chinese: str, english: str) -> None:
    tree = parse(rule)
    assert sentence(tree, "zh_Hans") == chinese
    assert sentence(tree, "en") == english


def test_the_examples_speak_of_every_measure() -> None:
    spoken = {measure.name for rule, _zh, _en in SAID for measure in measures_of(parse(rule))}
    assert spoken == set(MEASURES)


@checks(300)
@given(rules())
def test_any_rule_has_a_sentence_in_both_languages(rule: str) -> None:
    tree = parse(rule)
    chinese, english = sentence(tree, "zh_Hans"), sentence(tree, "en")
    assert re.search("[一-鿿]", chinese)
    assert not re.search("[一-鿿]", english)
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
    assert field_name(("view", "search"), "seconds", "zh_Hans") == "浏览或搜索时长（秒）"


def test_the_language_is_the_contexts_unless_told() -> None:
    rule = parse("has(order)")
    with speaking("zh-CN"):
        assert sentence(rule) == "有过下单"
        assert measure_phrase(measures_of(parse("count(order, last 90d) > 1"))[0]) == "过去 90 天的下单次数"
    with speaking("en"):
        assert sentence(rule) == "there was at least one order so far"
