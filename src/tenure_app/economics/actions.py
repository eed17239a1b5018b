"""Writes of the economics room: plans and budget of a model, and what is decided for one customer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from tenure.economics.plans import NOTHING, WITHDRAW, Book, Plan, PlanError, forget_book, write_book
from tenure.words import current_language, mark
from tenure_app.core import conf
from tenure_app.economics import queries
from tenure_app.economics.models import BookState, CustomerChoice, PlanRow
from tenure_app.economics.queries import Economics

_MOST = 1e12
_AMOUNT = re.compile(r"[+-]?\d+(\.\d+)?")


def book_from_form(words: Mapping[str, str], economics: Economics) -> Book:
    """Return what was entered as plans and budget; a PlanError names the field that holds what cannot be."""
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


def _number(text: str, field: str, plan: str = "") -> float | None:
    """Return a number as people write it, None for an empty field."""
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "").rstrip("%").lstrip("¥$€£").strip()
    if not plain:
        return None
    if not _AMOUNT.fullmatch(plain) or len(plain) > 18:
        problem = mark("%(field)s: %(given)r is no number. Write it like 12.5.")
        if plan:
            problem = mark("%(field)s of %(plan)s: %(given)r is no number. Write it like 12.5.")
        raise PlanError(problem, field=field, plan=plan, given=text)
    return float(plain)


def save_book(economics: Economics, book: Book, author: User | None = None) -> None:
    """Put plans and budget in force: rows here, and a file in the lake for refreshes and the command line."""
    ids = [plan.id for plan in book.plans]
    for plan in book.plans:
        plan.checked(economics.values.stages)
        if ids.count(plan.id) > 1:
            raise PlanError(mark("Two plans are called %(plan)s. Give one of them another name."), plan=plan.id)
    if book.budget is not None and not 0 <= book.budget < _MOST:
        text = mark("A budget is an amount from 0 on, or empty for no limit; not %(given)s.")
        raise PlanError(text, given=book.budget)
    model, rows = economics.entry.id, []
    for place, plan in enumerate(book.plans):
        body = {**plan.to_json(), "zh": plan.zh[:200], "en": plan.en[:200]}
        rows.append(PlanRow(model_id=model, plan_id=body.pop("id"), place=place, **body))
    budget = None if book.budget is None else Decimal(str(round(book.budget, 2)))
    with transaction.atomic():
        PlanRow.objects.filter(model_id=model).delete()
        PlanRow.objects.bulk_create(rows)
        BookState.objects.update_or_create(model_id=model, defaults={"budget": budget, "author": author})
        write_book(conf.lake().path, model, book)


def reset_book(model: str) -> None:
    """Go back to the plans assumed of the model, without a budget."""
    with transaction.atomic():
        PlanRow.objects.filter(model_id=model).delete()
        BookState.objects.filter(model_id=model).delete()
        forget_book(conf.lake().path, model)


def decide(economics: Economics, standing: dict[str, Any], plan_id: str, **task: Any) -> None:
    """Store what is to be done with one customer, with the numbers of every option as they stood.

    `standing` is what :func:`tenure_app.economics.queries.standing` returns; `task` is owner, due_on, note and author.
    """
    options = {(option["plan"] or {}).get("id", NOTHING): option for option in standing["options"]}
    if plan_id not in options:
        text = mark("There is no option %(plan)r for this customer. There are: %(plans)s.")
        raise PlanError(text, plan=plan_id, plans=", ".join(options))
    option = options[plan_id]
    plan = option["plan"] or {}
    _add(
        economics.entry.id,
        **standing,
        as_of=economics.day,
        plan_id=plan_id,
        **{name: option[name] for name in ("kind", "cost", "profit", "low", "high")},
        task_zh=plan.get("zh", "")[:200],
        task_en=plan.get("en", "")[:200],
        **task,
    )


def take_back(model: str, customer: str, author: User | None = None) -> None:
    """Let the general choice hold for a customer again; what was decided stays in the history."""
    before = queries.current_choice(model, customer)
    if before is not None:
        kept = {name: getattr(before, name) for name in ("as_of", "stage", "tier", "weeks")}
        _add(model, customer, plan_id="", author=author, **kept)


def _add(model: str, customer_id: str, **choice: Any) -> None:
    with transaction.atomic():
        CustomerChoice.objects.filter(model_id=model, customer_id=customer_id, newest=True).update(newest=False)
        CustomerChoice.objects.create(model_id=model, customer_id=customer_id, **choice)
