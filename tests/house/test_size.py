"""Small functions and files. What breaks a limit is named below with its size of today, which may only fall."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from house.the_house import ROOT, said, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION, FILE = 40, 400

#: name -> lines today. Take a name out when it fits; never put one in without a reason beside it.
LONG_FUNCTIONS: dict[str, int] = {
    # Roads that are told in one go, and one person with a fact of every kind.
    "tests/app/test_models_browser.py:test_a_rule_is_edited_previewed_saved_and_brought_back": 44,
    "tests/engines/test_duckdb_equals_spark.py:_life_of": 43,
    "tests/stories/test_scenarios.py:"
    "test_a21_one_customer_is_shown_in_all_models_without_contradiction_in_the_facts": 42,
}
LONG_FILES: dict[str, int] = {}


def _functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each function and the lines of its body: a signature and a docstring are read once, not followed."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            told = ast.get_docstring(node, clean=False) is not None
            body = node.body[1:] if told else node.body
            yield node.name, (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0


def test_no_function_is_longer_than_forty_lines() -> None:
    long = {}
    for path in texts(".py"):
        for name, lines in _functions(ast.parse(path.read_text("utf-8"))):
            where = f"{said(path)}:{name}"
            if lines > LONG_FUNCTIONS.get(where, FUNCTION):
                long[where] = lines
    assert not long, f"longer than {FUNCTION} lines: {long}"


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {}
    for path in texts(".py", ".js", ".mjs", ".css", ".html"):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > LONG_FILES.get(said(path), FILE):
            long[said(path)] = lines
    assert not long, f"longer than {FILE} lines, so make it a folder: {long}"


def test_the_lists_of_exceptions_hold_nothing_that_fits_by_now() -> None:
    fits = [name for name in LONG_FILES if len((ROOT / name).read_text("utf-8").splitlines()) <= FILE]
    lengths = {
        f"{said(path)}:{name}": lines
        for path in texts(".py")
        for name, lines in _functions(ast.parse(path.read_text("utf-8")))
    }
    fits += [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= FUNCTION]
    assert not fits, f"take these out of the lists: {fits}"
