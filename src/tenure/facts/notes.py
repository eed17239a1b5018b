"""Notes on prospects: what they want to know, which other brands they consider, what drives them.

A note is a fact of the table ``profile_notes``, brought by a file or written down by a person. Withdrawing one corrects
its row to the kind ``withdrawn``: no rule sees it any more, and the former row is kept among the replaced facts.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.errors import FactsError
from tenure.facts.importing import import_files
from tenure.facts.kinds import NOTES
from tenure.facts.schema import FACT_TABLES
from tenure.lake.duck import connect
from tenure.words import mark

if TYPE_CHECKING:
    from datetime import datetime

    from tenure.facts.lake import Lake

TABLE, WITHDRAWN = "profile_notes", "withdrawn"
LONGEST = 300
#: Scores of how a brand is seen, from poor to excellent.
SCORES = (1, 5)
SCORE_PROBLEM = mark("%(score)s is not a valid score. Notes on brand perception have a score from %(low)d to %(high)d.")

#: The categories of each kind, with their names. A competing brand is its own category; files may bring others.
CATEGORIES: dict[str, dict[str, str]] = {
    "information_need": {
        "function": mark("Basic functions"),
        "performance": mark("Performance"),
        "price": mark("Price"),
        "reviews": mark("User reviews"),
    },
    "competing_brand": {},
    "psychology": {
        "curiosity": mark("Curiosity"),
        "safety": mark("Need for safety"),
        "herd": mark("Follows others"),
    },
    "brand_perception": {
        "awareness": mark("Awareness"),
        "product_quality": mark("Product quality"),
        "service_quality": mark("Service quality"),
        "culture": mark("Company culture"),
        "association": mark("Association"),
    },
}


def topic_of(kind: str, category: str) -> str:
    """Return the marked name of what a note is about, or the category as it was written where it has none."""
    # What a withdrawn note was about is still to be read, though its kind is gone.
    known = {name: text for names in CATEGORIES.values() for name, text in names.items()} if kind == WITHDRAWN else {}
    return CATEGORIES.get(kind, known).get(category, category)


def add_note(  # noqa: PLR0913 - all by name
    lake: Lake, customer: str, *, kind: str, category: str, at: datetime, comment: str = "", score: int | None = None,
    author: str = "", source: str = "",
) -> str:  # fmt: skip
    """Write a note on a customer into the lake and return the number of its fact.

    Raises
    ------
    FactsError
        When the kind, its category, the score or the comment is not valid.
    """
    category, comment = " ".join(category.split()), " ".join(comment.split())
    _check(kind, category, comment, score)
    row = {
        "fact_id": f"note-{uuid.uuid4().hex}", "customer_id": customer, "at": at.astimezone(UTC), "source": source,
        "kind": kind, "category": category, "comment": comment or None, "author": author or None,
        "score": None if score is None else Decimal(score),
    }  # fmt: skip
    lake.append_facts(TABLE, pa.Table.from_pylist([row], schema=FACT_TABLES[TABLE].schema))
    return str(row["fact_id"])


def _check(kind: str, category: str, comment: str, score: int | None) -> None:
    if kind not in NOTES:
        text = mark("There is no kind of note %(kind)r. Kinds: %(known)s.")
        raise FactsError(text, kind=kind, known=", ".join(NOTES))
    if not category:
        raise FactsError(mark("Say what the note is about: choose a topic, or name the brand."))
    if CATEGORIES[kind] and category not in CATEGORIES[kind]:
        text = mark("A note of the kind %(kind)s cannot be about %(category)r. Choose one of: %(known)s.")
        raise FactsError(text, kind=kind, category=category, known=", ".join(CATEGORIES[kind]))
    if max(len(category), len(comment)) > LONGEST:
        text = mark("The note has %(length)d characters; the maximum is %(most)d.")
        raise FactsError(text, length=max(len(category), len(comment)), most=LONGEST)
    if score is not None and (kind != "brand_perception" or not SCORES[0] <= score <= SCORES[1]):
        raise FactsError(SCORE_PROBLEM, low=SCORES[0], high=SCORES[1], score=score)


def withdraw_note(lake: Lake, customer: str, fact_id: str) -> None:
    """Withdraw a note, which stays among the replaced facts.

    Raises
    ------
    FactsError
        When the customer has no such note.
    """
    sql = "SELECT 1 FROM profile_notes WHERE customer_id = $customer AND fact_id = $fact AND kind <> $withdrawn"
    stored = lake.stored(TABLE)
    if not stored or not lake.rows(TABLE, sql, {"customer": customer, "fact": fact_id, "withdrawn": WITHDRAWN}):
        raise FactsError(mark("There is no such note on %(customer)s. It may have been withdrawn."), customer=customer)
    # Read as it was written, so that a merge can still be undone.
    named = f'SELECT fact_id, customer_id, "at"::VARCHAR AS "at", category, source FROM {stored} WHERE fact_id = ?'
    row = connect().execute(f"SET timezone = 'UTC'; {named}", [fact_id]).to_arrow_table().to_pylist()[0]
    source = row.pop("source") or ""
    # The same import as that of a file of corrections, so that the former note is kept and a refresh finds it.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"withdrawal-{fact_id}.jsonl"
        path.write_text(json.dumps(row | {"kind": WITHDRAWN}) + "\n", encoding="utf-8")
        import_files(lake, [path], as_=TABLE, corrections=True, source=source)
