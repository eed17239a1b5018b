"""A life-cycle model: ordered stages, a rule each, and what to do in them. Data, not code.

:mod:`tenure.lifecycle.model_file` reads it from YAML.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.tree import Measure, Population, RuleNode, measures_of
from tenure.words import LocalizedText

#: Where a customer can be besides in a stage: in the model but in no stage, and not in the model at all.
UNSTAGED, NOT_IN_MODEL = "-none-", "-outside-"
#: The built-in model whose stages are the steps from the first contact to the first transaction.
FUNNEL = "first-contact-funnel"
FAMILIES = tuple(f"F{n}" for n in range(1, 13))


@dataclass(frozen=True, slots=True)
class SourceReference:
    ref: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Play:
    """Something to do, or better not to do, in a stage."""

    id: str
    words: LocalizedText
    source: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a customer fell back: the first that holds on the day is recorded."""

    id: str
    name: LocalizedText
    when: str
    rule: RuleNode


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    name: LocalizedText
    when: str  # its rule as written, and as a tree
    rule: RuleNode
    family: str = ""  # F1 to F12, across models
    # what customers are like here, what they need, what we want, what to do and not to do, what is ours and not the
    # source's
    traits: LocalizedText = LocalizedText()
    needs_text: LocalizedText = LocalizedText()
    goal: LocalizedText = LocalizedText()
    advised: tuple[Play, ...] = ()
    discouraged: tuple[Play, ...] = ()
    assumption: LocalizedText = LocalizedText()
    setback: bool = False  # reachable from anywhere, no step of the path
    terminal: bool = False  # once entered, only a new fact or an override leads out
    stays_while: str = ""  # a rule by which whoever is here stays, though `when` no longer holds; and as a tree
    stay_rule: RuleNode | None = None
    settles: int = 0  # so many days it must be the stage that the rules give before anybody moves here
    # claims customers that are known and have no facts, from the day their record was created
    without_facts: bool = False
    causes: tuple[Cause, ...] = ()  # what may have led here, for setbacks

    @property
    def rules(self) -> tuple[RuleNode, ...]:
        """The rules by which it claims customers: of those who enter, and of those who are here already."""
        return (self.rule,) if self.stay_rule is None else (self.rule, self.stay_rule)

    @property
    def all_rules(self) -> tuple[RuleNode, ...]:
        """Its rules and those of its causes."""
        return (*self.rules, *(cause.rule for cause in self.causes))


