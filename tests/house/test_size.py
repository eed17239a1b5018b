"""A function tells one story, a file holds one idea: nobody should have to scroll for long."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from house.the_house import said, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION, FILE = 60, 450


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
                long[f"{said(path)}:{name}"] = lines
    assert not long, f"longer than {FUNCTION} lines: {long}"


def test_no_file_is_longer_than_four_hundred_and_fifty_lines() -> None:
    long = {}
    for path in texts(".py", ".js", ".mjs", ".css", ".html"):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > FILE:
            long[said(path)] = lines
    assert not long, f"longer than {FILE} lines, so make it a folder: {long}"
