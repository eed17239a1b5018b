"""The made-up businesses: always the same, and every customer does what their story says."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tenure.practices import b2b, subscription
from tenure.practices.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tenure.practices.journal import Journal, Story

Rows = list[dict[str, Any]]
JOURNALS = {
    "b2b": (b2b.b2b_journal, b2b.STORIES),
    "subscription": (subscription.subscription_journal, subscription.STORIES),
}


class Truth:
    """A journal's stories, and what its tables say of each customer."""

    def __init__(self, journal: Journal) -> None:
        self.last = journal.last
        self.stories: dict[str, list[Story]] = defaultdict(list)
        for story in journal.stories:
            self.stories[story.name].append(story)
        self._rows: dict[tuple[str, str], Rows] = defaultdict(list)
        for table, rows in journal.tables.items():
            for row in sorted(rows, key=lambda row: row.get("time", "")):
                day = date.fromisoformat(row["time"][:10]) if "time" in row else None
                self._rows[table, row["customer_id"]].append({**row, "day": day})

    def of(self, table: str, story: Story) -> Rows:
        return self._rows[table, story.customer_id]

    def sum(self, table: str, story: Story, column: str, first: int, last: int) -> float:
        """Sum a column over the rows from so many to so many days before the last day."""
        low, high = (self.last - timedelta(days=days) for days in (first, last))
        return sum(row[column] for row in self.of(table, story) if low < row["day"] <= high and row[column] > 0)

    def orders(self, story: Story) -> list[float]:
        """Return the amounts of the customer's orders, without what was sent back."""
        return [row["amount"] for row in self.of("orders", story) if row["amount"] > 0]

    def each(self, name: str) -> Iterator[Story]:
        assert self.stories[name], name
        yield from self.stories[name]


@pytest.fixture(scope="module")
def companies() -> Truth:
    return Truth(b2b.b2b_journal())


@pytest.fixture(scope="module")
def members() -> Truth:
    return Truth(subscription.subscription_journal(400))


@pytest.mark.parametrize("make", [make for make, _ in JOURNALS.values()], ids=list(JOURNALS))
def test_the_same_seed_gives_the_same_business_and_another_one_gives_another(make: Callable[..., Journal]) -> None:
    first, again, other = make(40), make(40), make(40, seed=1)
    assert (first.tables, first.stories) == (again.tables, again.stories)
    assert first.tables["orders"] != other.tables["orders"]


@pytest.mark.parametrize("name", JOURNALS)
def test_everybody_has_one_story_in_the_declared_proportions(name: str) -> None:
    make, stories = JOURNALS[name]
    journal = make(100)
    assert [story.customer_id for story in journal.stories] == [
        row["customer_id"] for row in journal.tables["customers"]
    ]
    assert sum(share for share, _ in stories.values()) == pytest.approx(1)
    for story, (share, _) in stories.items():
        assert sum(row.name == story for row in journal.stories) == round(share * 100)


@pytest.mark.parametrize("name", JOURNALS)
def test_nothing_happens_after_the_last_day_and_truth_is_in_no_file(name: str, tmp_path: Path) -> None:
    journal = JOURNALS[name][0](40)
    assert max(row["time"] for rows in journal.tables.values() for row in rows if "time" in row)[:10] <= str(
        journal.last
    )
    assert all(day <= journal.last for story in journal.stories for day in story.days.values())
    assert SAMPLES[name].as_of == journal.last
    for path in journal.write(tmp_path).values():
        assert "story" not in path.read_text("utf-8").splitlines()[0]


# Companies ------------------------------------------------------------------------------------------------------------


def test_a_gradual_decline_takes_a_third_a_year_while_the_total_stays(companies: Truth) -> None:
    for story in companies.each("gradual decline"):
        monthly = companies.orders(story)
        ours = sum(monthly[-12:]) / sum(monthly[-24:-12])
        theirs = companies.sum("volumes", story, "volume", 365, 0) / companies.sum("volumes", story, "volume", 730, 365)
        assert ours == pytest.approx(0.97**12, abs=0.08)
        assert theirs == pytest.approx(1, abs=0.03)


