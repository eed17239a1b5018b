"""The command line, loaded piece by piece.

Help is shown without loading any of them; a command's module is imported when the command is called. The
application's commands come in through entry points, so that the library never imports it.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from tenure.errors import TenureError
from tenure.words import mark, say

GROUP = "tenure.commands"

#: Command -> (module:attribute, what it does). A new command is one line here.
COMMANDS: dict[str, tuple[str, str]] = {
    "import": (
        "tenure.cli.importing:import_",
        mark("Import files into the lake. Each row is accepted, skipped as a duplicate, or quarantined."),
    ),
    "quarantine": ("tenure.cli.importing:quarantine", mark("Rejected rows: list, export and replay them.")),
    "customers": (
        "tenure.cli.lake:customers",
        mark("Customer records: find duplicates, merge, undo merges, check completeness."),
    ),
    "source": ("tenure.cli.lake:source", mark("External tables, read in place: add, list, remove.")),
    "stages": ("tenure.cli.stages:stages", mark("Assign a stage to every customer in an orders file; no lake needed.")),
    "value": (
        "tenure.cli.value:value",
        mark("Customer value: repeat-purchase models and how well they predict."),
    ),
    "risk": (
        "tenure.cli.risk:risk",
        mark("Churn risk: warning signs, churn probability, and which customers to look at first."),
    ),
    "recommend": (
        "tenure.cli.recommend:recommend",
        mark("Products bought together, and recommendations for each customer."),
    ),
    "refresh": ("tenure.cli.stages:refresh", mark("Recalculate every customer's stages.")),
    "models": ("tenure.cli.models:models", mark("Life-cycle models: list, show and check them.")),
    "economics": (
        "tenure.cli.economics:economics",
        mark("Profit by stage, the value of moving between stages, and where to reinvest or withdraw."),
    ),
    "compact": ("tenure.cli.lake:compact", mark("Compact tables into fewer, sorted files.")),
    "backup": ("tenure.cli.lake:backup", mark("Back up the whole lake to one file.")),
    "restore": ("tenure.cli.lake:restore", mark("Restore a lake from a backup.")),
}
#: What the application's commands do; their modules are not loaded to say it.
_APPLICATION = {
    "up": mark("Run the web application and its worker."),
    "demo": mark("Try Tenure with a year of supermarket data or another sample shop."),
    "worker": mark("Run queued imports, refreshes and other jobs."),
}


class _Commands(TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return [*COMMANDS, *sorted(_from_application())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; a stand-in with its name and help while only its help is shown."""
        if cmd_name not in self.list_commands(ctx):
            return None
        if _is_only_listed(cmd_name):
            return _stand_in(cmd_name)
        return _loaded(cmd_name)


def _is_only_listed(name: str) -> bool:
    """Whether this command is only listed: the first word of the line is another one, or none."""
    before = ("", *sys.argv[1:])
    words = [
        word for word, last in zip(sys.argv[1:], before, strict=False) if last != "--lang" and not word.startswith("-")
    ]
    return not words or words[0] != name


def _from_application() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in COMMANDS}


def _stand_in(name: str) -> Any:
    app = typer.Typer(add_completion=False)
    app.command(name, help=_help(name))(lambda: None)
    return typer.main.get_command(app)


def _help(name: str) -> str | None:
    """Return what a command does, in the user's language."""
    if name in COMMANDS:
        return say(COMMANDS[name][1])
    return say(_APPLICATION[name]) if name in _APPLICATION else None


def _loaded(name: str) -> Any:
    if name in COMMANDS:
        module, _, attribute = COMMANDS[name][0].partition(":")
        loaded = getattr(importlib.import_module(module), attribute)
    else:
        loaded = _from_application()[name].load()
    command: Any
    if isinstance(loaded, typer.Typer):
        command = typer.main.get_group(loaded)
    else:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(name, help=_help(name))(loaded)
        command = typer.main.get_command(app)
    command.name = name
    return command


app = typer.Typer(
    cls=_Commands,
    name="tenure",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(help=say(mark("Tenure: see which life-cycle stage every customer is in, on any day, and why.")))
def _root(
    version: bool = typer.Option(False, "--version", help=say(mark("Show the version and exit."))),
    lang: str = typer.Option("", "--lang", metavar="zh|en", help=say(mark("Output language."))),
) -> None:
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"tenure {version_of('tenure')}")
        raise typer.Exit
    del lang  # taken in `main`, before any text is made


def main() -> None:
    """Run the command line: errors that a user can mend are one red sentence, never a traceback."""
    _take_language()
    try:
        app()
    except TenureError as error:
        _fail(error.say())
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
        sys.exit(130)
    except PermissionError as error:
        _fail(
            say(mark("Permission denied: %(path)s. Check the permissions of the file or folder."), path=error.filename)
        )
    except OSError as error:
        if error.errno != 28:  # no space left on device
            raise
        _fail(say(mark("The disk is full. Free up space, then run the same command again. No data was lost.")))


def _take_language() -> None:
    """Take the language from --lang before any help text is made."""
    import os

    words = sys.argv[1:]
    for place, word in enumerate(words):
        if word.startswith("--lang"):
            os.environ["TENURE_LANG"] = word.partition("=")[2] or (words[place + 1] if place + 1 < len(words) else "")


def _fail(text: str) -> None:
    typer.secho(text, fg="red", err=True)
    sys.exit(2)
