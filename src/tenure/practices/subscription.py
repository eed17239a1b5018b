"""A business with contracts, made up: an online school whose members pay by the month or by the year.

Some are billed here, so that each bill is an order; others are invoiced elsewhere and have none, although they pay.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tenure.practices.journal import Customer, Journal, journal_of, months_after

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIRST, LAST = date(2024, 1, 1), date(2026, 6, 30)
DAY = timedelta(days=1)
MEMBERSHIP, COURSES, SERVICES = "会员 Membership", "课程 Courses", "服务 Services"
#: Product: category, price by the month, first and last day on sale.
PLANS = {
    "基础版 Basic": (MEMBERSHIP, 49, FIRST, LAST),
    "进阶版 Plus": (MEMBERSHIP, 129, FIRST, LAST),
    "家庭版 Family": (MEMBERSHIP, 499, FIRST, LAST),
}
ADD_ONS = {
    "直播课 Live class": (COURSES, 199, FIRST, LAST),
    "题库 Exercise bank": (COURSES, 59, FIRST, LAST),
    "结业证书 Certificate": (SERVICES, 99, FIRST, LAST),
    "批改服务 Marking": (SERVICES, 29, FIRST, LAST),
    "一对一辅导 Tutoring": (SERVICES, 299, date(2025, 2, 1), LAST),
    "教学光盘 Course discs": (COURSES, 39, FIRST, date(2025, 9, 30)),
    "智能助教 AI tutor": (SERVICES, 79, LAST - timedelta(days=70), LAST),
}
PRODUCTS = PLANS | ADD_ONS
EXTRAS = ((), (), ("题库 Exercise bank", "批改服务 Marking"), ("批改服务 Marking",), ("直播课 Live class",))
BASIC, PLUS, FAMILY = PLANS
CITIES = ("北京 Beijing", "上海 Shanghai", "广州 Guangzhou", "成都 Chengdu", "武汉 Wuhan", "西安 Xi'an")
SOURCES = ("搜索 Search", "社交媒体 Social media", "朋友推荐 Friends", "线下活动 Events")
SURNAMES, GIVEN = "甲乙丙丁戊己庚辛壬癸", ("小样", "大样", "阿样", "样样", "小例", "大例", "阿例", "例例")
#: Learning has a year: the holidays are busy, the weeks about Spring Festival are not.
SEASON = (0.9, 0.7, 1.1, 1.0, 1.0, 1.0, 1.2, 1.2, 1.1, 0.9, 1.0, 0.9)


class Member(Customer):
    """A member, or somebody who may become one."""

    letter = "M"

    def __init__(self, journal: Journal, number: int, story: str, seed: int, referrers: Sequence[str]) -> None:
        super().__init__(journal, number, story, seed, referrers)
        self.name = f"{SURNAMES[number % 10]}{GIVEN[number // 10 % 8]}{number:04}（示例）"
        self.bills = 0
        # What is on every bill beside the plan.
        self.extras = EXTRAS[self.rng.integers(0, len(EXTRAS))]

    def arrive(self, day: date) -> date:
        """Come across the school, look around, register; return the day of registration."""
        source = str(self.rng.choice(SOURCES))
        birthday = date(1960, 1, 1) + timedelta(days=int(self.rng.integers(0, 16_000)))
        self.describe(
            name=self.name, kind="person", created_on=day, city=self.rng.choice(CITIES), source_channel=source,
            birthday=birthday,
        )  # fmt: skip
        self.interact(day, "first_contact", channel=source)
        for _ in range(self.rng.integers(1, 4)):
            self.look(self.after(day, 0, 6))
        registered = self.after(day, 1, 8)
        self.interact(registered, "register", channel="web")
        return registered

    def look(self, day: date) -> None:
        """Look at a product, or ask about it."""
        product = str(self.rng.choice(list(PRODUCTS)))
        self.interact(
            day, str(self.rng.choice(("view", "view", "search", "enquiry"))), channel="web", content_id=product,
            category=PRODUCTS[product][0], seconds=int(self.rng.integers(10, 400)),
        )  # fmt: skip

    def try_out(self, day: date) -> date:
        """Arrive and try the school for a week or two; return the day after."""
        trial = self.after(self.arrive(day), 0, 4)
        self.interact(trial, "trial", channel="app")
        self.record("costs", trial, kind="体验课 Trial lesson", cost=15)
        over = self.after(trial, 5, 14)
        self.learn(trial, over - DAY, 2)
        return over

    def join(self, least: int, most: int) -> date:
        """Arrive so many days after the first, and try; return the day on which the first contract starts."""
        return self.remember("started", self.try_out(self.after(FIRST, least, most)))

    def subscribe(
        self, day: date, plan: str, months: int, until: date = LAST, *, billed: bool = True, contract: str = "1"
    ) -> date:
        """Start a contract and renew it until a day; return the last day that is paid for."""
        event, begins, paid, term = "started", day, day, 0
        while True:
            # A year is often renewed some days early; a month renews itself.
            signed = begins if term == 0 or months == 1 else self.after(begins, -14, 0)
            if signed > until:
                return paid
            paid = months_after(day, (term + 1) * months) - DAY
            self.record("contracts", signed, contract_id=f"C{self.id[1:]}-{contract}", event=event, ends_at=paid)
            if billed:
                # Two months of a year are free.
                self.buy(signed, plan, *self.extras, quantity=1 if months == 1 else 10)
            event, term = "renewed", term + 1
            begins = months_after(day, term * months)

    def cancel(self, day: date, ends_at: date | str = "", contract: str = "1") -> date:
        """Cancel a contract: at once, or for the end of what is paid."""
        self.record("contracts", day, contract_id=f"C{self.id[1:]}-{contract}", event="cancelled", ends_at=ends_at)
        return self.remember("cancelled", day)

    def buy(self, day: date, *products: str, quantity: int = 1) -> None:
        """Pay for what is on sale of these products; some members were referred by an advocate."""
        lines = [
            (name, category, quantity, float(price * quantity))
            for name, (category, price, first, last) in ((name, PRODUCTS[name]) for name in products)
            if first <= day <= last
        ]
        if not lines:
            return
        referred = not self.bills and day > FIRST + 150 * DAY and self.rng.random() < 0.2
        self.bills += 1
        self.sell(
            day, f"S{self.id[1:]}-{self.bills:03}", lines,
            cost=round(sum(amount for *_, amount in lines) * 0.35, 2), channel=self.rng.choice(("app", "web")),
            referrer_id=self.rng.choice(self.referrers) if referred else "",
        )  # fmt: skip

    def add_ons(self, first: date, last: date, count: int) -> None:
        """Buy so many things beside the membership."""
        span = (last - first).days
        for day in sorted(first + int(offset) * DAY for offset in self.rng.integers(0, span + 1, size=count)):
            self.look(day)
            self.buy(self.after(day, 0, 2), str(self.rng.choice(list(ADD_ONS))))

    def learn(self, first: date, last: date, weekly: float, monthly: float = 1.0) -> None:
        """Use what was paid for, so often a week, changing by a factor a month; more at the weekend."""
        week = first
        while week <= min(last, LAST):
            mean = weekly * SEASON[week.month - 1] * monthly ** ((week - first).days / 30.4)
            for offset in self.rng.integers(0, 9, size=self.rng.poisson(mean)):
                day = week + (int(offset) if offset < 7 else (5 - week.weekday()) % 7 + int(offset) - 7) * DAY
                kind = ("login", "use", "lesson", "lesson")[self.rng.integers(0, 4)]
                if day <= last:
                    self.interact(day, kind, channel="app", category=COURSES, seconds=int(self.rng.gamma(2, 700)))
            week += 7 * DAY

    def read_letters(self, first: date, last: date, interest: float) -> None:
        """Get the school's letter every month, and answer it as often as it interests."""
        month = date(first.year, first.month, 5)
        while (month := months_after(month, 1)) <= min(last, LAST):
            letter = {"channel": "email", "campaign_id": f"通讯 Letter {month:%Y-%m}"}
            self.interact(month, "message", **letter)
            if self.rng.random() < interest:
                self.interact(self.after(month, 1, 3), str(self.rng.choice(("open", "open", "click"))), **letter)

    def live(self, first: date, last: date, level: float, weekly: float, monthly: float = 1.0) -> None:
        """Learn, answer surveys and read letters, at a level of satisfaction."""
        self.learn(first, last, weekly, monthly)
        self.rate(first, last, level)
        self.read_letters(first, last, min(0.8, level / 6) if monthly >= 1 else 0.1)


