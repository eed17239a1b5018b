"""The build makes what is missing or old, and nothing else."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import hatch_build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def frontend(tmp_path: Path) -> Path:
    copy = tmp_path / "frontend"
    shutil.copytree(hatch_build.FRONTEND, copy, ignore=shutil.ignore_patterns("node_modules", ".made"))
    return copy


def test_it_calls_no_program_when_the_files_are_made_from_these_sources(frontend: Path, tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / hatch_build.STAMP).write_text(hatch_build.fingerprint(frontend) + "\n")
    assert hatch_build.make_assets(frontend, assets) is False


def test_it_notices_missing_files_and_every_changed_source(frontend: Path, tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assert not hatch_build.is_made(frontend, assets)
    assets.mkdir()
    for source in hatch_build.sources(frontend):
        (assets / hatch_build.STAMP).write_text(hatch_build.fingerprint(frontend))
        assert hatch_build.is_made(frontend, assets)
        source.write_bytes(source.read_bytes() + b"\n")
        assert not hatch_build.is_made(frontend, assets), source.name


def test_windows_line_ends_are_no_change(frontend: Path) -> None:
    before = hatch_build.fingerprint(frontend)
    source = frontend / "src/app.js"
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert hatch_build.fingerprint(frontend) == before


def test_translations_are_compiled_once(tmp_path: Path) -> None:
    folder = tmp_path / "src/tenure/locale/zh_Hans/LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "tenure.po").write_text(
        'msgid ""\nmsgstr ""\n"Language: zh_Hans\\n"\n\nmsgid "Row"\nmsgstr "行"\n', "utf-8"
    )
    assert [path.name for path in hatch_build.make_translations(tmp_path)] == ["tenure.mo"]
    assert hatch_build.make_translations(tmp_path) == []
