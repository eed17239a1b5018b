"""`tenure models …`: the life-cycle models from the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli import options
from tenure.cli.comparing import compare, moves
from tenure.cli.options import AsJson, argument, open_lake, option
from tenure.cli.output import console, print_result, table_of
from tenure.cli.parameters import set_
from tenure.errors import LakeError, RuleError, TenureError
from tenure.facts.businesses import BUSINESSES
from tenure.words import current_language, mark, say, sentences
from tenure.words.formats import percent

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.facts.lake import Lake
    from tenure.lifecycle.choice import Choice
    from tenure.lifecycle.model import Model, Stage
    from tenure.lifecycle.reach import Unreachable
    from tenure.words import LocalizedText

models = typer.Typer(no_args_is_help=True)

STAYS_WHILE = mark("Stays while: %(rule)s")

SomeLake = Annotated[
    Path | None, option(mark("Include this lake's own models and facts."), ..., "--lake", envvar="TENURE_LAKE")
]
Which = Annotated[str, argument(mark("Model id or model file."))]


@models.command("list", help=say(mark("List all models; with --lake, also show whether each fits the data.")))
def list_(lake: SomeLake = None, as_json: AsJson = False) -> None:
    store, definitions = _definitions(lake)
    available = store.available_kinds() if store else None
    body = [_body(model, available) | _state(model, store) for model in definitions]
    print_result(body, as_json, _show_list, definitions)


def _state(model: Model, lake: Lake | None) -> dict[str, Any]:
    """Return whether a lake has a model switched on, and whether it is the recommended one."""
    if lake is None:
        return {}
    return {"on": lake.settings.is_on(model.id), "recommended": lake.settings.recommended == model.id}


def _show_list(body: list[dict[str, Any]], definitions: list[Model]) -> None:
    from rich.table import Table

    table, with_lake = Table(box=None, pad_edge=False), "on" in body[0]
    headings = [mark("Id"), mark("Name"), mark("Industries"), mark("Stages")]
    for heading in [*headings, mark("Missing facts"), mark("Switched on")] if with_lake else headings:
        table.add_column(say(heading), overflow="fold")
    for shown, model in zip(body, definitions, strict=True):
        path = " → ".join(model.stage(stage).name.render() for stage in model.path)
        state = [", ".join(shown["missing"]) or "–", say(_ON if shown["on"] else _OFF)] if with_lake else []
        if shown.get("recommended"):
            state[1] = say(mark("recommended"))
        table.add_row(model.id, model.name.render(), _businesses(model), path, *state)
    _console().print(table)


_ON, _OFF = mark("on"), mark("off")


def _businesses(model: Model) -> str:
    if set(model.businesses) == set(BUSINESSES):
        return say(mark("every business"))
    return ", ".join(BUSINESSES[kind].render() for kind in model.businesses) or "–"


@models.command("show", help=say(mark("Show a model: its stages, rules, recommended actions and sources.")))
def show(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    from tenure.lifecycle.reach import FactsAtHand, unreachable
    from tenure.lifecycle.remarks import remarks

    store, definitions = _definitions(lake)
    definition = next((known for known in definitions if known.id == model), None) or _read(store, model)
    unreachable_stages = unreachable(definition, FactsAtHand.of(store)) if store else {}
    body = _body(definition, store.available_kinds() if store else None) | _state(definition, store)
    if store:
        names = ("stage", "kinds", "attributes", "is_taken")
        body["unreachable"] = [
            {name: getattr(item, name) for name in names} | {"why": item.message}
            for item in unreachable_stages.values()
        ]
    if notes := remarks(definition, store):
        body["remarks"] = notes
    print_result(body, as_json, _show_model, definition, unreachable_stages)


def _show_model(body: Any, model: Model, unreachable_stages: dict[str, Unreachable]) -> None:
    from rich.text import Text

    from tenure.lifecycle.model import stage_names
    from tenure.rules.wording.sentence import sentence
    from tenure.rules.wording.vocabulary import KindNames

    out = _console()
    out.print(Text.assemble((model.name.render(), "bold"), f" ({model.id}, {model.version})"))
    for text in (model.summary, model.help, model.warns):
        if text:
            out.print(text.render())
    for heading, named in ((mark("Industries"), _businesses(model)), (mark("Needs"), KindNames(model.needs).render())):
        out.print(f"{say(heading)}: {named or '–'}")
    _show_remarks(out, body)
    names = stage_names((model, *model.others), model.id, current_language())
    for stage in map(model.stage, model.path):
        about = f" ({stage.id}{', ' + stage.family if stage.family else ''})"
        out.print(Text.assemble("\n", (stage.name.render(), "bold"), about))
        out.print(f"  {stage.when}", style="cyan")
        out.print(f"  {sentence(stage.rule, stage_names=names)}")
        _show_settling(out, stage, names)
        if stage.id in unreachable_stages:
            out.print(f"  {unreachable_stages[stage.id].message.render()}", style="yellow")
        labels = (
            (mark("Traits"), stage.traits),
            (mark("What they need"), stage.needs_text),
            (mark("Goal"), stage.goal),
            (mark("Our assumption"), stage.assumption),
        )
        plays = ((mark("Do"), stage.advised), (mark("Avoid"), stage.discouraged))
        texts = [*labels, *((label, play.words) for label, listed in plays for play in listed)]
        for label, text in texts:
            if text:
                out.print(f"  {say(label)}: {text.render()}")
        _show_moves_and_metrics(out, model, stage)
    for source in model.sources:
        out.print(f"{source.ref}: {source.quote}", style="dim")


def _show_moves_and_metrics(out: Console, model: Model, stage: Stage) -> None:
    from tenure.lifecycle.families import metrics_of

    before = [model.stage(other).name.render() for other in model.entered_from(stage.id)]
    metrics = [metric.render() for metric in metrics_of(model, stage.family)]
    for label, texts in (
        (mark("Can be entered from"), before or [say(mark("any stage"))]),
        (mark("What to look at"), metrics),
    ):
        if texts:
            out.print(f"  {say(label)}: {' · '.join(texts)}")


def _show_settling(out: Console, stage: Stage, names: dict[str, dict[str, str]]) -> None:
    from tenure.rules.wording.sentence import sentence

    if stage.stay_rule is not None:
        out.print(f"  {say(STAYS_WHILE, rule=sentence(stage.stay_rule, stage_names=names))}")
    if stage.settles:
        text = say(mark("Minimum days before entry: %(days)s"), days=stage.settles)
        out.print(f"  {text}")


@models.command("check", help=say(mark("Check a model file and show each problem with its location.")))
def check(model: Which, lake: SomeLake = None, as_json: AsJson = False) -> None:
    """Exit code 1 when it has a mistake."""
    from tenure.lifecycle.remarks import remarks

    store = options.lake_at_hand(lake)
    try:
        definition = _read(store, model)
    except TenureError as error:
        names = ("where", "rule", "start", "end", "nearest") if isinstance(error, RuleError) else ()
        names = ("file", *names) if error.file else names
        place = {name: getattr(error, name) for name in names}
        # The model that was asked for need not be told; another that it reads has its mistakes elsewhere.
        other = error.file if error.file != model else ""
        body = {"ok": False, "code": error.code, "error": error.say(), **place}
        print_result(body, as_json, _show_problem, error, other)
        raise typer.Exit(1) from error
    body = {"ok": True, **_body(definition, store.available_kinds() if store else None)}
    body["remarks"] = remarks(definition, store)
    print_result(body, as_json, _show_valid, definition)


def _show_valid(body: Any, model: Model) -> None:
    text, kinds = mark("%(id)s is valid: %(stages)s stages, uses %(kinds)s."), ", ".join(model.kinds) or "–"
    typer.echo(say(text, id=model.id, stages=len(model.stages), kinds=kinds))
    _show_remarks(console(), body)


def _show_remarks(out: Console, body: Any) -> None:
    for remark in body.get("remarks", ()):
        out.print(remark.render(), style="yellow")


def _show_problem(_body: Any, error: TenureError, file: str) -> None:
    out = console()
    if file:
        out.print(file, style="bold")
    if isinstance(error, RuleError):
        out.print(error.where, style="bold")
        out.print(error.picture(out.width - 1), highlight=False)
    out.print(error.say(), style="red")


models.command("compare", help=say(mark("Show who would move if a changed model file were used; nothing is saved.")))(
    compare
)
models.command("set", help=say(mark("Set parameters of a model to other values, or preview them.")))(set_)
models.command("moves", help=say(mark("Show how many moves under each model were undone.")))(moves)


# Which models a lake looks at


@models.command("recommend", help=say(mark("Recommend models for a kind of business and the facts of a lake.")))
def recommend(
    lake: options.LakeFolder,
    business: options.BusinessKind = None,
    apply: bool = option(mark("Save the kind of business and switch on the three models."), False, "--apply"),
    as_json: AsJson = False,
) -> None:
    """Without --business, the kind of business that was saved before counts."""
    from tenure.lifecycle.choice import choose, switch_on
    from tenure.refreshing.planning import last_fact_day

    store = open_lake(lake)
    kind = business or store.settings.business_kind
    if not kind:
        text = mark("What kind of business is it? Add --business with one of: %(kinds)s.")
        raise LakeError(text, kinds=", ".join(BUSINESSES))
    choice = choose(store, kind, as_of=last_fact_day(store))
    waits = apply and not store.available_kinds()
    if waits:  # chosen without facts, the models would stay when facts come
        store.save_settings(business_kind=kind)
    elif apply:
        switch_on(store, choice)
    body: dict[str, Any] = {
        "business": kind,
        "recommended": choice.recommended or None,
        "applied": apply and not waits,
        "reasons": choice.reasons,
    }
    body["models"] = [
        {
            "id": suitability.model.id,
            "largest": dict(zip(("stage", "share"), suitability.largest, strict=True)),
            "reachable": suitability.reachable,
            "stages": len(suitability.model.stages),
            "unreachable": {stage: item.message for stage, item in suitability.unreachable.items()},
        }
        for suitability in choice.models
    ]
    print_result(body, as_json, show_choice, choice, apply)
    if waits and not as_json:
        text = mark("Saved the kind of business. Models are switched on by the first refresh that has facts.")
        console(stderr=False).print(say(text), highlight=False)


def show_choice(_body: Any, choice: Choice, applied: bool) -> None:
    out = console(stderr=False)
    out.print(sentences(choice.reasons), highlight=False)
    rows = []
    for suitability in choice.models:
        place, share = suitability.largest
        stage = next((stage.name.render() for stage in suitability.model.stages if stage.id == place), "–")
        largest = f"{stage} {percent(share)}" if suitability.places else "–"
        reach = f"{suitability.reachable}/{len(suitability.model.stages)}"
        rows.append([suitability.model.id, suitability.model.name.render(), largest, reach])
    if rows:
        headings = (mark("Id"), mark("Name"), mark("Largest stage"), mark("Stages in reach"))
        out.print(table_of("", headings, (), rows))
    if rows and not applied:
        out.print(say(mark("Add --apply to switch these models on.")), style="dim")


@models.command("enable", help=say(mark("Switch a model on.")))
def enable(model: Which, lake: options.LakeFolder, as_json: AsJson = False) -> None:
    _switch(model, lake, as_json, on=True)


@models.command("disable", help=say(mark("Switch a model off: refreshes and pages leave it out.")))
def disable(model: Which, lake: options.LakeFolder, as_json: AsJson = False) -> None:
    _switch(model, lake, as_json, on=False)


def _switch(model: str, lake: Path, as_json: bool, *, on: bool) -> None:
    from tenure.lifecycle.choice import switch

    store = open_lake(lake)
    switch(store, model, on=on)
    text = mark("%(id)s is switched on. Refresh to see its stages.") if on else mark("%(id)s is switched off.")
    body = {"id": model, "on": on, "models_on": store.settings.models_on}
    print_result(body, as_json, say(text, id=model))


def _definitions(folder: Path | None) -> tuple[Lake | None, list[Model]]:
    from tenure.lifecycle.model_file import builtin, models_of

    lake = options.lake_at_hand(folder)
    return lake, models_of(lake) if lake else list(builtin().values())


def _read(lake: Lake | None, model: str) -> Model:
    from tenure.lifecycle.model_file import read, read_in
    from tenure.lifecycle.model_folder import refuse_doubles

    if lake is None:
        return read(model)
    refuse_doubles(lake.path / "models", [model])
    return read_in(lake, model)


def _console() -> Console:
    from rich.console import Console

    # Into a pipe, every model stays on one line, however wide.
    plain: Any = {"markup": False, "emoji": False}
    return Console(**plain) if sys.stdout.isatty() else Console(width=400, **plain)


def _body(model: Model, available: set[str] | None) -> dict[str, Any]:
    from tenure.lifecycle.families import metrics_of

    def both(text: LocalizedText) -> dict[str, str]:
        return {"zh": text.zh, "en": text.en}

    stages = [
        {
            "id": stage.id,
            "name": both(stage.name),
            "family": stage.family,
            "when": stage.when,
            "stays_while": stage.stays_while or None,
            "settles": stage.settles,
            "entered_from": list(model.entered_from(stage.id)) or None,
            "metrics": [both(metric) for metric in metrics_of(model, stage.family)],
        }
        for stage in model.stages
    ]
    body: dict[str, Any] = {
        "id": model.id,
        "version": model.version,
        "name": both(model.name),
        "subject": model.subject,
        "needs": list(model.needs),
        "businesses": list(model.businesses),
        "path": list(model.path),
        "summary": both(model.summary),
        "warns": both(model.warns) if model.warns else None,
        "follows": model.follows or None,
        "stages": stages,
    }
    return body if available is None else body | {"missing": list(model.missing(available))}
