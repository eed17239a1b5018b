"""The browser's files: made from today's sources, without addresses, maps or drawings nobody has."""

from __future__ import annotations

import json
import re

import pytest

import hatch_build
from conventions.files import ROOT, relative, texts

ASSETS = hatch_build.ASSETS
NAMED = (
    "vendor/tabler.min.css",
    "vendor/tabler.min.js",
    "vendor/htmx.min.js",
    "charts.js",
    "app.js",
    "app.css",
    "icons.svg",
)


def test_every_file_is_there_and_made_from_the_sources_of_today() -> None:
    assert [name for name in NAMED if not (ASSETS / name).is_file()] == []
    assert hatch_build.is_made(hatch_build.FRONTEND, ASSETS), "run: python hatch_build.py"


def test_no_file_names_a_source_map_that_is_not_shipped() -> None:
    named = [path.name for path in ASSETS.rglob("*.[cj]s*") if "sourceMappingURL" in path.read_text("utf-8")]
    assert not named


def test_the_lock_file_pins_everything_by_hash_and_names_no_address() -> None:
    text = (ROOT / "frontend/package-lock.json").read_text("utf-8")
    assert "://" not in text
    packages = {name: load for name, load in json.loads(text)["packages"].items() if name}
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_every_icon_a_page_draws_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (ASSETS / "icons.svg").read_text("utf-8")))
    drawn = {
        name
        for path in texts(".html", ".py", ".js", folders=("src", "frontend"))
        for name in re.findall(
            r"""icons\.svg[^#"']{0,20}#([a-z][a-z-]+)|{%\s*icon\s+["']([a-z-]+)["']""", path.read_text("utf-8")
        )
        for name in name
        if name
    }
    assert not drawn - sprite, "name it in frontend/icons.json"


def test_no_page_holds_code_or_styles_that_the_policy_forbids() -> None:
    forbidden = re.compile(r"<style|\son[a-z]+=[\"']|javascript:|<script(?![^>]*(?:src=|application/json))", re.I)
    found = {
        f"{relative(path)}:{number}": line.strip()[:90]
        for path in texts(".html", folders=("src",))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if forbidden.search(line)
    }
    assert not found


def test_stage_colours_can_be_read_and_told_apart() -> None:
    css = (ROOT / "frontend/src/app.css").read_text("utf-8")
    inks = dict(re.findall(r"--stage-(f\d+|none)-ink:\s*(#[0-9a-f]{6})", css))
    softs = dict(re.findall(r"--stage-(f\d+|none)-soft:\s*(#[0-9a-f]{6})", css))
    assert set(inks) == {"none", *(f"f{number}" for number in range(1, 13))}
    weak = {
        name: round(_contrast(inks[name], softs[name]), 2) for name in inks if _contrast(inks[name], softs[name]) < 4.5
    }
    assert not weak, "words on the soft colour need 4.5:1"


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("one", "other", "ratio"), [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0)])
def test_contrast_is_measured_as_the_standard_says(one: str, other: str, ratio: float) -> None:
    assert _contrast(one, other) == pytest.approx(ratio)
