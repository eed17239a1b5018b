"""A function tells one story, a file holds one idea: nobody should have to scroll for long."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from conventions.files import relative, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION, FILE = 60, 450
TEMPLATE_LINE = 160
#: Of all templates together. It may only fall, but for what is new on the pages. Since 163,600 were enough: the kind of
#: business, and models that are switched off or do not fit (3,600); stages that cannot be judged or reached and models
#: that settle (1,100); the sliders of parameters with what changes (2,700); named dates in the settings (1,400).
TEMPLATE_CHARACTERS = 172_500


def _functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each function and the lines of its body: a signature and a docstring are read once, not followed."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documented = ast.get_docstring(node, clean=False) is not None
            body = node.body[1:] if documented else node.body
            yield node.name, (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0


def test_no_function_is_longer_than_sixty_lines() -> None:
    long = {}
    for path in texts(".py"):
        for name, lines in _functions(ast.parse(path.read_text("utf-8"))):
            if lines > FUNCTION:
                long[f"{relative(path)}:{name}"] = lines
    assert not long, f"longer than {FUNCTION} lines: {long}"


def test_no_file_is_longer_than_four_hundred_and_fifty_lines() -> None:
    long = {}
    for path in texts(".py", ".js", ".mjs", ".css", ".html"):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > FILE:
            long[relative(path)] = lines
    assert not long, f"longer than {FILE} lines, so make it a folder: {long}"


def test_no_line_of_a_template_is_longer_than_it_can_be_read() -> None:
    long = {
        f"{relative(path)}:{number}": len(line)
        for path in texts(".html")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > TEMPLATE_LINE
    }
    assert not long, f"longer than {TEMPLATE_LINE} characters: {long}"


def test_templates_only_shrink() -> None:
    characters = sum(len(path.read_text("utf-8")) for path in texts(".html"))
    assert characters <= TEMPLATE_CHARACTERS
