"""The measures of the rule language: what may stand before a parenthesis and what may stand inside.

How it is computed stands in :mod:`tenure.rules.evaluation.steps`; what it means, in
``docs/reference/rule-language.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tenure.words import mark

if TYPE_CHECKING:
    from tenure.facts.kinds import Kind


@dataclass(frozen=True, slots=True)
class Signature:
    """How a measure is written."""

    example: str  # how it looks in a rule
    meaning: str  # one line for the editor and the command line, marked for translation
    # what stands first in its parentheses
    takes: Literal[
        "kinds", "cases", "categorised", "contracts", "name", "names", "nothing", "condition", "number", "until"
    ] = "kinds"
    # whether a number field such as ``.amount`` follows the kind; ``column`` asks for any column
    field: Literal["", "optional", "required", "column"] = ""
    # whether windows may follow; ``quarters`` asks for one ``last Nd`` that can be cut into four
    windows: Literal["", "any", "quarters"] = ""
    returns: Literal["number", "text", "truth", "any"] = "number"  # what it stands for
    numbered: bool = False  # whether a whole number follows: which fact, which value
    column: Literal["", "optional", "required"] = ""  # whether a column follows the closing parenthesis

    @property
    def name(self) -> str:
        return self.example.partition("(")[0]

    @property
    def tables(self) -> tuple[str, ...]:
        """The fact tables whose kinds it takes; empty for all."""
        return {
            "cases": ("cases",),
            "categorised": ("order_lines", "orders", "interactions"),
            "contracts": ("contracts",),
            "until": ("contracts",),
        }.get(self.takes, ())

    def accepts(self, kind: Kind) -> bool:
        """Return whether facts of a kind may stand in its parentheses."""
        is_event = "contracts" in self.tables and bool(kind.values)  # what runs is a contract, not its start
        # The lines of an order, which have its categories, do not name who referred the buyer.
        is_of_referrer = self.takes == "categorised" and kind.who != "customer_id"
        return not self.tables or (kind.table in self.tables and not is_event and not is_of_referrer)


_SIGNATURES = (
    Signature("days_since(order)", mark("days since the most recent fact")),
    Signature("days_since_first(order)", mark("days since the first fact")),
    Signature("count(order, last 90d)", mark("number of facts"), windows="any"),
    Signature("days(login, last 30d)", mark("number of distinct days with facts"), windows="any"),
    Signature("months_with(order, last 12 months)", mark("number of calendar months with facts"), windows="any"),
    Signature("weeks_with(order, last 12 weeks)", mark("number of calendar weeks with facts"), windows="any"),
    Signature("sum(order.amount, last 90d)", mark("sum of a field"), field="required", windows="any"),
    Signature("avg(order.amount)", mark("average of a field"), field="optional", windows="any"),
    Signature("median(order.amount)", mark("median of a field"), field="optional", windows="any"),
    Signature("max(order.amount)", mark("largest value of a field"), field="optional", windows="any"),
    Signature("min(csat)", mark("smallest value of a field"), field="optional", windows="any"),
    Signature(
        "largest(order.amount, 2)",
        mark("second largest value of a field"),
        field="required",
        windows="any",
        numbered=True,
    ),
    Signature("last(csat)", mark("latest value of a field"), field="optional", windows="any", column="optional"),
    Signature("first(order).channel", mark("a column of the first fact"), windows="any", column="required"),
    Signature(
        "nth(order, 2).amount", mark("a column of the second fact"), windows="any", numbered=True, column="required"
    ),
    Signature("distinct(order.channel)", mark("number of distinct values"), field="column", windows="any"),
    Signature("categories(line, last 180d)", mark("number of distinct categories"), "categorised", windows="any"),
    Signature("typical_gap(order)", mark("the customer's usual interval: median days between facts")),
    Signature("longest_gap(order)", mark("longest interval in days between facts")),
    Signature("gap_variation(order)", mark("how irregular the intervals are; 0 is perfectly regular")),
    Signature(
        "slope(order.amount, last 360d)",
        mark("growth per quarter of the window; 0.1 means up 10 %"),
        field="optional",
        windows="quarters",
    ),
    Signature("open(complaint)", mark("number of open cases"), "cases"),
    Signature("days_open(complaint)", mark("days since the oldest open case was opened"), "cases"),
    Signature("running(contract)", mark("whether a contract is running"), "contracts", returns="truth"),
    Signature(
        "days_until(contract.ends_at)",
        mark("days until a contract's end, an attribute's date or a named date"),
        "until",
    ),
    Signature("balance()", mark("outstanding balance"), "nothing"),
    Signature("has(enquiry, last 30d)", mark("whether there is any fact"), windows="any", returns="truth"),
    Signature('attribute(level) = "gold"', mark("a customer attribute"), "name", returns="any"),
    Signature("score(churn)", mark("a published score of the customer"), "name", returns="any"),
    Signature('stage("retail-activity") = "active"', mark("the stage in another model"), "name", returns="text"),
    Signature(
        'in_stage("active")',
        mark("whether the customer was in a stage of this model the day before"),
        "names",
        returns="truth",
    ),
    Signature(
        'previous_stage() = "silent"', mark("the stage of this model before the last one"), "nothing", returns="text"
    ),
    Signature("days_in_stage()", mark("days since entering the stage of this model"), "nothing"),
    Signature("ever(count(order) >= 5)", mark("whether a condition has ever been true"), "condition", returns="truth"),
    Signature("percentile(sum(order.amount, last 360d))", mark("place among all customers, from 0 to 1"), "number"),
    Signature(
        "average(sum(order.amount, last 360d), by city)", mark("average of all customers, or of those alike"), "number"
    ),
)

MEASURES: dict[str, Signature] = {signature.name: signature for signature in _SIGNATURES}