@dataclass(frozen=True, slots=True)
class Model:
    """A life-cycle model.

    Attributes
    ----------
    id, name, summary
        What it is called and says.
    stages : tuple of Stage
        In the order in which their rules are tried.
    path : tuple of str
        Stage ids in the order of life, as on the board; stages that the file's path leaves out come last.
    named : int
        How many of them the file's path names; only those can be steps.
    needs : tuple of str
        Fact kinds without which the model has nothing to say; of ``order | start`` any will do.
    businesses : tuple of str
        The kinds of business it is for, of :data:`tenure.facts.businesses.BUSINESSES`.
    enters : tuple of str
        Further fact kinds whose first fact brings a customer in, though no rule reads them: an enquiry makes a
        prospect in a model whose rules only ask for orders.
    version : str
        Short hash of its text: two models with one version are the same.
    subject : {"customer", "product"}
        Whose life it is.
    stepwise : bool
        Whether a forward jump along the path passes through the stages between.
    parameters : tuple of Parameter
        Numbers with names, which rules and texts share.
    others : tuple of Model
        The models whose stages its rules read, see :func:`tenure.rules.syntax.tree.models_read_by`.
    settles : int
        After how many days without any stage's claim a customer is in none; and what stages that do not say it take
        for their own.
    checklist, sources, help, warns, follows
        Where it comes from, its theory, what to mind, which model continues it.
    text : str
        The YAML it was read from.
    """

    id: str
    name: LocalizedText
    stages: tuple[Stage, ...]
    path: tuple[str, ...]
    needs: tuple[str, ...]
    version: str
    named: int = 0
    enters: tuple[str, ...] = ()
    businesses: tuple[str, ...] = ()
    summary: LocalizedText = LocalizedText()
    subject: str = "customer"
    stepwise: bool = False
    settles: int = 0
    checklist: str = ""
    sources: tuple[SourceReference, ...] = ()
    help: LocalizedText = LocalizedText()
    warns: LocalizedText = LocalizedText()
    follows: str = ""
    parameters: tuple[Parameter, ...] = ()
    others: tuple[Model, ...] = field(default=(), compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)

    @property
    def rules(self) -> tuple[RuleNode, ...]:
        """All rules of all stages, those of causes too."""
        return tuple(rule for stage in self.stages for rule in stage.all_rules)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for measure in self.measures for kind in measure.kinds))

    @property
    def measures(self) -> tuple[Measure, ...]:
        return tuple(dict.fromkeys(measure for rule in self.rules for measure in measures_of(rule)))

    @property
    def entry_kinds(self) -> tuple[str, ...]:
        """The fact kinds whose first fact brings a customer in: those that its stage rules read, and `enters`."""
        measures = [measure for stage in self.stages for rule in stage.rules for measure in measures_of(rule)]
        read_by_rules = [kind for measure in measures for kind in measure.kinds]
        # The categories of an order are those of its lines, so a line alone brings a customer in.
        lines = ["line"] if any(m.name == "categories" and "order" in m.kinds for m in measures) else []
        return tuple(dict.fromkeys((*read_by_rules, *lines, *self.enters)))

    @property
    def takes_records(self) -> bool:
        """Whether customers who are known and have no facts are in it."""
        return any(stage.without_facts for stage in self.stages)

    @property
    def is_settling(self) -> bool:
        """Whether its history is more than the first rule that holds: what came before decides too."""
        return self.settles > 0 or any(stage.settles for stage in self.stages) or self.remembers

    @property
    def remembers(self) -> bool:
        """Whether who may claim a customer depends on where they are."""
        return self.reads_state or any(stage.stay_rule is not None for stage in self.stages)

    @property
    def reads_state(self) -> bool:
        """Whether a stage's rule asks where the customer was in this model before."""
        return any(measure.of_state for stage in self.stages for rule in stage.rules for measure in measures_of(rule))

    @property
    def ladder(self) -> tuple[str, ...]:
        """The steps of the path: what it names, without setbacks and ends."""
        return tuple(
            stage_id
            for stage_id in self.path[: self.named]
            if not (self.stage(stage_id).setback or self.stage(stage_id).terminal)
        )

    def entered_from(self, stage_id: str) -> tuple[str, ...]:
        """Return the stages from which a stage can be entered; empty where it can be from any, or from none at all.

        Only where a model goes step by step does its path restrict anything: forwards by one step, back from any later.
        """
        if not self.stepwise or stage_id not in self.ladder:
            return ()
        place = self.ladder.index(stage_id)
        later = [other for other in self.path if other != stage_id and other not in self.ladder[:place]]
        return (*self.ladder[max(place - 1, 0) : place], *later)

    @property
    def reads_attributes(self) -> bool:
        """Whether a rule reads what is recorded of customers."""
        return any(
            (isinstance(node, Measure) and bool(node.attribute))
            or isinstance(node, Population)  # who was on record counts among all
            for rule in self.rules
            for node in rule.walk()
        )

    @property
    def with_others(self) -> tuple[Model, ...]:
        """All models whose stages this one reads, directly or through others, and itself as the last."""
        every = dict.fromkeys(model for other in self.others for model in other.with_others)
        return (*every, self)

    def stage(self, stage_id: str) -> Stage:
        return next(stage for stage in self.stages if stage.id == stage_id)

    def missing(self, available: set[str] | frozenset[str]) -> tuple[str, ...]:
        """Return the needed fact kinds of which there is not a single fact."""
        return tuple(need for need in self.needs if available.isdisjoint(need.split(" | ")))


def stage_names(models: Iterable[Model], current: str, language: str) -> dict[str, dict[str, str]]:
    """Return the names of models (under ``""``) and of their stages by id; the `current` one's also under ``""``."""
    names = {
        model.id: {"": model.name.render(language)} | {stage.id: stage.name.render(language) for stage in model.stages}
        for model in models
    }
    return names | ({"": names[current]} if current in names else {})
