"""Documents are tested: what exists is described, and what is described exists."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

import reference
from conventions.files import ROOT, relative, texts
from tenure.facts.kinds import KINDS
from tenure.facts.schema import COMMON, CUSTOMERS, FACT_TABLES, QUARANTINE
from tenure.facts.selection import columns_of_kind
from tenure.rules.syntax.measure_calls import WORDS
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import PERIODS
from tenure.rules.wording.sentence import sentence

if TYPE_CHECKING:
    from pathlib import Path

DOCS = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md"])
ALL = "\n".join(path.read_text("utf-8") for path in DOCS)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def _section(page: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.M | re.S | re.I)
    return found[1] if found else ""


@pytest.mark.parametrize("name", FACT_TABLES)
def test_every_column_of_a_fact_table_is_described(name: str) -> None:
    page = (ROOT / "docs/reference/facts.md").read_text("utf-8")
    section = _section(page, name)
    assert [column for column in FACT_TABLES[name].own if f"`{column}`" not in section] == []
    assert [field for field in FACT_TABLES[name].required if f"`{field}`" not in section] == []


def test_common_columns_customers_and_quarantine_are_described() -> None:
    page = (ROOT / "docs/reference/facts.md").read_text("utf-8")
    assert [column for column in (*COMMON, "batch_id") if f"| `{column}` |" not in page.split("## orders")[0]] == []
    for title, schema in (("Customers", CUSTOMERS), ("Quarantine", QUARANTINE)):
        section = _section(page, title)
        assert [column for column in schema.names if f"`{column}`" not in section and column != "batch_id"] == []


@pytest.mark.parametrize("path", reference.PAGES, ids=lambda path: path.name)
def test_the_pages_of_commands_and_terms_are_as_the_code_has_them(path: Path) -> None:
    assert path.read_text("utf-8") == reference.PAGES[path](), "run: python tools/reference.py"


def _rules() -> list[str]:
    """Return every rule that a document shows in a block of rules."""
    blocks = (
        block for path in DOCS for language, block in BLOCK.findall(path.read_text("utf-8")) if language == "rule"
    )
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("rule", _rules())
def test_every_rule_a_document_shows_is_one(rule: str) -> None:
    given = {"silent_after": Parameter("silent_after", 45, "days"), "high_share": Parameter("high_share", 0.2)}
    tree = parse(rule, parameters=given)
    assert sentence(tree, "zh_Hans") and sentence(tree, "en")


def test_the_page_of_the_rule_language_shows_every_measure_column_and_word() -> None:
    page = (ROOT / "docs/reference/rule-language.md").read_text("utf-8")
    table, grammar = _section(page, "Measures"), _section(page, "Grammar")
    assert [name for name in MEASURES if f"`{name}(" not in table] == []
    assert [word for word in (*WORDS, *PERIODS) if f'"{word}"' not in grammar and word != "by"] == []
    columns = {column for kind in KINDS.values() for column in columns_of_kind(kind)}
    conditions = _section(page, "Conditions on facts")
    assert sorted(column for column in columns if f"`{column}`" not in conditions) == []
    assert [kind for kind in KINDS if f"`{kind}`" not in _section(page, "Kinds")] == []


def test_every_public_name_is_described() -> None:
    import tenure

    names = [name for name in getattr(tenure, "__all__", ()) if not name.startswith("_")]
    assert names, "tenure.__all__ names what notebooks may use"
    assert [name for name in names if not re.search(rf"\b(?:tn|tenure)\.{name}\b", ALL)] == []


def test_every_setting_is_described() -> None:
    named = {
        name
        for path in texts(".py", folders=("src",))
        for name in re.findall(r"""["'](TENURE_[A-Z][A-Z0-9_]+)["']""", path.read_text("utf-8"))
    }
    told = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    from_django = {"TENURE_LOG", "TENURE_JOBS"}  # names inside Django's settings, not in the environment
    assert sorted(name for name in named - from_django if f"`{name}`" not in told and name not in told) == []


def test_the_architecture_names_every_package_and_only_files_that_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    packages = {path.parent.name for path in ROOT.glob("src/tenure*/*/__init__.py")}
    assert sorted(name for name in packages if not re.search(rf"\b{name}\b", page)) == []
    folder, lost = ROOT, []
    for name in re.findall(r"`([\w/-]+\.(?:py|yaml)|src/[\w/]+/)`", page):
        folder = (ROOT / name).parent if name.startswith("src/") else folder
        lost += [] if (ROOT / name).exists() or (folder / name).exists() else [name]
    assert set(lost) <= {"actions.py", "cli.py"}  # one in every package; one of the first design


def _written() -> list[tuple[str, list[str]]]:
    """Return every `tenure …` command that a document shows."""
    found = []
    for path in DOCS:
        for _, block in BLOCK.findall(path.read_text("utf-8")):
            for line in block.splitlines():
                bare = line.strip().removeprefix("uv run ").split("  #")[0]
                if bare.startswith("tenure ") and "…" not in bare:
                    found.append((relative(path), shlex.split(bare)[1:]))
    return found


def test_every_command_a_document_shows_exists_with_its_options() -> None:
    known = dict(reference.commands(reference.root_command()))
    wrong: list[tuple[str, object]] = []
    for where, words in _written():
        plain = [word for word in words if not word.startswith("-")]
        name = next((f"tenure {' '.join(plain[:n])}" for n in (2, 1) if f"tenure {' '.join(plain[:n])}" in known), None)
        if name is None:
            wrong.append((where, words))
            continue
        options = {name for param in known[name].params for name in [*param.opts, *param.secondary_opts]} | {"--help"}
        wrong += [(where, word) for word in words if word.startswith("--") and word.split("=")[0] not in options]
    assert wrong == []


def _is_lost(page: Path, target: str) -> bool:
    if "://" in target:
        return False
    path = page.parent / target
    # Pictures are taken from the finished product.
    return not path.exists() and not path.is_relative_to(ROOT / "docs/images")


def test_every_link_between_documents_leads_somewhere() -> None:
    links = [
        (path, target)
        for path in DOCS
        for target in re.findall(r"\]\(([^)#\s]+)", BLOCK.sub("", path.read_text("utf-8")))
    ]
    assert [(relative(path), target) for path, target in links if _is_lost(path, target)] == []


def _python(name: str) -> str:
    return next(block for language, block in BLOCK.findall((ROOT / name).read_text("utf-8")) if language == "python")


def test_the_five_lines_of_the_readme_run() -> None:
    told: dict[str, object] = {}
    lines = _python("README.md").splitlines()
    assert len(lines) == 5
    exec("\n".join([*lines[:-1], f"answer = {lines[-1]}"]), told)
    answer = told["answer"]
    assert list(answer["stage"])[-1] == "active"  # type: ignore[index]  # bob bought 33 days before
    assert set(answer["customer_id"]) == {"ann", "bob"}  # type: ignore[index]


def test_both_readmes_show_the_same_code_and_commands() -> None:
    english, chinese = (BLOCK.findall((ROOT / name).read_text("utf-8")) for name in ("README.md", "README.zh-CN.md"))
    assert [block.replace("订单.csv", "orders.csv") for _, block in chinese] == [block for _, block in english]