# Stories -------------------------------------------------------------------------------------------------------------


def _visitor(member: Member) -> None:
    day = member.after(FIRST, 250, 905)
    source = str(member.rng.choice(SOURCES))
    member.describe(name=member.name, kind="person", created_on=day, source_channel=source)
    member.interact(day, "first_contact", channel=source)
    for _ in range(member.rng.integers(0, 6)):
        member.look(member.after(day, 0, 25))


def _registered(member: Member) -> None:
    member.arrive(member.after(FIRST, 100, 890))


def _tried(member: Member) -> None:
    recent = member.rng.random() < 0.5
    over = member.try_out(member.after(FIRST, 810, 885) if recent else member.after(FIRST, 150, 810))
    if member.rng.random() < 0.5:
        member.interact(over, "cart", channel="app", content_id=PLUS, category=MEMBERSHIP)


def _new(member: Member) -> None:
    started = member.join((LAST - FIRST).days - 60, (LAST - FIRST).days - 27)
    member.subscribe(started, str(member.rng.choice((BASIC, PLUS))), 1)
    member.live(started, LAST, 4.3, 2.5)


def _monthly(member: Member) -> None:
    started = member.join(0, 700)
    member.subscribe(started, str(member.rng.choice((BASIC, BASIC, PLUS))), 1)
    member.live(started, LAST, 4.2, 2)
    member.add_ons(started, LAST, int(member.rng.integers(0, 4)))
    if member.rng.random() < 0.15:
        member.complain(member.after(started, 40, 120), "low", solved=True)


