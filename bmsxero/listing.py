"""Lists as data: columns, filters, sorting, pages. One `Grid` serves every list and every selection step.

INVOICES = Listing("Invoices", columns=(Column("number", "No.", cell="link", sort=("number",)), …))
INVOICES.grid(request, Invoice.objects.all())   ->  {% include "components/_list.html" %}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.functional import Promise, cached_property

from bmsxero import csv_files
from bmsxero.roles import Role

PAGE_SIZES = (25, 50, 100)
PAGE_SIZE = 50
BATCH = 1_000
Tone = Literal["neutral", "info", "success", "warning", "danger", "progress"]
Decorate = Callable[[QuerySet[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Badge:
    """A state in words; tone and icon make it quick to see, and never mean anything of their own."""

    label: str
    tone: Tone = "neutral"
    icon: str = ""

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class Action:
    """A button or a link to somewhere. Shown to `roles` only; to all where none is given."""

    label: str
    url: str | Promise
    icon: str = ""
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True)
class Empty:
    """What a list says before it has any rows, and what to do next."""

    title: str
    text: str = ""
    icon: str = "inbox"
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column: where its value comes from, and how it is shown.

    `value` is a function of the row; without it, the attribute called `name` (dots go deeper).
    `cell` is a template in components/cells/, or any template's path; it gets `row`, `value` and `column`.
    `sort` are the fields it sorts by; without them it can't be sorted. `screen` and `csv` say where it appears.
    """

    name: str
    label: str
    value: Callable[[Any], Any] | None = None
    cell: str = "text"
    align: Literal["start", "end"] = "start"
    sort: tuple[str, ...] = ()
    screen: bool = True
    csv: bool = True

    @property
    def template(self) -> str:
        return self.cell if "/" in self.cell else f"components/cells/{self.cell}.html"

    def of(self, record: Any) -> Any:
        """Return the plain value of the column for one record."""
        if self.value:
            return self.value(record)
        for part in self.name.split("."):
            record = getattr(record, part, None)
        return record


@dataclass(frozen=True)
class Selection:
    """Checkboxes in front of the rows. A row that isn't `offered` has none; a `refusal` disables it, and says why."""

    name: str = "ids"
    key: Callable[[Any], str] = lambda record: str(record.pk)
    label: Callable[[Any], str] = str
    offered: Callable[[Any], bool] = lambda record: True
    refusal: Callable[[Any], str] = lambda record: ""
    chosen: Callable[[Any], bool] = lambda record: False


@dataclass(frozen=True)
class Choice:
    """The checkbox of one row."""

    key: str
    label: str
    refusal: str
    chosen: bool


@dataclass(frozen=True)
class Row:
    record: Any
    cells: list[tuple[Column, Any]]
    choice: Choice | None


@dataclass(frozen=True)
class Chip:
    """A filter that came with a link, such as the account of a list of invoices."""

    label: str
    value: str
    clear_url: str


class Filter(forms.Form):
    """The filters of a list. Each has a label; `narrow` applies them all.

    By one that is `dear`, all of what matches is neither counted nor paged, if that is more than the listing looks for
    at first. A CSV has it all.
    """

    dear: ClassVar[tuple[str, ...]] = ()

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that match. Called with valid data only."""
        return rows

    @property
    def is_filtering(self) -> bool:
        """Whether anything is filtered."""
        return any(self.data.get(name) for name in self.fields)

    @property
    def is_dear(self) -> bool:
        return any(self.data.get(name) for name in self.dear)

    @property
    def chips(self) -> list[Chip]:
        """The filters that have no control of their own, as links that take them off."""
        return [
            Chip(str(field.label), str(self.cleaned_data[field.name]), self._without(field.name))
            for field in self.hidden_fields()
            if self.is_valid() and self.cleaned_data[field.name]
        ]

    def _without(self, name: str) -> str:
        left = {key: value for key, value in self.data.items() if key not in {name, "page"} and value}
        return f"?{urlencode(left)}"


@dataclass(frozen=True)
class Sort:
    """The column a list is sorted by, and the way."""

    column: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column

    @classmethod
    def parse(cls, text: str) -> Sort:
        return cls(text.removeprefix("-"), descending=text.startswith("-"))


@dataclass(frozen=True)
class Heading:
    """A column's head: how it is sorted now, and what pressing it asks for."""

    column: Column
    aria_sort: str = ""
    next_sort: str = ""


