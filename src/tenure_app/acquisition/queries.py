"""Reads about first contacts: the library's, over the lake of this installation and the day that pages speak of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tenure.acquisition.contacts import Contacts, Period
from tenure.errors import FactsError
from tenure.facts.notes import CATEGORIES, TABLE, WITHDRAWN, topic_of
from tenure.lifecycle.choice import FUNNEL
from tenure.scorecard.options import options_of
from tenure.words import say
from tenure_app.core import conf
from tenure_app.customers.profile import has, local, rows
from tenure_app.customers.queries import columns
from tenure_app.lifecycle.definitions.queries import models_in_force

if TYPE_CHECKING:
    import duckdb

    from tenure.lifecycle.model import Model


def contacts_on(con: duckdb.DuckDBPyConnection, day: date, customer: str | None = None) -> Contacts | None:
    """Return the first contacts known on a day, that of the last refresh at the latest; None before there is one."""
    # A refresh of the stages alone leaves a scorecard that does not say of which day it is.
    if not has(con, "scorecard") or "as_of" not in columns(con):
        return None
    row = con.execute("select max(as_of) from scorecard").fetchone()
    if not row or row[0] is None:
        return None
    return Contacts.of(con, min(day, row[0]), options_of(conf.lake()), conf.lake().settings.tz, customer)


def funnel_model() -> Model | None:
    """Return the model whose stages are the steps; None when its text in force cannot be read."""
    return models_in_force().get(FUNNEL)


def plays(model: Model | None) -> dict[str, list[str]]:
    """Return what the model advises at each step."""
    return {stage.id: [play.words.render() for play in stage.advised] for stage in model.stages} if model else {}


def step_names(model: Model | None) -> dict[str, str]:
    return {stage.id: stage.name.render() for stage in model.stages} if model else {}


def families(model: Model | None) -> dict[str, str]:
    return {stage.id: stage.family for stage in model.stages} if model else {}


def periods(contacts: Contacts) -> list[Period]:
    """Return the calendar months with first contacts, the newest first."""
    edges = contacts.edges()
    if edges is None:
        return []
    months = [Period.month(edges[1])]
    while months[-1].since > edges[0]:
        months.append(months[-1].before())
    return months


def period_of(text: str, contacts: Contacts) -> tuple[Period, bool]:
    """Return the period that an address names, everybody when it names none; and whether its text means something."""
    everybody = Period(*(contacts.edges() or (contacts.day, contacts.day)))
    if not text:
        return everybody, True
    try:
        return Period.read(text), True
    except FactsError:
        return everybody, False


def days_of(since: str, until: str, today: date, ahead: int) -> tuple[date, date]:
    """Return the days that an address names; so many from today on when it names none."""

    def day(text: str) -> date | None:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None

    first = day(since) or today
    return first, max(day(until) or first + timedelta(days=ahead - 1), first)


def notes(con: duckdb.DuckDBPyConnection, customer: str, day: date) -> list[dict[str, Any]]:
    """Return the notes on a customer that hold on a day, by kind, the newest first."""
    if not has(con, TABLE):
        return []
    sql = f"""select fact_id, kind, category, score, comment, author, epoch_us("at") as at from {TABLE}
        where customer_id = ? and kind <> '{WITHDRAWN}' order by "at" desc, fact_id"""
    zone = ZoneInfo(conf.lake().settings.tz)
    made = [
        row | {"day": local(row["at"], zone).date(), "about": say(topic_of(row["kind"], row["category"]))}
        for row in rows(con, sql, customer)
    ]
    return [row for row in made if row["day"] <= day]


def topics() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what a note can be about, for the form: kind, then the topics with their names."""
    return [(kind, [(f"{kind}/{name}", say(text)) for name, text in of.items()]) for kind, of in CATEGORIES.items()]
