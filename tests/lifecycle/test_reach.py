"""Stages that facts cannot reach: never one in which somebody is, and the reason names what is missing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from lifecycle.models.small_people import AS_OF, Case, cases, record, tables
from tenure.clock import day_number
from tenure.facts.blocks import block_of
from tenure.facts.frames import completed
from tenure.facts.kinds import KINDS
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import builtin, read
from tenure.lifecycle.reach import ZERO_WITHOUT_FACTS, FactsAtHand, unreachable
from tenure.lifecycle.remarks import remarks
from tenure.lifecycle.spans import spans_of, streams_of
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.syntax.measures import MEASURES, Signature
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import measures_of

if TYPE_CHECKING:
    from pathlib import Path

    from tenure.facts.kinds import Kind

ORDERS = frozenset({"order"})


def out_of_reach(
    rule: str, *, kinds: frozenset[str] = ORDERS, empty: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """Return what is missing for a stage `a` of this rule and a stage `b` for all others."""
    stages = [{"id": "a", "when": rule, "without_facts": True}, {"id": "b", "when": "otherwise"}]
    facts = FactsAtHand(kinds, records=True, has_value=lambda _table, column: column not in empty)
    gone = unreachable(read({"id": "m", "stages": stages}), facts)
    return {stage: (*item.kinds, *item.attributes) for stage, item in gone.items()}


@pytest.mark.parametrize(
    ("rule", "missing"),
    [
        ("has(order)", {}),
        ("has(share | review) or has(referral)", {"a": ("share", "review", "referral")}),
        ("has(order) and has(share) and (last(csat) >= 4 or last(csat) is unknown)", {"a": ("share",)}),
        ("has(share) and has(review)", {"a": ("share", "review")}),
        ("not has(share)", {"b": ("share",)}),
        ("count(view) = 0", {"b": ("view",)}),
        ("count(view) in (1, 2)", {"a": ("view",)}),
        ("count(view) not in (1, 2)", {"b": ("view",)}),
        ("days_since(view) > 30", {"a": ("view",)}),
        ("days_since(view) > 30 for 14d", {"a": ("view",)}),
        ("ever(count(view) >= 2)", {"a": ("view",)}),
        ("last(csat) < 3 or days_since(order) > 90", {}),
        ("last(csat) is unknown", {"b": ("csat",)}),
        ("sum(refund.amount) / sum(order.amount) > 0.1", {"a": ("refund",)}),
        ("sum(order.amount) + sum(refund.amount) > 100", {}),
        ("count(view) * count(order) > 0", {"a": ("view",)}),
        ("count(order) / count(view) > 1", {"a": ("view",)}),
        ("balance() = 0", {"a": ("balance",)}),
        ("running(contract)", {"a": ("contract",)}),
        ("not running(contract)", {"b": ("contract",)}),
        ("has(view then order within 30d)", {"a": ("view",)}),
        ('attribute(role) = "internal"', {"a": ("role",)}),
        ("attribute(name) is known", {}),
        ("days_until(birthday) <= 7", {"a": ("birthday",)}),
        ("percentile(avg(csat)) > 0.9", {"a": ("csat",)}),
        ("percentile(sum(order.amount)) > 0.9", {}),
    ],
)
def test_what_is_missing_for_a_rule(rule: str, missing: dict[str, tuple[str, ...]]) -> None:
    assert out_of_reach(rule) == missing


@pytest.mark.parametrize(
    ("rule", "missing"),
    [
        ('has(order[channel = "web"])', {"a": ("order.channel",)}),
        ('count(order[channel != "web"]) = 0', {"b": ("order.channel",)}),
        ("has(order[channel is unknown])", {}),
        ("has(order[weekday = 1])", {}),
        ('first(order).channel = "web"', {"a": ("order.channel",)}),
        ("distinct(order.channel) >= 1", {"a": ("order.channel",)}),
        ("sum(order.amount) - sum(order.cost) > 0", {}),
        ("avg(order.cost) > 0", {"a": ("order.cost",)}),
    ],
)
def test_what_a_column_without_values_means(rule: str, missing: dict[str, tuple[str, ...]]) -> None:
    assert out_of_reach(rule, empty=("channel", "cost")) == missing


def test_an_earlier_stage_that_takes_everybody_is_noticed() -> None:
    stages = [
        {"id": "buyer", "when": "has(order) and count(order, last 90d) >= 0 or has(share)"},
        {"id": "loyal", "when": "has(order) and count(order, last 90d) >= 0 and has(order, last 30d)"},
        {"id": "prospect", "when": "not has(order)"},
    ]
    model = read({"id": "m", "stages": stages, "enters": ["view"]})
    gone = unreachable(model, FactsAtHand(ORDERS))
    assert gone["loyal"].message.render("en") == (
        "Cannot be reached: everybody who could be here is in an earlier stage."
    )
    assert gone["prospect"].kinds == ("view",), "everybody came into the model by an order"
    assert set(unreachable(model, FactsAtHand(ORDERS | {"view"}))) == {"loyal"}


def test_a_model_into_which_nothing_brings_customers_says_so(tmp_path: Path) -> None:
    stages = [{"id": "here", "when": 'attribute(city) = "x"'}, {"id": "else", "when": "otherwise"}]
    model = read({"id": "m", "stages": stages})
    gone = unreachable(model, FactsAtHand(ORDERS, frozenset({"city"}), records=True))
    assert {item.not_entered for item in gone.values()} == {"nothing"}
    assert gone["else"].message.render("en").startswith("Cannot be reached: nothing brings customers into this model.")
    assert [remark.render("en").partition(":")[0] for remark in remarks(model)] == ["Nobody is in this model"]
    by_record = read({"id": "m", "stages": [stages[0], stages[1] | {"without_facts": True}]})
    assert unreachable(by_record, FactsAtHand(ORDERS))["else"].attributes == ("city",)
    anybody = read({"id": "m", "stages": [{"id": "all", "when": "otherwise", "without_facts": True}]})
    assert unreachable(anybody, FactsAtHand(ORDERS))["all"].not_entered == "records"
    assert remarks(anybody) == []
    assert not unreachable(by_record, FactsAtHand(ORDERS, frozenset({"city"}), records=True))
    assert remarks(by_record) == []
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    assert [remark.render("en") for remark in remarks(by_record, lake)] == [
        "No customer has a value for attribute(city)."
    ]
    people = pa.table({"customer_id": ["b"], "attributes": ['{"ciyt": "x"}']})
    lake.write("customers", completed("customers", people))
    (typo,) = remarks(by_record, lake)
    assert typo.render("en") == "No customer has a value for attribute(city). Did you mean ciyt?"


def test_a_long_list_of_values_is_looked_at_quickly() -> None:
    cities = ", ".join(f'"c{number}"' for number in range(60))
    rules = (f"attribute(city) in ({cities})", " or ".join(f'attribute(city) = "c{number}"' for number in range(60)))
    for rule in rules:
        assert out_of_reach(rule) == {"a": ("city",)}


def kinds_in(facts: dict[str, pa.Table]) -> frozenset[str]:
    """Return the kinds of which there is a fact."""

    def is_there(kind: Kind) -> bool:
        rows = facts[kind.table].to_pylist() if kind.table in facts else []
        return any(
            (not kind.column or row[kind.column] in kind.values)
            and (not kind.present or row[kind.present])
            and row[kind.who]
            for row in rows
        )

    return frozenset(name for name, kind in KINDS.items() if is_there(kind))


@pytest.mark.parametrize("case", cases(), ids=str)
def test_nobody_is_in_a_stage_that_is_called_out_of_reach(case: Case) -> None:
    facts, records, model = tables(case.facts), record(case.facts), builtin()[case.model]
    attributes = frozenset((case.facts.get("record") or {}).get("attributes", {}))
    gone = unreachable(model, FactsAtHand(kinds_in(facts), attributes, records is not None))
    spans = spans_of(facts, model, as_of=AS_OF, tz="UTC", customers=records).to_pylist()
    assert not {span["stage"] for span in spans if not span["passed_through"]} & set(gone)


@pytest.mark.parametrize(
    "signature", [item for item in MEASURES.values() if "order" in item.example or "csat" in item.example]
)
def test_a_measure_without_facts_is_what_the_kernel_makes_of_it(signature: Signature) -> None:
    written = signature.example.replace("order", "view").replace(".amount", ".seconds").replace("csat", "nps")
    written = written.replace("line", "view")
    rule = written if signature.returns == "truth" or "=" in written else f"{written} is known"
    measures = [item for item in measures_of(parse(rule)) if item.name == signature.name]
    model = read({"id": "m", "stages": [{"id": "a", "when": rule}], "enters": ["cost"]})
    facts = {"costs": completed("costs", pa.table({"customer_id": ["x"], "at": [date(2024, 1, 1)], "amount": [1.0]}))}
    block = block_of(streams_of(facts, [model], KINDS), tz="UTC", last_day=day_number(date(2024, 6, 1)))
    for measure in measures:
        values = EvaluationContext(block).steps(measure)
        known = values.known is None or bool(values.known[-1])
        assert known == (measure.name in ZERO_WITHOUT_FACTS or measure.returns == "truth"), written
        assert not known or float(values.values[-1]) == 0


def test_the_reason_speaks_the_readers_language_and_a_lake_says_what_it_holds(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    orders = pa.table({"customer_id": ["a"], "at": [date(2024, 1, 1)], "amount": [9.0]})
    lake.append_facts("orders", completed("orders", orders))
    gone = unreachable(builtin()["saas-6"], FactsAtHand.of(lake))
    assert gone["loyalty"].message.render("en") == (
        "Cannot be reached: your facts contain no shares, reviews, referrals or orders by people they referred."
    )
    assert gone["loyalty"].message.render("zh_Hans") == "无法到达：数据里没有分享、评价、推荐他人或推荐他人下单。"
    assert list(gone) == ["awareness", "consideration", "advocacy", "loyalty"], "in the order of life"
    people = pa.table({"customer_id": ["b"], "attributes": ['{"role": "internal"}']})
    lake.write("customers", completed("customers", people))
    assert "awareness" not in unreachable(builtin()["saas-6"], FactsAtHand.of(lake)), "a record brings customers in"
    assert not unreachable(builtin()["internal-external"], FactsAtHand.of(lake))
