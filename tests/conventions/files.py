"""Where the project's files are, for the tests that walk through them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "tools", "bench", "docs", "frontend", ".ci")
NOT_OURS = {"__pycache__", "node_modules", "static", ".ruff_cache", ".mypy_cache", "migrations", "data"}
TEXTS = {".py", ".js", ".mjs", ".css", ".html", ".md", ".toml", ".yaml", ".yml", ".json", ".po", ".sh", ".txt", ""}


def texts(*suffixes: str, folders: tuple[str, ...] = FOLDERS) -> list[Path]:
    """Return the text files that people wrote, in the named folders and at the top."""
    kinds = set(suffixes) or TEXTS
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    if folders == FOLDERS:
        paths += [path for path in ROOT.iterdir() if path.suffix in kinds - {""} and path.name != "uv.lock"]
    ours = [path for path in paths if path.is_file() and not NOT_OURS.intersection(path.relative_to(ROOT).parts)]
    return sorted(path for path in ours if not path.name.startswith("."))


def relative(path: Path) -> str:
    """Return a file's path as the tests print it."""
    return path.relative_to(ROOT).as_posix()
