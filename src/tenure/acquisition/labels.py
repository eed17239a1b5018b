"""What first contacts are called on pages and on the command line: steps, windows, verdicts, factors and groups."""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.acquisition.scoring import RECORD, STEPS
from tenure.lifecycle.model import FUNNEL, Model
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language, mark, say
from tenure.words.formats import month

WINDOWS = {"attention": mark("Attention window"), "decision": mark("Decision window")}
VERDICTS = {
    "differs": mark("statistically significant"),
    "no-difference": mark("not significant"),
    "too-few": mark("too few people"),
}
#: Factors of the first contact itself. Attributes of customers come after them.
FACTORS = {
    "kind": mark("First contact by"),
    "channel": mark("Channel"),
    "content": mark("Content or product seen first"),
    "campaign": mark("Campaign"),
    "category": mark("Category seen first"),
    "price": mark("Price of the product seen first"),
    "awareness": mark("Brand awareness"),
}
ATTRIBUTE = "attribute:"  # what factors and groups by an attribute of the customer begin with
#: Groups of price and of brand awareness, which are no text of the facts.
BANDS = {"low": mark("low"), "middle": mark("middle"), "high": mark("high")}
STATES = {"open": mark("not complete yet"), "finished": mark("complete"), "empty": mark("no first contacts")}


@dataclass(frozen=True)
class FunnelSteps:
    """What the model in force says of the steps; all empty when its text cannot be read."""

    names: dict[str, str] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    plays: dict[str, list[str]] = field(default_factory=dict)  # what it advises

    @classmethod
    def of(cls, model: Model | None) -> FunnelSteps:
        """Return the steps as a model has them."""
        stages = model.stages if model else ()
        return cls(
            {stage.id: stage.name.render() for stage in stages},
            {stage.id: stage.family for stage in stages},
            {stage.id: [play.words.render() for play in stage.advised] for stage in stages},
        )

    @property
    def missing(self) -> list[str]:
        """Steps that are no stage of the model in force, so that nobody reaches them."""
        return [step for step in STEPS if step not in self.names]

    def warning(self) -> str:
        """Return the sentence that names the steps which the model in force lacks."""
        text = mark(
            "The model %(model)s has no stage %(steps)s, so nobody reaches these steps. Give its stages these ids, or "
            "restore the built-in model."
        )
        return say(text, model=FUNNEL, steps=say(mark(", ")).join(self.missing))

    def name(self, step: str) -> str:
        """Return what a step is called."""
        return self.names.get(step, step)


def kind_label(kind: str | None) -> str:
    """Return what a kind of first contact is called."""
    if kind == RECORD:
        return say(mark("Only a customer record"))
    name = kind_name(kind or "", current_language()).strip("“”")
    return name[:1].upper() + name[1:]


def factor_label(factor: str) -> str:
    """Return what a factor, or what people are grouped by, is called; an attribute goes by its own name."""
    if factor.startswith(ATTRIBUTE):
        return factor.removeprefix(ATTRIBUTE)
    return say(mark("Month of first contact")) if factor == "month" else say(FACTORS[factor])


def group_label(factor: str, value: str) -> str:
    """Return what one group of a factor is called."""
    if factor in ("price", "awareness"):
        return say(BANDS[value])
    if factor == "month":
        return month(f"{value}-01")
    return kind_label(value) if factor == "kind" else value
