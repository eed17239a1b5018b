"""Tables are declared: from its columns follow a table's SQL, order, heads, cells, labels on phones and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from django.core.paginator import Page
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenure.columns import NUMBERS, catalogue
from tenure.words import listing
from tenure_app.web import formats
from tenure_app.web.exports import Sheet
from tenure_app.web.layout import business
from tenure_app.web.templatetags.tenure import stage_badge

Row = Any  # a mapping or an object with the columns' names
#: Classes of tables; "cards" turns rows into cards on phones.
LIST, CARDS = "table-vcenter card-table cards", "table-sm table-vcenter cards"


class SqlRows(Sequence[Row]):
    """Rows of a query, read one page at a time, for django.core.paginator."""

    def __init__(self, count: int, fetch: Callable[[int, int], list[Row]]) -> None:
        self._count, self._fetch = count, fetch

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: Any) -> Any:
        return self._fetch(rows.start, rows.stop - rows.start)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: it selects, sorts, labels, shows and exports itself."""

    name: str  # of the row's value, and of the catalogue's column when there is one
    label: Any = ""  # empty: the catalogue's
    kind: str = ""  # of tenure.columns.KINDS; empty: the catalogue's, else text
    value: Callable[[Row], Any] | str = ""  # or the name under which the row holds it; empty: the column's
    html: Callable[[Row], str] | None = None  # the cell, where it is more than a formatted value
    template: str = ""  # … or the template that makes it of `row`
    url: Callable[[Row], str] | None = None  # where the cell leads
    sql: str = ""  # selects it
    sort: str = ""  # its name in ``?sort=``; empty: nobody can sort by it
    largest_first: bool = False
    places: int | None = None  # decimals of a number or a percentage
    brief: bool = False  # money at a glance: ¥12.3万
    term: str = ""  # whose definition the head shows
    classes: str = ""  # of the cells
    row_head: bool = False  # names the row
    bare: bool = False  # the head is for screen readers only
    head_html: str = ""  # the head, where it is more than a label
    export: tuple[Column, ...] | None = None  # columns of the files; empty tuple: none; None: this one
    also: tuple[Column, ...] = ()  # columns that follow it in the files

    @property
    def title(self) -> str:
        return str(self.label or (catalogue()[self.name].label if self.name in catalogue() else ""))

    @property
    def holds(self) -> str:
        return self.kind or (catalogue()[self.name].kind if self.name in catalogue() else "text")

    @property
    def is_number(self) -> bool:
        return self.holds in NUMBERS

    def get(self, row: Row) -> Any:
        if callable(self.value):
            return self.value(row)
        name = self.value or self.name
        return row.get(name) if isinstance(row, Mapping) else getattr(row, name)

    def text(self, value: Any) -> str:
        if value is None or value == "":
            return formats.MISSING
        match self.holds:
            case "number":
                return formats.number(value, self.places)
            case "money":
                return formats.money(value, business().currency, brief=self.brief)
            case "percent":
                return formats.percent(value, 1 if self.places is None else self.places)
            case "day":
                return formats.day(value)
            case "instant":
                return formats.instant(value)
            case "yesno" | "choice" | "choices":
                return str(self.raw(value))
        return str(value)

    def raw(self, value: Any) -> Any:
        """Return a value as a file holds it: numbers and days as they are, codes as their names."""
        match self.holds:
            case "yesno" if value is not None:
                return _("yes") if value else _("no")
            case "choice":
                return catalogue()[self.name].value_name(value)
            case "choices":
                codes = filter(None, (value or "").split(","))
                return listing(catalogue()[self.name].value_name(code) for code in codes)
        return value

    def cell(self, row: Row, context: Mapping[str, Any]) -> str:
        """Return what its cell of a row shows; `context` is what the page gives to templates of cells."""
        if self.html:
            return conditional_escape(self.html(row))
        if self.template:
            return render_to_string(self.template, {**context, "row": row})
        text = self.text(self.get(row))
        address = self.url(row) if self.url else ""
        return format_html('<a href="{}">{}</a>', address, text) if address else conditional_escape(text)

    @property
    def in_files(self) -> tuple[Column, ...]:
        return (*((self,) if self.export is None else self.export), *self.also)


numeric = partial(Column, kind="number")


def columns(*names: str) -> tuple[Column, ...]:
    """Return columns as the catalogue defines them."""
    return tuple(map(Column, names))


# Cells that several tables share


def url_of(row: Mapping[str, Any]) -> str:
    return row.get("url", "")


def under(text: Any, below: Any) -> str:
    """Return a cell of two lines."""
    return format_html('<span>{}<span class="under">{}</span></span>', text, below) if below else str(text)


def badge(row: Mapping[str, Any]) -> str:
    return stage_badge(row["stage"], row["family"])


