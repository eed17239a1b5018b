"""The command line starts at once: nothing heavy is loaded before a command needs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("pandas", "pyarrow", "duckdb", "django", "numpy", "polars", "deltalake", "pyspark")
LOOK = """
import sys, json
sys.argv = ["tenure", *{arguments!r}]
try:
    from tenure.cli import main
    main()
except SystemExit as end:
    status = end.code
print(json.dumps([status or 0, sorted(name for name in {heavy!r} if name in sys.modules)]))
"""


def _loaded(*arguments: str) -> tuple[int, list[str]]:
    told = subprocess.run(
        [sys.executable, "-c", LOOK.format(arguments=list(arguments), heavy=HEAVY)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    status, heavy = json.loads(told.stdout.splitlines()[-1])
    return status, heavy


def test_help_loads_nothing_heavy() -> None:
    assert _loaded("--help") == (0, [])


def test_the_help_of_a_command_loads_nothing_heavy() -> None:
    assert _loaded("import", "--help") == (0, [])


def test_the_library_itself_loads_nothing_heavy() -> None:
    look = f"import sys, tenure; print([name for name in {HEAVY!r} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout.strip() == "[]"


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pandas", "polars"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import tenure as tn
print(tn.spans(sys.argv[1], as_of="2024-02-01").counts()["active"])
print(tn.clv(sys.argv[1], as_of="2024-02-01").to_arrow().num_rows)
"""


def test_the_library_works_without_pandas_and_polars(tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text("customer_id,at,amount\nann,2024-01-05,5\nbob,2023-01-20,7\n", "utf-8")
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(orders)], capture_output=True, text=True, timeout=120, check=True
    )
    assert told.stdout.split() == ["1", "2"]