def test_where_the_industry_declines_the_total_falls_as_much_as_our_part(companies: Truth) -> None:
    for story in companies.each("decline with the industry"):
        monthly = companies.orders(story)
        theirs = companies.sum("volumes", story, "volume", 365, 0) / companies.sum("volumes", story, "volume", 730, 365)
        assert theirs == pytest.approx(0.97**12, abs=0.03)
        assert sum(monthly[-12:]) / sum(monthly[-24:-12]) == pytest.approx(theirs, abs=0.08)


def test_a_sharp_decline_is_sudden_and_the_total_stays(companies: Truth) -> None:
    for story in companies.each("sharp decline"):
        turned = (companies.last - story.days["turned"]).days
        before = companies.sum("orders", story, "amount", turned + 180, turned) / 180
        after = companies.sum("orders", story, "amount", turned - 15, 0) / (turned - 15)
        assert after < 0.6 * before
        totals = [companies.sum("volumes", story, "volume", days + 365, days) for days in (0, 365)]
        assert totals[0] == pytest.approx(totals[1], rel=0.03)


def test_a_decline_of_unknown_cause_has_no_total(companies: Truth) -> None:
    assert not any(companies.of("volumes", story) for story in companies.each("decline of unknown cause"))


@pytest.mark.parametrize(
    ("name", "receivable", "payable"),
    [("ended, settled", False, False), ("ended, owing", True, False), ("ended, owed", False, True)],
)
def test_balances_say_how_the_business_ended(companies: Truth, name: str, receivable: bool, payable: bool) -> None:
    for story in companies.each(name):
        balance = companies.of("balances", story)[-1]
        assert companies.of("orders", story)[-1]["day"] < companies.last - timedelta(days=365)
        assert balance["day"] > story.days["last_order"]
        assert (balance["receivable"] > 0, balance["payable"] > 0) == (receivable, payable)


def test_a_balance_from_before_the_last_order_says_nothing_of_it(companies: Truth) -> None:
    for story in companies.each("ended, balance from before"):
        balance = companies.of("balances", story)[-1]
        assert (balance["receivable"], balance["payable"]) == (0, 0)
        assert balance["day"] < story.days["last_order"]


def test_whoever_was_won_back_was_away_for_half_a_year(companies: Truth) -> None:
    for story in companies.each("won back"):
        days = [row["day"] for row in companies.of("orders", story) if row["amount"] > 0]
        assert max(later - earlier for earlier, later in pairwise(days)) >= timedelta(days=180)
        assert days[-1] > companies.last - timedelta(days=45)


