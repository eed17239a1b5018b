"""What customers' records said of people on the day of their first contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenure.acquisition.contacts import Contacts

#: Attributes by which shops name where a customer came from.
SOURCES = ("acquisition_channel", "source", "utm_source", "来源", "来源渠道", "获客渠道")


def attributes_sql(contacts: Contacts) -> str:
    """Return SQL for customer_id, attribute and value of the attributes known on the day of the first contact.

    A record is known from its ``valid_from``, or else from its import, as in rules. Where somebody came from is a fact
    of the first contact itself: of these attributes the value recorded first counts, whenever that was.
    """
    sources = ", ".join(f"'{name}'" for name in SOURCES)
    return f"""
        WITH records AS (
            SELECT customer_id, contact_on, unnest(history) AS record FROM customers JOIN first_contacts
            USING (customer_id)),
        named AS (
            SELECT customer_id, contact_on, (coalesce(
                record.valid_from, (record.seen_at AT TIME ZONE '{contacts.tz}')::DATE), record.seen_at) AS since,
                record.attributes AS attributes, unnest(json_keys(record.attributes)) AS attribute
            FROM records WHERE record.attributes IS NOT NULL AND json_valid(record.attributes)),
        known AS (
            SELECT customer_id, contact_on, since, attribute, coalesce(json_extract_string(
                attributes, '/' || replace(replace(attribute, '~', '~0'), '/', '~1')), '') AS value FROM named)
        SELECT customer_id, attribute, nullif(arg_max(value, since), '') AS value FROM known
        WHERE attribute NOT IN ({sources}) AND since[1] <= contact_on GROUP BY customer_id, attribute
        UNION ALL
        SELECT customer_id, attribute, arg_min(value, since) AS value FROM known
        WHERE attribute IN ({sources}) AND value <> '' GROUP BY customer_id, attribute"""
