"""What YAML reads otherwise than the author of a model file meant: commas, colons, tabs, words that are booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenure.errors import ModelError, RuleError
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import models_of, own_model_ids, read, read_in

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "id: shop\nstages:\n"
ACTIVE = "  - {id: active, when: has(order)}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{HEAD}  - {{id: a, when: count(order, last 90d) > 2, setback: true}}\n",
            "model shop, stage 1: inside {…} a comma ends a value. Put it in quotation marks: "
            'when: "count(order, last 90d) > 2"',
        ),
        (
            f'{HEAD}  - {{id: a, when: stage("b") = "c" and count(order, last 90d, before 90d) > 2}}\n',
            "model shop, stage 1: inside {…} a comma ends a value. Put it in quotation marks: "
            'when: \'stage("b") = "c" and count(order, last 90d, before 90d) > 2\'',
        ),
        (
            f"{HEAD}  - {{id: a, when: has(order), traits: {{zh: 新, en: New, young}}}}\n",
            'model shop, stage 1 (a), traits: inside {…} a comma ends a value. Put it in quotation marks: en: "New, yo',
        ),
        (f'{HEAD}  - {{id: a, when: has(order[channel = "web"])}}\n', "Invalid YAML: "),
        (
            f"{HEAD}  - {{id: a, when： has(order)}}\n",
            "model shop, stage 1: write a plain colon and a space after when,",
        ),
        (f"{HEAD}  - {{id: a, when:has(order)}}\n", "model shop, stage 1: write a plain colon and a space after when,"),
        (
            f"{HEAD}  - id: a\n    when： has(order)\n",
            "Line 4: write a plain colon and a space after when, as in when:",
        ),
        (f"{HEAD}  - id： a\n", "model shop, stage 1: write a plain colon and a space after id, as in id:"),
        (f"id：shop\nstages:\n{ACTIVE}", "Line 1: write a plain colon and a space after id, as in id:"),
        ("id：shop\n", "Line 1: write a plain colon and a space after id, as in id:"),
        (f"{HEAD}\t- id: a\n", "Line 3 is indented with a tab. Indent it with spaces."),
        ("\n", "The model is empty. Write its id, its name and at least one stage."),
        ("# nothing\n", "The model is empty."),
        (f"{HEAD}  - {{when: has(order)}}\n", "model shop, stage 1 has no id. Add one, such as id: loyal-customer."),
        (f"{HEAD}  - {{id: no, when: has(order)}}\n", "model shop, stage 1: YAML reads yes, no, on, off, true and fal"),
        (f"name: {{zh: 是, en: Yes}}\n{HEAD}{ACTIVE}", "model shop, name: YAML reads yes, no, on, off, true and false"),
        (
            f"name: On\n{HEAD}{ACTIVE}",
            "model shop: YAML reads yes, no, on, off, true and false as booleans. Where name",
        ),
        (
            f"path: [off]\n{HEAD}{ACTIVE}",
            "model shop: YAML reads yes, no, on, off, true and false as booleans. Where p",
        ),
        (
            f"parameters:\n  p: {{value: 5, min: 30, max: 3}}\n{HEAD}{ACTIVE}",
            "model shop, p: min 30 is more than max 3",
        ),
        (
            f"parameters:\n  p: {{value: 45d, min: 20%}}\n{HEAD}{ACTIVE}",
            "model shop, p: min 20% is of another unit",
        ),
        (
            f"{HEAD}  - {{id: a, when: true}}\n",
            "model shop, stage 1 (a): when must be a rule, not true or false. Write when: o",
        ),
        (
            f"{HEAD}  - id: a\n    when: has(order)\n    stays_while: yes\n",
            "model shop, stage 1 (a): stays_while must be a condition, not true or false, such as",
        ),
        (
            f"{HEAD}  - id: a\n    when: has(order)\n    causes: [{{id: b, when: no}}]\n",
            "model shop, stage 1 (a), causes: when must be a rule, not true or false.",
        ),
        (
            f"{HEAD}  - {{id: a, when: has(order), family: yes}}\n",
            "model shop, stage 1 (a): 'True' is not a valid family. Try: ",
        ),
        (
            f"{HEAD}  - id: a\n    when: has(order)\n    settle for:\n",
            "model shop, stage 1 has an unknown key 'settle for'. Did you mean settles?",
        ),
        (
            f"{HEAD}  - id: a\n    when: has(order)\n    traits:\n      zh: 新\n      in English:\n",
            "model shop, stage 1 (a), traits has an unknown key 'in English'. Did you mean zh, en?",
        ),
        (
            f"id: shop\ndescription: >\n  Who is\n  VIP：best\nname: [a\nstages:\n{ACTIVE}",
            "Invalid YAML: ",
        ),
        (
            f"id：shop\nname：a\nabout: >\n  VIP：best\nstages:\n{ACTIVE}",
            "Line 2: write a plain colon and a space after name",
        ),
        ("- >\n  VIP：best\n", "A model must be a mapping with id, name and stages."),
        (f"parameters:\n  p: {{value: 5, step: 0}}\n{HEAD}{ACTIVE}", "model shop, p: step must be more than 0, not 0."),
    ],
)
def test_what_yaml_reads_otherwise_is_said_with_the_mend(text: str, message: str) -> None:
    with pytest.raises(ModelError) as refused:
        read(text)
    assert refused.value.say("en").startswith(message)
    assert refused.value.say("zh_Hans") != refused.value.say("en")


def test_a_word_without_a_value_is_an_unknown_key() -> None:
    with pytest.raises(ModelError, match="has an unknown key 'stag'"):
        read("id: shop\nname: a\nstag:\nstages: []\n")


def test_an_error_names_the_file_that_it_stands_in(tmp_path: Path) -> None:
    wrong = f"{HEAD}  - {{id: a, when: has(ordr)}}\n"
    file = tmp_path / "wrong.yaml"
    file.write_text(wrong)
    with pytest.raises(RuleError) as refused:
        read(file)
    place = f"{file}: model shop, stage 1 (a)\nhas(ordr)\n    ^^^^\nUnknown kind of fact: ordr."
    assert refused.value.say_in_full("en").startswith(place)
    with pytest.raises(RuleError) as refused:
        read(wrong)
    assert refused.value.say_in_full("en").startswith("model shop, stage 1 (a)\n")
    file.write_text("")
    with pytest.raises(ModelError) as empty:
        read(file)
    assert empty.value.say_in_full("en") == f"{file}: {empty.value.say('en')}"


def test_a_lakes_model_is_known_by_the_id_in_its_file(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", tz="UTC")
    folder = lake.path / "models"
    folder.mkdir()
    (folder / "draft of monday.yaml").write_text(f"{HEAD}{ACTIVE}")
    (folder / "reader.yaml").write_text('id: reader\nstages:\n  - {id: r, when: stage("shop") = "active"}\n')
    assert own_model_ids(lake) == ["reader", "shop"]
    assert [model.id for model in models_of(lake, ["shop", "reader"])] == ["shop", "reader"]
    assert read_in(lake, "shop").id == "shop"
    with pytest.raises(ModelError, match=r"No model or model file is named 'shp'\. Try: shop"):
        models_of(lake, ["shp"])
    (folder / "shop.yaml").write_text(f"{HEAD}{ACTIVE}")
    with pytest.raises(ModelError, match=r"both have the id 'shop'\. Change or remove"):
        models_of(lake, ["shop"])
    assert [model.id for model in models_of(lake, ["reader"])] == ["reader"]
    (folder / "shop.yaml").write_text(f"{HEAD}  - {{id: a, when: has(ordr)}}\n")
    with pytest.raises(RuleError) as refused:
        read_in(lake, "reader")
    assert refused.value.file == "shop.yaml"
