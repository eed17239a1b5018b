"""Write down everything that follows from three shops, and compare it with what it was.

    python tools/snapshot.py write FOLDER [--shop demo|cdnow|b2b] [--lake FOLDER] [--parts lake,cli,web]
    python tools/snapshot.py compare OLD NEW [--shop …] [--renames FILE] [--differences FILE] [--tolerance 1e-9]
    python tools/snapshot.py keep FOLDER

`write` makes a folder a shop: CSV files that a diff reads, and `hashes.json`. `compare` takes such folders, or for OLD
the committed hashes in tests/baseline, names what differs, and leaves with 1 when anything does. `keep` puts the hashes
of a folder into tests/baseline.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "tests" / "baseline"
SHOPS = ("demo", "cdnow", "b2b")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write")
    write.add_argument("folder", type=Path)
    write.add_argument("--lake", type=Path, help="a lake of this shop that is there already")
    write.add_argument("--parts", default="lake,cli,web")
    compare = commands.add_parser("compare")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    compare.add_argument("--renames", type=Path, default=ROOT / "tools" / "snapshot_renames.json")
    compare.add_argument("--differences", type=Path, default=BASELINE / "differences.json")
    compare.add_argument("--tolerance", type=float, default=1e-9)
    for command in (write, compare):
        command.add_argument("--shop", choices=SHOPS)
    commands.add_parser("keep").add_argument("folder", type=Path)
    given = parser.parse_args()
    return {"write": _write, "compare": _compare, "keep": _keep}[given.command](given)


def _write(given: argparse.Namespace) -> int:
    # One process a shop: settings of the pages and caches of the library are read once in a process.
    if given.shop is None:
        command = [sys.executable, __file__, "write", str(given.folder), "--parts", given.parts, "--shop"]
        return max(subprocess.run([*command, shop], check=False).returncode for shop in SHOPS)
    with tempfile.TemporaryDirectory(prefix="tenure-snapshot-") as folder:
        work = Path(folder).resolve()
        lake = given.lake.absolute() if given.lake else work / "lake"
        os.environ.pop("TENURE_DATABASE_URL", None)  # the pages' own database is a file that goes away with the folder
        os.environ |= {
            "TENURE_LAKE": str(lake), "TENURE_DATA": str(work / "app"), "TENURE_LANG": "en",
            "DJANGO_SETTINGS_MODULE": "tenure_app.settings",
        }  # fmt: skip
        import django

        from snapshot_collect import make, sheets
        from snapshot_sheets import write
        from snapshot_shops import SHOPS as KNOWN

        began, shop = time.monotonic(), KNOWN[given.shop]
        if not given.lake:
            make(shop, work)
        made = time.monotonic()
        django.setup()
        logging.disable(logging.CRITICAL)  # a page that has nothing to export is written down, not complained about
        found = write(given.folder / shop.name, sheets(lake, shop, work, given.parts.split(",")))
    seconds = (made - began, time.monotonic() - made)
    spent = f"lake {seconds[0]:.0f} s, reading {seconds[1]:.0f} s, {time.process_time():.0f} s of CPU"
    print(f"{shop.name}: {len(found)} files; {spent}")
    return 0


def _compare(given: argparse.Namespace) -> int:
    from snapshot_compare import Renames, Report, compare
    from snapshot_sheets import HASHES

    renames = Renames(**json.loads(given.renames.read_text("utf-8")))
    allowed = json.loads(given.differences.read_text("utf-8"))
    wrong = 0
    for shop in [given.shop] if given.shop else SHOPS:
        folder, hashes = given.old / shop, given.old / f"{shop}.json"
        old, new = folder if folder.is_dir() else hashes, given.new / shop
        missing = [path for path in (old, new / HASHES) if not path.exists()]
        if missing:
            print(f"{shop}: not compared, {missing[0]} is not there")
            wrong += given.shop is not None
            continue
        report = Report(shop, allowed)
        compare(old, new, renames, report, given.tolerance)
        for text in report.found:
            print(text)
        for pattern, times in report.excepted.items():
            print(f"{shop}: {times} listed differences, {pattern}: {allowed[pattern]}")
        print(f"{shop}: {len(report.found) or 'no'} differences")
        wrong += len(report.found)
    return 1 if wrong else 0


def _keep(given: argparse.Namespace) -> int:
    from snapshot_sheets import HASHES, read, summary

    for shop in SHOPS:
        folder = given.folder / shop
        if not folder.is_dir():
            continue
        about = json.loads((folder / HASHES).read_text("utf-8"))
        # Made from the files themselves: what is kept is what a diff shows.
        found = {name: summary(read(folder, name, about[name])) for name in about}
        (folder / HASHES).write_text(
            json.dumps({name: {**found[name], "numbers": about[name]["numbers"]} for name in found}, indent=1) + "\n"
        )
        lines = [f"{json.dumps(name)}: {json.dumps(kept, separators=(',', ':'))}" for name, kept in found.items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (BASELINE / f"{shop}.json").write_text(text, encoding="utf-8")
        print(f"{shop}: {len(text):,} bytes, {len(gzip.compress(text.encode())):,} compressed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
