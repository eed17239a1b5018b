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

    example: str  # how it looks in a rule
    meaning: str  # one line for the editor and the command line, marked for translation
    takes: Literal["kinds", "cases", "categorised", "name", "nothing"] = "kinds"  # what stands first in its parentheses
    field: Literal["", "optional", "required"] = ""  # whether a field such as ``.amount`` follows the kind
    # whether windows may follow; ``quarters`` asks for one ``last Nd`` that can be cut into four
    windows: Literal["", "any", "quarters"] = ""
    returns: Literal["number", "truth", "any"] = "number"  # what it stands for

    @property
    def name(self) -> str:
        return self.example.partition("(")[0]

    @property
    def tables(self) -> tuple[str, ...]:
        """The fact tables whose kinds it takes; empty for all."""
        return {"cases": ("cases",), "categorised": ("order_lines", "orders", "interactions")}.get(self.takes, ())


_SIGNATURES = (
    Signature("days_since(order)", mark("days since the last such fact")),
    Signature("days_since_first(order)", mark("days since the first such fact")),
    Signature("count(order, last 90d)", mark("how many such facts"), windows="any"),
    Signature("days(login, last 30d)", mark("on how many different days"), windows="any"),
    Signature("sum(order.amount, last 90d)", mark("the sum of a field"), field="required", windows="any"),
    Signature("avg(order.amount)", mark("the mean of a field"), field="optional", windows="any"),
    Signature("max(order.amount)", mark("the largest value of a field"), field="optional", windows="any"),
    Signature("min(csat)", mark("the smallest value of a field"), field="optional", windows="any"),
    Signature("last(csat)", mark("the latest value of a field"), field="optional", windows="any"),
    Signature("categories(line, last 180d)", mark("how many different categories"), "categorised", windows="any"),
    Signature("typical_gap(order)", mark("this customer's own rhythm: median gap in days")),
    Signature("gap_variation(order)", mark("how irregular the gaps are: 0 is a clock")),
    Signature(
        "slope(order.amount, last 360d)",
        mark("growth per quarter of the window: 0.1 is 10 % up"),
        field="optional",
        windows="quarters",
    ),
    Signature("open(complaint)", mark("how many cases are opened and not closed"), "cases"),
    Signature("balance()", mark("what is still to be settled on either side"), "nothing"),
    Signature("has(enquiry, last 30d)", mark("whether there is such a fact"), windows="any", returns="truth"),
    Signature('attribute(level) = "gold"', mark("an attribute of the customer"), "name", returns="any"),
    Signature("score(churn)", mark("a published figure about the customer"), "name"),
)

MEASURES: dict[str, Signature] = {signature.name: signature for signature in _SIGNATURES}
