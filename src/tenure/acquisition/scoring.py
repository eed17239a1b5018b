"""First contact in the scorecard: how it came about, which steps followed, and when attention and decision lapse.

The steps are the stages of the model ``first-contact-funnel``, so that its rules are the only definition of them: the
day of a step is the first day on which the customer was in its stage, or in a later one. Whoever has an order or a
contract has made the transaction, even where the facts do not suffice for the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.clock import day_sql
from tenure.facts.kinds import KINDS
from tenure.facts.schema import DAY, TEXT
from tenure.lake import views
from tenure.lifecycle.model import FUNNEL
from tenure.scorecard.model import Context, Fits, Options, Result, ScorecardModel

if TYPE_CHECKING:
    import duckdb

    from tenure.stats.record import Fit

#: Stages of the model in the order in which they are reached.
STEPS = ("attract", "trust", "intent", "transaction")
#: How a first contact came about that was no interaction: a transaction without anything before it, or a mere record.
ORDER, RECORD = "order", "record"
SCHEMA = pa.schema(
    [(f"first_{name}", TEXT) for name in ("contact_kind", "channel", "content", "campaign", "category")]
    + [(name, DAY) for name in ("trust_on", "intent_on", "transaction_on", "attention_closes_on", "decision_closes_on")]
)  # fmt: skip
#: Of up to so many customers only the files are read that can hold them.
_READ_BY_ID = 1_000
#: Columns of an interaction that are kept of the first contact, and the columns of the scorecard that keep them.
_DETAILS = {"channel": "first_channel", "content_id": "first_content", "campaign_id": "first_campaign",
            "category": "first_category"}  # fmt: skip
#: Kinds of facts of which the first one counts.
_FIRSTS = {"bought": ("order", "start", "renewal"), "case": ("case",)}
_FACTS = ("interactions", "orders", "contracts", "cases")


class FirstContact(ScorecardModel):
    """The columns of first contact; it fits nothing."""

    name = "first_contact"
    schema = SCHEMA
    families = ()

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return nothing: first contacts are counted, not fitted."""
        return []

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return the columns of these customers, from the lake with the spans of this refresh."""
        if context.lake is None:
            return Result(pa.table([pa.nulls(len(table), field.type) for field in SCHEMA], schema=SCHEMA), {})
        ids = table.column("customer_id").to_pylist() if len(table) <= _READ_BY_ID else None
        con = context.lake.connect(("spans", *_FACTS), customers=ids)
        con.register("people", table.select(["customer_id", "first_seen_on"]))
        return Result(con.execute(_sql(con, context)).to_arrow_table().select(SCHEMA.names).cast(SCHEMA), {})


def windows_sql(options: Options, contact: str) -> str:
    """Return SQL for the days on which both windows close; `contact` is the column with the day of first contact.

    Attention runs from the first contact, the decision from it or from the first sign of consideration. Whoever made
    the transaction has no window any more.
    """
    decision = contact if options.decision_from == "first-contact" else "trust_on"
    return f"""
        CASE WHEN transaction_on IS NULL THEN {contact} + {int(options.attention_days)} END AS attention_closes_on,
        CASE WHEN transaction_on IS NULL THEN {decision} + {int(options.decision_days)} END AS decision_closes_on"""


def _sql(con: duckdb.DuckDBPyConnection, context: Context) -> str:
    """Return SQL for the columns of `people`, in their order."""
    present = views.names(con)
    tables = [name for name in _FACTS if name in present]
    edges = " UNION ALL ".join(f'SELECT min("at") AS low, max("at") AS high FROM {name}' for name in tables)
    row = con.execute(f"SELECT epoch_us(min(low)), epoch_us(max(high)) FROM ({edges})").fetchone() if tables else None
    low, high = (row[0] or 0, row[1] or 0) if row else (0, 0)
    firsts = ", ".join(f"""min("at") FILTER (name = '{name}') AS {name}_at""" for name in _FIRSTS)
    bought_on, case_on = (day_sql(f"f.{name}_at", context.tz, low, high) for name in _FIRSTS)
    return f"""
    WITH p AS (SELECT *, row_number() OVER () AS place FROM people),
    reached AS ({_reached(context) if "spans" in present else _NOBODY_REACHED}),
    touched AS ({_touched("at" if "interactions" in present else "", context, low, high)}),
    f AS (
        SELECT customer_id, {firsts} FROM ({_firsts(tables)}) GROUP BY customer_id),
    dated AS (
        SELECT *, CASE WHEN {bought_on} <= DATE '{context.as_of}' THEN {bought_on} END AS bought_on,
            {case_on} AS case_on FROM f),
    known AS (
        SELECT p.*, t.* EXCLUDE (customer_id), bought_at, case_on, least(r.trust_on, bought_on) AS trust_on,
            least(r.intent_on, bought_on) AS intent_on, least(r.transaction_on, bought_on) AS transaction_on
        FROM p LEFT JOIN touched t USING (customer_id) LEFT JOIN dated USING (customer_id)
        LEFT JOIN reached r USING (customer_id))
    SELECT
        CASE WHEN first_seen_on IS NULL THEN NULL
            -- An interaction after the first order of the same day is no contact that came before it.
            WHEN touched_on = first_seen_on AND (bought_at IS NULL OR touched_at <= bought_at) THEN touched_kind
            WHEN transaction_on = first_seen_on THEN '{ORDER}'
            WHEN case_on = first_seen_on THEN 'case' ELSE '{RECORD}' END AS first_contact_kind,
        {", ".join(f"CASE WHEN {name}_on = p.first_seen_on THEN {name} END AS {name}" for name in _DETAILS.values())},
        trust_on, intent_on, transaction_on, {windows_sql(context.options, "p.first_seen_on")}
    FROM known AS p ORDER BY place"""


def _reached(context: Context) -> str:
    late = [", ".join(f"'{step}'" for step in STEPS[place:]) for place in (1, 2, 3)]
    return f"""
        SELECT customer_id, min(entered_on) FILTER (stage IN ({late[0]})) AS trust_on,
            min(entered_on) FILTER (stage IN ({late[1]})) AS intent_on,
            min(entered_on) FILTER (stage IN ({late[2]})) AS transaction_on
        FROM spans WHERE model = '{FUNNEL}' AND entered_on <= DATE '{context.as_of}' GROUP BY customer_id"""


_NOBODY_REACHED = """SELECT NULL::VARCHAR AS customer_id, NULL::DATE AS trust_on, NULL::DATE AS intent_on,
    NULL::DATE AS transaction_on"""


def _firsts(tables: list[str]) -> str:
    """Return SQL for each customer's first fact of the kinds that count, by what it counts as."""
    selects = ["""SELECT NULL::VARCHAR AS customer_id, '' AS name, NULL::TIMESTAMPTZ AS "at" WHERE false"""]
    for name, kinds in _FIRSTS.items():
        for kind in (KINDS[kind] for kind in kinds):
            if kind.table in tables:
                where = f"{kind.column} IN ({', '.join(map(repr, kind.values))})" if kind.column else "true"
                selects.append(
                    f"""SELECT customer_id, '{name}', min("at") FROM {kind.table} WHERE {where} GROUP BY customer_id"""
                )
    return " UNION ALL ".join(selects)


