"""`tenure import` and `tenure quarantine`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import As, AsJson, LakeFolder, Map, Source, mapping_of, present, say_json
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.facts.importing import Batch, ImportReport, Progress
    from tenure.facts.reading import Guess


def bring(
    files: Annotated[list[Path], typer.Argument(help=say(mark("CSV, Excel, Parquet or JSON lines; CSV may be gzip.")))],
    lake: LakeFolder,
    as_: As = "orders",
    map_: Map = None,
    sheet: Annotated[str | None, typer.Option(help=say(mark("Sheet of a workbook.")))] = None,
    delimiter: Annotated[str | None, typer.Option(help=say(mark("Delimiter, when the guess is wrong.")))] = None,
    date_format: Annotated[
        str, typer.Option(help=say(mark("dmy, mdy or a pattern such as %d.%m.%Y, when the file cannot tell.")))
    ] = "",
    tz: Annotated[
        str | None, typer.Option(help=say(mark("Time zone of times that name none; a new lake keeps it.")))
    ] = None,
    source: Source = "file",
    corrections: Annotated[
        bool,
        typer.Option(
            "--corrections", help=say(mark("Rows with the number of a fact that says something else replace it."))
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring files of facts into the lake; the lake is made when it is missing.

    Every row becomes a fact, is recognised as a duplicate, or waits in quarantine with its reason. Importing a file
    again adds nothing twice, and completes what was interrupted.
    """
    from tenure.facts.importing import import_files
    from tenure.facts.lake import Lake
    from tenure.facts.reading import guess

    said, console = mapping_of(map_), _console(quiet=as_json)
    delimiter = {"tab": "\t", "\\t": "\t", "space": " "}.get(delimiter or "", delimiter)
    for path in files:
        _show_guess(console, path, guess(path, as_, said, sheet=sheet, delimiter=delimiter, date_format=date_format))
    there = Lake.create(lake, **({"tz": tz} if tz else {}))
    with _bar(console) as advance:
        report = import_files(
            there,
            files,
            as_=as_,
            mapping=said,
            on_progress=advance,
            sheet=sheet,
            delimiter=delimiter,
            date_format=date_format,
            tz=tz,
            source=source,
            now=present(),
            corrections=corrections,
        )
    if as_json:
        say_json(_told(report))
        return
    _show_report(console, report, lake)


def _told(report: ImportReport) -> dict[str, Any]:
    return {
        "accepted": report.accepted,
        "corrected": report.corrected,
        "quarantined": report.quarantined,
        "duplicates": report.duplicates,
        "reasons": report.reasons,
        "files": [batch.file for batch in report.batches if not batch.derived],
        "mapping": report.batches[0].mapping if report.batches else {},
        "batches": [_batch_told(batch) for batch in report.batches],
    }


def _batch_told(batch: Batch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in batch.__slots__}


def _console(*, quiet: bool) -> Console:
    from rich.console import Console

    return Console(stderr=True, quiet=quiet)


def _show_guess(console: Console, path: Path, known: Guess) -> None:
    """Show which column was taken for which field, with a value of it."""
    from rich.table import Table

    layout = known.layout
    about = " · ".join(
        one
        for one in (layout.kind, layout.encoding, repr(layout.delimiter) if layout.delimiter else "", layout.sheet)
        if one
    )
    table = Table(title=f"{path.name}  ({about})", title_justify="left")
    for heading in (mark("Field"), mark("Column"), mark("Sure"), mark("Example")):
        table.add_column(say(heading))
    for name, header in known.mapping.items():
        place = known.columns.get(name)
        example = next(
            (row[place] for row in layout.sample if place is not None and place < len(row) and row[place]), ""
        )
        sure = percent(known.confidence[name], 0)
        table.add_row(name, header, sure, example)
    console.print(table)
    unused = [one for place, one in enumerate(layout.names) if place not in known.columns.values()]
    if unused and known.as_ != "customers":
        console.print(say(mark("Not used: %(names)s"), names=", ".join(unused)), style="dim")
    for name, style in known.date_styles.items():
        if style.ambiguous:
            console.print(_ambiguous(known.mapping[name], style.order), style="yellow")


