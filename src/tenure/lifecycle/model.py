"""A life-cycle model: ordered stages, a rule each, and what to do in them. Data, not code.

How its file is checked, key by key, stands in :mod:`tenure.lifecycle.model_file`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from tenure.errors import ModelError
from tenure.facts.kinds import KINDS, Kind
from tenure.rules.syntax.tree import Measure, Node, measures_of
from tenure.words import LocalizedText, mark

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same safe reading, ten times as fast

FAMILIES = tuple(f"F{n}" for n in range(1, 13))


@dataclass(frozen=True, slots=True)
class Source:
    """Where something comes from."""

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
    rule: Node


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage."""

    id: str  # its id, its name, and its family F1 to F12 across models
    name: LocalizedText
    when: str  # its rule as written and as a tree
    rule: Node
    family: str = ""
    # what customers are like here, what they need, what we want, what to do and not to do, what is ours and not the
    # source's
    traits: LocalizedText = LocalizedText()
    needs_text: LocalizedText = LocalizedText()
    goal: LocalizedText = LocalizedText()
    advised: tuple[Play, ...] = ()
    discouraged: tuple[Play, ...] = ()
    assumption: LocalizedText = LocalizedText()
    setback: bool = False  # A regress stage: reachable from anywhere, no step of the path
    terminal: bool = False  # once entered, only a new fact or an override leads out
    # claims customers that are known and have no facts, from the day their record was created
    without_facts: bool = False
    causes: tuple[Cause, ...] = ()  # what may have led here, for setbacks


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
        Fact kinds without which the model has nothing to say.
    enters : tuple of str
        Further fact kinds whose first fact brings a customer in, though no rule reads them: an enquiry makes a
        prospect in a model whose rules only ask for orders.
    version : str
        Short hash of its text: two models with one version are the same.
    subject : {"customer", "product"}
        Whose life it is.
    stepwise : bool
        Whether a forward jump along the path passes through the stages between.
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
    summary: LocalizedText = LocalizedText()
    subject: str = "customer"
    stepwise: bool = False
    checklist: str = ""
    sources: tuple[Source, ...] = ()
    help: LocalizedText = LocalizedText()
    warns: LocalizedText = LocalizedText()
    follows: str = ""
    text: str = field(default="", compare=False, repr=False)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The fact kinds that its rules read."""
        return tuple(dict.fromkeys(kind for measure in self.measures for kind in measure.kinds))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures of its stages' rules and causes."""
        rules = [rule for stage in self.stages for rule in (stage.rule, *(cause.rule for cause in stage.causes))]
        return tuple(dict.fromkeys(measure for rule in rules for measure in measures_of(rule)))

    @property
    def entry_kinds(self) -> tuple[str, ...]:
        """The fact kinds whose first fact brings a customer in: those that its stage rules read, and `enters`."""
        measures = [measure for stage in self.stages for measure in measures_of(stage.rule)]
        read_by_rules = [kind for measure in measures for kind in measure.kinds]
        # The categories of orders stand in their lines.
        lines = ["line"] if any(one.name == "categories" and "order" in one.kinds for one in measures) else []
        return tuple(dict.fromkeys((*read_by_rules, *lines, *self.enters)))

    @property
    def ladder(self) -> tuple[str, ...]:
        """The steps of the path: what it names, without setbacks and ends."""
        beside = {stage.id for stage in self.stages if stage.setback or stage.terminal}
        return tuple(one for one in self.path[: self.named] if one not in beside)

    def stage(self, stage_id: str) -> Stage:
        """Return a stage by its id."""
        return next(stage for stage in self.stages if stage.id == stage_id)

    def missing(self, available: set[str] | frozenset[str]) -> tuple[str, ...]:
        """Return the needed fact kinds of which there is not a single fact."""
        return tuple(kind for kind in self.needs if kind not in available)


def read(what: str | Path | Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS) -> Model:
    """Read a model.

    Parameters
    ----------
    what : str, Path or mapping
        The id of a built-in model, the path of a YAML file, YAML text (with a line break), or a parsed mapping.
    kinds : mapping of str to Kind, optional
        The fact kinds that rules may use.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        When there is no such model, or it breaks the schema.
    RuleError
        When a rule cannot be understood.
    """
    from tenure.lifecycle.model_file import model_of

    if isinstance(what, Mapping):
        return model_of(what, yaml.safe_dump(dict(what), allow_unicode=True, sort_keys=False), kinds)
    return _read_text(_text_of(what), tuple(sorted(kinds.items())))


@lru_cache(maxsize=256)
def _read_text(text: str, kinds: tuple[tuple[str, Kind], ...]) -> Model:
    """Read a text once: models cannot change, and a refresh asks for the same thirty several times."""
    from tenure.lifecycle.model_file import model_of

    try:
        given = yaml.load(text, Loader=_LOADER)  # noqa: S506 - one of the two safe loaders
    except yaml.YAMLError as wrong:
        place = getattr(wrong, "problem_mark", None)
        raise ModelError(
            mark("This is not YAML: %(problem)s in line %(line)s. Rules with # or : belong in quotation marks."),
            problem=getattr(wrong, "problem", "") or str(wrong),
            line=place.line + 1 if place else "?",
        ) from wrong
    if not isinstance(given, Mapping):
        raise ModelError(
            mark("A model is a mapping with id, name and stages; this is %(found)s."), found=type(given).__name__
        )
    return model_of(given, text, dict(kinds))


def _text_of(what: str | Path) -> str:
    if isinstance(what, str) and "\n" in what:
        return what
    if (builtin := builtin_texts().get(str(what))) is not None:
        return builtin
    path = Path(what)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        try:
            return path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as wrong:
            raise ModelError(
                mark("The model file %(path)s cannot be read: %(why)s."), path=str(path), why=wrong
            ) from wrong
    near = get_close_matches(str(what), list(builtin_texts()), n=3, cutoff=0.5)
    hint = ", ".join(near) or "tenure models list"
    raise ModelError(
        mark("There is no model %(name)r, neither built in nor as a file. Near: %(hint)s."), name=str(what), hint=hint
    )


@cache
def builtin_texts() -> dict[str, str]:
    """Return the YAML text of every built-in model by its id."""
    folder = files("tenure.lifecycle") / "models"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): (folder / name).read_text(encoding="utf-8") for name in names}


@cache
def builtin() -> dict[str, Model]:
    """Return every built-in model by its id."""
    return {name: read(name) for name in builtin_texts()}
