"""Parameters set to other values: only the value changes in the file, and what does not fit is refused."""

from __future__ import annotations

import difflib

import pytest

from tenure.errors import ModelError
from tenure.lifecycle.model_file import builtin, builtin_texts, read
from tenure.lifecycle.model_parameters import set_parameters

MODEL = """# Ours, with an umlaut ü and 中文 before the values
id: shop
parameters:
  plain: 45d   # a comment
  weeks: {value: 12w, min: 4w, max: 20w}
  portion: {value: '20%', max: 30%}
  ratio: {unit: percent, value: 0.2}
  spent:
    value: 500
    unit: money
    max: 1000
stages:
  - {id: active, when: days_since(order) <= plain and sum(order.amount) > spent}
"""


@pytest.mark.parametrize(
    ("name", "value", "before", "after"),
    [
        ("plain", "30d", "plain: 45d   #", "plain: 30d   #"),
        ("plain", "4w", "plain: 45d   #", "plain: 28d   #"),
        ("weeks", "77d", "{value: 12w,", "{value: 11w,"),
        ("weeks", "80d", "{value: 12w,", "{value: 80d,"),
        ("portion", "0.25", "'20%'", "'25%'"),
        ("ratio", "12.5%", "value: 0.2}", "value: 0.125}"),
        ("spent", "750.5", "value: 500\n", "value: 750.5\n"),
        ("weeks", "84d", "12w", "12w"),
    ],
)
def test_only_the_value_changes_in_the_notation_of_the_file(name: str, value: str, before: str, after: str) -> None:
    assert set_parameters(MODEL, {name: value}) == MODEL.replace(before, after)


def test_several_values_and_line_ends_of_windows() -> None:
    windows = MODEL.replace("\n", "\r\n")
    changed = set_parameters(windows, {"plain": "7d", "spent": "1000", "portion": "5%"})
    expected = windows.replace("45d", "7d").replace("value: 500", "value: 1000").replace("'20%'", "'5%'")
    assert changed == expected
    assert read(changed).parameters[0].value == 7


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"silent": "30d"}, "The model has no parameter 'silent'. It has: plain, weeks, portion, ratio, spent."),
        ({"plain": "30"}, "plain must be a value such as 30d, not '30'."),
        ({"plain": "20%"}, "plain must be a value such as 30d, not '20%'."),
        ({"portion": "30d"}, "portion must be a value such as 20%, not '30d'."),
        ({"spent": "much"}, "spent must be a value such as 500, not 'much'."),
        ({"weeks": "21w"}, "model shop, weeks: the value 21w lies outside 4w to 20w."),
        ({"portion": "40%"}, "model shop, portion: the value 40% lies outside … to 30%."),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError) as refused:
        set_parameters(MODEL, values)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("[a]", "model shop: parameters must be a mapping of names to values, such as silent_after: 45d."),
        ("{plain: 3.5d}", "model shop, plain: 3.5d is not a whole number of days."),
        ("{plain: {value: 3.5, unit: days}}", "model shop, plain: 3.5 is not a whole number of days."),
    ],
)
def test_parameters_of_another_form_are_refused(parameters: str, message: str) -> None:
    with pytest.raises(ModelError) as refused:
        read(f"id: shop\nparameters: {parameters}\nstages:\n  - {{id: a, when: otherwise}}\n")
    assert refused.value.say("en") == message


def test_a_value_that_stands_elsewhere_is_left_to_the_file() -> None:
    text = MODEL.replace("plain: 45d", "plain: &days 45d").replace("value: 12w", "value: *days")
    for name in ("plain", "weeks"):
        with pytest.raises(ModelError, match="refers to another place of the file"):
            set_parameters(text, {name: "50d"})


@pytest.mark.parametrize("model_id", [name for name, model in builtin().items() if model.parameters])
def test_every_parameter_of_every_built_in_model_can_be_set(model_id: str) -> None:
    text, model = builtin_texts()[model_id], builtin()[model_id]
    for parameter in model.parameters:
        bound = parameter.minimum if parameter.minimum != parameter.value else parameter.maximum
        if bound is None:
            continue
        written = f"{bound}d" if parameter.in_days else f"{bound}"
        changed = set_parameters(text, {parameter.name: written})
        (removed, added) = [line for line in difflib.ndiff(text.splitlines(), changed.splitlines()) if line[0] in "+-"]
        assert removed[0] + added[0] == "-+"
        assert f"  {parameter.name}:" in added
        values = {other.name: other.value for other in read(changed).parameters}
        assert values == {other.name: other.value for other in model.parameters} | {parameter.name: bound}
