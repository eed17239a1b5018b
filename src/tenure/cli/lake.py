"""`tenure customers`, `source`, `compact`, `backup` and `restore`: what keeps a lake in good order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tenure.cli.options import AsJson, LakeFolder, Map, current_time, mapping_of
from tenure.cli.output import fields_of, print_json, print_list
from tenure.words import mark, say
from tenure.words.formats import number, percent

File = Annotated[Path, typer.Argument(help=say(mark("The backup file, such as lake.tar.gz.")))]


# Backup, restore, compact


def backup(lake: LakeFolder, file: File, as_json: AsJson = False) -> None:
    """Write the whole lake into one file, of one moment, while others go on reading and writing."""
    from tenure.facts.lake import Lake
    from tenure.lake import backup as backups

    contents = backups.backup(Lake.open(lake), file)
    _show_contents(mark("%(rows)s rows of %(tables)d tables are in %(place)s."), contents.rows, file, as_json)


def restore(
    file: File,
    lake: LakeFolder,
    force: Annotated[bool, typer.Option("--force", help=say(mark("Replace the lake that is there.")))] = False,
    as_json: AsJson = False,
) -> None:
    """Make a lake from a backup."""
    from tenure.lake import backup as backups

    contents = backups.restore(file, lake, force=force)
    _show_contents(mark("%(rows)s rows of %(tables)d tables are back in %(place)s."), contents.rows, lake, as_json)


def _show_contents(text: str, rows: dict[str, int], place: Path, as_json: bool) -> None:
    if as_json:
        print_json({"rows": rows, "place": str(place)})
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

    store = Lake.open(lake)
    for name in tables or store.tables():
        before = len(store.files(name))
        store.compact(name, keep_hours=0 if forget else KEEP_HOURS)
        after = len(store.files(name))
        typer.echo(say(mark("%(table)s: %(before)d files are now %(after)d."), table=name, before=before, after=after))


# Customers

customers = typer.Typer(
    help=say(mark("Who is who: duplicates, merge, undo, completeness.")),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@customers.command("duplicates", help=say(mark("Pairs of records that are probably one customer.")))
def duplicates(lake: LakeFolder, limit: int = 50, as_json: AsJson = False) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    pairs = records.duplicates(Lake.open(lake), limit)
    if as_json:
        print_json([{"one": pair.one, "other": pair.other, "reasons": pair.reasons} for pair in pairs])
        return
    rows = [[pair.one, pair.other, " ".join(say(records.REASONS[reason]) for reason in pair.reasons)] for pair in pairs]
    headings = (mark("Customer"), mark("Probably the same"), mark("Reason"))
    print_list(headings, rows, mark("No two records look like one customer."))


@customers.command("merge", help=say(mark("Make several customers one; it can be undone.")))
def merge(
    lake: LakeFolder,
    keep: Annotated[str, typer.Argument(help=say(mark("The id that counts from now on.")))],
    others: Annotated[list[str], typer.Argument(help=say(mark("The ids that become it.")))],
    reason: Annotated[str, typer.Option(help=say(mark("Why.")))] = "",
) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    name = records.merge(Lake.open(lake), keep, others, reason, current_time())
    typer.echo(say(mark("Merged. Undo it with: tenure customers undo %(name)s --lake %(lake)s"), name=name, lake=lake))


@customers.command("undo", help=say(mark("Take a merge back.")))
def undo(lake: LakeFolder, merge_id: Annotated[str, typer.Argument(help=say(mark("The merge.")))]) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    records.undo_merge(Lake.open(lake), merge_id, current_time())
    typer.echo(say(mark("The merge %(name)s is undone."), name=merge_id))


@customers.command("merges", help=say(mark("All merges, newest first.")))
def merges(lake: LakeFolder, as_json: AsJson = False) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    merged = records.merges(Lake.open(lake))
    if as_json:
        print_json([fields_of(row) for row in merged])
        return
    undone = say(mark("undone"))
    rows = [[row.merge_id, row.keep, ", ".join(row.others), row.reason, undone if row.undone else ""] for row in merged]
    headings = (mark("Merge"), mark("Customer"), mark("Merged"), mark("Reason"), mark("Undone"))
    print_list(headings, rows, mark("Nobody is merged."))


@customers.command("completeness", help=say(mark("Which share of customers has a name, a phone number and so on.")))
def completeness(lake: LakeFolder, as_json: AsJson = False) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    shares = records.completeness(Lake.open(lake))
    if as_json:
        print_json(shares)
        return
    rows = [[name, percent(share)] for name, share in shares.items()]
    print_list((mark("Column"), mark("Filled")), rows, mark("There are no customer records yet."))


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

    store = Lake.create(lake, **({"tz": tz} if tz else {}))
    source = add_source(store, as_, place, mapping_of(map_), name=name, relation=table, tz=tz)
    typer.echo(say(mark("%(name)s is served as %(table)s:"), name=source.name, table=source.table))
    for field, column in source.mapping.items():
        typer.echo(f"  {field} = {column}")


@source.command("list", help=say(mark("Tables that are served without a copy.")))
def list_(lake: LakeFolder, as_json: AsJson = False) -> None:
    from tenure.facts.external import all_sources
    from tenure.facts.lake import Lake

    sources = all_sources(Lake.open(lake).path)
    if as_json:
        print_json([fields_of(source) for source in sources])
        return
    rows = [[source.name, source.table, source.kind, source.place, source.relation] for source in sources]
    headings = (mark("Name"), mark("Fact table"), mark("Kind"), mark("Place"), mark("Table"))
    print_list(headings, rows, mark("All facts lie in the lake itself."))


@source.command("remove", help=say(mark("Serve a table no longer; the table itself is not touched.")))
def remove(lake: LakeFolder, name: Annotated[str, typer.Argument(help=say(mark("Its name here.")))]) -> None:
    from tenure.facts.external import remove_source
    from tenure.facts.lake import Lake

    remove_source(Lake.open(lake), name)
    typer.echo(say(mark("%(name)s is served no longer."), name=name))