def _touched(at: str, context: Context, low: int, high: int) -> str:
    """Return SQL for each customer's first interaction, and the first that says where, of what, of which campaign."""
    if not at:
        days = ", ".join(f"NULL::VARCHAR AS {name}, NULL::DATE AS {name}_on" for name in _DETAILS.values())
        return (
            f"SELECT NULL::VARCHAR AS customer_id, NULL::VARCHAR AS touched_kind, NULL::DATE AS touched_on,"
            f" NULL::TIMESTAMPTZ AS touched_at, {days}"
        )

    def day(instant: str) -> str:
        return day_sql(instant, context.tz, low, high)

    # The earliest of pairs (instant, text): of two at one instant the first by the alphabet, so that it never varies.
    firsts = ", ".join(
        f"""min({{'at': "at", 'value': {column}}}) FILTER ({column} IS NOT NULL) AS {name}"""
        for column, name in {"kind": "touch", **_DETAILS}.items()
    )
    details = ", ".join(f"{name}.value AS {name}, {day(f'{name}.at')} AS {name}_on" for name in _DETAILS.values())
    return (
        f"SELECT customer_id, touch.value AS touched_kind, {day('touch.at')} AS touched_on, touch.at AS touched_at,"
        f" {details} FROM (SELECT customer_id, {firsts} FROM interactions GROUP BY customer_id)"
    )
