"""`tenure import` and `tenure quarantine`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli import options
from tenure.cli.options import argument, option
from tenure.cli.output import console, fields_of, print_result, progress_bar, table_of
from tenure.words import mark, say
from tenure.words.formats import number, percent

if TYPE_CHECKING:
    from rich.console import Console

    from tenure.facts.reading import Guess


def import_(
    files: Annotated[list[Path], argument(mark("CSV (optionally gzipped), Excel, Parquet or JSON lines."))],
    lake: options.LakeFolder,
    as_: options.As = "orders",
    map_: options.Map = None,
    sheet: str | None = option(mark("Sheet name, for Excel workbooks."), None),
    delimiter: str | None = option(mark("Delimiter, if it is not detected correctly."), None),
    date_format: str = option(mark("dmy, mdy or a pattern such as %d.%m.%Y, if dates are ambiguous."), ""),
    tz: str | None = option(mark("Time zone for times without one; a new lake adopts it."), None),
    source: str = option(mark("Source of the data."), "file"),
    corrections: bool = option(mark("Rows replace existing facts that have the same number."), False, "--corrections"),
    valid_from: str = option(
        mark("Customer records: the day from which their values are valid, such as 2024-01-31."), ""
    ),
    as_json: options.AsJson = False,
) -> None:
    """Every row becomes a fact, is recognised as a duplicate, or waits in quarantine with its reason.

    Importing a file again adds nothing twice, and completes what was interrupted.
    """
    from tenure.facts.importing import import_files
    from tenure.facts.reading import guess

    mapping, errors = options.mapping_of(map_), console(quiet=as_json)
    delimiter = {"tab": "\t", "\\t": "\t", "space": " "}.get(delimiter or "", delimiter)
    reading: Any = {"sheet": sheet, "delimiter": delimiter, "date_format": date_format}
    for path in files:
        _show_guess(errors, path, guess(path, as_, mapping, **reading))
    store = options.create_lake(lake, tz)
    with progress_bar(errors) as advance:
        report = import_files(
            store,
            files,
            as_=as_,
            mapping=mapping,
            on_progress=lambda at: advance(
                f"{at.file} {at.number}/{at.files}  {number(at.rows)}", at.done / max(at.total, 1)
            ),
            tz=tz,
            source=source,
            now=options.current_time(),
            corrections=corrections,
            valid_from=options.day_of(valid_from or None),
            **reading,
        )
    counts = ("accepted", "corrected", "quarantined", "duplicates", "reasons")
    body = {
        **{name: getattr(report, name) for name in counts},
        "files": [batch.file for batch in report.batches if not batch.derived],
        "mapping": report.batches[0].mapping if report.batches else {},
        "batches": [fields_of(batch) for batch in report.batches],
        "business_kind": store.settings.business_kind,
    }
    if as_ == "overrides":
        from tenure.lifecycle.remarks import override_remarks

        body["remarks"] = override_remarks(store, [], every=True)
    print_result(body, as_json, _show_report, errors, lake)


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


def _show_report(body: dict[str, Any], errors: Console, lake: Path) -> None:
    from tenure.facts.reasons import reason_text

    text = mark("%(accepted)s accepted, %(duplicates)s duplicates, %(quarantined)s quarantined.")
    if body["corrected"]:
        text = mark(
            "%(accepted)s accepted, %(corrected)s corrected, %(duplicates)s duplicates, %(quarantined)s quarantined."
        )
    names = ("accepted", "corrected", "duplicates", "quarantined")
    errors.print(say(text, **{name: number(body[name]) for name in names}), style="bold")
    for reason, rows in body["reasons"].items():
        errors.print(f"  {rows:>9,}  {reason_text(reason)}", style="yellow")
    for remark in body.get("remarks", ()):
        errors.print(remark.render(), style="yellow")
    if body["quarantined"]:
        errors.print(say(mark("View the rows: tenure quarantine list --lake %(lake)s"), lake=lake))
    if not body["business_kind"]:
        errors.print(options.business_question(lake), style="dim")


quarantine = typer.Typer(no_args_is_help=True)
CorrectedFile = Annotated[Path, argument(mark("The CSV file."))]


@quarantine.command("list", help=say(mark("List rejected rows with the reason for each.")))
def list_(
    lake: options.LakeFolder,
    limit: int = option(mark("Number of rows to show."), 50),
    as_json: options.AsJson = False,
) -> None:
    from tenure.facts.quarantine import rows_of

    print_result({"rows": rows_of(options.open_lake(lake), limit)}, as_json, _show_rows)


def _show_rows(body: dict[str, Any]) -> None:
    from tenure.facts.reasons import reason_text

    rows = [
        [row["file"], str(row["row"]), row["column"] or "", reason_text(row["reason"]), row["value"] or ""]
        for row in body["rows"]
    ]
    headings = (mark("File"), mark("Row"), mark("Column"), mark("Reason"), mark("Value"))
    console().print(table_of("", headings, (), rows) if rows else say(mark("No rejected rows.")))


@quarantine.command("export", help=say(mark("Export rejected rows to a CSV file so you can fix them.")))
def export(lake: options.LakeFolder, file: CorrectedFile) -> None:
    from tenure.facts.quarantine import export_to

    count = export_to(options.open_lake(lake), file)
    text = mark("%(rows)d rows written to %(file)s. Fix them there, then run: tenure quarantine replay")
    typer.echo(say(text, rows=count, file=file))


@quarantine.command("replay", help=say(mark("Import fixed rows; accepted rows leave the quarantine.")))
def replay(lake: options.LakeFolder, file: CorrectedFile, as_json: options.AsJson = False) -> None:
    from tenure.facts.quarantine import replay_from

    report = replay_from(options.open_lake(lake), file, now=options.current_time())
    counts: dict[str, Any] = {name: getattr(report, name) for name in ("accepted", "duplicates", "quarantined")}
    text = mark("%(accepted)d accepted, %(duplicates)d duplicates, %(quarantined)d still quarantined.")
    print_result(counts, as_json, say(text, **counts))
