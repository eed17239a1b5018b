"""Reads about first contacts: the library's, over the lake of this installation and the day that pages speak of."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tenure.acquisition.contacts import Contacts, Period
from tenure.acquisition.labels import FunnelSteps
from tenure.acquisition.windows import week_from
from tenure.errors import FactsError
from tenure.facts.notes import CATEGORIES, TABLE, WITHDRAWN, topic_of
from tenure.lifecycle.model import FUNNEL
from tenure.words import say
from tenure_app.core import conf
from tenure_app.customers.profile import has, local, rows
from tenure_app.lifecycle.definitions.queries import models_in_force

if TYPE_CHECKING:
    import duckdb


def contacts_on(day: date, con: duckdb.DuckDBPyConnection | None = None, customer: str | None = None) -> Contacts:
    """Return the first contacts known on a day, that of the last refresh at the latest; a LakeError says what lacks."""
    return Contacts.of_lake(conf.lake(), con or conf.connection(), day, customer)


def steps() -> FunnelSteps:
    """Return the steps as the model in force has them."""
    return FunnelSteps.of(models_in_force().get(FUNNEL))


def months(contacts: Contacts) -> list[Period]:
    """Return the calendar months with first contacts, the newest first."""
    sql = "SELECT DISTINCT date_trunc('month', contact_on)::DATE AS month FROM first_contacts ORDER BY month DESC"
    return [Period.month(row["month"]) for row in contacts.rows(sql)]


def period_of(text: str, contacts: Contacts) -> tuple[Period, bool]:
    """Return the period of an address, that of all first contacts when it names none; and whether it is valid."""
    try:
        return Period.read(text) if text else contacts.whole_period(), True
    except FactsError:
        return contacts.whole_period(), False


def days_of(since: str, until: str, today: date) -> Period:
    """Return the days that an address names; a week from today on when it names none."""

    def day(text: str) -> date | None:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None

    week = week_from(day(since) or today)
    return Period(week.since, max(day(until) or week.until, week.since))


def notes(con: duckdb.DuckDBPyConnection, customer: str, day: date) -> list[dict[str, Any]]:
    """Return the notes on a customer that hold on a day, by kind, the newest first."""
    if not has(con, TABLE):
        return []
    sql = f"""select fact_id, kind, category, score, comment, author, epoch_us("at") as at from {TABLE}
        where customer_id = ? and kind <> '{WITHDRAWN}' order by "at" desc, fact_id"""
    zone = ZoneInfo(conf.lake().settings.tz)
    known = [
        row | {"day": local(row["at"], zone).date(), "about": say(topic_of(row["kind"], row["category"]))}
        for row in rows(con, sql, customer)
    ]
    return [row for row in known if row["day"] <= day]


def topics() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what a note can be about, for the form: kind, then the topics with their names."""
    return [
        (kind, [(f"{kind}/{name}", say(text)) for name, text in names.items()]) for kind, names in CATEGORIES.items()
    ]
