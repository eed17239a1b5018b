"""Figures are declared: from one declaration follow chart, title, note, definition, table and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.columns import column
from tenure_app.web.charts import Chart, to_json
from tenure_app.web.exports import Sheet
from tenure_app.web.formats import number
from tenure_app.web.tables import Column, Row, ShownTable, Table

Data = Any  # what a page's figures are made of


@dataclass(frozen=True, slots=True)
class Switch:
    """Buttons of which one is pressed, such as 3 months, 1 year, 3 years."""

    label: str
    parameter: str  # of the address
    options: Sequence[tuple[object, str]]  # its value and what it is called
    current: object


@dataclass(frozen=True, slots=True)
class Figure:
    """The declaration of a figure; what is a function is asked with the page's data."""

    name: str  # of its files, and of its place on the page
    title: Callable[[Data], str]  # a sentence with the number that matters most
    table: Table | Callable[[Data], Table]
    rows: Callable[[Data], Iterable[Row]]  # of the table below the chart
    chart: Callable[[Data], Chart | None] | None = None  # answers None where there is nothing to draw
    file_rows: Callable[[Data], Iterable[Row]] | None = None  # where the file holds other rows
    file: Table | None = None  # … or another table
    note: Any = ""  # a text, or a function of the data
    note_below: bool = False  # under the chart instead of above it
    term: str = ""  # whose definition the title shows
    switch: Callable[[Data], Switch] | None = None
    wide: bool = False  # takes the whole width of the page
    tall: bool = False
    summary: Any = ""  # what the folded table is called; empty: "As a table"
    open: bool = False  # the table is not folded; without a chart it never is

    def table_of(self, data: Data) -> Table:
        return self.table(data) if callable(self.table) else self.table

    def show(self, data: Data) -> ShownFigure:
        """Return the figure of a page's data, for ``{% figure shown %}``."""
        return ShownFigure(
            self,
            self.title(data),
            str(self.note(data) if callable(self.note) else self.note),
            self.chart(data) if self.chart else None,
            self.table_of(data).show(list(self.rows(data)), usual_classes="table-sm"),
            self.switch(data) if self.switch else None,
        )

    def sheet(self, data: Data) -> Sheet:
        return (self.file or self.table_of(data)).sheet((self.file_rows or self.rows)(data))


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """A figure as ``components/figure.html`` shows it."""

    figure: Figure
    title: str
    note: str
    chart: Chart | None
    table: ShownTable
    switch: Switch | None = None

    @property
    def id(self) -> str:
        return self.figure.name

    @property
    def open(self) -> bool:
        return self.figure.open or self.figure.chart is None

    @property
    def json(self) -> Any:
        return to_json(self.chart)


def sheets(figures: Iterable[Figure], data: Data) -> dict[str, Callable[[], Sheet]]:
    """Return the files of figures by name, for :func:`tenure_app.web.exports.requested`."""
    return {figure.name: partial(figure.sheet, data) for figure in figures}


@dataclass(frozen=True, slots=True)
class Stat:
    """One number of a panel: what it is called, its value in words, how sure that is, whose definition it shows."""

    label: str
    value: str
    note: str = ""
    term: str = ""


def stat(row: Mapping[str, Any], name: str, note: str = "", places: int | None = None) -> Stat | None:
    """Return a column of the scorecard's row as a number of a panel, with its interval; None while it is not known.

    `note` stands below it where it has no interval, `places` are the decimals of its value.
    """
    definition = column(name)
    if row.get(name) in (None, ""):
        return None
    value = Column(name, brief=True, places=places).text(row[name])
    if definition.unit == "days":
        shown = number(row[name])
        value = ngettext("%(shown)s day", "%(shown)s days", 1 if shown == "1" else 2) % {"shown": shown}
    if definition.interval:
        low, high, level = definition.interval
        bound = Column(name, brief=True, places=places and 0)
        if row.get(low) is not None and row.get(high) is not None:
            words = {"level": level, "low": bound.text(row[low]), "high": bound.text(row[high])}
            note = _("%(level)d%%: %(low)s to %(high)s") % words
    return Stat(str(definition.label), value, note, name)
