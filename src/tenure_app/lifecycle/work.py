"""What the life-cycle room's jobs do: work out stages, preview a changed model."""

from __future__ import annotations

from datetime import date
from typing import Any

from tenure.words import mark
from tenure_app.core import conf
from tenure_app.core.work.running import Running
from tenure_app.lifecycle.definitions import actions, previews, queries


def run_refresh(running: Running) -> dict[str, Any]:
    """Work out every customer's stage in the models that are switched on, in the version that is in force."""
    from tenure.refreshing.run import refresh

    doing = mark("Calculating stages")
    running.report(doing)
    actions.take_in_files()
    as_of = running.payload.get("as_of")
    report = refresh(
        conf.lake(),
        as_of=date.fromisoformat(as_of) if as_of else None,
        models=queries.active_models(),
        on_progress=running.share,
    )
    problems = {part: problem.to_dict() for part, problem in report.problems.items()}
    return {"generation": report.generation, "problems": problems}


def run_preview(running: Running) -> dict[str, Any]:
    """Compare a text with the model in force, for everybody."""
    doing = mark("Calculating which customers would move")
    running.report(doing)
    previews.work_out(running.payload["preview_id"], lambda done, size: running.report(doing, done, size))
    return {}