def _ambiguous(column: str, order: str) -> str:
    read = say(mark("day before month")) if order == "dmy" else say(mark("month before day"))
    return say(
        mark(
            "Nothing in column %(column)s says whether day or month comes first; read as %(read)s. "
            "If that is wrong: --date-format mdy (or dmy)"
        ),
        column=column,
        read=read,
    )


class _bar:
    """A progress bar for files."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[rows]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=console.quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1, rows="")

    def __enter__(self) -> Any:
        self._bar.start()
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _advance(self, now: Progress) -> None:
        self._bar.update(
            self._task,
            description=f"{now.file} {now.number}/{now.files}",
            completed=now.done,
            total=now.total,
            rows=number(now.rows),
        )


def _show_report(console: Console, report: ImportReport, lake: Path) -> None:
    from tenure.facts.reasons import reason_text

    told = mark("%(accepted)s accepted, %(duplicates)s there already, %(quarantined)s in quarantine.")
    if report.corrected:
        told = mark(
            "%(accepted)s accepted, %(corrected)s corrected, %(duplicates)s there already, "
            "%(quarantined)s in quarantine."
        )
    names = ("accepted", "corrected", "duplicates", "quarantined")
    console.print(say(told, **{name: number(getattr(report, name)) for name in names}), style="bold")
    for reason, rows in report.reasons.items():
        console.print(f"  {rows:>9,}  {reason_text(reason)}", style="yellow")
    if report.quarantined:
        console.print(say(mark("See the rows: tenure quarantine list --lake %(lake)s"), lake=lake))


quarantine = typer.Typer(
    help=say(mark("Rows that are no facts: list, export, replay.")),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@quarantine.command("list", help=say(mark("Show the rows in quarantine with their reasons.")))
def list_(
    lake: LakeFolder,
    limit: Annotated[int, typer.Option(help=say(mark("How many rows to show.")))] = 50,
    as_json: AsJson = False,
) -> None:
    from tenure.facts.lake import Lake
    from tenure.facts.quarantine import rows_of
    from tenure.facts.reasons import reason_text

    rows = rows_of(Lake.open(lake), limit)
    if as_json:
        say_json({"rows": rows})
        return
    from rich.table import Table

    table = Table()
    for heading in (mark("File"), mark("Row"), mark("Column"), mark("Reason"), mark("Value")):
        table.add_column(say(heading))
    for row in rows:
        table.add_row(row["file"], str(row["row"]), row["column"] or "", reason_text(row["reason"]), row["value"] or "")
    _console(quiet=False).print(table if rows else say(mark("Nothing is in quarantine.")))


@quarantine.command("export", help=say(mark("Write the rows in quarantine to a CSV file, to be repaired.")))
def export(lake: LakeFolder, file: Annotated[Path, typer.Argument(help=say(mark("The CSV file.")))]) -> None:
    from tenure.facts.lake import Lake
    from tenure.facts.quarantine import export_to

    count = export_to(Lake.open(lake), file)
    told = mark("%(rows)d rows in %(file)s. Repair them there, then: tenure quarantine replay")
    typer.echo(say(told, rows=count, file=file))


@quarantine.command("replay", help=say(mark("Bring repaired rows in; what is a fact now leaves the quarantine.")))
def replay(
    lake: LakeFolder,
    file: Annotated[Path, typer.Argument(help=say(mark("The CSV file.")))],
    as_json: AsJson = False,
) -> None:
    from tenure.facts.lake import Lake
    from tenure.facts.quarantine import replay_from

    done = replay_from(Lake.open(lake), file, now=present())
    if as_json:
        say_json({"accepted": done.accepted, "duplicates": done.duplicates, "quarantined": done.quarantined})
        return
    typer.echo(
        say(
            mark("%(accepted)d accepted, %(duplicates)d there already, %(quarantined)d still in quarantine."),
            accepted=done.accepted,
            duplicates=done.duplicates,
            quarantined=done.quarantined,
        )
    )