def _yearly(member: Member) -> None:
    started = member.join(0, 400)
    member.subscribe(started, str(member.rng.choice((BASIC, PLUS, FAMILY))), 12)
    member.live(started, LAST, 4.5, 2)
    if member.rng.random() < 0.4:
        member.interact(member.after(started, 100, 300), "commitment", channel="phone")
    if member.rng.random() < 0.5:
        member.interact(member.after(started, 150, 330), "completion", channel="app", category=COURSES)


def _invoiced_elsewhere(member: Member) -> None:
    started = member.join(0, 650)
    member.subscribe(started, PLUS, int(member.rng.choice((1, 12))), billed=False)
    member.live(started, LAST, 4.3, 2.5)


def _growing(member: Member) -> None:
    started = member.join(0, 420)
    plus = member.subscribe(started, BASIC, 1, member.after(started, 90, 150)) + DAY
    family = member.subscribe(plus, PLUS, 1, member.after(plus, 120, 240), contract="2") + DAY
    member.subscribe(family, FAMILY, 1, contract="3")
    for day in (plus, family):
        member.interact(day, "upgrade", channel="app", category=MEMBERSHIP)
        member.remember("upgraded", day)
    member.live(started, LAST, 4.4, 1.5, 1.03)
    member.add_ons(plus, LAST, int(member.rng.integers(4, 9)))


def _advocate(member: Member) -> None:
    started = member.join(0, 90)
    member.subscribe(started, PLUS, int(member.rng.choice((1, 12))))
    member.live(started, LAST, 4.9, 2.5)
    day = LAST - 120 * DAY if member.rng.random() < 0.4 else member.after(started, 60, 250)
    member.remember("recommended", day)
    for kind in ("share", "review", "referral", "referral"):
        member.interact(day, kind, channel="social")
        day = member.after(day, 10, 90)


