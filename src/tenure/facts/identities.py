"""Who is who: merged customers.

A merge is a row, its undoing is another row; nothing is rewritten. Facts keep the id they came with, and the id that
counts is applied when they are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.facts.schema import INSTANT, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MERGE, UNDO = "merge", "undo"

#: One row per merged customer, or per undone merge (`customer_id` and `into_id` repeated from the merge).
IDENTITIES = pa.schema(
    {"merge_id": TEXT, "action": TEXT, "customer_id": TEXT, "into_id": TEXT, "reason": TEXT, "at": INSTANT}
)

#: The first-seen spelling of every id that has letters: ids that differ only in case are one customer.
SPELLINGS = pa.schema({"key": TEXT, "customer_id": TEXT})


def canonical(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return {merged id: id that counts} from the rows of `identities`, chains followed to their end.

    The newest merge of an id that is not undone counts. A merge that would close a circle is left out.
    """
    ordered = list(rows)
    undone = {row["merge_id"] for row in ordered if row["action"] == UNDO}
    step: dict[str, str] = {}
    for row in sorted(ordered, key=lambda row: (row["at"], row["merge_id"])):
        if row["action"] == MERGE and row["merge_id"] not in undone:
            step[row["customer_id"]] = row["into_id"]
    return {one: end for one in step if (end := _end(one, step)) != one}


def _end(one: str, step: Mapping[str, str]) -> str:
    seen = {one}
    while one in step and step[one] not in seen:
        one = step[one]
        seen.add(one)
    return one
