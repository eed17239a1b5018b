"""The application's commands, added to `tenure` through the entry points `tenure.commands`.

Heavy imports lie inside the functions: `tenure --help` reads this file.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.errors import TenureError
from tenure.words import mark, say

if TYPE_CHECKING:
    from collections.abc import Iterator

Lake = Annotated[Path, typer.Option(envvar="TENURE_LAKE", help="Folder of the facts; made when missing.")]


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print what a user can mend in red, and exit with 1."""
    try:
        yield
    except TenureError as error:
        typer.secho(error.say(), err=True, fg="red")
        raise typer.Exit(1) from error


def up(
    lake: Lake = Path("tenure-data"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to serve at.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to serve at; 0.0.0.0 opens it to the network.")] = "127.0.0.1",
) -> None:
    """Serve the application: pages and a worker, until Ctrl-C."""
    from tenure_app.serving import serve

    with exit_on_error():
        raise typer.Exit(serve(lake.absolute(), host, port, greet))


def greet(link: str) -> None:
    typer.echo(say(mark("Tenure is running. Open this link to sign in:")))
    typer.echo(f"\n    {link}\n")
    typer.echo(say(mark("Stop with Ctrl-C.")))


def worker(
    lake: Lake = Path("tenure-data"),
    once: Annotated[bool, typer.Option("--once", help="Do what waits now, then end.")] = False,
) -> None:
    """Do imports, refreshes and other waiting work; `up` already runs one."""
    from tenure_app.serving import start_django

    start_django(lake.absolute())
    from tenure_app.core.work.running import work

    work(once)