def bar(name: Any, family: str, width: float) -> str:
    """Return a name above a bar, as wide as `width` percent of its cell."""
    text = '<span class="bar-name">{}</span><div class="stage-bar" data-family="{}" style="width: {}%"></div>'
    return format_html(text, name, family, width)


@dataclass(frozen=True, slots=True)
class Head:
    column: Column
    url: str = ""  # sorts by it
    direction: str = ""  # ascending, descending or empty, as aria-sort says it


@dataclass(frozen=True, slots=True)
class Table:
    name: str  # of its files, and of its place on the page
    columns: tuple[Column, ...]
    caption: Any = ""
    classes: str = ""  # empty: "table-sm" in a figure, else LIST
    bare_heads: bool = False  # the heads are for screen readers only
    row_url: Callable[[Row], str] | None = None  # where a click on a row leads
    is_current: Callable[[Row], bool] | None = None  # rows that stand out
    row_class: Callable[[Row], str] | None = None

    def only(self, keep: Callable[[Column], bool]) -> Table:
        return replace(self, columns=tuple(column for column in self.columns if keep(column)))

    # SQL

    @property
    def every(self) -> dict[str, Column]:
        """Every column that is shown or exported, by name."""
        columns: dict[str, Column] = {}
        for shown in self.columns:
            for column in (shown, *shown.in_files):
                columns.setdefault(column.name, column)
        return columns

    def select(self) -> str:
        return ", ".join(f"{column.sql} as {name}" for name, column in self.every.items() if column.sql)

    def sorted_by(self, sort: str) -> Column | None:
        """Return the column that an address sorts by; None when it means nothing."""
        return next((column for column in self.every.values() if sort and column.sort == sort), None)

    # The page

    def show(self, rows: Iterable[Row] | Page[Row], **shown: Any) -> ShownTable:
        return ShownTable(self, rows, **shown)

    # Files

    def heads(self) -> list[str]:
        return [column.title for shown in self.columns for column in shown.in_files]

    def cells(self, rows: Iterable[Row]) -> Iterator[list[Any]]:
        columns = [column for shown in self.columns for column in shown.in_files]
        for row in rows:
            yield [column.raw(column.get(row)) for column in columns]

    def sheet(self, rows: Iterable[Row]) -> Sheet:
        return Sheet(str(self.caption or self.name), self.heads(), self.cells(rows))


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table with its rows, as ``components/table.html`` shows it."""

    table: Table
    rows: Iterable[Row] | Page[Row]
    sort: str = ""
    down: bool = False
    address: Callable[[str, bool], str] | None = None  # of the page sorted by a column, largest first or not
    caption: str = ""
    files: Mapping[str, str] = field(default_factory=dict)  # CSV, Excel -> address
    usual_classes: str = LIST

    @property
    def page(self) -> Page[Row] | None:
        return self.rows if hasattr(self.rows, "paginator") else None  # type: ignore[return-value]

    @property
    def classes(self) -> str:
        return self.table.classes or self.usual_classes

    @property
    def title(self) -> str:
        return self.caption or str(self.table.caption)

    def heads(self) -> Iterator[Head]:
        for column in self.table.columns:
            if not (self.address and column.sort):
                yield Head(column)
                continue
            current = column.sort == self.sort
            # A second click on a head turns the order round.
            down = not self.down if current else column.largest_first
            direction = ("descending" if self.down else "ascending") if current else ""
            yield Head(column, self.address(column.sort, down), direction)

    def body(self, context: Mapping[str, Any] = MappingProxyType({})) -> SafeString:
        """Return the rows. They are made here and not in a template, which takes five times as long."""
        openings = [self._opening(column) for column in self.table.columns]
        ends = [SafeString("</th>" if column.row_head else "</td>") for column in self.table.columns]
        columns = list(zip(self.table.columns, openings, ends, strict=True))
        lines = (
            (self._row(row), format_html_join("", "{}{}{}", ((o, c.cell(row, context), e) for c, o, e in columns)))
            for row in self.rows
        )
        return format_html_join("\n", "<tr{}>{}</tr>", lines)

    def _row(self, row: Row) -> SafeString:
        current = self.table.is_current and self.table.is_current(row)
        classes = self.table.row_class(row) if self.table.row_class else ""
        attributes = format_html(' class="{}"', classes) if classes else ""
        if current:
            attributes = SafeString(' class="table-active" aria-current="true"')
        address = format_html(' data-href="{}"', self.table.row_url(row)) if self.table.row_url else ""
        return SafeString(attributes + address)

    def _opening(self, column: Column) -> SafeString:
        kind = "number" if column.is_number else "text-nowrap" if column.holds == "day" else ""
        classes = " ".join(filter(None, (kind, column.classes)))
        label = format_html(' data-label="{}"', column.title) if column.title and not column.bare else ""
        style = format_html(' class="{}"', classes) if classes else ""
        return format_html('<th scope="row"{}{}>' if column.row_head else "<td{}{}>", style, label)
