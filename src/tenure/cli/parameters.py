"""`tenure models set`: other values for the parameters of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tenure.cli.comparing import show_preview
from tenure.cli.options import AsJson, argument, lake_at_hand, last_refresh, option
from tenure.cli.output import console, print_result
from tenure.errors import ModelError
from tenure.words import mark, say

if TYPE_CHECKING:
    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model

SomeLake = Annotated[
    Path | None, option(mark("Lake in which the model is saved."), ..., "--lake", envvar="TENURE_LAKE")
]


def set_(
    model: Annotated[str, argument(mark("Model id or model file."))],
    values: Annotated[
        list[str], argument(mark("Values of parameters, such as silent_after=30d."), metavar="NAME=VALUE")
    ],
    lake: SomeLake = None,
    preview: bool = option(mark("Show who would move, and save nothing."), False, "--preview"),
    as_json: AsJson = False,
) -> None:
    """Save a built-in model as the lake's own, which goes before the built-in one; change a file where it is."""
    from tenure.lake.files import write_text
    from tenure.lifecycle.model_file import read, read_in
    from tenure.lifecycle.model_parameters import set_parameters
    from tenure.lifecycle.preview import compare_lake

    store = lake_at_hand(lake)
    text, target = _source(model, store)
    changed = set_parameters(text, dict(map(_pair, values)))
    before, after = (read_in(store, version) if store else read(version) for version in (text, changed))
    old = {parameter.name: parameter for parameter in before.parameters}
    body: dict[str, Any] = {
        "id": after.id,
        "saved": None if preview else str(target),
        "parameters": {
            parameter.name: {"before": old[parameter.name].value, "after": parameter.value, "unit": parameter.unit}
            for parameter in after.parameters
            if parameter != old[parameter.name]
        },
    }
    if preview:
        if store is None:
            raise ModelError(mark("A preview needs customers. Name their lake with --lake."))
        body["preview"] = compare_lake(store, before, after, as_of=last_refresh(store)).as_json()
    else:
        write_text(target, changed)
    print_result(body, as_json, _show, before, after, store.settings.currency if store else "")


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not (name and sign and value):
        raise ModelError(mark("%(text)r sets nothing. Write NAME=VALUE, such as silent_after=30d."), text=text)
    return name, value


def _source(model: str, lake: Lake | None) -> tuple[str, Path]:
    """Return a model's text, line ends as they are, and the file that it is saved in."""
    from tenure.lifecycle.model_file import builtin_texts, text_of
    from tenure.lifecycle.model_folder import file_for, refuse_doubles

    in_lake = None
    if lake:
        refuse_doubles(lake.path / "models", [model])
        in_lake = file_for(lake.path / "models", model)
    file = in_lake if in_lake is not None and in_lake.is_file() else Path(model)
    if model in builtin_texts() and file != in_lake:
        if in_lake is None:
            raise ModelError(mark("%(id)s is built in. Name the lake that is to have its own values: --lake"), id=model)
        return builtin_texts()[model], in_lake
    text_of(file)  # says what is wrong with a file that cannot be read
    return file.read_bytes().decode("utf-8-sig"), file


def _show(body: dict[str, Any], before: Model, after: Model, currency: str) -> None:
    out = console(stderr=False)
    old = {parameter.name: parameter for parameter in before.parameters}
    for parameter in after.parameters:
        if parameter.name in body["parameters"]:
            values = f"{old[parameter.name].value_text(currency)} → {parameter.value_text(currency)}"
            out.print(f"{parameter.label.render() or parameter.name}: {values}", highlight=False)
    if not body["parameters"]:
        out.print(say(mark("These are its values already.")))
    if "preview" in body:
        show_preview(body["preview"], before, after)
    else:
        text = mark("Saved in %(place)s. Refresh to see its stages.")
        out.print(say(text, place=body["saved"]), highlight=False)
