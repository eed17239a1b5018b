"""Writes about one customer's stages: a person's judgement over a rule's, and its end.

An override is a fact like any other: the newest counts, and ending one is a new fact too, so nothing is lost. Then only
this customer is evaluated again.
"""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tenure.errors import TenureError
from tenure.lifecycle.model import Model
from tenure.words import mark
from tenure_app.core import conf
from tenure_app.customers.profile import profile
from tenure_app.lifecycle.definitions.queries import active_models, models_in_force
from tenure_app.web.layout import last_data_day

LONGEST = 300
log = logging.getLogger("tenure.app")


class NotOverridden(TenureError):
    code = "not-overridden"


class UnknownCustomer(TenureError):
    code = "unknown-customer"


def existing(customer: str) -> str:
    """Return the id under which a customer is kept, that of the other record after a merge."""
    customer = conf.lake().merged().get(customer, customer)
    if profile(conf.connection(), customer) is None:
        raise UnknownCustomer(mark("There is no customer %(id)s."), id=customer)
    return customer


def evaluate_again(customer: str) -> bool:
    """Evaluate one customer; False when that failed, which leaves it to the next refresh: the fact is saved already."""
    from tenure.refreshing.run import refresh

    try:
        refresh(conf.lake(), models=active_models(), customers=[customer])
    except Exception:  # whatever it is, an error message would have the fact entered twice
        log.exception("Customer %s was not evaluated again", customer)
        return False
    return True


def set_override(customer: str, model: str, stage: str, reason: str, until: date | None, *, by: str) -> bool:
    """Put a customer into a stage by hand, until a day (inclusive) or until it is withdrawn.

    Say whether the customer was evaluated again.
    """
    customer = existing(customer)
    stages, begins = _model(model).stages, _begins(customer)
    if stage not in {candidate.id for candidate in stages}:
        raise NotOverridden(mark("The model %(model)s has no stage %(stage)r."), model=model, stage=stage)
    reason = " ".join(reason.split())
    if not reason:
        raise NotOverridden(mark("Enter a reason. It is shown next to the stage."))
    if len(reason) > LONGEST:
        text = mark("The reason has %(length)d characters; the maximum is %(most)d.")
        raise NotOverridden(text, length=len(reason), most=LONGEST)
    if until is not None and until < begins.date():
        raise NotOverridden(
            mark("The last day, %(until)s, is before the first day, %(first)s. Choose a later day, or leave it empty."),
            until=until,
            first=begins.date(),
        )
    return _append(customer, begins, model=model, stage=stage, reason=reason, until=until, source=f"staff:{by}")


def cancel_override(customer: str, model: str, reason: str, *, by: str) -> bool:
    """Let the rules decide again: a judgement without a stage, which ends the one before it.

    Say whether the customer was evaluated again.
    """
    _model(model)
    customer = existing(customer)
    reason = " ".join(reason.split())
    return _append(customer, _begins(customer), model=model, stage="", reason=reason, until=None, source=f"staff:{by}")


def day_of(text: str) -> date | None:
    """Return a day as a form sends it, None for an empty field."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        problem = mark("%(text)s is not a valid date. Use the format 2026-11-30, or leave it empty.")
        raise NotOverridden(problem, text=text) from error


def _model(model: str) -> Model:
    definition = models_in_force().get(model)
    if definition is None or definition.subject != "customer":
        raise NotOverridden(mark("There is no model %(model)r in which customers have stages."), model=model)
    return definition


def _begins(customer: str) -> datetime:
    """Return the instant of a new judgement, in the business's zone: now, but within the day that the stages speak of.

    Facts may end long before today (a past year's data is being looked at): a judgement after that day would be
    invisible until the next refresh. It always comes after the judgements before it.
    """
    lake = conf.lake()
    zone = ZoneInfo(lake.settings.tz)
    begins = datetime.now(zone)
    last = last_data_day()
    if last and last < begins.date():
        begins = datetime.combine(last, begins.timetz())
    earlier = lake.read("overrides", [customer], ["at"]).column("at").to_pylist()
    return max([begins, *(at.astimezone(zone) + timedelta(seconds=1) for at in earlier)])


def _append(customer: str, begins: datetime, **judgement: Any) -> bool:
    import pyarrow as pa

    from tenure.facts.schema import FACT_TABLES

    row = {
        "fact_id": f"override-{uuid.uuid4().hex}",
        "customer_id": customer,
        "at": begins.astimezone(UTC),
        "batch_id": None,
        **judgement,
    }
    lake = conf.lake()
    lake.append_facts("overrides", pa.Table.from_pylist([row], schema=FACT_TABLES["overrides"].schema))
    return evaluate_again(customer)
