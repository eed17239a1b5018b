"""The models as the pages name them: which were staged, which do not fit and why, what their stages are called.

A stage that the spans still hold although its model no longer has it is shown under its id, never dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from django.utils.translation import gettext as _

from tenure.lifecycle.choice import default_model
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED, Model, Stage
from tenure.words import listing
from tenure_app.customers.profile import has
from tenure_app.customers.query import NOT_STAGED, STAGED
from tenure_app.web.layout import business

#: What an address says to see the models that are switched off, too: ``models=all``.
ALL = "all"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model and how it fared in the last refresh."""

    model: Model
    customers: int
    missing: tuple[str, ...]
    staged: bool
    on: bool = True  # whether it is switched on

    @property
    def id(self) -> str:
        return self.model.id

    @property
    def name(self) -> str:
        return self.model.name.render()

    @property
    def label(self) -> str:
        """What it is called where a model is chosen: with the reason when its stages cannot be shown."""
        if self.fits:
            return self.name
        why = _("does not fit") if self.on or self.missing else _("off")
        return f"{self.name} ({why})"

    @property
    def fits(self) -> bool:
        """Whether its stages can be shown."""
        return self.staged and not self.missing

    @property
    def order(self) -> list[str]:
        return list(self.model.path)

    def stage(self, stage: str | None) -> Stage | None:
        return next((candidate for candidate in self.model.stages if candidate.id == stage), None)

    def stage_name(self, stage: str | None) -> str:
        """Return what a stage is called: its name, its id when the model no longer has it, or "in no stage"."""
        if stage in (None, "", UNSTAGED):
            return _("In no stage")
        if stage in (NOT_IN_MODEL, NOT_STAGED):
            return _("Not in this model") if stage == NOT_IN_MODEL else _("In none of the stages")
        if stage == STAGED:
            return _("In any stage")
        if "," in stage:
            return listing(map(self.stage_name, stage.split(",")))
        known = self.stage(stage)
        return known.name.render() if known else str(stage)

    def family(self, stage: str | None) -> str:
        """Return the family that gives a stage its colour; empty for none."""
        known = self.stage(stage)
        return known.family if known else ""

    def ends(self, source: str, target: str) -> dict[str, str]:
        """Return the two stages of a move, as rows of tables hold them."""
        return {
            "source": self.stage_name(source),
            "source_family": self.family(source),
            "target": self.stage_name(target),
            "target_family": self.family(target),
        }


def model_reports(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """Return what the newest refresh of everybody said of each model.

    A refresh may judge only some models, or only the customers touched; the others keep what was said of them.
    """
    if not has(con, "refreshes"):
        return {}
    rows = con.execute(
        "select models from (select models, generation from refreshes where mode = 'full'"
        " order by generation desc limit 100) order by generation"
    ).fetchall()
    return {report["id"]: report for (reports,) in rows for report in json.loads(reports or "[]")}


def catalogue(con: duckdb.DuckDBPyConnection) -> dict[str, Entry]:
    """Return every model that stages customers, as refreshes found them; those switched on come first."""
    from tenure_app.lifecycle.definitions.queries import models_in_force

    reports, settings = model_reports(con), business()
    entries = []
    for model in models_in_force().values():
        if model.subject == "customer":
            report = reports.get(model.id, {})
            missing = tuple(report.get("missing") or ())
            staged = model.id in reports and not report.get("off")
            people = int(report.get("customers") or 0)
            entries.append(Entry(model, people, missing, staged, settings.is_on(model.id)))
    first = default_model(settings)
    entries.sort(key=lambda entry: (not entry.on, not entry.fits, entry.id != first, -entry.customers, entry.id))
    return {entry.id: entry for entry in entries}


def offered(entries: Mapping[str, Entry], query: Mapping[str, str]) -> list[Entry]:
    """Return the models that a page offers: those switched on, the one it shows, and all when its query says so."""
    everything, shown = query.get("models") == ALL, query.get("model")
    return [entry for entry in entries.values() if everything or entry.on or entry.id == shown]
