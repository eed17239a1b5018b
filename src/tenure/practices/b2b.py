"""A business among businesses, made up: a maker of pumps and valves and the companies that buy from it.

Most companies state how much they buy from everybody, so that our part of it is known; balances say what is owed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tenure.practices.journal import Customer, Journal, journal_of, months_after

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIRST, LAST = date(2023, 7, 1), date(2026, 6, 30)
DAY = timedelta(days=1)
LENGTH = (LAST - FIRST).days
#: Product: category, price, first and last day on sale, and the growth of its sales a month.
PRODUCTS = {
    "球阀 Ball valve": ("阀门 Valves", 160, FIRST, LAST, 1.0),
    "闸阀 Gate valve": ("阀门 Valves", 240, FIRST, LAST, 1.0),
    "离心泵 Centrifugal pump": ("水泵 Pumps", 780, FIRST, LAST, 1.0),
    "潜水泵 Submersible pump": ("水泵 Pumps", 560, FIRST, LAST, 1.0),
    "变频泵 Inverter pump": ("水泵 Pumps", 950, date(2024, 9, 1), LAST, 1.08),
    "滤芯 Filter cartridge": ("滤材 Filters", 60, FIRST, LAST, 1.0),
    "袋式过滤器 Bag filter": ("滤材 Filters", 320, FIRST, LAST, 0.95),
    "机械压力表 Dial gauge": ("仪表 Gauges", 90, FIRST, date(2025, 11, 30), 0.96),
    "智能水表 Smart meter": ("仪表 Gauges", 420, LAST - timedelta(days=75), LAST, 1.0),
    "年度检修 Yearly overhaul": ("服务 Services", 500, FIRST, LAST, 1.0),
}
#: What is bought together.
KITS = (
    ("球阀 Ball valve", "闸阀 Gate valve", "机械压力表 Dial gauge"),
    ("离心泵 Centrifugal pump", "变频泵 Inverter pump", "滤芯 Filter cartridge", "年度检修 Yearly overhaul"),
    ("潜水泵 Submersible pump", "滤芯 Filter cartridge", "袋式过滤器 Bag filter", "智能水表 Smart meter"),
)
PLACES = (
    "花果山", "水帘洞", "蓬莱", "桃花源", "大观园", "高老庄", "女儿国", "火焰山", "流沙河", "通天河",
    "瑶池", "广寒宫", "龙宫", "灵山", "方寸山", "盘丝洞", "黑风山", "聚仙镇", "梁山泊", "稻香村",
)  # fmt: skip
INDUSTRIES = {
    "食品 Food": "食品", "化工 Chemistry": "化工", "水务 Water": "水务", "造纸 Paper": "纸业", "制药 Pharmacy": "制药",
    "建筑 Building": "建设", "纺织 Textiles": "纺织", "电子 Electronics": "电子",
}  # fmt: skip
REGIONS = ("华东 East", "华南 South", "华北 North", "西南 Southwest")
REPRESENTATIVES = ("销售一组 Sales A", "销售二组 Sales B", "销售三组 Sales C")
DEPARTMENTS = ("销售部", "设计部", "装配车间", "仓储部")
#: Building pauses about Spring Festival and hurries before the year ends.
SEASON = (0.92, 0.88, 1.03, 1.02, 1.02, 1.0, 1.0, 1.0, 1.02, 1.02, 1.05, 1.04)


class Company(Customer):
    """A company, or a department of our own."""

    letter = "B"

    def __init__(self, journal: Journal, number: int, story: str, seed: int, referrers: Sequence[str]) -> None:
        super().__init__(journal, number, story, seed, referrers)
        industry = list(INDUSTRIES)[number % 8]
        self.name = f"{PLACES[number // 8 % 20]}{INDUSTRIES[industry]}有限公司（示例）"
        self.attributes = {
            "industry": industry,
            "region": str(self.rng.choice(REGIONS)),
            "owner": str(self.rng.choice(REPRESENTATIVES)),
            "employees": int(self.rng.integers(2, 90)) * 10,
        }
        self.habit = {*KITS[self.rng.integers(0, len(KITS))], str(self.rng.choice(list(PRODUCTS)))}
        self.size = round(float(self.rng.lognormal(10.6, 0.5)), -2)  # what it orders from us a month
        self.number_of_orders = 0

    def meet(self, day: date) -> None:
        """Enter the books, with a first contact and a look at what we make."""
        self.describe(name=self.name, kind="company", created_on=day, **self.attributes)
        self.interact(day, "first_contact", channel="展会 Fair")
        self.look(self.after(day, 1, 10))

    def look(self, day: date) -> None:
        """Look at a product, or ask about it."""
        product = str(self.rng.choice(list(PRODUCTS)))
        kind = str(self.rng.choice(("view", "search", "enquiry")))
        self.interact(day, kind, channel="官网 Website", content_id=product, category=PRODUCTS[product][0])

    def begin(self, least: int = 0, most: int = 60) -> date:
        """Meet, ask, get a quote; return the day of the first order, so many days after the first day."""
        first = working_day(self.after(FIRST, least, most) + 40 * DAY)
        self.meet(first - 40 * DAY)
        self.interact(first - 25 * DAY, "enquiry", channel="电话 Phone")
        self.interact(first - 15 * DAY, "quote", channel="邮件 Email")
        self.interact(first - 6 * DAY, "negotiation", channel="拜访 Visit")
        return self.remember("first_order", first)

    def trade(self, first: date, last: date, every: int = 1, monthly: float = 1.0, *, margin: float = 0.34) -> date:
        """Order every so many months, changing by a factor a month; return the day of the last order."""
        ordered, number = first, 0
        while (day := months_after(first, number * every)) <= min(last, LAST):
            day = self.after(day, -3, 3) if number else day
            ordered = working_day(min(day, last))
            change = monthly ** (number * every) * SEASON[ordered.month - 1] * self.rng.lognormal(0, 0.05)
            self.order(ordered, self.size * every * change, margin)
            number += 1
        return ordered

    def order(self, day: date, amount: float, margin: float = 0.34) -> None:
        """Order the usual products for about so much, now and then another one; a few send something back."""
        weights = {
            name: growth ** ((day - FIRST).days / 30.4)
            for name, (_, _, first, last, growth) in PRODUCTS.items()
            if first <= day <= last and (name in self.habit or self.rng.random() < 0.1)
        }
        lines = []
        for name, weight in weights.items():
            category, price, *_ = PRODUCTS[name]
            quantity = max(1, round(amount * weight / sum(weights.values()) / price))
            lines.append((name, category, quantity, float(quantity * price)))
        total = sum(line[3] for line in lines)
        referred = not self.number_of_orders and self.story.name == "growing" and self.rng.random() < 0.4
        self.number_of_orders += 1
        self.sell(
            day, f"D{self.id[1:]}-{self.number_of_orders:03}", lines, cost=round(total * (1 - margin), 2),
            channel=self.rng.choice(("销售 Sales", "官网 Website")),
            referrer_id=self.rng.choice(self.referrers) if referred else "",
        )  # fmt: skip
        if self.rng.random() < 0.03:
            back = round(total * float(self.rng.uniform(0.05, 0.2)), 2)
            self.record("orders", self.after(day, 5, 20), order_id=f"R{self.id[1:]}-{self.number_of_orders:03}",
                        amount=-back, cost=round(-back * (1 - margin), 2), channel="退货 Return")  # fmt: skip

    def state_volume(self, first: date, last: date, every: int, monthly: float = 1.0, share: float = 0.4) -> None:
        """State how much the company buys from everybody, every so many months on the period's last day."""
        begins = date(first.year, (first.month - 1) // every * every + 1, 1)
        while (after := months_after(begins, every)) - DAY <= min(last, LAST):
            months = [months_after(begins, number) for number in range(every)]
            total = sum(
                self.size / share * monthly ** ((month - first).days / 30.4) * SEASON[month.month - 1]
                for month in months
            )
            total *= float(self.rng.lognormal(0, 0.01))
            self.record("volumes", after - DAY, period_start=begins, volume=round(total, 2))
            begins = after

    def owe(self, day: date, receivable: float, payable: float = 0) -> None:
        """State what the company owes us, and we the company."""
        self.record("balances", day, receivable=round(receivable, 2), payable=round(payable, 2))

    def state_balances(self, first: date, last: date) -> None:
        """State at the end of every quarter what is owed by either side."""
        month = date(first.year, (first.month - 1) // 3 * 3 + 1, 1)
        while (month := months_after(month, 3)) - DAY <= min(last, LAST):
            owed = self.size * float(self.rng.uniform(0.2, 1.1))
            self.owe(month - DAY, owed, self.size * 0.05 if self.rng.random() < 0.3 else 0)

    def attend(self, first: date, last: date, level: float) -> None:
        """Visit, call, serve and survey: what keeping a customer takes, at a level of satisfaction."""
        self.rate(first, last, level, every=150)
        day = self.after(first, 20, 60)
        while day <= last:
            if self.rng.random() < 0.4:
                self.interact(day, "visit", channel="拜访 Visit")
                self.record("costs", day, kind="拜访 Visit", cost=int(self.rng.integers(3, 12)) * 100)
            else:
                self.interact(day, "call", channel="电话 Phone")
            self.look(self.after(day, 1, 20))
            if self.rng.random() < 0.15:
                self.record("costs", self.after(day, 1, 20), kind="礼品 Gift", cost=int(self.rng.integers(2, 6)) * 100)
            day = self.after(day, 25, 70)
        if self.rng.random() < 0.25:
            self.complain(self.after(first, 60, 400), "low", solved=True)

    def agree(self, day: date, until: date = LAST) -> None:
        """Sign a framework agreement for a year and renew it until a day."""
        for year in range(4):
            signed, ends = months_after(day, 12 * year), months_after(day, 12 * year + 12) - DAY
            if signed <= until:
                event = "renewed" if year else "started"
                self.record("contracts", signed, contract_id=f"K{self.id[1:]}", event=event, ends_at=ends)


def working_day(day: date) -> date:
    """Return the day, or the Friday before a weekend."""
    return day - max(0, day.weekday() - 4) * DAY


# Stories -------------------------------------------------------------------------------------------------------------


def _steady(company: Company) -> None:
    first = company.begin(0, 300)
    company.trade(first, LAST)
    company.state_volume(first, LAST, int(company.rng.choice((1, 3))))
    company.state_balances(first, LAST)
    company.attend(first, LAST, 4.4)
    if company.rng.random() < 0.5:
        company.interact(company.after(first, 120, 360), "commitment", channel="拜访 Visit")
    if company.rng.random() < 0.3:
        company.interact(company.after(first, 200, 500), "referral", channel="电话 Phone")


def _every_two_months(company: Company) -> None:
    first = company.begin()
    company.trade(first, LAST, 2)
    company.state_volume(first, LAST, 3)
    company.state_balances(first, LAST)
    company.attend(first, LAST, 4.5)
    company.agree(company.after(first, 30, 90))


def _few_large(company: Company) -> None:
    company.size *= 2
    first = company.begin()
    company.trade(first, LAST, int(company.rng.choice((4, 6))))
    company.state_volume(first, LAST, 12, share=0.6)
    company.state_balances(first, LAST)
    company.agree(company.after(first, 10, 40))
    company.interact(company.after(first, 100, 200), "commitment", channel="拜访 Visit")
    # The yearly talk asks what was hoped for and what came of it, not for satisfaction.
    for year in (1, 2):
        for measure, score in (("expectation", 4), ("experience", int(company.rng.integers(4, 6)))):
            company.record(
                "feedback", months_after(first, 12 * year), survey="yearly talk", measure=measure, score=score
            )


def _growing(company: Company) -> None:
    company.size *= 0.4
    first = company.begin(0, 400)
    company.trade(first, LAST, monthly=1.035)
    company.state_volume(first, LAST, 1, monthly=1.01, share=0.2)
    company.state_balances(first, LAST)
    company.attend(first, LAST, 4.2)


def _gradual_decline(company: Company) -> None:
    first = company.begin(0, 30)
    company.trade(first, LAST, monthly=0.97)
    company.state_volume(first, LAST, int(company.rng.choice((1, 3))))
    company.state_balances(first, LAST)
    company.attend(first, LAST, 3.4)


def _sharp_decline(company: Company) -> None:
    first = company.begin(0, 200)
    turned = company.remember("turned", LAST - int(company.rng.integers(100, 240)) * DAY)
    company.trade(first, turned)
    company.state_volume(first, LAST, int(company.rng.choice((1, 3))))
    company.complain(turned - 20 * DAY, "high", solved=bool(company.rng.random() < 0.5))
    company.interact(turned - 10 * DAY, "competitor_search", channel="销售 Sales")
    company.attend(first, turned, 4)
    company.size *= 0.35
    company.trade(turned + 30 * DAY, LAST)
    company.attend(turned, LAST, 2.6)
    company.state_balances(first, LAST)


def _industry_decline(company: Company) -> None:
    first = company.begin(0, 30)
    company.trade(first, LAST, monthly=0.97)
    company.state_volume(first, LAST, int(company.rng.choice((1, 3))), monthly=0.97)
    company.state_balances(first, LAST)
    company.attend(first, LAST, 4.2)


def _decline_of_unknown_cause(company: Company) -> None:
    first = company.begin(0, 200)
    company.trade(first, LAST, monthly=0.95)
    company.state_balances(first, LAST)
    company.attend(first, LAST, 3.8)


def _end(company: Company) -> date:
    """Live as others do and stop between eight and eighteen months before the last day; return the last order's day."""
    first = company.begin(0, 150)
    company.state_volume(first, LAST, 3)
    stopped = LAST - int(company.rng.integers(400, 550)) * DAY
    company.attend(first, stopped, 3.4)
    ordered = company.trade(first, stopped)
    company.state_balances(first, ordered - DAY)
    return company.remember("last_order", ordered)


def _ended_settled(company: Company) -> None:
    ordered = _end(company)
    company.interact(company.after(ordered, 5, 20), "termination_notice", channel="邮件 Email")
    company.owe(ordered + 25 * DAY, company.size)
    company.owe(company.remember("settled", company.after(ordered, 40, 90)), 0, 0)


def _ended_owing(company: Company) -> None:
    ordered = _end(company)
    for months in (1, 4, 7):
        company.owe(months_after(ordered, months), company.size * 0.8)


def _ended_without_balance(company: Company) -> None:
    """Everything was settled before the last order; nobody has looked since."""
    ordered = _end(company)
    company.remember("settled", ordered - DAY)
    company.owe(ordered - DAY, 0, 0)


def _ended_owed(company: Company) -> None:
    ordered = _end(company)
    company.owe(company.after(ordered, 40, 90), 0, company.size * 0.1)


def _won_back(company: Company) -> None:
    first = company.begin(0, 60)
    stopped = company.trade(first, company.after(first, 300, 400))
    company.remember("last_order", stopped)
    company.attend(first, stopped, 3.2)
    back = company.remember("won_back", company.after(stopped, 200, 320))
    for days, kind in ((60, "call"), (45, "visit"), (20, "quote"), (8, "negotiation")):
        company.interact(back - days * DAY, kind, channel="销售 Sales")
    company.record("costs", back - 45 * DAY, kind="挽回 Win-back", cost=2500)
    company.trade(back, LAST)
    company.attend(back, LAST, 4.3)
    company.state_volume(first, LAST, 3)
    company.state_balances(first, LAST)


def _dissatisfied(company: Company) -> None:
    first = company.begin(0, 200)
    company.trade(first, LAST)
    company.state_volume(first, LAST, 1)
    company.state_balances(first, LAST)
    turned = company.remember("turned", LAST - int(company.rng.integers(20, 90)) * DAY)
    company.attend(first, turned, 4)
    company.complain(turned, "high", solved=False)
    company.record("feedback", turned + 5 * DAY, survey="after the complaint", measure="csat", score=1)
    company.interact(turned + 10 * DAY, "termination_notice", channel="邮件 Email")
    company.interact(turned + 12 * DAY, "competitor_search", channel="销售 Sales")


def _cancelled(company: Company) -> None:
    first = company.begin(0, 150)
    left = company.remember("cancelled", LAST - int(company.rng.integers(60, 300)) * DAY)
    company.agree(company.after(first, 10, 60), left - DAY)
    company.record("contracts", left, contract_id=f"K{company.id[1:]}", event="cancelled")
    company.trade(first, left - 20 * DAY)
    company.attend(first, left, 3)
    company.state_volume(first, LAST, 3)
    company.state_balances(first, left)
    company.owe(company.after(left, 20, 50), 0, 0)


def _prospect(company: Company) -> None:
    recent = company.rng.random() < 0.6
    day = company.after(FIRST, LENGTH - 75, LENGTH - 2) if recent else company.after(FIRST, 500, LENGTH - 75)
    company.meet(day)
    steps = (("view", 5), ("enquiry", 15), ("visit", 30), ("quote", 45), ("negotiation", 60))
    for kind, days in steps[: int(company.rng.integers(0, 6))]:
        company.interact(day + days * DAY, kind, channel="销售 Sales")


def _first_order(company: Company) -> None:
    first = company.begin(LENGTH - 85, LENGTH - 43)
    company.order(first, company.size)
    company.owe(company.after(first, 3, 10), company.size)


def _costly(company: Company) -> None:
    company.size *= 0.2
    first = company.begin(0, 300)
    company.trade(first, LAST, 2, margin=0.05)
    company.attend(first, LAST, 3.8)
    for months in range(1, 30, 2):
        company.record("costs", months_after(first, months), kind="上门服务 Field service", cost=company.size // 4)


def _department(company: Company) -> None:
    """Wait for what the works deliver, as a department of our own: milestones, no orders."""
    day = company.after(FIRST, 0, 60)
    company.describe(name=f"{company.rng.choice(DEPARTMENTS)}（示例）", kind="company",
                     created_on=day, role="internal", owner=company.attributes["owner"])  # fmt: skip
    while (day := company.after(day, 20, 50)) <= LAST:
        company.interact(day, str(company.rng.choice(("enquiry", "use", "visit"))), channel="内部 Internal")


#: Name of the story: its share of the companies, and what happens.
STORIES: dict[str, tuple[float, Callable[[Company], None]]] = {
    "steady": (0.12, _steady),
    "every two months": (0.07, _every_two_months),
    "few large orders": (0.06, _few_large),
    "growing": (0.08, _growing),
    "gradual decline": (0.07, _gradual_decline),
    "sharp decline": (0.07, _sharp_decline),
    "decline with the industry": (0.05, _industry_decline),
    "decline of unknown cause": (0.04, _decline_of_unknown_cause),
    "ended, settled": (0.06, _ended_settled),
    "ended, owing": (0.05, _ended_owing),
    "ended, balance from before": (0.03, _ended_without_balance),
    "ended, owed": (0.03, _ended_owed),
    "won back": (0.05, _won_back),
    "dissatisfied": (0.04, _dissatisfied),
    "cancelled": (0.03, _cancelled),
    "prospect": (0.06, _prospect),
    "first order": (0.04, _first_order),
    "costly": (0.03, _costly),
    "department": (0.02, _department),
}


def b2b_journal(customers: int = 150, seed: int = 20_260_630) -> Journal:
    """Return the three years of the maker of pumps, always the same for a seed."""
    return journal_of(Company, STORIES, customers, seed, last=LAST, referring="steady")
