"""`tenure customers`, `source`, `compact`, `backup` and `restore`: what keeps a lake in good order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tenure.cli.options import AsJson, LakeFolder, Map, mapping_of, present, say_json
from tenure.words import mark, say
from tenure.words.formats import number, percent

File = Annotated[Path, typer.Argument(help=say(mark("The backup file, such as lake.tar.gz.")))]


def _print_table(headings: list[str], rows: list[list[str]], empty: str) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo(empty)
        return
    table = Table()
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


# Backup, restore, compact


def backup(lake: LakeFolder, file: File, as_json: AsJson = False) -> None:
    """Write the whole lake into one file, of one moment, while others go on reading and writing."""
    from tenure.facts.lake import Lake
    from tenure.lake import backup as keeping

    kept = keeping.backup(Lake.open(lake), file)
    _say_kept(mark("%(rows)s rows of %(tables)d tables are in %(place)s."), kept.rows, file, as_json)


def restore(
    file: File,
    lake: LakeFolder,
    force: Annotated[bool, typer.Option("--force", help=say(mark("Replace the lake that is there.")))] = False,
    as_json: AsJson = False,
) -> None:
    """Make a lake from a backup."""
    from tenure.lake import backup as keeping

    kept = keeping.restore(file, lake, force=force)
    _say_kept(mark("%(rows)s rows of %(tables)d tables are back in %(place)s."), kept.rows, lake, as_json)


def _say_kept(text: str, rows: dict[str, int], place: Path, as_json: bool) -> None:
    if as_json:
        say_json({"rows": rows, "place": str(place)})
        return
    typer.echo(say(text, rows=number(sum(rows.values())), tables=len(rows), place=place))


def compact(
    lake: LakeFolder,
    tables: Annotated[list[str] | None, typer.Argument(help=say(mark("Tables; all when omitted.")))] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help=say(mark("Remove old files at once, even those readers may still use.")))
    ] = False,
) -> None:
    """Rewrite tables into few sorted files."""
    from tenure.facts.lake import Lake
    from tenure.lake.compaction import KEEP_HOURS

    there = Lake.open(lake)
    for name in tables or there.tables():
        before = len(there.files(name))
        there.compact(name, keep_hours=0 if forget else KEEP_HOURS)
        after = len(there.files(name))
        typer.echo(say(mark("%(table)s: %(before)d files are now %(after)d."), table=name, before=before, after=after))


# Customers

customers = typer.Typer(
    help=say(mark("Who is who: duplicates, merge, undo, completeness.")),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@customers.command("duplicates", help=say(mark("Pairs of records that are probably one customer.")))
def duplicates(lake: LakeFolder, limit: int = 50, as_json: AsJson = False) -> None:
    from tenure.facts import customers as room
    from tenure.facts.lake import Lake

    found = room.duplicates(Lake.open(lake), limit)
    if as_json:
        say_json([{"one": one.one, "other": one.other, "reasons": one.reasons} for one in found])
        return
    rows = [[one.one, one.other, " ".join(say(room.REASONS[reason]) for reason in one.reasons)] for one in found]
    headings = [say(mark("Customer")), say(mark("Probably the same")), say(mark("Reason"))]
    _print_table(headings, rows, say(mark("No two records look like one customer.")))


@customers.command("merge", help=say(mark("Make several customers one; it can be undone.")))
def merge(
    lake: LakeFolder,
    keep: Annotated[str, typer.Argument(help=say(mark("The id that counts from now on.")))],
    others: Annotated[list[str], typer.Argument(help=say(mark("The ids that become it.")))],
    reason: Annotated[str, typer.Option(help=say(mark("Why.")))] = "",
) -> None:
    from tenure.facts import customers as room
    from tenure.facts.lake import Lake

    name = room.merge(Lake.open(lake), keep, others, reason, present())
    typer.echo(say(mark("Merged. Undo it with: tenure customers undo %(name)s --lake %(lake)s"), name=name, lake=lake))


@customers.command("undo", help=say(mark("Take a merge back.")))
def undo(lake: LakeFolder, merge_id: Annotated[str, typer.Argument(help=say(mark("The merge.")))]) -> None:
    from tenure.facts import customers as room
    from tenure.facts.lake import Lake

    room.undo_merge(Lake.open(lake), merge_id, present())
    typer.echo(say(mark("The merge %(name)s is undone."), name=merge_id))


@customers.command("merges", help=say(mark("All merges, newest first.")))
def merges(lake: LakeFolder, as_json: AsJson = False) -> None:
    from tenure.facts import customers as room
    from tenure.facts.lake import Lake

    found = room.merges(Lake.open(lake))
    if as_json:
        say_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
        return
    undone = say(mark("undone"))
    rows = [[one.merge_id, one.keep, ", ".join(one.others), one.reason, undone if one.undone else ""] for one in found]
    headings = [say(mark("Merge")), say(mark("Customer")), say(mark("Merged")), say(mark("Reason")), ""]
    _print_table(headings, rows, say(mark("Nobody is merged.")))


@customers.command("completeness", help=say(mark("Which share of customers has a name, a phone number and so on.")))
def completeness(lake: LakeFolder, as_json: AsJson = False) -> None:
    from tenure.facts import customers as room
    from tenure.facts.lake import Lake

    found = room.completeness(Lake.open(lake))
    if as_json:
        say_json(found)
        return
    rows = [[name, percent(share)] for name, share in found.items()]
    _print_table([say(mark("Column")), say(mark("Filled"))], rows, say(mark("There are no customer records yet.")))


# Sources

source = typer.Typer(
    help=say(mark("Read facts where they lie: add, list, remove.")),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@source.command(
    "add", help=say(mark("Serve a Delta or Parquet folder or a PostgreSQL table as facts, without a copy."))
)
def add(
    lake: LakeFolder,
    place: Annotated[str, typer.Option("--from", help=say(mark("A folder, or postgresql://user@host/database.")))],
    as_: Annotated[str, typer.Option("--as", help=say(mark("The fact table.")))] = "orders",
    map_: Map = None,
    name: Annotated[str, typer.Option(help=say(mark("Its name here.")))] = "",
    table: Annotated[str, typer.Option(help=say(mark("The table in PostgreSQL, such as shop.orders.")))] = "",
    tz: Annotated[str | None, typer.Option(help=say(mark("Time zone of times that name none.")))] = None,
) -> None:
    from tenure.facts.external import add_source
    from tenure.facts.lake import Lake

    there = Lake.create(lake, **({"tz": tz} if tz else {}))
    made = add_source(there, as_, place, mapping_of(map_), name=name, relation=table, tz=tz)
    typer.echo(say(mark("%(name)s is served as %(table)s:"), name=made.name, table=made.table))
    for field, column in made.mapping.items():
        typer.echo(f"  {field} = {column}")


@source.command("list", help=say(mark("Tables that are served without a copy.")))
def list_(lake: LakeFolder, as_json: AsJson = False) -> None:
    from tenure.facts.external import all_sources
    from tenure.facts.lake import Lake

    found = all_sources(Lake.open(lake).path)
    if as_json:
        told: list[dict[str, Any]] = [{slot: getattr(source, slot) for slot in source.__slots__} for source in found]
        say_json(told)
        return
    rows = [[one.name, one.table, one.kind, one.place, one.relation] for one in found]
    headings = [say(mark("Name")), say(mark("Fact table")), say(mark("Kind")), say(mark("Place")), say(mark("Table"))]
    _print_table(headings, rows, say(mark("All facts lie in the lake itself.")))


@source.command("remove", help=say(mark("Serve a table no longer; the table itself is not touched.")))
def remove(lake: LakeFolder, name: Annotated[str, typer.Argument(help=say(mark("Its name here.")))]) -> None:
    from tenure.facts.external import remove_source
    from tenure.facts.lake import Lake

    remove_source(Lake.open(lake), name)
    typer.echo(say(mark("%(name)s is served no longer."), name=name))
