"""Write docs/reference/cli.md from the commands themselves, and terms.md from the glossary of the pages.

python tools/reference.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Command = Any  # typer brings its own copy of click, whose classes are not to be named

ROOT = Path(__file__).resolve().parent.parent
COMMANDS_HEAD = """# Commands

Made from the commands themselves by `python tools/reference.py`. Every command explains itself with `--help`,
in Chinese or English: `TENURE_LANG=zh_Hans tenure --help`. `--json` prints one JSON document for programs.
"""


TERMS_HEAD = """# Terms and columns · 术语与列

What the ⓘ of the pages say, made from `glossary.yaml` and `columns.yaml` by `python tools/reference.py`.
The nouns of the code and the documents are in the [glossary](../glossary.md).

| English | 中文 | Meaning | 含义 |
|---|---|---|---|
"""


def root_command() -> Command:
    """Return the whole command line."""
    import typer.main

    from tenure.cli import app

    return typer.main.get_command(app)


def _below(group: Any, context: Any) -> Iterator[tuple[str, Command]]:
    """Yield a group's commands, loaded: the command line shows stand-ins unless one is called."""
    before = sys.argv
    for name in sorted(group.list_commands(context)):
        sys.argv = ["tenure", name]
        try:
            found = group.get_command(context, name)
        finally:
            sys.argv = before
        if found is not None and not found.hidden:
            yield name, found


def commands(command: Command, name: str = "tenure") -> Iterator[tuple[str, Command]]:
    """Yield every command that does something, with its whole name."""
    import typer

    if not hasattr(command, "list_commands"):
        yield name, command
        return
    for part, below in _below(command, typer.Context(command)):
        yield from commands(below, f"{name} {part}")


def _usage(name: str, command: Command) -> str:
    arguments = []
    for param in command.params:
        if param.param_type_name == "argument":
            shown = (param.metavar or (param.name or "")).upper().strip("[].")
            arguments.append(shown + ("…" if param.nargs == -1 else ""))
    return " ".join([name, *arguments])


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    default = option.default
    told = "" if default in (None, False, True, (), "") or callable(default) else f" Default: `{default}`."
    return f"| {names} | {(getattr(option, 'help', None) or '').strip()}{told} |"


def commands_page() -> str:
    """Return the page of commands as it should be."""
    parts = [COMMANDS_HEAD]
    for name, command in commands(root_command()):
        about = " ".join((command.help or "").split())
        parts.append(f"## {name}\n\n{about}\n\n```\n{_usage(name, command)}\n```\n")
        options = [
            _option(param) for param in command.params if param.param_type_name == "option" and param.name != "help"
        ]
        if options:
            parts.append("| option | what it does |\n|---|---|\n" + "\n".join(options) + "\n")
    return "\n".join(parts)


def terms_page() -> str:
    """Return the page of terms as it should be."""
    from tenure_app.web.templatetags.tenure import terms

    rows = sorted(
        (both["en"]["term"], both["zh"]["term"], both["en"]["text"], both["zh"]["text"]) for both in terms().values()
    )
    return TERMS_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


PAGES = {ROOT / "docs/reference/cli.md": commands_page, ROOT / "docs/reference/terms.md": terms_page}


def main() -> int:
    """Write the pages."""
    os.environ["TENURE_LANG"] = "en"
    for path, page in PAGES.items():
        path.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
