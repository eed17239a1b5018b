"""Writes of the economics room: plans and budget of a model, and what is decided for one customer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from tenure.economics.plans import NOTHING, Book, PlanError, forget_book, write_book
from tenure.words import mark
from tenure_app.core import conf
from tenure_app.economics import queries
from tenure_app.economics.models import BookState, CustomerChoice, PlanRow

if TYPE_CHECKING:
    from datetime import date

    from django.contrib.auth.models import User

    from tenure_app.economics.queries import ChoiceStanding, Economics

_MOST = 1e12


def save_book(economics: Economics, book: Book, author: User | None = None) -> None:
    """Put plans and budget in force: rows here, and a file in the lake for refreshes and the command line.

    Raises
    ------
    PlanError
        When a plan names a stage that is not there, or holds a number that cannot be.
    """
    ids = [plan.id for plan in book.plans]
    for plan in book.plans:
        plan.checked(economics.values.stages)
        if ids.count(plan.id) > 1:
            raise PlanError(mark("Two plans are called %(plan)s. Give one of them another name."), plan=plan.id)
    if book.budget is not None and not 0 <= book.budget < _MOST:
        raise PlanError(
            mark("A budget is an amount from 0 on, or empty for no limit; not %(given)s."), given=book.budget
        )
    model = economics.entry.id
    with transaction.atomic():
        PlanRow.objects.filter(model_id=model).delete()
        PlanRow.objects.bulk_create(
            PlanRow(
                model_id=model,
                plan_id=plan.id,
                place=place,
                kind=plan.kind,
                stage=plan.stage,
                target=plan.target,
                cost=plan.cost,
                effect=plan.effect,
                capacity=plan.capacity,
                tiers=list(plan.tiers),
                zh=plan.zh[:200],
                en=plan.en[:200],
                assumed=plan.assumed,
            )
            for place, plan in enumerate(book.plans)
        )
        budget = None if book.budget is None else Decimal(str(round(book.budget, 2)))
        BookState.objects.update_or_create(model_id=model, defaults={"budget": budget, "author": author})
        write_book(conf.lake().path, model, book)


def reset_book(model: str) -> None:
    """Go back to the plans assumed of the model, without a budget."""
    with transaction.atomic():
        PlanRow.objects.filter(model_id=model).delete()
        BookState.objects.filter(model_id=model).delete()
        forget_book(conf.lake().path, model)


def decide(
    economics: Economics,
    standing: ChoiceStanding,
    plan_id: str,
    *,
    owner: str = "",
    due_on: date | None = None,
    note: str = "",
    author: User | None = None,
) -> CustomerChoice:
    """Store what is to be done with one customer, with the numbers of every option as they stood.

    Raises
    ------
    PlanError
        When there is no such option for the customer.
    """
    options = {(option["plan"] or {}).get("id", NOTHING): option for option in standing.options}
    if plan_id not in options:
        raise PlanError(
            mark("There is no option %(plan)r for this customer. There are: %(plans)s."),
            plan=plan_id,
            plans=", ".join(options),
        )
    option = options[plan_id]
    plan = option["plan"] or {}
    with transaction.atomic():
        _age(economics.entry.id, standing.customer_id)
        return CustomerChoice.objects.create(
            model_id=economics.entry.id,
            customer_id=standing.customer_id,
            as_of=economics.body["as_of"],
            stage=standing.stage,
            tier=standing.tier,
            weeks=standing.weeks,
            plan_id=plan_id,
            kind=option["kind"],
            cost=option["cost"],
            profit=option["profit"],
            low=option["low"],
            high=option["high"],
            options=standing.options,
            task_zh=plan.get("zh", "")[:200],
            task_en=plan.get("en", "")[:200],
            owner=owner[:120],
            due_on=due_on,
            note=note[:500],
            author=author,
        )


def take_back(model: str, customer: str, author: User | None = None) -> None:
    """Let the general choice hold for a customer again; what was decided stays in the history."""
    before = queries.chosen(model, customer)
    if before is None:
        return
    with transaction.atomic():
        _age(model, customer)
        CustomerChoice.objects.create(
            model_id=model,
            customer_id=customer,
            as_of=before.as_of,
            stage=before.stage,
            tier=before.tier,
            weeks=before.weeks,
            plan_id="",
            author=author,
        )


def _age(model: str, customer: str) -> None:
    CustomerChoice.objects.filter(model_id=model, customer_id=customer, newest=True).update(newest=False)
