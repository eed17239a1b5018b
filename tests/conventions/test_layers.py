"""Who may import whom: the contracts of pyproject.toml hold, and every package has its place in them."""

from __future__ import annotations

import contextlib
import io
import tomllib
from typing import TYPE_CHECKING

from conventions.files import ROOT

if TYPE_CHECKING:
    import pytest


def _contracts() -> dict[str, dict[str, list[str]]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {setting["id"]: setting for setting in settings["tool"]["importlinter"]["contracts"]}


def _packages(package: str) -> set[str]:
    folder = ROOT / "src" / package
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return packages | {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}


def _places(contract: str) -> set[str]:
    layers = _contracts()[contract]["layers"]
    return {package.strip(" ()") for layer in layers for package in layer.replace(":", "|").split("|")}


def test_every_package_of_the_library_has_a_place_in_the_order() -> None:
    assert not _packages("tenure") - _places("library-downwards")


def test_every_package_of_the_application_has_a_place_in_the_order() -> None:
    assert not _packages("tenure_app") - _places("application-downwards")


def test_facts_and_statistics_do_not_know_each_other() -> None:
    contract = _contracts()["facts-without-statistics"]
    assert contract["source_modules"] == ["tenure.facts"]
    assert contract["forbidden_modules"] == ["tenure.stats"]


def test_the_import_contracts_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = lint_imports(no_cache=True)
    assert status == 0, output.getvalue()
