"""The form of a model's plans: what was entered as plans and budget, or a PlanError that names the field."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from tenure.economics.plans import WITHDRAW, Book, Plan, PlanError
from tenure.words import current_language, mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure_app.economics.queries import Economics

_AMOUNT = re.compile(r"[+-]?\d+(\.\d+)?")


def read_book(words: Mapping[str, str], economics: Economics) -> Book:
    plans = []
    for plan in economics.book.plans:
        if f"{plan.id}:cost" not in words:
            plans.append(plan)
        elif not words.get(f"{plan.id}:drop"):
            plans.append(replace(plan, assumed=False, **_numbers(words, plan.id, plan.id, plan.kind)))
    if words.get("new:name", "").strip():
        plans.append(_new(words, {plan.id for plan in plans}))
    return Book(tuple(plans), _number(words.get("budget", ""), _("Budget for all plans")))


def _new(words: Mapping[str, str], taken: set[str]) -> Plan:
    given = {field: words.get(f"new:{field}", "") for field in ("kind", "stage", "target", "tier")}
    name, chinese = " ".join(words["new:name"].split())[:200], current_language() == "zh_Hans"
    ids = (f"{given['kind'] or 'plan'}-{given['stage']}-{count}" for count in range(1, len(taken) + 2))
    return Plan(
        next(plan_id for plan_id in ids if plan_id not in taken),
        given["kind"],
        given["stage"],
        given["target"] or given["stage"],
        tiers=(given["tier"],) if given["tier"] else (),
        zh=name if chinese else "",
        en="" if chinese else name,
        **_numbers(words, "new", name, given["kind"]),
    )


def _numbers(words: Mapping[str, str], prefix: str, name: str, kind: str) -> dict[str, Any]:
    """Return cost, effect and capacity of a plan, whose fields are called ``prefix:cost`` and so on."""
    cost = abs(_number(words.get(f"{prefix}:cost", ""), _("Cost each"), name) or 0.0)
    effect = _number(words.get(f"{prefix}:effect", ""), _("Effect of the plan"), name) or 0.0
    capacity = _number(words.get(f"{prefix}:capacity", ""), _("At most"), name)
    return {
        "cost": -cost if kind == WITHDRAW and cost else cost,
        "effect": round(effect / 100, 6),
        "capacity": None if capacity is None else int(capacity),
    }


def _number(text: str, field: str, plan: str = "–") -> float | None:
    """Return a number as people write it, None for an empty field."""
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "").rstrip("%").lstrip("¥$€£").strip()
    if not plain:
        return None
    if not _AMOUNT.fullmatch(plain) or len(plain) > 18:
        problem = mark("%(field)s of %(plan)s: %(given)r is no number. Write it like 12.5.")
        raise PlanError(problem, field=field, plan=plan, given=text)
    return float(plain)
