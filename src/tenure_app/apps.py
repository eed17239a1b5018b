"""The application's frame: templates, static files and texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

ASSETS = ("vendor/tabler.min.css", "app.css", "app.js", "charts.js")


class TenureConfig(AppConfig):
    name = "tenure_app"


@register()
def check_assets(**_: Any) -> list[CheckMessage]:
    """Name the built files that are missing, instead of a page without style."""
    folder = Path(__file__).parent / "static" / "tenure_app"
    lost = [name for name in ASSETS if not (folder / name).exists()]
    if not lost:
        return []
    hint = "Build them: `uv sync --reinstall-package tenure`, or install the wheel."
    return [Error(f"Built files are missing in {folder}: {', '.join(lost)}.", hint=hint, id="tenure.E001")]
