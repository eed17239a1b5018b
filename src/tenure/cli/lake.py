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
    _show_contents(mark("Backed up %(rows)s rows from %(tables)d tables to %(place)s."), contents.rows, file, as_json)


def restore(
    file: File,
    lake: LakeFolder,
    force: Annotated[bool, typer.Option("--force", help=say(mark("Replace the existing lake.")))] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a lake from a backup."""
    from tenure.lake import backup as backups

    contents = backups.restore(file, lake, force=force)
    _show_contents(mark("Restored %(rows)s rows in %(tables)d tables to %(place)s."), contents.rows, lake, as_json)


def _show_contents(text: str, rows: dict[str, int], place: Path, as_json: bool) -> None:
    if as_json:
        print_json({"rows": rows, "place": str(place)})
        return
    typer.echo(say(text, rows=number(sum(rows.values())), tables=len(rows), place=place))


def compact(
    lake: LakeFolder,
    tables: Annotated[list[str] | None, typer.Argument(help=say(mark("Tables to compact; all when omitted.")))] = None,
    forget: Annotated[
        bool,
        typer.Option("--forget", help=say(mark("Delete old files immediately, even if they are still being read."))),
    ] = False,
) -> None:
    """Compact tables into fewer, sorted files."""
    from tenure.facts.lake import Lake
    from tenure.lake.compaction import KEEP_HOURS

    store = Lake.open(lake)
    for name in tables or store.tables():
        before = len(store.files(name))
        store.compact(name, keep_hours=0 if forget else KEEP_HOURS)
        after = len(store.files(name))
        typer.echo(
            say(
                mark("%(table)s: compacted from %(before)d to %(after)d files."), table=name, before=before, after=after
            )
        )


# Customers

customers = typer.Typer(
    help=say(mark("Customer records: find duplicates, merge, undo merges, check completeness.")),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@customers.command("duplicates", help=say(mark("List likely duplicate customers.")))
def duplicates(lake: LakeFolder, limit: int = 50, as_json: AsJson = False) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    pairs = records.duplicates(Lake.open(lake), limit)
    if as_json:
        print_json([{"one": pair.one, "other": pair.other, "reasons": pair.reasons} for pair in pairs])
        return
    rows = [[pair.one, pair.other, " ".join(say(records.REASONS[reason]) for reason in pair.reasons)] for pair in pairs]
    headings = (mark("Customer"), mark("Likely duplicate"), mark("Reason"))
    print_list(headings, rows, mark("No duplicates found."))


@customers.command("merge", help=say(mark("Merge several customers into one. You can undo this.")))
def merge(
    lake: LakeFolder,
    keep: Annotated[str, typer.Argument(help=say(mark("The customer id to keep.")))],
    others: Annotated[list[str], typer.Argument(help=say(mark("The customer ids to merge into it.")))],
    reason: Annotated[str, typer.Option(help=say(mark("Reason.")))] = "",
) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    name = records.merge(Lake.open(lake), keep, others, reason, current_time())
    typer.echo(say(mark("Merged. Undo it with: tenure customers undo %(name)s --lake %(lake)s"), name=name, lake=lake))


@customers.command("undo", help=say(mark("Undo a merge.")))
def undo(lake: LakeFolder, merge_id: Annotated[str, typer.Argument(help=say(mark("Merge to undo.")))]) -> None:
    from tenure.facts import customers as records
    from tenure.facts.lake import Lake

    records.undo_merge(Lake.open(lake), merge_id, current_time())
    typer.echo(say(mark("Merge %(name)s was undone."), name=merge_id))


@customers.command("merges", help=say(mark("List all merges, newest first.")))
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
    print_list(headings, rows, mark("No merges yet."))


@customers.command("completeness", help=say(mark("Share of customers with a name, a phone number and so on.")))
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
    help=say(mark("External tables, read in place: add, list, remove.")),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@source.command(
    "add", help=say(mark("Use a Delta or Parquet folder or a PostgreSQL table as facts, without copying it."))
)
def add(
    lake: LakeFolder,
    place: Annotated[str, typer.Option("--from", help=say(mark("A folder, or postgresql://user@host/database.")))],
    as_: Annotated[str, typer.Option("--as", help=say(mark("The fact table.")))] = "orders",
    map_: Map = None,
    name: Annotated[str, typer.Option(help=say(mark("Name of the external table in Tenure.")))] = "",
    table: Annotated[str, typer.Option(help=say(mark("The table in PostgreSQL, such as shop.orders.")))] = "",
    tz: Annotated[str | None, typer.Option(help=say(mark("Time zone for times without one.")))] = None,
) -> None:
    from tenure.facts.external import add_source
    from tenure.facts.lake import Lake

    store = Lake.create(lake, **({"tz": tz} if tz else {}))
    source = add_source(store, as_, place, mapping_of(map_), name=name, relation=table, tz=tz)
    typer.echo(say(mark("%(name)s is now read as %(table)s:"), name=source.name, table=source.table))
    for field, column in source.mapping.items():
        typer.echo(f"  {field} = {column}")


@source.command("list", help=say(mark("List external tables.")))
def list_(lake: LakeFolder, as_json: AsJson = False) -> None:
    from tenure.facts.external import all_sources
    from tenure.facts.lake import Lake

    sources = all_sources(Lake.open(lake).path)
    if as_json:
        print_json([fields_of(source) for source in sources])
        return
    rows = [[source.name, source.table, source.kind, source.place, source.relation] for source in sources]
    headings = (mark("Name"), mark("Fact table"), mark("Kind"), mark("Location"), mark("Table"))
    print_list(headings, rows, mark("No external tables: all facts are stored in the lake."))


@source.command("remove", help=say(mark("Remove an external table. The table itself is not changed.")))
def remove(
    lake: LakeFolder, name: Annotated[str, typer.Argument(help=say(mark("Name of the external table in Tenure.")))]
) -> None:
    from tenure.facts.external import remove_source
    from tenure.facts.lake import Lake

    remove_source(Lake.open(lake), name)
    typer.echo(say(mark("%(name)s was removed. The table itself was not changed."), name=name))
