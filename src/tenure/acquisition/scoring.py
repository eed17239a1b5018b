"""First contact in the scorecard: how it came about, which steps followed, and when attention and decision lapse.

The steps are the stages of the model ``first-contact-funnel``, so that its rules are the only definition of them: the
day of a step is the first day on which the customer was in its stage, or in a later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.clock import day_sql
from tenure.facts.schema import DAY, TEXT
from tenure.lake import views
from tenure.lifecycle.choice import FUNNEL
from tenure.scorecard.model import Context, Fits, Result, ScorecardModel

if TYPE_CHECKING:
    import duckdb

    from tenure.stats.record import Fit

#: Stages of the model in the order in which they are reached.
STEPS = ("attract", "trust", "intent", "transaction")
#: How a first contact came about that was no interaction: an order without anything before it, or a mere record.
ORDER, RECORD = "order", "record"
SCHEMA = pa.schema(
    [(f"first_{name}", TEXT) for name in ("contact_kind", "channel", "content", "campaign", "category")]
    + [(name, DAY) for name in ("trust_on", "intent_on", "transaction_on", "attention_closes_on", "decision_closes_on")]
)  # fmt: skip
#: Of up to so many customers only the files are read that can hold them.
_FEW = 1_000
_TABLES = ("spans", "interactions", "orders", "cases")
#: What an interaction says beside its kind, and the columns that keep it.
_SAID = {"channel": "first_channel", "content_id": "first_content", "campaign_id": "first_campaign",
         "category": "first_category"}  # fmt: skip


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
        few = table.column("customer_id").to_pylist() if len(table) <= _FEW else None
        con = context.lake.connect(_TABLES, customers=few)
        con.register("people", table.select(["customer_id", "first_seen_on", "first_order_on"]))
        return Result(con.execute(_sql(con, context)).to_arrow_table().select(SCHEMA.names).cast(SCHEMA), {})


def _sql(con: duckdb.DuckDBPyConnection, context: Context) -> str:
    """Return SQL for the columns of `people`, in their order."""
    present = views.names(con)
    named = [name for name in ("interactions", "orders", "cases") if name in present]
    edges = " UNION ALL ".join(f'SELECT min("at") AS low, max("at") AS high FROM {name}' for name in named)
    row = con.execute(f"SELECT epoch_us(min(low)), epoch_us(max(high)) FROM ({edges})").fetchone() if named else None
    low, high = (row[0] or 0, row[1] or 0) if row else (0, 0)
    options = context.options
    begins = "p.first_seen_on" if options.decision_from == "first-contact" else "trust_on"
    return f"""
    WITH p AS (SELECT *, row_number() OVER () AS place FROM people),
    reached AS ({_reached(context) if "spans" in present else _NOBODY_REACHED}),
    touched AS ({_touched("at" if "interactions" in present else "", context, low, high)}),
    firsts AS ({" UNION ALL ".join(map(_first_of, named)) or _NO_FIRSTS}),
    first AS (
        SELECT customer_id, min("at") FILTER ("table" = 'orders') AS ordered_at,
            min("at") FILTER ("table" = 'cases') AS case_at FROM firsts GROUP BY customer_id),
    known AS (
        SELECT p.*, t.* EXCLUDE (customer_id), ordered_at, least(r.trust_on, p.first_order_on) AS trust_on,
            least(r.intent_on, p.first_order_on) AS intent_on,
            least(r.transaction_on, p.first_order_on) AS transaction_on,
            {day_sql("f.case_at", context.tz, low, high)} AS case_on
        FROM p LEFT JOIN touched t USING (customer_id) LEFT JOIN first f USING (customer_id)
        LEFT JOIN reached r USING (customer_id))
    SELECT
        CASE WHEN first_seen_on IS NULL THEN NULL
            -- An interaction after the first order of the same day is no contact that came before it.
            WHEN touched_on = first_seen_on AND (ordered_at IS NULL OR touched_at <= ordered_at) THEN touched_kind
            WHEN first_order_on = first_seen_on THEN '{ORDER}'
            WHEN case_on = first_seen_on THEN 'case' ELSE '{RECORD}' END AS first_contact_kind,
        {", ".join(f"CASE WHEN {name}_on = p.first_seen_on THEN {name} END AS {name}" for name in _SAID.values())},
        trust_on, intent_on, transaction_on,
        CASE WHEN transaction_on IS NULL THEN first_seen_on + {int(options.attention_days)} END AS attention_closes_on,
        CASE WHEN transaction_on IS NULL THEN {begins} + {int(options.decision_days)} END AS decision_closes_on
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
_NO_FIRSTS = """SELECT NULL::VARCHAR AS customer_id, '' AS "table", NULL::TIMESTAMPTZ AS "at\""""


def _first_of(name: str) -> str:
    which = "status = 'sale'" if name == "orders" else "true"
    return (
        f"""SELECT customer_id, '{name}' AS "table", min("at") AS "at" FROM {name} WHERE {which} GROUP BY customer_id"""
    )


def _touched(at: str, context: Context, low: int, high: int) -> str:
    """Return SQL for each customer's first interaction, and the first that says where, of what, of which campaign."""
    if not at:
        days = ", ".join(f"NULL::VARCHAR AS {name}, NULL::DATE AS {name}_on" for name in _SAID.values())
        return (
            f"SELECT NULL::VARCHAR AS customer_id, NULL::VARCHAR AS touched_kind, NULL::DATE AS touched_on,"
            f" NULL::TIMESTAMPTZ AS touched_at, {days}"
        )

    def day(instant: str) -> str:
        return day_sql(instant, context.tz, low, high)

    # The earliest of pairs (instant, text): of two at one instant the first by the alphabet, so that it never varies.
    firsts = ", ".join(
        f"""min({{'at': "at", 'said': {column}}}) FILTER ({column} IS NOT NULL) AS {name}"""
        for column, name in {"kind": "touch", **_SAID}.items()
    )
    shown = ", ".join(f"{name}.said AS {name}, {day(f'{name}.at')} AS {name}_on" for name in _SAID.values())
    return (
        f"SELECT customer_id, touch.said AS touched_kind, {day('touch.at')} AS touched_on, touch.at AS touched_at,"
        f" {shown} FROM (SELECT customer_id, {firsts} FROM interactions GROUP BY customer_id)"
    )