@dataclass
class Grid:
    """One page of a list, ready for components/_list.html or components/_grid.html."""

    caption: str
    headings: list[Heading]
    rows: list[Row]
    page: Page[Any]
    empty: Empty
    filter: Filter | None = None
    selection: Selection | None = None
    csv_url: str = ""
    sizes: tuple[int, ...] = PAGE_SIZES
    sums: Sequence[str] = ()
    #: A form around it posts its links, so that ticks travel with every step: see _posting_list.html
    posts: bool = False
    #: Whether more match than were counted
    is_cut: bool = False

    @property
    def total(self) -> int:
        return self.page.paginator.count

    @property
    def pages(self) -> Iterator[int | str]:
        """The numbers to show in the pager."""
        paginator = self.page.paginator
        return paginator.get_elided_page_range(self.page.number, on_each_side=1, on_ends=1)


@dataclass(frozen=True)
class Listing:
    """How one kind of record is listed."""

    caption: str
    columns: tuple[Column, ...]
    empty: Empty
    sort: str = ""
    filter: type[Filter] | None = None
    page_size: int = PAGE_SIZE
    #: So many keys are looked for first. Where there are no more of them, nothing has to be counted.
    at_first: int = 1_000

    def matching(self, request: HttpRequest, rows: QuerySet[Any]) -> tuple[QuerySet[Any], Filter | None]:
        """Return the rows that the address asks for, sorted, and the filter form.

        A filter that can't be read matches nothing, rather than everything.
        """
        form = self.filter(request.GET) if self.filter else None
        if form is not None:
            rows = form.narrow(rows) if form.is_valid() else rows.none()
        return rows.order_by(*self._order(self._sort(request))), form

    def grid(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        *,
        decorate: Decorate | None = None,
        selection: Selection | None = None,
        csv_url: str = "",
        total: int | None = None,
    ) -> Grid:
        """Return the page that the address asks for. `decorate` adds what only the rows shown need.

        `total`: how many rows there are, where that is known.
        """
        found, form = self.matching(request, rows)
        if form is not None and not form.is_valid():
            total = 0
        keys = _Keys(found, self.at_first, total, stops=form is not None and form.is_dear)
        page = _page(request, keys, self.page_size)
        records = _shown(found, page, decorate)
        return Grid(
            caption=self.caption,
            headings=list(self._headings(self._sort(request))),
            rows=[self._row(record, selection) for record in records],
            page=page,
            empty=self.empty,
            filter=form,
            selection=selection,
            csv_url=csv_url,
            is_cut=keys.is_cut,
        )

    def sample(self, rows: QuerySet[Any], limit: int, *, decorate: Decorate | None = None) -> Grid:
        """Return the first rows in the listing's own order, for a card on another page: no filter, no sorting."""
        ordered = rows.order_by(*self._order(Sort.parse(self.sort)))
        keys: Any = _Keys(ordered, self.at_first)
        page = Paginator(keys, limit).page(1)
        records = _shown(ordered, page, decorate)
        return Grid(
            caption=self.caption,
            headings=[Heading(column) for column in self.shown],
            rows=[self._row(record, None) for record in records],
            page=page,
            empty=self.empty,
        )

    def csv(
        self, request: HttpRequest, rows: QuerySet[Any], name: str, *, decorate: Decorate | None = None
    ) -> StreamingHttpResponse:
        """Return all matching rows as a file, read in batches, so that memory stays the same for any number."""
        found, _ = self.matching(request, rows)
        columns = [column for column in self.columns if column.csv]
        head = [column.label for column in columns]
        body = ([column.of(record) for column in columns] for record in _all(found, decorate))
        return csv_files.response(name, chain([head], body))

    @property
    def shown(self) -> list[Column]:
        return [column for column in self.columns if column.screen]

    def with_columns(self, *columns: Column) -> Listing:
        """Return the same listing with more columns at its end."""
        return replace(self, columns=self.columns + columns)

    def without(self, *names: str) -> Listing:
        """Return the same listing without some columns."""
        return replace(self, columns=tuple(column for column in self.columns if column.name not in names))

    def _row(self, record: Any, selection: Selection | None) -> Row:
        cells = [(column, column.of(record)) for column in self.shown]
        return Row(record, cells, _choice(record, selection) if selection else None)

    def _sort(self, request: HttpRequest) -> Sort:
        wanted = Sort.parse(request.GET.get("sort", ""))
        known = {column.name for column in self.columns if column.sort}
        return wanted if wanted.column in known else Sort.parse(self.sort)

    def _order(self, sort: Sort) -> list[str]:
        fields = next((column.sort for column in self.columns if column.name == sort.column), ())
        # The key at the end, so that rows alike in all else never change places between two pages
        return [f"-{name}" if sort.descending else name for name in (*fields, "pk")]

    def _headings(self, sort: Sort) -> Iterator[Heading]:
        for column in self.shown:
            if not column.sort:
                yield Heading(column)
            elif column.name != sort.column:
                yield Heading(column, "none", column.name)
            else:
                way = "descending" if sort.descending else "ascending"
                yield Heading(column, way, str(Sort(column.name, descending=not sort.descending)))


