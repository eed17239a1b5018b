"""RFM, tiers, ABC, the top fifth and loyalty: every customer's group is the one that counting by hand gives."""

from __future__ import annotations

import itertools
import json
import math
import random
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tenure.scorecard.model import Context
from tenure.stats.record import Fit
from tenure.value import ranking
from tenure.value.groups import classify, groups
from tenure.value.notebook import rank
from tenure.value.ranking import Ranking
from value.ranking_shop import AS_OF, TZ, Clerk, shop

MODEL = Ranking()

SEEDS = range(6)


def ranked(seed: int) -> tuple[Clerk, dict[str, dict[str, object]]]:
    orders, costs = shop(seed)
    table = rank(pa.Table.from_pylist(orders), pa.Table.from_pylist(costs), as_of=AS_OF, tz=TZ)
    return Clerk(orders, costs), {row["customer_id"]: row for row in table.to_pylist()}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_figures_are_those_counted_by_hand(seed: int) -> None:
    clerk, rows = ranked(seed)
    assert sorted(rows) == clerk.everybody
    for who, row in rows.items():
        assert row["deals"] == len(clerk.days.get(who, []))
        assert row["first_month"] == (clerk.first[who].strftime("%Y-%m") if who in clerk.first else None)
        assert row["profit"] == clerk.profit(who)
        assert row["break_even_on"] == clerk.break_even(who)


@pytest.mark.parametrize("seed", SEEDS)
def test_rfm_scores_are_fifths_of_the_buyers(seed: int) -> None:
    clerk, rows = ranked(seed)
    deals = {who: len(clerk.days[who]) for who in clerk.buyers}
    silent = {who: (AS_OF - max(clerk.days[who])).days for who in clerk.buyers}
    net = {who: clerk.net(who) for who in clerk.buyers}
    size = len(clerk.buyers)
    for who in clerk.buyers:
        fewer = sum(deal < deals[who] for deal in deals.values())
        later = sum(one < silent[who] for one in silent.values())
        less = sum(one < net[who] for one in net.values())
        wanted = (5 - 5 * later // size, 1 + 5 * fewer // size, 1 + 5 * less // size)
        assert (rows[who]["rfm_r"], rows[who]["rfm_f"], rows[who]["rfm_m"]) == wanted
        assert rows[who]["rfm"] == "".join(map(str, wanted))
    nobody = [who for who in clerk.everybody if who not in clerk.days]
    assert nobody
    assert {rows[who][name] for who in nobody for name in ("rfm", "rfm_r", "rfm_group", "tier", "abc_sales")} == {None}


def test_every_score_belongs_to_exactly_one_named_group() -> None:
    scores = np.array(list(itertools.product(range(1, 6), repeat=3)), dtype=float)
    measures = dict(zip("rfm", scores.T, strict=True))
    fresh, known = (classify("rfm", {**measures, "first_within": np.full(125, days)}) for days in (0.0, 400.0))
    assert None not in {*fresh.tolist(), *known.tolist()}
    assert {*fresh.tolist(), *known.tolist()} == {group.id for group in groups("rfm")}
    named = {tuple(int(one) for one in score): group for score, group in zip(scores, known, strict=True)}
    assert named[5, 5, 5] == named[4, 4, 4] == "champions"
    assert named[5, 5, 1] == "loyal"
    assert named[1, 5, 5] == "cannot-lose"
    assert named[1, 1, 1] == "lost"
    assert named[5, 1, 3] == "promising"  # seldom, but not new: the first order was long ago
    assert set(fresh[(scores[:, 0] >= 4) & (scores[:, 1] == 1)].tolist()) == {"new"}


def test_equal_customers_have_equal_scores_whatever_the_order_of_the_rows() -> None:
    values = np.array([7.0, 1, 1, 1, 1, 1, 1, 2, 2, 30])
    scores = ranking.score_from_below(values, ranking.cuts(values))
    assert scores.tolist() == [5, 1, 1, 1, 1, 1, 1, 4, 4, 5]
    shuffled = np.random.default_rng(3).permutation(10)
    assert ranking.cuts(values[shuffled]) == ranking.cuts(values)
    everybody_came_today = np.zeros(10)
    assert set(ranking.score_from_above(everybody_came_today, ranking.cuts(everybody_came_today)).tolist()) == {5}


@pytest.mark.parametrize("seed", SEEDS)
def test_one_customer_scored_alone_gets_what_everybody_got(seed: int) -> None:
    orders, costs = shop(seed)
    table = rank(pa.Table.from_pylist(orders), pa.Table.from_pylist(costs), as_of=AS_OF, tz=TZ)
    context = Context(AS_OF, TZ)
    fits = {fit.part: Fit.from_json(fit.to_json()) for fit in MODEL.fit(table, context)}  # as read back from the lake
    for at in range(len(table)):
        alone = MODEL.score(table.slice(at, 1), fits, context).columns.to_pylist()[0]
        assert alone == table.slice(at, 1).select(MODEL.schema.names).to_pylist()[0]


def test_a_shop_with_fewer_than_five_buyers_gets_no_bounds_and_a_reason() -> None:
    orders = pa.Table.from_pylist([{"customer_id": who, "at": "2024-06-01", "amount": 5.0} for who in "abcd"])
    table = rank(orders, as_of=AS_OF)
    (fit,) = MODEL.fit(table, Context(AS_OF))
    assert (fit.verdict, fit.usable) == ("too-little-data", False)
    assert [(gate.name, gate.needed, gate.found) for gate in fit.gates] == [("buyers", 5, 4)]
    assert table.column("rfm").null_count == 4
    assert table.column("loyalty").to_pylist() == ["new"] * 4  # follows from their own orders


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("column", "value"), [("abc_sales", "net"), ("abc_profit", "profit")])
def test_abc_classes_end_where_eighty_and_ninety_five_percent_are_reached(seed: int, column: str, value: str) -> None:
    clerk, rows = ranked(seed)
    worth = {who: getattr(clerk, value)(who) for who in clerk.buyers}
    total = sum((one for one in worth.values() if one > 0), Decimal(0))
    for who in clerk.buyers:
        above = sum((one for one in worth.values() if one > worth[who]), Decimal(0))
        wanted = "C"
        if worth[who] > 0:
            wanted = "A" if above < total * Decimal("0.8") else "B" if above < total * Decimal("0.95") else "C"
        assert rows[who][column] == wanted


