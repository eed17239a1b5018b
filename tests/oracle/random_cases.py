"""Random cases: a model, a shop, and what else the clerk must know. One seed makes one case, always the same."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from oracle.history import oracle_spans, parameters_of
from oracle.judge import Judge, State, World
from oracle.language import parse
from oracle.people import people
from oracle.random_people import START, random_shop
from oracle.random_rules import NAMED_DATES, OTHER_MODEL, PARAMETERS, STAGES, random_model, random_rule, stages_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable

    from oracle.history import Row
    from oracle.random_people import Shop


class RandomCase(NamedTuple):
    """A random model and the customers it is about."""

    name: str
    mapping: dict[str, Any]
    shop: Shop
    used: Counter[str]
    world: World

    def oracle(self, horizon: int) -> list[Row]:
        """Return the spans that the clerk writes."""
        shop = self.shop
        return oracle_spans(
            shop.tables,
            self.mapping,
            shop.as_of,
            shop.tz,
            shop.customers,
            horizon,
            world=self.world,
            others=[OTHER_MODEL],
        )


def _varies(shop: Shop, world: World) -> Callable[[str], bool]:
    """Return what tells whether a condition is not the same for everybody on all days."""
    first, last = START.toordinal(), shop.as_of.toordinal()
    days = range(first, last + 1, max(1, (last - first) // 18))
    parameters = parameters_of({"parameters": PARAMETERS})

    def state(day: int) -> State:
        return State(STAGES[day // 40 % 3], STAGES[day // 50 % 3], day // 40 * 40)

    def stage_in(_: str, day: int) -> str:
        return ("active", "quiet", "")[day // 60 % 3]

    judges = [
        Judge(person, world, state, stage_in)
        for person in people(shop.tables, shop.as_of, shop.tz, shop.customers).values()
    ]

    def varies(text: str) -> bool:
        tree = parse(text, parameters)
        truths = {judge.holds(tree, day) for day in days for judge in judges}
        return True in truths and len(truths) > 1

    return varies


def _world(seed: int, shop: Shop) -> World:
    """Return what was published in a shop, at up to three moments of its life."""
    random, last = Random(-seed), shop.as_of.toordinal()
    days = sorted(random.sample(range(START.toordinal() + 20, last + 1), random.choice((0, 1, 2, 3))))
    names = sorted({row["customer_id"] for _, row in shop.rows})
    scores = [(day, {"churn": {who: random.choice((None, 0, Fraction(1, 4), 3, 20)) for who in names}}) for day in days]
    comparisons = [(day, people(shop.tables, date.fromordinal(day), shop.tz, shop.customers)) for day in days]
    return World(NAMED_DATES, scores, comparisons)


def random_cases(
    seed: int,
    rules: int = 3,
    without: Iterable[str] = (),
    shop: Shop | None = None,
) -> list[RandomCase]:
    """Return the cases of a seed: a model, and some single rules, about one shop."""
    recorded = seed % 2 == 0
    shop = shop or random_shop(seed, stages_of(seed), records=recorded)
    world = _world(seed, shop)
    varies = _varies(shop, world)
    without = {*without, *(() if recorded else ("population",))}
    made = [random_model(seed, without, varies)]
    made += [random_rule(seed * rules + number, without, varies) for number in range(rules)]
    return [
        RandomCase(f"{seed}.{number}", mapping | {"id": f"random{number or ''}"}, shop, used, world)
        for number, (mapping, used) in enumerate(made)
    ]
