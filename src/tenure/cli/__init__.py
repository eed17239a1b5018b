"""The command line, loaded piece by piece.

Help is shown without loading any of them; a command's module is imported when the command is called. The
application's commands come in through entry points, so that the library never imports it.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from tenure.errors import TenureError
from tenure.words import mark, say

GROUP = "tenure.commands"

#: Command -> (module:attribute in this package, what it does). A new command is one line here.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("lake:init", mark("Create a lake, and say what kind of business it is for.")),
    "import": (
        "importing:import_",
        mark("Import files into the lake. Each row is accepted, skipped as a duplicate, or quarantined."),
    ),
    "quarantine": ("importing:quarantine", mark("Rejected rows: list, export and replay them.")),
    "customers": ("lake:customers", mark("Customer records: find duplicates, merge, undo merges, check completeness.")),
    "source": ("lake:source", mark("External tables, read in place: add, list, remove.")),
    "stages": ("stages:stages", mark("Assign a stage to every customer in an orders file; no lake needed.")),
    "acquisition": (
        "acquisition:acquisition",
        mark("First contacts: the funnel to the first order, closing windows, and decision time."),
    ),
    "value": ("value:value", mark("Customer value: repeat-purchase models and how well they predict.")),
    "risk": ("risk:risk", mark("Churn risk: warning signs, churn probability, and which customers to look at first.")),
    "recommend": ("recommend:recommend", mark("Products bought together, and recommendations for each customer.")),
    "refresh": ("stages:refresh", mark("Recalculate every customer's stages.")),
    "board": ("board:board", mark("Customers in each stage on a day, and for how many a stage is undetermined.")),
    "why": ("why:why", mark("Show why a customer is in a stage: every rule, and what is waited for.")),
    "models": ("models:models", mark("Life-cycle models: list, show, check, compare, recommend and switch them.")),
    "economics": (
        "economics:economics",
        mark("Profit by stage, the value of moving between stages, and where to reinvest or withdraw."),
    ),
    "compact": ("lake:compact", mark("Compact tables into fewer, sorted files.")),
    "backup": ("lake:backup", mark("Back up the whole lake to one file.")),
    "restore": ("lake:restore", mark("Restore a lake from a backup.")),
}
#: What the application's commands do; their modules are not loaded to say it.
_APPLICATION = {
    "up": mark("Run the web application and its worker."),
    "demo": mark("Try Tenure with a year of supermarket data or another sample shop."),
    "worker": mark("Run queued imports, refreshes and other jobs."),
}


class _Commands(TyperGroup):
    """A group whose commands are imported when they are called; a stand-in is shown while they are only listed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *sorted(_from_application())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx):
            return None
        loaded = _load(cmd_name)
        command: Any
        if isinstance(loaded, typer.Typer):
            command = typer.main.get_group(loaded)
        else:
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(loaded)
            command = typer.main.get_command(alone)
        command.name = cmd_name
        if text := COMMANDS[cmd_name][1] if cmd_name in COMMANDS else _APPLICATION.get(cmd_name):
            command.help = say(text)
        return command


def _from_application() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in COMMANDS}


def _load(name: str) -> Any:
    """Return a command; nothing is imported unless it is the first word of the line, options left out."""
    before = ("", *sys.argv[1:])
    words = (
        word for word, last in zip(sys.argv[1:], before, strict=False) if last != "--lang" and not word.startswith("-")
    )
    if next(words, None) != name:
        return lambda: None
    if name not in COMMANDS:
        return _from_application()[name].load()
    module, _, attribute = COMMANDS[name][0].partition(":")
    return getattr(importlib.import_module(f"tenure.cli.{module}"), attribute)


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
    del lang  # taken in `main`


def main() -> None:
    """Run the command line: errors that a user can mend are one red sentence, never a traceback."""
    words = sys.argv[1:]
    for place, word in enumerate(words):  # the language is taken before any help text is made
        if word.startswith("--lang"):
            os.environ["TENURE_LANG"] = word.partition("=")[2] or "".join(words[place + 1 : place + 2])
    try:
        app()
    except TenureError as error:
        _fail(error.say_in_full())
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
        sys.exit(130)
    except PermissionError as error:
        text = mark("Permission denied: %(path)s. Check the permissions of the file or folder.")
        _fail(say(text, path=error.filename))
    except OSError as error:
        if error.errno != 28:  # no space left on device
            raise
        _fail(say(mark("The disk is full. Free up space, then run the same command again. No data was lost.")))


def _fail(text: str) -> None:
    typer.secho(text, fg="red", err=True)
    sys.exit(2)
