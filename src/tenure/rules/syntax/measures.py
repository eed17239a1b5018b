"""The measures of the rule language: what may stand before a parenthesis and what may stand inside.

How it is computed stands in :mod:`tenure.rules.evaluation.steps`; what it means, in
``docs/reference/rule-language.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tenure.words import mark


@dataclass(frozen=True, slots=True)
class Signature:
    """How a measure is written."""

    name: str  # its name
    takes: Literal["kinds", "cases", "categorised", "name", "nothing"]  # what stands first in its parentheses
    field: Literal["", "optional", "required"]  # whether a field such as ``.amount`` follows the kind
    # whether windows may follow; ``quarters`` asks for one ``last Nd`` that can be cut into four
    windows: Literal["", "any", "quarters"]
    returns: Literal["number", "truth", "any"]  # what it stands for
    example: str  # how it looks in a rule
    meaning: str  # one line for the editor and the command line, marked for translation

    @property
    def tables(self) -> tuple[str, ...]:
        """The fact tables whose kinds it takes; empty for all."""
        return {"cases": ("cases",), "categorised": ("order_lines", "orders", "interactions")}.get(self.takes, ())

    @property
    def may_read_field(self) -> bool:
        """Whether a field may follow the kind; the slope of a kind without one is that of its count."""
        return bool(self.field) or self.windows == "quarters"


_SIGNATURES = (
    Signature("days_since", "kinds", "", "", "number", "days_since(order)", mark("days since the last such fact")),
    Signature(
        "days_since_first", "kinds", "", "", "number", "days_since_first(order)", mark("days since the first such fact")
    ),
    Signature("count", "kinds", "", "any", "number", "count(order, last 90d)", mark("how many such facts")),
    Signature("days", "kinds", "", "any", "number", "days(login, last 30d)", mark("on how many different days")),
    Signature("sum", "kinds", "required", "any", "number", "sum(order.amount, last 90d)", mark("the sum of a field")),
    Signature("avg", "kinds", "optional", "any", "number", "avg(order.amount)", mark("the mean of a field")),
    Signature("max", "kinds", "optional", "any", "number", "max(order.amount)", mark("the largest value of a field")),
    Signature("min", "kinds", "optional", "any", "number", "min(csat)", mark("the smallest value of a field")),
    Signature("last", "kinds", "optional", "any", "number", "last(csat)", mark("the latest value of a field")),
    Signature(
        "categories",
        "categorised",
        "",
        "any",
        "number",
        "categories(line, last 180d)",
        mark("how many different categories"),
    ),
    Signature(
        "typical_gap",
        "kinds",
        "",
        "",
        "number",
        "typical_gap(order)",
        mark("this customer's own rhythm: median gap in days"),
    ),
    Signature(
        "gap_variation",
        "kinds",
        "",
        "",
        "number",
        "gap_variation(order)",
        mark("how irregular the gaps are: 0 is a clock"),
    ),
    Signature(
        "slope",
        "kinds",
        "optional",
        "quarters",
        "number",
        "slope(order.amount, last 360d)",
        mark("growth per quarter of the window: 0.1 is 10 % up"),
    ),
    Signature("open", "cases", "", "", "number", "open(complaint)", mark("how many cases are opened and not closed")),
    Signature("balance", "nothing", "", "", "number", "balance()", mark("what is still to be settled on either side")),
    Signature("has", "kinds", "", "any", "truth", "has(enquiry, last 30d)", mark("whether there is such a fact")),
    Signature("attribute", "name", "", "", "any", 'attribute(level) = "gold"', mark("an attribute of the customer")),
    Signature("score", "name", "", "", "number", "score(churn)", mark("a published figure about the customer")),
)

MEASURES: dict[str, Signature] = {signature.name: signature for signature in _SIGNATURES}
