"""The form of a model's plans: what was entered as plans and budget, or what is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from tenure.economics.plans import KINDS, WITHDRAW, Book, Plan, PlanError
from tenure.words import current_language, mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure_app.economics.queries import Economics

_AMOUNT = re.compile(r"[+-]?\d+(\.\d+)?")


def read_book(words: Mapping[str, str], economics: Economics) -> Book:
    """Return the plans and the budget that a form sends.

    Raises
    ------
    PlanError
        When a field holds what cannot be, with its name.
    """
    plans = []
    for plan in economics.book.plans:
        if f"{plan.id}:cost" not in words:
            plans.append(plan)
        elif not words.get(f"{plan.id}:drop"):
            plans.append(_edited(words, plan))
    if words.get("new:name", "").strip():
        plans.append(_new(words, plans))
    return Book(tuple(plans), number(words.get("budget", ""), _("Budget for all plans")))


def _edited(words: Mapping[str, str], plan: Plan) -> Plan:
    cost = abs(number(words[f"{plan.id}:cost"], _("Cost each"), plan.id) or 0.0)
    effect = number(words.get(f"{plan.id}:effect", ""), _("Effect of the plan"), plan.id) or 0.0
    capacity = number(words.get(f"{plan.id}:capacity", ""), _("At most"), plan.id)
    return Plan(
        plan.id,
        plan.kind,
        plan.stage,
        plan.target,
        -cost if plan.kind == WITHDRAW and cost else cost,
        round(effect / 100, 6),
        None if capacity is None else int(capacity),
        plan.tiers,
        plan.zh,
        plan.en,
    )


def _new(words: Mapping[str, str], others: list[Plan]) -> Plan:
    name = " ".join(words["new:name"].split())[:200]
    kind = words.get("new:kind", "")
    stage = words.get("new:stage", "")
    taken = {other.id for other in others}
    ids = (f"{kind or 'plan'}-{stage}-{count}" for count in range(1, len(taken) + 2))
    plan_id = next(name for name in ids if name not in taken)
    cost = abs(number(words.get("new:cost", ""), _("Cost each"), name) or 0.0)
    effect = number(words.get("new:effect", ""), _("Effect of the plan"), name) or 0.0
    capacity = number(words.get("new:capacity", ""), _("At most"), name)
    if kind not in KINDS:
        raise PlanError(
            mark("The kind of a plan must be one of %(kinds)s, not %(kind)r."), kinds=", ".join(KINDS), kind=kind
        )
    tier, chinese = words.get("new:tier", ""), current_language() == "zh_Hans"
    return Plan(
        plan_id,
        kind,
        stage,
        words.get("new:target", "") or stage,
        -cost if kind == WITHDRAW and cost else cost,
        round(effect / 100, 6),
        None if capacity is None else int(capacity),
        (tier,) if tier else (),
        name if chinese else "",
        "" if chinese else name,
    )


def number(text: str, field: str, plan: str = "") -> float | None:
    """Return a number as people write it, None for an empty field.

    Raises
    ------
    PlanError
        When it is none.
    """
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "").rstrip("%").lstrip("¥$€£").strip()
    if not plain:
        return None
    if not _AMOUNT.fullmatch(plain) or len(plain) > 18:
        raise PlanError(
            mark("%(field)s of %(plan)s: %(given)r is no number. Write it like 12.5."),
            field=field,
            plan=plan or "–",
            given=text,
        )
    return float(plain)