@pytest.mark.parametrize("seed", SEEDS)
def test_tiers_and_the_top_fifth_are_parts_of_the_buyers_by_sales(seed: int) -> None:
    clerk, rows = ranked(seed)
    ordered = sorted(clerk.buyers, key=lambda who: (-clerk.net(who), who))
    fifth = math.ceil(len(ordered) / 5)
    assert [who for who in ordered if rows[who]["top_fifth"]] == ordered[:fifth]
    half = math.ceil(len(ordered) / 2)
    high, middle = clerk.net(ordered[fifth - 1]), clerk.net(ordered[half - 1])
    for who in clerk.buyers:
        wanted = "high" if clerk.net(who) >= high else "middle" if clerk.net(who) >= middle else "low"
        assert rows[who]["tier"] == wanted


@pytest.mark.parametrize(
    ("deals", "silent", "wanted"),
    [
        (0, None, "prospect"), (1, 0, "new"), (1, 90, "new"), (1, 91, "lapsing"), (9, 180, "lapsing"),
        (9, 181, "lapsed"), (2, 5, "repeat"), (5, 5, "repeat"), (6, 90, "loyal"),
    ],
)  # fmt: skip
def test_loyalty_classes_follow_deals_and_silence(deals: int, silent: int | None, wanted: str) -> None:
    measures = {"deals": np.array([float(deals)]), "silent": np.array([np.nan if silent is None else float(silent)])}
    assert classify("loyalty", measures).tolist() == [wanted]


def test_an_old_customer_ordered_before_the_last_thirty_days_began() -> None:
    days = [AS_OF - timedelta(days=back) for back in (0, 29, 30, 300)]
    rows = [{"customer_id": str(n), "at": day.isoformat(), "amount": 1.0} for n, day in enumerate(days)]
    assert rank(pa.Table.from_pylist(rows), as_of=AS_OF).column("old_customer").to_pylist() == [
        False,
        False,
        True,
        True,
    ]


def test_named_groups_speak_both_languages_and_tiers_carry_their_policy() -> None:
    for kind in ("rfm", "tiers", "loyalty", "stickiness"):
        for group in groups(kind):
            assert group.name.zh and group.name.en and group.means.zh and group.means.en
    for tier in groups("tiers"):
        assert tier.policy.zh and tier.policy.en and "[S004]" in tier.source
    assert [tier.id for tier in groups("tiers")] == ["high", "middle", "low"]


def test_bounds_are_plain_numbers_that_survive_json() -> None:
    draw = random.Random(1)
    rows = [
        {"customer_id": f"{n}", "at": date(2024, 1, 1 + n % 28).isoformat(), "amount": draw.random() * 1e6}
        for n in range(200)
    ]
    (fit,) = MODEL.fit(rank(pa.Table.from_pylist(rows), as_of=AS_OF), Context(AS_OF))
    assert json.loads(json.dumps(fit.params)) == fit.params
