"""The parameters of a model: read from its file, and set to other values there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import yaml

from tenure.errors import ModelError
from tenure.lifecycle.file_entries import FileEntry, Names, Scope, load_yaml
from tenure.rules.syntax.measure_calls import WORDS
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parameters import Parameter
from tenure.words import LocalizedText, mark

Unit = Literal["number", "days", "percent", "money"]
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_QUANTITY = re.compile(r"(-?\d+(?:\.\d+)?)\s*([dw%]?)")
#: What a value of each unit looks like, for whoever wrote another one.
_SAMPLES = {"days": "30d", "percent": "20%", "number": "3", "money": "500"}


def read_parameters(given: Any, where: str, names: Names) -> dict[str, Parameter]:
    """Read the parameters of a model: ``silent_after: 45d``, or a mapping with value, min, max, step, zh and en."""
    given = given or {}
    if not isinstance(given, Mapping):
        text = mark("%(where)s: parameters must be a mapping of names to values, such as silent_after: 45d.")
        raise ModelError(text, where=where)
    entry = FileEntry(given, list(given), f"{where}, parameters", names)
    parameters = {}
    for name, value in entry.given.items():
        if not _NAME.fullmatch(str(name)) or str(name) in (*WORDS, *MEASURES, *names.kinds):
            raise entry.wrong(
                mark(
                    "%(where)s: %(name)r cannot be the name of a parameter. Use lower case letters, digits and _,"
                    " and no keyword of the rule language."
                ),
                name=name,
            )
        keys = ["value", "min", "max", "step", "unit", "zh", "en"]
        part = FileEntry(value if isinstance(value, Mapping) else {"value": value}, keys, f"{where}, {name}", names)
        parameters[str(name)] = _parameter(str(name), part)
    return parameters


def _parameter(name: str, entry: FileEntry) -> Parameter:
    value, unit = _quantity(entry, "value")
    bounds = {key: _bound(entry, key, unit) if key in entry.given else None for key in ("min", "max", "step")}
    low, high = bounds["min"], bounds["max"]
    if low is not None and high is not None and low > high:
        text = mark("%(where)s: min %(low)s is more than max %(high)s. Swap them.")
        raise entry.wrong(text, low=entry.given["min"], high=entry.given["max"])
    if bounds["step"] is not None and bounds["step"] <= 0:
        raise entry.wrong(mark("%(where)s: step must be more than 0, not %(step)s."), step=entry.given["step"])
    if (low is not None and value < low) or (high is not None and value > high):
        text = mark("%(where)s: the value %(value)s lies outside %(low)s to %(high)s.")
        raise entry.wrong(
            text, value=entry.given["value"], low=entry.given.get("min", "…"), high=entry.given.get("max", "…")
        )
    if "unit" in entry.given:
        unit = entry.one_of("unit", entry.string("unit"), ("number", "days", "percent", "money"))
    if unit == "days" and not float(value).is_integer():
        text = mark("%(where)s: %(value)s is not a whole number of days.")
        raise entry.wrong(text, value=entry.given["value"])
    label = LocalizedText(entry.string("zh"), entry.string("en"))
    return Parameter(name, value, unit, low, high, bounds["step"], label)


def _bound(entry: FileEntry, key: str, unit: Unit) -> float:
    """Return a bound, which may be a plain number, or in the unit of the value."""
    bound, own = _quantity(entry, key)
    if "number" not in (own, unit) and own != unit:
        text = mark("%(where)s: %(key)s %(bound)s is of another unit than the value %(value)s.")
        raise entry.wrong(text, key=key, bound=entry.given[key], value=entry.given["value"])
    return bound


def _quantity(entry: FileEntry, key: str) -> tuple[float, Any]:
    given = entry.given.get(key)
    if isinstance(given, bool) or (quantity := _number_and_unit(str(given))) is None:
        text = mark("%(where)s: %(key)s must be a number, a share such as 20%%, or days such as 45d, not %(given)r.")
        raise entry.wrong(text, key=key, given=given)
    return quantity


def _number_and_unit(text: str) -> tuple[float, Unit] | None:
    """Return a number of the file and its unit: 45d and 12w are days, 20% is a share."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    number, sign = Decimal(match[1]), match[2]
    if sign == "%":
        return float(number / 100), "percent"
    number *= 7 if sign == "w" else 1
    return int(number) if number == int(number) else float(number), "days" if sign else "number"


# Other values


def set_parameters(text: str, values: Mapping[str, str]) -> str:
    """Return a model's text with other values of its parameters; everything else stays as it is, to the letter.

    Parameters
    ----------
    text : str
        The YAML of a model.
    values : mapping of str to str
        Values as a file has them, such as ``30d``, ``4w``, ``20%`` or ``0.2``, by the names of the parameters.

    Raises
    ------
    ModelError
        When the model has no such parameter, or the value is of another unit or outside the parameter's bounds.
    """
    known, places = _parameters_of(text), _places(text)
    changes = []
    for name, wanted in values.items():
        if name not in known:
            cause = mark("The model has no parameter %(name)r. It has: %(known)s.")
            raise ModelError(cause, name=name, known=", ".join(known) or "-")
        node, value = places.get(name), _value(wanted, known[name])
        if node is None or text[node.start_mark.index : node.end_mark.index].strip("'\"") != node.value:
            cause = mark("The value of %(name)s refers to another place of the file. Change it in the file itself.")
            raise ModelError(cause, name=name)
        if value != known[name].value:
            changes.append((node.start_mark.index, node.end_mark.index, node.style or "", _as_in(node.value, value)))
    changed = text
    for start, end, quote, written in sorted(changes, reverse=True):  # from the end: the places before stay right
        changed = f"{changed[:start]}{quote}{written}{quote}{changed[end:]}"
    _parameters_of(changed)  # checks the bounds
    return changed


def _parameters_of(text: str) -> dict[str, Parameter]:
    given = load_yaml(text)
    if not isinstance(given, Mapping):
        return {}
    return read_parameters(given.get("parameters"), f"model {given.get('id', '?')}", Names(Scope((), (), ())))


def _places(text: str) -> dict[str, yaml.ScalarNode]:
    """Return where a text has the values of its parameters."""
    places = {}
    for name, node in _entries(_entries(yaml.compose(text, Loader=yaml.SafeLoader)).get("parameters")).items():
        value = _entries(node).get("value") if isinstance(node, yaml.MappingNode) else node
        if isinstance(value, yaml.ScalarNode):
            places[name] = value
    return places


def _entries(node: yaml.Node | None) -> dict[str, yaml.Node]:
    return {str(key.value): value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _value(wanted: str, parameter: Parameter) -> float:
    quantity = _number_and_unit(wanted)
    # A share and an amount may be plain numbers; a number of days always says that it is one.
    plain = quantity is not None and quantity[1] == "number" and parameter.unit != "days"
    if quantity is None or not (plain or quantity[1] == parameter.unit):
        text = mark("%(name)s must be a value such as %(sample)s, not %(given)r.")
        raise ModelError(text, name=parameter.name, sample=_SAMPLES[parameter.unit], given=wanted)
    return quantity[0]


def _as_in(written: str, value: float) -> str:
    """Return a value as the file has the old one: in weeks or days, as a share or in percent."""
    sign, number = written.strip()[-1], Decimal(str(value))
    if sign == "%":
        number *= 100
    elif sign == "w":
        number, sign = (number / 7, "w") if number % 7 == 0 else (number, "d")
    return f"{number.normalize():f}{sign if sign in 'dw%' else ''}"
