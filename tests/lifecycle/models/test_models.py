"""The thirty built-in models: complete, in both languages, honest about what is ours, and in one crosswalk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from model_pages import crosswalk, pages, stages_of
from tenure.lifecycle.families import families, metrics_of, reactivations
from tenure.lifecycle.model import Model, Play, Stage
from tenure.lifecycle.model_file import builtin, builtin_texts
from tenure.rules.syntax.tree import ALWAYS, Measure, NumberLiteral
from tenure.rules.wording.sentence import sentence
from tenure.words import LocalizedText

STAGE_COUNTS = {
    "crm-5": 5,
    "value-5": 5,
    "satisfaction-4": 4,
    "seven-periods": 7,
    "first-contact-funnel": 4,
    "awareness-3": 3,
    "crm-4": 4,
    "saas-6": 6,
    "crm-span-3": 3,
    "telecom-5": 5,
    "inverted-u": 3,
    "relationship-4": 6,  # four, and two beyond them: settlement and termination
    "retail-activity": 4,
    "retail-value-path": 3,
    "chaoke-5": 5,
    "contact-span": 4,  # the two ends, and two between them
    "campaign-6": 6,
    "apparel-3": 3,
    "education-3": 3,
    "attract-retain-convert": 3,
    "customer-4": 4,
    "clm-4": 4,
    "ecommerce-5": 5,
    "ecommerce-journey": 6,
    "telecom-deck": 4,
    "bank-icbc": 4,
    "purchase-type": 3,
    "product-life-cycle": 4,
    "tiers-3": 3,
    "internal-external": 2,
}

#: No customer's life cycle and therefore in no family: a product's life, a classification by money, and one by role.
WITHOUT_FAMILY = {"product-life-cycle", "tiers-3", "internal-external"}
#: The crosswalk as the requirements give it: for each model, its stages by family.
CROSSWALK = {
    "crm-5": "F1 acquisition, F5 growth, F6 maturity, F8 decline, F10 churn",
    "value-5": "F1 potential, F4 new, F5 growing, F6 mature, F8 declining",
    "satisfaction-4": "F6 satisfied, F7 loyal, F8 dissatisfied, F10 lost",
    "seven-periods": ("F1 acquaintance, F2 evaluation, F3 decision, F4 activation, F5 growth, F6 stable, F9 dormant"),
    "first-contact-funnel": "F1 attract, F1 trust, F2 intent, F3 transaction",
    "awareness-3": "F1 awareness, F2 consideration, F3 decision",
    "crm-4": "F1 acquire, F3 convert, F6 retain, F7 loyalty",
    "saas-6": "F1 awareness, F2 consideration, F3 purchase, F6 retention, F7 advocacy, F7 loyalty",
    "crm-span-3": "F1 first-contact, F3 purchase-decision, F7 after-sales-loyalty",
    "telecom-5": "F1 acquisition, F5 uplift, F6 maturity, F8 decline, F10 off-net",
    "inverted-u": "F5 rising, F6 holding, F8 falling",
    "relationship-4": "F2 exploration, F5 formation, F6 stability, F8 degeneration, F10 settlement, F11 terminated",
    "retail-activity": "F6 active, F8 silent, F9 dormant, F10 lost",
    "retail-value-path": "F1 traffic-conversion, F5 basket-size, F6 stable-repeat",
    "chaoke-5": "F4 new, F7 loyal, F6 key-follow-up, F8 silent, F10 lost",
    "contact-span": "F1 first-contact, F6 in-business, F10 settlement, F11 ended",
    "campaign-6": "F1 awareness, F2 consideration, F3 purchase, F4 usage, F7 loyalty, F10 churn",
    "apparel-3": "F3 new, F6 active, F10 lost",
    "education-3": "F4 registered, F4 usage, F7 loyalty",
    "attract-retain-convert": "F1 attract, F3 convert, F6 retain",
    "customer-4": "F1 potential, F4 new, F6 active, F7 long-standing",
    "clm-4": "F1 acquisition, F5 development, F6 maintenance, F10 churn",
    "ecommerce-5": "F1 potential, F4 new, F6 mature, F8 degenerating, F10 lost",
    "ecommerce-journey": ("F1 first-contact, F3 conversion, F3 purchase, F7 loyalty, F7 referral, F7 advocate"),
    "telecom-deck": "F5 value-uplift, F6 loyalty, F7 word-of-mouth, F8 decline",
    "bank-icbc": "F1 acquisition, F5 development, F6 maintenance, F10 churn",
    "purchase-type": "F3 first, F6 repeat, F7 referral",
}

EVERY_MODEL = pytest.mark.parametrize("model", builtin().values(), ids=lambda model: model.id)
QUOTED = re.compile(r"「[^」]+」\[S00[0-4]\]")
DOCS = Path(__file__).parents[3] / "docs" / "models"


def test_there_are_exactly_the_thirty_models() -> None:
    assert set(builtin()) == set(STAGE_COUNTS)
    assert len(STAGE_COUNTS) == 30


@EVERY_MODEL
def test_it_has_as_many_stages_as_its_source_says(model: Model) -> None:
    assert len(model.stages) == STAGE_COUNTS[model.id]


@EVERY_MODEL
def test_it_is_said_in_both_languages(model: Model) -> None:
    for words in (model.name, model.summary, model.help):
        assert words.zh
        assert words.en
    assert bool(model.warns.zh) == bool(model.warns.en)
    for stage in model.stages:
        for words in (stage.name, stage.traits, stage.needs_text, stage.goal, *(play.words for play in plays(stage))):
            assert words.zh, f"{stage.id} has no Chinese"
            assert words.en, f"{stage.id} has no English"
        for words in (stage.assumption, *(cause.name for cause in stage.causes)):
            assert bool(words.zh) == bool(words.en), stage.id


@EVERY_MODEL
def test_chinese_and_english_do_not_mix(model: Model) -> None:
    for words in texts(model):
        assert not re.search(r"[一-鿿]", words.en), words.en
        assert not words.zh or re.search(r"[一-鿿]", words.zh), words.zh


@EVERY_MODEL
def test_chinese_is_plain_and_punctuated_as_chinese(model: Model) -> None:
    for words in texts(model):
        assert "您" not in words.zh, words.zh
        assert not re.search(r"[一-鿿][,;:!?()]|[,;:!?()][一-鿿]", words.zh), words.zh


@EVERY_MODEL
def test_no_two_stages_need_the_same(model: Model) -> None:
    for language in ("zh", "en"):
        needs = [getattr(stage.needs_text, language) for stage in model.stages]
        assert len(set(needs)) == len(needs)


@EVERY_MODEL
def test_help_says_whose_words_the_needs_are(model: Model) -> None:
    assert "需求" in model.help.zh or "需要" in model.help.zh
    assert "need" in model.help.en


@EVERY_MODEL
def test_every_stage_says_what_to_do_and_who_says_so(model: Model) -> None:
    for stage in model.stages:
        assert stage.advised, f"{stage.id} advises nothing"
        for play in plays(stage):
            assert QUOTED.fullmatch(play.source), f"{stage.id}/{play.id}: {play.source!r}"


@EVERY_MODEL
def test_it_names_its_sources_and_its_place_in_the_requirements(model: Model) -> None:
    assert re.fullmatch(r"M\d\d", model.checklist)
    assert model.sources
    for source in model.sources:
        assert re.fullmatch(r"S00[0-4]", source.ref)
        assert re.fullmatch(r"「[^」]+」", source.quote)


@EVERY_MODEL
def test_every_threshold_of_ours_is_called_an_assumption(model: Model) -> None:
    """A rule with a window or a number beyond none and one has a note that says where the number comes from."""
    given_by_the_source = {("value-5", "new"), ("purchase-type", "repeat")}
    for stage in model.stages:
        numbers = [node.value for node in stage.rule.walk() if isinstance(node, NumberLiteral)]
        windows = [node for node in stage.rule.walk() if isinstance(node, Measure) and node.window != ALWAYS]
        if (windows or set(numbers) - {0, 1}) and (model.id, stage.id) not in given_by_the_source:
            assert stage.assumption, f"{model.id}/{stage.id}: {stage.when}"


@EVERY_MODEL
def test_every_rule_can_be_read_back(model: Model) -> None:
    for stage in model.stages:
        assert sentence(stage.rule, "zh")
        assert sentence(stage.rule, "en")


@EVERY_MODEL
def test_it_needs_only_what_it_reads(model: Model) -> None:
    needed = {kind for need in model.needs for kind in need.split(" | ")}
    assert needed <= set(model.entry_kinds)
    assert not model.follows or model.follows in builtin()


@pytest.mark.parametrize("name", sorted(builtin_texts()))
def test_yaml_did_not_cut_a_text_at_a_comma(name: str) -> None:
    """``{zh: 好, en: Good, really}`` is three keys in YAML, the last of them empty."""

    def look(value: object, place: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                assert inner is not None, f"{place}/{key}"
                look(inner, f"{place}/{key}")
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                look(inner, f"{place}/{number}")

    look(yaml.safe_load(builtin_texts()[name]), name)


# The crosswalk


def test_the_crosswalk_is_that_of_the_requirements() -> None:
    ours = {
        model: {(place.family, place.stage.id) for place in crosswalk() if place.model.id == model}
        for model in CROSSWALK
    }
    theirs = {model: {tuple(one.split()) for one in line.split(", ")} for model, line in CROSSWALK.items()}
    assert ours == theirs


def test_every_stage_is_in_a_family_unless_its_model_is_no_customers_life() -> None:
    for model in builtin().values():
        for stage in model.stages:
            assert bool(stage.family) != (model.id in WITHOUT_FAMILY), f"{model.id}/{stage.id}"


def test_the_families_are_named_and_say_what_to_look_at() -> None:
    assert list(families()) == [f"F{n}" for n in range(1, 13)]
    for family in families().values():
        assert family.name.zh
        assert family.name.en
        assert family.metrics
        assert all(metric.zh and metric.en for metric in family.metrics)
        assert stages_of(family.id), f"no stage in {family.id}"


def test_a_stepwise_model_says_from_which_stages_each_can_be_entered() -> None:
    model = builtin()["relationship-4"]
    assert model.entered_from("stability")[0] == "formation"
    assert "exploration" not in model.entered_from("stability")
    assert model.entered_from("degeneration") == (), "a setback can be entered from any stage"
    assert builtin()["retail-activity"].entered_from("silent") == ()


def test_what_to_look_at_follows_the_family_or_the_overlay() -> None:
    silent, satisfied = builtin()["retail-activity"], builtin()["satisfaction-4"]
    assert metrics_of(silent, "F9") == families()["F9"].metrics
    assert metrics_of(satisfied, "F6") == families()["F12"].metrics
    assert metrics_of(builtin()["tiers-3"], "") == ()


def test_a_reactivation_leads_from_a_fallen_stage_to_an_active_one() -> None:
    assert reactivations(builtin()["retail-activity"]) == [
        ("silent", "active"),
        ("dormant", "active"),
        ("lost", "active"),
    ]
    assert not reactivations(builtin()["satisfaction-4"])


def test_satisfaction_lies_over_all_families() -> None:
    assert {place.model.id for place in stages_of("F12")} == {"satisfaction-4"}
    assert len(stages_of("F12")) == 4


@pytest.mark.parametrize(
    ("model", "zh", "en"),
    [
        ("crm-5", "CRM 理论", "CRM theory"),
        ("crm-5", "系统论", "systems theory"),
        ("value-5", "顾客价值理论", "customer value theory"),
        ("satisfaction-4", "服务质量理论", "service-quality theory"),
        ("seven-periods", "营销漏斗", "marketing funnel"),
        ("seven-periods", "系统论", "systems theory"),
        ("first-contact-funnel", "营销漏斗", "marketing funnel"),
    ],
)
def test_help_names_the_theory_that_the_model_rests_on(model: str, zh: str, en: str) -> None:
    assert zh in builtin()[model].help.zh
    assert en in builtin()[model].help.en


# The honesty of particular models


@pytest.mark.parametrize(
    ("model", "zh", "en"),
    [
        ("retail-activity", "沉默和流失没有数字", "no figures for silent and lost"),
        ("relationship-4", "只升到稳定期", "ending with stability"),
        ("relationship-4", "两种都支持", "here both are supported"),
        ("tiers-3", "“终端”", "“terminal”"),
        ("apparel-3", "购买前阶段", "pre-purchase stage"),
        ("crm-4", "同义词", "treat them as one"),
        ("chaoke-5", "没有给出任何数值", "gives no values"),
    ],
)
def test_help_says_where_the_source_is_silent_or_contradicts_itself(model: str, zh: str, en: str) -> None:
    assert zh in builtin()[model].help.zh
    assert en in builtin()[model].help.en


def test_seven_periods_says_that_the_last_five_are_ours() -> None:
    model = builtin()["seven-periods"]
    assert model.warns
    for stage in ("decision", "activation", "growth", "stable", "dormant"):
        assert model.stage(stage).assumption.zh.startswith("来源只有标题")
        assert "only the title" in model.stage(stage).assumption.en


def test_a20_the_three_stage_model_warns_that_nothing_follows_the_purchase() -> None:
    model = builtin()["awareness-3"]
    assert "post-purchase" in model.warns.en
    assert "售后" in model.warns.zh
    assert model.follows == "crm-5"


def test_the_bank_borrows_after_acquisition_and_says_so() -> None:
    model = builtin()["bank-icbc"]
    for stage in ("development", "maintenance", "churn"):
        assert "Borrowed" in model.stage(stage).assumption.en


def test_saas_puts_advocacy_before_loyalty() -> None:
    path = builtin()["saas-6"].path
    assert path.index("advocacy") < path.index("loyalty")


def test_active_customers_are_not_led_by_discounts_and_lost_ones_only_reached_at_the_anniversary() -> None:
    model = builtin()["retail-activity"]
    assert [play.id for play in model.stage("active").discouraged] == ["discount-led"]
    assert [play.id for play in model.stage("lost").discouraged] == ["outside-anniversary"]


# The pages


def test_the_committed_pages_are_those_of_the_models() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert committed == pages(), "run: python tools/model_pages.py"


def texts(model: Model) -> list[LocalizedText]:
    """Return everything a model says in running text, without the quotations of its sources."""
    words = [model.summary, model.help, model.warns]
    for stage in model.stages:
        words += [stage.traits, stage.needs_text, stage.goal, stage.assumption, *(play.words for play in plays(stage))]
    return words


def plays(stage: Stage) -> list[Play]:
    return [*stage.advised, *stage.discouraged]
