"""What commands print and write: tables, JSON, progress, and files that appear only when they are complete."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from tenure.errors import FactsError
from tenure.words import mark, render, say
from tenure.words.formats import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def console(*, stderr: bool = True, quiet: bool = False) -> Console:
    """Return a console; what is not a command's result goes to standard error, so that pipes stay clean.

    Rules and names are printed as they are: in ``order[amount > 500]`` the brackets are no markup.
    """
    from rich.console import Console

    return Console(stderr=stderr, quiet=quiet, markup=False, emoji=False)


def table_of(title: str, texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Return a table of rows: columns of texts first, then columns of numbers, each by its marked heading."""
    from rich.table import Table

    table = Table(title=title or None, title_justify="left")
    for place, heading in enumerate(texts):
        # A long word, such as a measure, goes on in the next line rather than lose its end.
        table.add_column(say(heading), no_wrap=place == 0 and bool(numbers), overflow="fold")
    for heading in numbers:
        table.add_column(say(heading), justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def print_result(body: Any, as_json: bool, show: Callable[..., None] | str, *more: Any) -> None:
    """Print what a command found: as JSON, or as a sentence, or in words and tables by ``show(body, *more)``."""
    if as_json:
        print_json(body)
    elif isinstance(show, str):
        typer.echo(show)
    else:
        show(body, *more)


def print_list(body: Any, as_json: bool, headings: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """Print a list as JSON, or its rows as a table; a sentence when there are none."""
    if as_json:
        print_json(body)
    elif rows:
        console(stderr=False).print(table_of("", headings, (), rows))
    else:
        typer.echo(say(empty))


def print_json(result: Any) -> None:
    """Print JSON, its messages in the reader's language; a number that is not known is null."""
    typer.echo(json.dumps(_without_nan(render(result)), ensure_ascii=False, default=str))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    # Only NaN differs from itself; no reader of JSON needs to understand it.
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124


def print_gates(out: Console, gates: Iterable[Mapping[str, Any]], names: Mapping[str, str], indent: str = "") -> None:
    """Say what is missing for predictions; `names` are the marked names of what is counted."""
    for gate in gates:
        if not gate["passed"]:
            text = mark("Not enough data for predictions: %(needed)s %(what)s needed, %(found)s available.")
            numbers = {name: number(gate[name], 0) for name in ("needed", "found")}
            out.print(indent + say(text, what=say(names[gate["name"]]), **numbers), style="yellow")


def fields_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


@contextmanager
def progress_bar(on: Console) -> Iterator[Callable[[str, float], None]]:
    """Show a bar that says what is being done; yields ``advance(text, share)``."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    # Without a terminal a bar would only fill the log.
    with Progress(*columns, console=on, disable=on.quiet or not on.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, share: bar.update(task, description=say(text), completed=share)


def check_target(out: Path | None) -> None:
    """Refuse a file that could not be written, before anything is worked out for it."""
    if out is None:
        return
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise FactsError(mark("--out %(path)s: the name must end in .csv or .parquet."), path=out)
    if not out.absolute().parent.is_dir():
        text = mark("--out %(path)s: folder %(folder)s does not exist. Create it first.")
        raise FactsError(text, path=out, folder=out.parent)


def write_table(table: pa.Table, out: Path | None) -> None:
    """Write a table complete or not at all: beside its place first, then moved there."""
    import pyarrow.csv
    import pyarrow.parquet

    if out is None:
        pyarrow.csv.write_csv(table, sys.stdout.buffer)
        return
    draft = out.with_name(f".{out.name}.draft")
    try:
        if out.suffix.lower() == ".parquet":
            pyarrow.parquet.write_table(table, draft)
        else:
            pyarrow.csv.write_csv(table, draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
