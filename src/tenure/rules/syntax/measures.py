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
    Signature("days_since(order)", mark("days since the most recent fact")),
    Signature("days_since_first(order)", mark("days since the first fact")),
    Signature("count(order, last 90d)", mark("number of facts"), windows="any"),
    Signature("days(login, last 30d)", mark("number of distinct days with facts"), windows="any"),
    Signature("sum(order.amount, last 90d)", mark("sum of a field"), field="required", windows="any"),
    Signature("avg(order.amount)", mark("average of a field"), field="optional", windows="any"),
    Signature("max(order.amount)", mark("largest value of a field"), field="optional", windows="any"),
    Signature("min(csat)", mark("smallest value of a field"), field="optional", windows="any"),
    Signature("last(csat)", mark("latest value of a field"), field="optional", windows="any"),
    Signature("categories(line, last 180d)", mark("number of distinct categories"), "categorised", windows="any"),
    Signature("typical_gap(order)", mark("the customer's usual interval: median days between facts")),
    Signature("gap_variation(order)", mark("how irregular the intervals are; 0 is perfectly regular")),
    Signature(
        "slope(order.amount, last 360d)",
        mark("growth per quarter of the window; 0.1 means up 10 %"),
        field="optional",
        windows="quarters",
    ),
    Signature("open(complaint)", mark("number of open cases"), "cases"),
    Signature("balance()", mark("outstanding balance"), "nothing"),
    Signature("has(enquiry, last 30d)", mark("whether there is any fact"), windows="any", returns="truth"),
    Signature('attribute(level) = "gold"', mark("a customer attribute"), "name", returns="any"),
    Signature("score(churn)", mark("a published score of the customer"), "name"),
)

MEASURES: dict[str, Signature] = {signature.name: signature for signature in _SIGNATURES}
