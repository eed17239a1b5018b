"""What to offer with what rises: a category that customers buy more of lately, and its partner.

The partner with the most meetings beyond chance comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.recommend.lines import distinct

if TYPE_CHECKING:
    from tenure.recommend.items import Catalogue
    from tenure.recommend.lines import Lines
    from tenure.recommend.pairs import Pairs
    from tenure.recommend.trends import Rising

#: Partners of a category that are offered, and offers a customer gets at most.
PARTNERS, OFFERS = 3, 2


def partners_of(kinds: Pairs) -> dict[int, list[int]]:
    """Return each category's partners beyond chance, those of the most surplus meetings first."""
    low = kinds.interval()[0]
    surplus = (low - 1.0) * kinds.expected
    found: dict[int, list[int]] = {}
    for row in np.argsort(-surplus, kind="stable"):
        if surplus[row] <= 0:
            break
        a, b = int(kinds.a[row]), int(kinds.b[row])
        for one, other in ((a, b), (b, a)):
            if len(found.setdefault(one, [])) < PARTNERS:
                found[one].append(other)
    return found


def offers_of(known: Catalogue, lines: Lines, up: Rising, places: np.ndarray, last_day: int) -> list[dict[str, Any]]:
    """Return offers: customer, trigger, partner category, the product to offer, and the numbers that speak for it."""
    partners = partners_of(known.kinds)
    number = {name: n for n, name in enumerate(known.categories.to_pylist())}
    lately = _lately(lines, last_day)
    back = {(int(who), int(places[item])) for who, item in zip(lines.back_who, lines.back_item, strict=True)}
    found: list[dict[str, Any]] = []
    for row in range(len(up)):
        who, trigger = int(up.who[row]), number.get(str(lines.categories[int(up.category[row])]), -1)
        given = 0
        for partner in partners.get(trigger, []):
            if given == OFFERS or (who, str(known.categories[partner])) in lately:
                continue
            item = next((int(one) for one in known.best_of(partner) if (who, int(one)) not in back), None)
            if item is not None:
                given += 1
                found.append({"who": who, "trigger": trigger, "partner": partner, "item": item, "up": row})
    return found


def _lately(lines: Lines, last_day: int) -> set[tuple[int, str]]:
    """Return which customers bought which categories in the time that counts as lately."""
    from tenure.recommend.trends import LATELY

    kind = lines.category[lines.item]
    kept = (kind >= 0) & (lines.day > last_day - LATELY)
    wide = max(len(lines.categories), 1)
    keys = distinct(lines.who[kept].astype(np.int64) * wide + kind[kept])
    names = lines.categories.to_pylist()
    return {(int(key // wide), names[int(key % wide)]) for key in keys}
