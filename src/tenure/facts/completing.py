"""Small hand-made tables become whole fact tables.

It invents nothing: what is missing is null, and only a missing status is read from the sign of the amount.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import CUSTOMERS, FACT_TABLES, NUMBER


def completed(name: str, table: pa.Table) -> pa.Table:
    """Return a fact table with all columns of its schema, the missing ones null, types cast.

    Lets small hand-made tables (``customer_id, at, amount``) be used wherever whole facts are.
    """
    schema = CUSTOMERS if name == "customers" else FACT_TABLES[name].schema
    columns = []
    for column in schema:
        if column.name not in table.column_names:
            columns.append(pa.nulls(len(table), column.type))
        else:
            given = table.column(column.name)
            columns.append(given if given.type == column.type else _cast(given, column.type))
    result = pa.table(columns, schema=schema)
    if name == "orders" and ("status" not in table.column_names):
        negative = pc.less(result.column("amount"), pa.scalar(0, NUMBER)).fill_null(False)
        status = pc.if_else(negative, pa.scalar("refund"), pa.scalar("sale"))
        result = result.set_column(schema.get_field_index("status"), "status", status)
    return result


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_decimal(kind) and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return pc.round(column.cast(pa.float64(), safe=False), ndigits=4).cast(kind, safe=False)
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(column.type) and column.type.tz is None:
        return column.cast(pa.timestamp("us")).cast(pa.int64()).cast(kind)
    return column.cast(kind)
