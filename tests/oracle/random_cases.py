"""Random cases: a model, a shop, and what else the clerk must know. One seed makes one case, always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from oracle.history import oracle_spans, parameters_of
from oracle.judge import Judge, State, World
from oracle.language import parse
from oracle.people import people
from oracle.random_people import START, random_shop
from oracle.random_rules import NAMED_DATES, OTHER_MODEL, PARAMETERS, STAGES, random_model, stages_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable

    from oracle.history import Row
    from oracle.random_people import Shop


class RandomCase(NamedTuple):
    """A random model and the customers it is about."""

    seed: int
    mapping: dict[str, Any]
    shop: Shop
    used: Counter[str]
    world: World

    def oracle(self, horizon: int) -> list[Row]:
        """Return the spans that the clerk writes."""
        shop = self.shop
        return oracle_spans(
            shop.tables, self.mapping, shop.as_of, shop.tz, shop.customers, horizon, None, self.world, [OTHER_MODEL]
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


def random_case(seed: int, without: Iterable[str] = (), ties: bool = True, records: bool = True) -> RandomCase:
    """Return the case of a seed."""
    shop, world = random_shop(seed, stages_of(seed), (), ties, records), World(NAMED_DATES)
    mapping, used = random_model(seed, without, _varies(shop, world))
    return RandomCase(seed, mapping, shop, used, world)


def random_models(seed: int, count: int, shop: Shop, without: Iterable[str] = ()) -> list[RandomCase]:
    """Return several models about one shop; persons decide in the first of them."""
    world = World(NAMED_DATES)
    varies = _varies(shop, world)
    cases = []
    for number in range(count):
        mapping, used = random_model(seed + number, without, varies)
        cases.append(RandomCase(seed + number, mapping | {"id": f"random{number or ''}"}, shop, used, world))
    return cases