def test_few_large_orders_bring_more_than_many_small_ones(companies: Truth) -> None:
    def year(story: Story) -> float:
        return companies.sum("orders", story, "amount", 365, 0)

    steady = sorted(map(year, companies.each("steady")))
    for story in companies.each("few large orders"):
        assert len(companies.orders(story)) <= 9
        assert len(companies.of("contracts", story)) >= 2
    assert sorted(map(year, companies.each("few large orders")))[4] > steady[len(steady) // 2]


def test_the_dissatisfied_buy_on_while_their_complaint_is_open(companies: Truth) -> None:
    for story in companies.each("dissatisfied"):
        assert companies.of("orders", story)[-1]["day"] > companies.last - timedelta(days=45)
        assert companies.of("cases", story)[-1]["event"] == "opened"
        assert companies.of("cases", story)[-1]["severity"] == "high"
        assert "termination_notice" in {row["kind"] for row in companies.of("interactions", story)}


def test_the_costly_bring_less_than_they_take(companies: Truth) -> None:
    for story in companies.each("costly"):
        profit = sum(row["amount"] - row["cost"] for row in companies.of("orders", story))
        assert profit < sum(row["cost"] for row in companies.of("costs", story))


def test_companies_order_on_working_days_and_statements_come_by_month_quarter_and_year(companies: Truth) -> None:
    everybody = [story for stories in companies.stories.values() for story in stories]
    orders = [row for story in everybody for row in companies.of("orders", story) if row["amount"] > 0]
    assert all(row["day"].weekday() < 5 for row in orders)
    volumes = [row for story in everybody for row in companies.of("volumes", story)]
    assert {round((row["day"] - row["period_start"]).days / 30.4) for row in volumes} == {1, 3, 12}


# Members --------------------------------------------------------------------------------------------------------------


def _ends(rows: Rows) -> date:
    return max(row["ends_at"] for row in rows if row["event"] != "cancelled")


def test_some_pay_and_learn_without_a_single_order(members: Truth) -> None:
    for story in members.each("invoiced elsewhere"):
        assert not members.of("orders", story)
        assert _ends(members.of("contracts", story)) >= members.last
        assert "cancelled" not in {row["event"] for row in members.of("contracts", story)}
        assert members.of("interactions", story)[-1]["day"] > members.last - timedelta(days=30)


def test_whoever_runs_to_the_end_has_cancelled_and_is_still_a_member(members: Truth) -> None:
    for story in members.each("runs to the end"):
        cancelled = members.of("contracts", story)[-1]
        assert (cancelled["event"], cancelled["day"]) == ("cancelled", story.days["cancelled"])
        assert cancelled["ends_at"] == _ends(members.of("contracts", story)) > members.last


def test_of_two_contracts_only_one_was_cancelled(members: Truth) -> None:
    for story in members.each("two contracts"):
        rows = members.of("contracts", story)
        assert len({row["contract_id"] for row in rows}) == 2
        (cancelled,) = (row["contract_id"] for row in rows if row["event"] == "cancelled")
        assert _ends([row for row in rows if row["contract_id"] != cancelled]) >= members.last


def test_whoever_did_not_renew_never_cancelled(members: Truth) -> None:
    for story in members.each("not renewed"):
        assert [row["event"] for row in members.of("contracts", story)] == ["started"]
        assert _ends(members.of("contracts", story)) == story.days["ended"] < members.last


def test_whoever_was_won_back_signed_again_after_cancelling(members: Truth) -> None:
    for story in members.each("won back"):
        rows = members.of("contracts", story)
        assert story.days["cancelled"] < story.days["won_back"]
        assert not [row for row in rows if story.days["cancelled"] < row["day"] < story.days["won_back"]]
        assert _ends(rows) >= members.last


def test_whoever_fades_pays_on_and_learns_less_and_less(members: Truth) -> None:
    for story in members.each("fading"):
        learnt = [row["day"] for row in members.of("interactions", story) if row["kind"] in ("use", "login", "lesson")]
        turned = story.days["turned"]
        before = sum(turned - timedelta(days=90) < day <= turned for day in learnt)
        assert sum(day > members.last - timedelta(days=60) for day in learnt) / 60 < 0.7 * before / 90
        assert members.of("orders", story)[-1]["day"] > members.last - timedelta(days=32)


def test_who_grows_changes_to_a_dearer_plan_twice(members: Truth) -> None:
    for story in members.each("growing"):
        plans = [
            row["product_id"] for row in members.of("order_lines", story) if row["product_id"] in subscription.PLANS
        ]
        assert list(dict.fromkeys(plans)) == list(subscription.PLANS)
        assert sum(row["kind"] == "upgrade" for row in members.of("interactions", story)) == 2


def test_members_learn_most_at_the_weekend_and_in_the_holidays(members: Truth) -> None:
    lessons = [row["day"] for story in members.each("yearly") for row in members.of("interactions", story)
               if row["kind"] == "lesson" and row["day"].year == 2025]  # fmt: skip
    weekend = sum(day.weekday() >= 5 for day in lessons) / 2
    assert weekend > 1.5 * (len(lessons) - 2 * weekend) / 5
    assert sum(day.month in (7, 8) for day in lessons) > 1.2 * sum(day.month in (1, 2) for day in lessons)
