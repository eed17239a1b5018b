"""A model file that breaks the schema is refused with its place and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.errors import ModelError, RuleError
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import read, read_in

HEAD = "id: shop\nstages:\n"
ACTIVE = "  - {id: active, when: days_since(order) <= 45}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: shop\nsince: 2024-13-45\n", "Invalid YAML: month must be in 1..12 on line ?."),
        ("id: [shop\n", "Invalid YAML: "),
        ("- shop\n- stages\n", "A model must be a mapping with id, name and stages."),
        ("id: shop\nstages: []\n", "model shop has no stages. Add at least one."),
        (f"stage: x\n{HEAD}{ACTIVE}", "model shop has an unknown key 'stage'. Did you mean stages?"),
        (f"{HEAD}  - active\n", "model shop, stage 1 must be a mapping with id and when."),
        (f"{HEAD}  - {{id: a b, when: otherwise}}\n", "model shop, stage 1: id must consist of letters"),
        (f"{HEAD}  - {{id: active}}\n", "model shop, stage 1 (active) has no rule"),
        (f"{HEAD}{ACTIVE}{ACTIVE}", "model shop has two stages with the id 'active'."),
        (f"{HEAD}  - {{id: all, when: otherwise}}\n{ACTIVE}", "model shop: stage 'all' matches everyone"),
        (f"path: [lost]\n{HEAD}{ACTIVE}", "model shop: path contains unknown or repeated stages: lost"),
        (f"path: 3\n{HEAD}{ACTIVE}", "model shop: path must be a list."),
        (f"path: true\n{HEAD}{ACTIVE}", "model shop: path must be a list."),
        (f"path: act, gone\n{HEAD}{ACTIVE}", "model shop: path must be a list."),
        (
            f'{HEAD}  - {{id: act, when: \'stage("product-life-cycle") != ""\'}}\n',
            "model shop cannot read the stage of 'product-life-cycle': one model is about customers, the other about",
        ),
        *(
            (
                f"{HEAD}  - {{id: act, when: '{rule}'}}\n",
                "model shop: 'actve' is not a stage of 'retail-activity'. Try: active.",
            )
            for rule in (
                'stage("retail-activity") = "actve"',
                'has(order) and "actve" != stage("retail-activity")',
                'not stage("retail-activity") in ("lost", "actve")',
            )
        ),
        (
            f"subject: product\n{HEAD}  - {{id: act, when: count(order) >= 1}}\n",
            "model shop: facts of kind order name no product, so a product model cannot use them. Try: line.",
        ),
        (
            f"subject: product\nenters: [view]\n{HEAD}  - {{id: act, when: count(line) >= 1}}\n",
            "model shop: facts of kind view name no product",
        ),
        (
            f"{HEAD}  - {{id: act, when: otherwise, causes: [{{id: c, when: 'in_stage(\"acct\")'}}]}}\n",
            "model shop: in_stage(\"acct\") names 'acct', which is not a stage of this model. Try: act.",
        ),
        (f"stepwise: 3\n{HEAD}{ACTIVE}", "model shop: stepwise must be true or false, not 3."),
        (f"enters: order\n{HEAD}{ACTIVE}", "model shop: enters must be a list."),
        (f"businesses: [retial]\n{HEAD}{ACTIVE}", "model shop: 'retial' is not a valid kind of business. Try: retail."),
        (f"businesses: retail\n{HEAD}{ACTIVE}", "model shop: businesses must be a list."),
        (f"businesses: [saas, saas]\n{HEAD}{ACTIVE}", "model shop: businesses names 'saas' twice. Remove one of them."),
        (f"subject: custmer\n{HEAD}{ACTIVE}", "model shop: 'custmer' is not a valid subject. Try: customer."),
        (f"name: {{fr: x}}\n{HEAD}{ACTIVE}", "model shop, name has an unknown key 'fr'. Did you mean "),
        (
            f"{HEAD}  - {{id: a, when: otherwise, advised: [{{id: x, text: y}}]}}\n",
            "model shop, stage 1 (a), advised has an unknown key 'text'. Did you mean ",
        ),
    ],
)
def test_what_breaks_the_schema_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ModelError) as refused:
        read(text)
    assert refused.value.say("en").startswith(message)


def test_an_error_in_a_rule_knows_its_model_and_stage() -> None:
    with pytest.raises(RuleError) as refused:
        read(f"{HEAD}  - {{id: active, when: days_sinc(order) <= 45}}\n")
    assert refused.value.where == "model shop, stage 1 (active)"
    assert refused.value.nearest[0] == "days_since"


def test_another_model_may_be_asked_for_any_of_its_stages_and_for_none() -> None:
    rule = 'stage("retail-activity") in ("active", "") or stage("retail-activity") = attribute(wish)'
    assert read(f"{HEAD}  - {{id: act, when: '{rule}'}}\n").others


def test_a_path_may_leave_stages_out() -> None:
    model = read(f"path: [lost]\n{HEAD}{ACTIVE}  - {{id: lost, when: otherwise}}\n")
    assert (model.path, model.named, model.ladder) == (("lost", "active"), 1, ("lost",))


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        (f"id: shop\nid: other\n{HEAD}{ACTIVE}", "id", (1, 2)),
        (f"{HEAD}  - id: active\n    when: has(order)\n    when: otherwise\n", "when", (4, 5)),
        (f"{HEAD}  - {{id: active, when: has(order), when: otherwise}}\n", "when", (3, 3)),
        (f"parameters:\n  days: 45d\n  least: 3\n  days: 20d\n{HEAD}{ACTIVE}", "days", (2, 4)),
        (f"{HEAD}{ACTIVE}path: [active]\nstages: []\n", "stages", (2, 5)),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(text: str, key: str, lines: tuple[int, int]) -> None:
    with pytest.raises(ModelError) as refused:
        read(text)
    first, second = lines
    message = f"Invalid YAML: '{key}' stands twice, on lines {first} and {second}. Remove one of them."
    assert refused.value.say("en") == message


def test_the_same_key_may_stand_in_different_stages() -> None:
    assert len(read(f"{HEAD}{ACTIVE}  - {{id: lost, when: otherwise}}\n").stages) == 2


LARGE = """id: by-amount
parameters:
  large_from: {value: 5000, unit: money, zh: 大客户的年消费, en: Yearly spending of a large customer}
  part: 20%
stages:
  - id: large
    when: sum(order.amount, last 364d) >= large_from
    traits: {zh: "一年消费 {large_from} 及以上，占 {part}", en: "Spends {large_from} or more a year, {part}"}
"""


@pytest.mark.parametrize(
    ("currency", "zh", "en"),
    [
        ("", "一年消费 5,000 及以上，占 20%", "Spends 5,000 or more a year, 20%"),
        ("CNY", "一年消费 ¥5,000 及以上，占 20%", "Spends ¥5,000 or more a year, 20%"),
        ("USD", "一年消费 $5,000 及以上，占 20%", "Spends $5,000 or more a year, 20%"),
    ],
)
def test_money_is_written_in_the_lakes_currency(currency: str, zh: str, en: str, tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC", currency=currency or "EUR")
    model = read_in(lake, LARGE) if currency else read(LARGE)
    traits = model.stages[0].traits
    assert (traits.zh, traits.en) == (zh, en)
    assert model.version == read(LARGE).version, "the rules are the same in every currency"


def test_money_with_cents_keeps_them(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC", currency="EUR")
    traits = read_in(lake, LARGE.replace("5000", "49.5")).stages[0].traits
    assert traits.en == "Spends €49.50 or more a year, 20%"
