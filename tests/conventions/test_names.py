"""What may stand in a text file: nothing of the machine it was written on, no names that say nothing."""

from __future__ import annotations

import re

from conventions.files import relative, texts

MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/\w")
VAGUE = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
VERSIONED = re.compile(r"[a-z]_?v2$")


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    named = {
        f"{relative(path)}:{number}": line.strip()[:80]
        for path in texts()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if MACHINE.search(line)
    }
    assert not named, named


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [relative(path) for path in texts(".py") if path.stem in VAGUE or VERSIONED.search(path.stem)]
    assert not vague, f"name the one thing that is in it: {vague}"


def test_no_test_name_is_less_than_a_sentence() -> None:
    short = [
        f"{relative(path)}:{name}"
        for path in texts(".py", folders=("tests",))
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), flags=re.M)
        if name.count("_") < 3
    ]
    assert not short, f"say what holds: {short}"
