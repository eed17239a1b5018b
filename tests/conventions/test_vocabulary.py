"""Identifiers are words of the field: no private dialect, and a class name means one thing."""

from __future__ import annotations

import ast
from collections import defaultdict

from conventions.files import ROOT

#: Words that say nothing about what they hold; a noun of the field says it.
DIALECT = frozenset(
    {
        "one",
        "found",
        "told",
        "said",
        "seen",
        "made",
        "chosen",
        "own",
        "there",
        "asked",
        "here",
        "held",
        "wanted",
        "whole",
        "either",
        "some",
        "somebody",
        "everybody",
        "many",
        "few",
        "again",
        "behind",
        "beside",
        "ahead",
        "little",
        "luck",
        "dice",
    }
)
LIMIT = 0.02


def _trees() -> dict[str, ast.Module]:
    paths = (path for path in sorted((ROOT / "src").rglob("*.py")) if "migrations" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in paths}


def test_variables_and_parameters_are_named_in_the_fields_words() -> None:
    count = 0
    by_file: defaultdict[str, int] = defaultdict(int)
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            bound = node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None
            name = node.arg if isinstance(node, ast.arg) else bound
            count += name is not None
            by_file[path] += name in DIALECT
    total = sum(by_file.values())
    worst = sorted(by_file, key=lambda path: -by_file[path])[:5]
    assert total < LIMIT * count, f"{total} of {count} bindings; most in {worst}"


def test_a_class_name_has_one_meaning() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.ClassDef)
                and not node.name.startswith("_")
                and node.name not in ("Meta", "Command")
            ):
                homes[node.name].append(path)
    assert {name: paths for name, paths in homes.items() if len(set(paths)) > 1} == {}
