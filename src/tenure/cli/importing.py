"""`tenure import` and `tenure quarantine`."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.options import As, AsJson, LakeFolder, Map, Source, current_time, mapping_of
from tenure.cli.output import console, fields_of, print_json, table_of
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from tenure.facts.importing import ImportReport, Progress
    from tenure.facts.reading import Guess


def import_(
    files: Annotated[
        list[Path], typer.Argument(help=say(mark("CSV (optionally gzipped), Excel, Parquet or JSON lines.")))
    ],
    lake: LakeFolder,
    as_: As = "orders",
    map_: Map = None,
    sheet: Annotated[str | None, typer.Option(help=say(mark("Sheet name, for Excel workbooks.")))] = None,
    delimiter: Annotated[
        str | None, typer.Option(help=say(mark("Delimiter, if it is not detected correctly.")))
    ] = None,
    date_format: Annotated[
        str, typer.Option(help=say(mark("dmy, mdy or a pattern such as %d.%m.%Y, if dates are ambiguous.")))
    ] = "",
    tz: Annotated[
        str | None, typer.Option(help=say(mark("Time zone for times without one; a new lake adopts it.")))
    ] = None,
    source: Source = "file",
    corrections: Annotated[
        bool,
        typer.Option("--corrections", help=say(mark("Rows replace existing facts that have the same number."))),
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

    mapping, errors = mapping_of(map_), console(quiet=as_json)
    delimiter = {"tab": "\t", "\\t": "\t", "space": " "}.get(delimiter or "", delimiter)
    for path in files:
        _show_guess(errors, path, guess(path, as_, mapping, sheet=sheet, delimiter=delimiter, date_format=date_format))
    store = Lake.create(lake, **({"tz": tz} if tz else {}))
    with _progress_bar(errors) as advance:
        report = import_files(
            store,
            files,
            as_=as_,
            mapping=mapping,
            on_progress=advance,
            sheet=sheet,
            delimiter=delimiter,
            date_format=date_format,
            tz=tz,
            source=source,
            now=current_time(),
            corrections=corrections,
        )
    if as_json:
        print_json(_body(report))
    else:
        _show_report(errors, report, lake)


def _body(report: ImportReport) -> dict[str, Any]:
    return {
        "accepted": report.accepted,
        "corrected": report.corrected,
        "quarantined": report.quarantined,
        "duplicates": report.duplicates,
        "reasons": report.reasons,
        "files": [batch.file for batch in report.batches if not batch.derived],
        "mapping": report.batches[0].mapping if report.batches else {},
        "batches": [fields_of(batch) for batch in report.batches],
    }


def _show_guess(errors: Console, path: Path, guessed: Guess) -> None:
    """Show which column was taken for which field, with a value of it."""
    layout = guessed.layout
    delimiter = repr(layout.delimiter) if layout.delimiter else ""
    about = " · ".join(text for text in (layout.kind, layout.encoding, delimiter, layout.sheet) if text)
    rows = []
    for field, header in guessed.mapping.items():
        place = guessed.columns.get(field)
        values = (row[place] for row in layout.sample if place is not None and place < len(row) and row[place])
        rows.append([field, header, percent(guessed.confidence[field], 0), next(values, "")])
    headings = (mark("Field"), mark("Column"), mark("Confidence"), mark("Example"))
    errors.print(table_of(f"{path.name}  ({about})", headings, (), rows))
    unused = [name for place, name in enumerate(layout.names) if place not in guessed.columns.values()]
    if unused and guessed.as_ != "customers":
        errors.print(say(mark("Not used: %(names)s"), names=", ".join(unused)), style="dim")
    for field, style in guessed.date_styles.items():
        if style.ambiguous:
            order = mark("day first") if style.order == "dmy" else mark("month first")
            text = mark(
                "Dates in column %(column)s are ambiguous; read as %(read)s. If that is wrong, use "
                "--date-format mdy (or dmy)"
            )
            errors.print(say(text, column=guessed.mapping[field], read=say(order)), style="yellow")


@contextmanager
def _progress_bar(errors: Console) -> Iterator[Callable[[Progress], None]]:
    """Show how much of which file is read."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(),
    )
    # Without a terminal a bar would only fill the log.
    with Bar(*columns, console=errors, transient=True, disable=errors.quiet or not errors.is_terminal) as bar:
        task = bar.add_task("", total=1, rows="")

        def advance(now: Progress) -> None:
            name = f"{now.file} {now.number}/{now.files}"
            bar.update(task, description=name, completed=now.done, total=now.total, rows=number(now.rows))

        yield advance


def _show_report(errors: Console, report: ImportReport, lake: Path) -> None:
    from tenure.facts.reasons import reason_text

    text = mark("%(accepted)s accepted, %(duplicates)s duplicates, %(quarantined)s quarantined.")
    if report.corrected:
        text = mark(
            "%(accepted)s accepted, %(corrected)s corrected, %(duplicates)s duplicates, %(quarantined)s quarantined."
        )
    names = ("accepted", "corrected", "duplicates", "quarantined")
    errors.print(say(text, **{name: number(getattr(report, name)) for name in names}), style="bold")
    for reason, rows in report.reasons.items():
        errors.print(f"  {rows:>9,}  {reason_text(reason)}", style="yellow")
    if report.quarantined:
        errors.print(say(mark("View the rows: tenure quarantine list --lake %(lake)s"), lake=lake))


quarantine = typer.Typer(
    help=say(mark("Rejected rows: list, export and replay them.")),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@quarantine.command("list", help=say(mark("List rejected rows with the reason for each.")))
def list_(
    lake: LakeFolder,
    limit: Annotated[int, typer.Option(help=say(mark("Number of rows to show.")))] = 50,
    as_json: AsJson = False,
) -> None:
    from tenure.facts.lake import Lake
    from tenure.facts.quarantine import rows_of
    from tenure.facts.reasons import reason_text

    rows = rows_of(Lake.open(lake), limit)
    if as_json:
        print_json({"rows": rows})
        return
    cells = [
        [row["file"], str(row["row"]), row["column"] or "", reason_text(row["reason"]), row["value"] or ""]
        for row in rows
    ]
    headings = (mark("File"), mark("Row"), mark("Column"), mark("Reason"), mark("Value"))
    errors = console()
    errors.print(table_of("", headings, (), cells) if cells else say(mark("No rejected rows.")))


@quarantine.command("export", help=say(mark("Export rejected rows to a CSV file so you can fix them.")))
def export(lake: LakeFolder, file: Annotated[Path, typer.Argument(help=say(mark("The CSV file.")))]) -> None:
    from tenure.facts.lake import Lake
    from tenure.facts.quarantine import export_to

    count = export_to(Lake.open(lake), file)
    text = mark("%(rows)d rows written to %(file)s. Fix them there, then run: tenure quarantine replay")
    typer.echo(say(text, rows=count, file=file))


@quarantine.command("replay", help=say(mark("Import fixed rows; accepted rows leave the quarantine.")))
def replay(
    lake: LakeFolder,
    file: Annotated[Path, typer.Argument(help=say(mark("The CSV file.")))],
    as_json: AsJson = False,
) -> None:
    from tenure.facts.lake import Lake
    from tenure.facts.quarantine import replay_from

    report = replay_from(Lake.open(lake), file, now=current_time())
    counts = {name: getattr(report, name) for name in ("accepted", "duplicates", "quarantined")}
    if as_json:
        print_json(counts)
        return
    text = mark("%(accepted)d accepted, %(duplicates)d duplicates, %(quarantined)d still quarantined.")
    typer.echo(say(text, **counts))