def _fading(member: Member) -> None:
    started = member.join(0, 400)
    member.subscribe(started, PLUS, 1)
    turned = member.remember("turned", LAST - int(member.rng.integers(120, 301)) * DAY)
    member.live(started, turned, 4.2, 2.5)
    member.live(turned, LAST, 2.6, 1.8, 0.6)


def _complained_and_left(member: Member) -> None:
    started = member.join(0, 500)
    left = member.after(started, 150, 350)
    member.subscribe(started, str(member.rng.choice((BASIC, PLUS))), 1, left - 20 * DAY)
    member.live(started, left - 40 * DAY, 4, 2)
    member.complain(left - 30 * DAY, "high", solved=bool(member.rng.random() < 0.5))
    member.record("feedback", left - 20 * DAY, survey="after the complaint", measure="csat", score=1)
    member.interact(left - 10 * DAY, "competitor_search", channel="web")
    if member.rng.random() < 0.5:
        member.record("orders", left, order_id=f"R{member.id[1:]}", amount=-49, cost=0, channel="app")
    member.cancel(left)


def _not_renewed(member: Member) -> None:
    started = member.join(0, 420)
    paid = member.subscribe(started, PLUS, 12, started + 300 * DAY)
    member.live(started, paid - 60 * DAY, 3.3, 1.2, 0.85)
    member.remember("ended", paid)


def _runs_to_the_end(member: Member) -> None:
    started = member.join((LAST - FIRST).days - 330, (LAST - FIRST).days - 120)
    paid = member.subscribe(started, PLUS, 12)
    member.live(started, LAST, 3.4, 2, 0.9)
    member.cancel(LAST - int(member.rng.integers(5, 60)) * DAY, paid)


def _two_contracts(member: Member) -> None:
    started = member.join(0, 450)
    member.subscribe(started, BASIC, 1)
    second = member.after(started, 40, 120)
    left = member.after(second, 100, 260)
    member.subscribe(second, FAMILY, 1, left, contract="2")
    member.cancel(left, contract="2")
    member.live(started, LAST, 4.1, 2)


def _won_back(member: Member) -> None:
    started = member.join(0, 250)
    left = member.after(started, 120, 200)
    member.subscribe(started, PLUS, 1, left - DAY)
    member.live(started, left, 3.2, 1.5)
    member.cancel(left)
    back = member.remember("won_back", member.after(left, 120, 260))
    member.interact(back - 7 * DAY, "message", channel="sms", campaign_id="老友回归 Come back")
    member.interact(back, "redeem", channel="app", campaign_id="老友回归 Come back")
    member.subscribe(back, PLUS, 1, contract="2")
    member.live(back, LAST, 4.3, 2.2)


def _unhappy(member: Member) -> None:
    started = member.join(0, 600)
    member.subscribe(started, PLUS, 1)
    member.live(started, LAST, 2.1, 1.5)
    complained = member.remember("complained", LAST - int(member.rng.integers(10, 60)) * DAY)
    member.complain(complained, "high", solved=False)


#: Name of the story: its share of the customers, and what happens.
STORIES: dict[str, tuple[float, Callable[[Member], None]]] = {
    "visitor": (0.06, _visitor),
    "registered": (0.03, _registered),
    "tried": (0.07, _tried),
    "new": (0.05, _new),
    "monthly": (0.16, _monthly),
    "yearly": (0.11, _yearly),
    "invoiced elsewhere": (0.09, _invoiced_elsewhere),
    "growing": (0.08, _growing),
    "advocate": (0.06, _advocate),
    "fading": (0.07, _fading),
    "complained and left": (0.07, _complained_and_left),
    "not renewed": (0.04, _not_renewed),
    "runs to the end": (0.03, _runs_to_the_end),
    "two contracts": (0.02, _two_contracts),
    "won back": (0.04, _won_back),
    "unhappy": (0.02, _unhappy),
}


def subscription_journal(customers: int = 800, seed: int = 20_260_630) -> Journal:
    """Return the school's two and a half years, always the same for a seed."""
    return journal_of(Member, STORIES, customers, seed, last=LAST, referring="advocate")