def _choice(record: Any, selection: Selection) -> Choice | None:
    if not selection.offered(record):
        return None
    refusal = selection.refusal(record)
    chosen = not refusal and selection.chosen(record)
    return Choice(selection.key(record), selection.label(record), refusal, chosen)


class _Keys:
    """The keys of all matching rows, in order, for a paginator.

    The first are read before anything is counted: where that is all, the filters were looked through once, not twice.
    """

    def __init__(self, rows: QuerySet[Any], at_first: int, total: int | None = None, *, stops: bool = False) -> None:
        self._all: QuerySet[Any, Any] = rows.values_list("pk", flat=True)
        self._at_first, self._total, self._stops = at_first, total, stops

    @property
    def is_cut(self) -> bool:
        return self._stops and not self._has_all

    def count(self) -> int:
        if self._total is None:
            self._total = self._at_first if self.is_cut else len(self._first) if self._has_all else self._all.count()
        return self._total

    def __getitem__(self, part: slice) -> list[Any]:
        return self._first[part] if self._has_all or part.stop <= self._at_first else list(self._all[part])

    @cached_property
    def _first(self) -> list[Any]:
        return list(self._all[: self._at_first + 1])

    @property
    def _has_all(self) -> bool:
        return len(self._first) <= self._at_first


def _page(request: HttpRequest, keys: Any, usual_size: int) -> Page[Any]:
    asked = request.GET.get("rows", "")
    size = int(asked) if asked in {str(size) for size in PAGE_SIZES} else usual_size
    return Paginator(keys, size).get_page(request.GET.get("page"))


def _all(rows: QuerySet[Any], decorate: Decorate | None) -> Iterator[Any]:
    keys = rows.values_list("pk", flat=True).iterator(chunk_size=BATCH)
    while batch := list(islice(keys, BATCH)):
        yield from _fetch(rows, batch, decorate)


def _shown(rows: QuerySet[Any], page: Page[Any], decorate: Decorate | None) -> list[Any]:
    # By their keys alone: a database that saw the filters again would look through all rows again
    shown = rows.filter(pk__in=page.object_list)
    return list(decorate(shown) if decorate else shown)


def _fetch(rows: QuerySet[Any], keys: Sequence[Any], decorate: Decorate | None) -> list[Any]:
    shown = rows.filter(pk__in=keys).order_by()
    by_key = {record.pk: record for record in (decorate(shown) if decorate else shown)}
    return [by_key[key] for key in keys if key in by_key]
