"""`tenure customers`, `source`, `compact`, `backup` and `restore`: what keeps a lake in good order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli import options
from tenure.cli.options import argument, option
from tenure.cli.output import fields_of, print_list, print_result
from tenure.clock import zone
from tenure.facts.businesses import check_business
from tenure.words import mark, say
from tenure.words.formats import day, money, number, percent

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

File = Annotated[Path, argument(mark("The backup file, such as lake.tar.gz."))]


# Init, backup, restore, compact


def init(
    lake: options.LakeFolder,
    business: options.BusinessKind = None,
    name: str | None = option(mark("Name of the business."), None),
    tz: str | None = option(mark("Time zone used for calendar days."), None),
    currency: str | None = option(mark("Currency, such as CNY."), None),
    named_dates: list[str] | None = option(
        mark("Dates that rules may name, such as 店庆=05-18 or 618=06-01..06-18; without dates the name is removed."),
        None,
        "--named-date",
        metavar="NAME=DATES",
    ),
    as_json: options.AsJson = False,
) -> None:
    """Save what is given, also in a lake that is there already. The first refresh then chooses the models."""
    if business:
        check_business(business)  # before anything is saved
    store = options.create_lake(lake, tz)
    given = {"business_kind": business, "business": name, "tz": tz, "currency": currency}
    for pair in named_dates or []:
        _name_dates(store, *pair.partition("=")[::2])
    settings = store.save_settings(**{key: value for key, value in given.items() if value})
    text = say(mark("The lake in %(lake)s is ready. Continue with: tenure import FILE --lake %(lake)s"), lake=lake)
    body = {"lake": str(lake), **fields_of(settings)}
    print_result(body, as_json, text if settings.business_kind else f"{text}\n{options.business_question(lake)}")


def _name_dates(store: Lake, name: str, dates: str) -> None:
    from tenure.lifecycle.model_file import models_of
    from tenure.lifecycle.shop_dates import forget_dates, name_dates

    if dates.strip():
        name_dates(store, name, dates)
    else:
        forget_dates(store, name.strip(), models_of(store))


def backup(lake: options.LakeFolder, file: File, as_json: options.AsJson = False) -> None:
    """Write the whole lake into one file, of one moment, while others go on reading and writing."""
    from tenure.lake import backup as backups

    rows = backups.backup(options.open_lake(lake), file).rows
    text = mark("Backed up %(rows)s rows from %(tables)d tables to %(place)s.")
    text = say(text, rows=number(sum(rows.values())), tables=len(rows), place=file)
    print_result({"rows": rows, "place": str(file)}, as_json, text)


def restore(
    file: File,
    lake: options.LakeFolder,
    force: bool = option(mark("Replace the existing lake."), False, "--force"),
    as_json: options.AsJson = False,
) -> None:
    from tenure.lake import backup as backups

    rows = backups.restore(file, lake, force=force).rows
    text = mark("Restored %(rows)s rows in %(tables)d tables to %(place)s.")
    text = say(text, rows=number(sum(rows.values())), tables=len(rows), place=lake)
    print_result({"rows": rows, "place": str(lake)}, as_json, text)


def compact(
    lake: options.LakeFolder,
    tables: list[str] | None = argument(mark("Tables to compact; all when omitted."), None),
    forget: bool = option(mark("Delete old files immediately, even if they are still being read."), False, "--forget"),
) -> None:
    from tenure.lake.compaction import KEEP_HOURS

    store = options.open_lake(lake)
    text = mark("%(table)s: compacted from %(before)d to %(after)d files.")
    for name in tables or store.tables():
        before = len(store.files(name))
        store.compact(name, keep_hours=0 if forget else KEEP_HOURS)
        typer.echo(say(text, table=name, before=before, after=len(store.files(name))))


# Customers

customers = typer.Typer(no_args_is_help=True)


@customers.command("duplicates", help=say(mark("List likely duplicate customers.")))
def duplicates(lake: options.LakeFolder, limit: int = 50, as_json: options.AsJson = False) -> None:
    from tenure.facts import customers as records

    pairs = records.duplicates(options.open_lake(lake), limit)
    body = [{"one": pair.one, "other": pair.other, "reasons": pair.reasons} for pair in pairs]
    rows = [[pair.one, pair.other, " ".join(say(records.REASONS[reason]) for reason in pair.reasons)] for pair in pairs]
    headings = (mark("Customer"), mark("Likely duplicate"), mark("Reason"))
    print_list(body, as_json, headings, rows, mark("No duplicates found."))


@customers.command("merge", help=say(mark("Merge several customers into one. You can undo this.")))
def merge(
    lake: options.LakeFolder,
    keep: Annotated[str, argument(mark("The customer id to keep."))],
    others: Annotated[list[str], argument(mark("The customer ids to merge into it."))],
    reason: str = option(mark("Reason."), ""),
) -> None:
    from tenure.facts import customers as records

    name = records.merge(options.open_lake(lake), keep, others, reason, options.current_time())
    typer.echo(say(mark("Merged. Undo it with: tenure customers undo %(name)s --lake %(lake)s"), name=name, lake=lake))


@customers.command("undo", help=say(mark("Undo a merge.")))
def undo(lake: options.LakeFolder, merge_id: Annotated[str, argument(mark("Merge to undo."))]) -> None:
    from tenure.facts import customers as records

    records.undo_merge(options.open_lake(lake), merge_id, options.current_time())
    typer.echo(say(mark("Merge %(name)s was undone."), name=merge_id))


@customers.command("merges", help=say(mark("List all merges, newest first.")))
def merges(lake: options.LakeFolder, as_json: options.AsJson = False) -> None:
    from tenure.facts import customers as records

    merged = records.merges(options.open_lake(lake))
    undone = say(mark("undone"))
    rows = [[row.merge_id, row.keep, ", ".join(row.others), row.reason, undone if row.undone else ""] for row in merged]
    headings = (mark("Merge"), mark("Customer"), mark("Merged"), mark("Reason"), mark("Undone"))
    print_list([fields_of(row) for row in merged], as_json, headings, rows, mark("No merges yet."))


@customers.command("orders", help=say(mark("A customer's orders, each a first, repeat or referral purchase.")))
def orders(
    customer: Annotated[str, argument(mark("Customer id."))], lake: options.LakeFolder, as_json: options.AsJson = False
) -> None:
    from tenure.facts.purchases import PURCHASE_TYPES, orders_of

    store = options.open_lake(lake)
    body = orders_of(store, customer)
    rows = [
        [
            row["order_id"] or "",
            day(row["at"].astimezone(zone(store.settings.tz)).date()),
            money(row["amount"], row["currency"] or store.settings.currency),
            say(PURCHASE_TYPES[row["purchase_type"]]) if row["purchase_type"] else row["status"],
            row["referrer_id"] or "",
        ]
        for row in body
    ]
    headings = (mark("Order"), mark("Day"), mark("Amount"), mark("Purchase type"), mark("Referred by"))
    print_list(body, as_json, headings, rows, mark("This customer has no orders."))


@customers.command("completeness", help=say(mark("Share of customers with a name, a phone number and so on.")))
def completeness(lake: options.LakeFolder, as_json: options.AsJson = False) -> None:
    from tenure.facts import customers as records

    shares = records.completeness(options.open_lake(lake))
    rows = [[name, percent(share)] for name, share in shares.items()]
    print_list(shares, as_json, (mark("Column"), mark("Filled")), rows, mark("There are no customer records yet."))


# Sources

source = typer.Typer(no_args_is_help=True)


@source.command(
    "add", help=say(mark("Use a Delta or Parquet folder or a PostgreSQL table as facts, without copying it."))
)
def add(
    lake: options.LakeFolder,
    place: Annotated[str, option(mark("A folder, or postgresql://user@host/database."), ..., "--from")],
    as_: str = option(mark("The fact table."), "orders", "--as"),
    map_: options.Map = None,
    name: str = option(mark("Name of the external table in Tenure."), ""),
    table: str = option(mark("The table in PostgreSQL, such as shop.orders."), ""),
    tz: str | None = option(mark("Time zone for times without one."), None),
) -> None:
    from tenure.facts.external import add_source

    source = add_source(
        options.create_lake(lake, tz), as_, place, options.mapping_of(map_), name=name, relation=table, tz=tz
    )
    typer.echo(say(mark("%(name)s is now read as %(table)s:"), name=source.name, table=source.table))
    for field, column in source.mapping.items():
        typer.echo(f"  {field} = {column}")


@source.command("list", help=say(mark("List external tables.")))
def list_(lake: options.LakeFolder, as_json: options.AsJson = False) -> None:
    from tenure.facts.external import all_sources

    sources = all_sources(options.open_lake(lake).path)
    rows = [[source.name, source.table, source.kind, source.place, source.relation] for source in sources]
    headings = (mark("Name"), mark("Fact table"), mark("Kind"), mark("Location"), mark("Table"))
    empty = mark("No external tables: all facts are stored in the lake.")
    print_list([fields_of(source) for source in sources], as_json, headings, rows, empty)


@source.command("remove", help=say(mark("Remove an external table. The table itself is not changed.")))
def remove(
    lake: options.LakeFolder, name: Annotated[str, argument(mark("Name of the external table in Tenure."))]
) -> None:
    from tenure.facts.external import remove_source

    remove_source(options.open_lake(lake), name)
    typer.echo(say(mark("%(name)s was removed. The table itself was not changed."), name=name))
