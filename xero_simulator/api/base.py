"""What all endpoints of the accounting API have in common: envelope, lists, bulk writes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, ClassVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from xero_simulator import clock
from xero_simulator.api import shapes, wire
from xero_simulator.api.errors import (
    ZERO_ID,
    BadBody,
    BadQuery,
    NotFound,
    NotImplementedByApi,
    TooManyResults,
    ValidationRefused,
)
from xero_simulator.controls import CONTROLS
from xero_simulator.models import App, Organisation
from xero_simulator.where import Field, WhereError, compile_where

Json = dict[str, Any]


class Detail(Enum):
    """How much of a record an answer holds."""

    FULL = auto()  # one record, or the answer to a write
    PAGE = auto()  # a page of a list
    LIST = auto()  # a list without page=
    SUMMARY = auto()  # summaryOnly=true


UNPAGED = 100_000  # more than this many must be asked for in pages


@dataclass
class Call:
    """One call that got as far as the accounting API."""

    request: HttpRequest
    app: App
    organisation: Organisation
    raw: bytes = b""
    body: Any = None
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    now: dt.datetime = field(default_factory=clock.now)  # for a write: when it got the database for itself
    received: dt.datetime = field(default_factory=clock.now)
    elements: int = 0  # that the body holds

    def param(self, name: str) -> str:
        return self.request.GET.get(name, "")

    def flag(self, name: str, default: str = "false") -> bool:
        return self.request.GET.get(name, default).lower() == "true"

    def listed(self, name: str) -> list[str]:
        return [part.strip() for part in self.param(name).split(",") if part.strip()]

    @property
    def places(self) -> int:
        """The decimals that unit amounts are read and written with."""
        return 4 if self.param("unitdp") == "4" else 2


@dataclass
class Outcome:
    """What became of one element of a write."""

    element: Json
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Endpoint:
    name: ClassVar[str]  # also the key of the list in the envelope
    id_field: ClassVar[str]
    error_flag: ClassVar[str] = ""
    model: ClassVar[type[Model]]
    methods: ClassVar[frozenset[str]] = frozenset({"GET"})
    paged: ClassVar[bool] = False
    modified_since: ClassVar[bool] = True
    fields: ClassVar[Mapping[str, Field]] = {}
    default_order: ClassVar[tuple[str, ...]] = ("updated", "pk")
    # Joined, not prefetched: on SQLite, Django prefetches the far end of foreign keys with a chain of ORs,
    # and SQLite refuses one of a thousand.
    related: ClassVar[tuple[str, ...]] = ()

    # --- reading

    def get(self, call: Call, key: str) -> Json:
        if key:
            return self.envelope(call, [self.render(call, self.find(call, key), Detail.FULL)])
        rows = self.filtered(call).select_related(*self.related)
        if not self.paged:
            return self.envelope(call, self.render_all(call, list(rows), Detail.FULL))
        if not self.wants_page(call):
            if rows.count() > UNPAGED:
                raise TooManyResults
            return self.envelope(call, self.render_all(call, list(rows), Detail.LIST))
        pagination, page = _page(call, rows)
        detail = Detail.SUMMARY if call.flag("summaryOnly") else Detail.PAGE
        return self.envelope(call, self.render_all(call, page, detail), pagination=pagination)

    def wants_page(self, call: Call) -> bool:
        return bool({"page", "pageSize"} & set(call.request.GET)) or call.flag("summaryOnly")

    def rows(self, call: Call) -> QuerySet[Any]:
        return self.model._default_manager.filter(organisation=call.organisation)

    def filtered(self, call: Call) -> QuerySet[Any]:
        rows = self.rows(call)
        if where := call.param("where"):
            rows = rows.filter(self.where(where))
        since = call.request.headers.get("If-Modified-Since")
        if since and self.modified_since:
            # Whether a change in that very second is meant is not documented: tests may have it either way.
            comparison = "updated__gt" if CONTROLS.modified_since_exclusive else "updated__gte"
            rows = rows.filter(**{comparison: _since(since)})
        return rows.order_by(*self.order(call.param("order")))

    def where(self, text: str) -> Q:
        try:
            return compile_where(text, self.fields)
        except WhereError as error:
            raise BadQuery(str(error)) from error

    def order(self, text: str) -> tuple[str, ...]:
        if not text:
            return self.default_order
        name, _, direction = text.strip().partition(" ")
        columns = {known.lower(): field.lookup for known, field in self.fields.items()}
        if name.lower() not in columns or direction.strip().upper() not in ("", "ASC", "DESC"):
            raise BadQuery(f"No property or field '{name}' exists to order by")
        sign = "-" if direction.strip().upper() == "DESC" else ""
        return (sign + columns[name.lower()], f"{sign}pk")

    def find(self, call: Call, key: str) -> Any:
        row = self.rows(call).select_related(*self.related).filter(self.key_filter(key)).first()
        if row is None:
            raise NotFound
        return row

    def key_filter(self, key: str) -> Q:
        raise NotImplementedError

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        raise NotImplementedError

    def render_all(self, call: Call, rows: list[Any], detail: Detail) -> list[Json]:
        return [self.render(call, row, detail) for row in rows]

    # --- writing

    def put(self, call: Call, key: str) -> Json:
        if key:
            raise NotImplementedByApi
        # Whatever id was sent: PUT only creates, and a failed create comes back with a zero id.
        elements = [{k: v for k, v in element.items() if k != self.id_field} for element in self.elements(call)]
        return self.answer(call, self.write(call, elements, create_only=True))

    def post(self, call: Call, key: str) -> Json:
        elements = self.elements(call)
        if key:
            if len(elements) != 1:
                raise BadBody("Exactly one element is expected here")
            elements = [self.addressed(call, elements[0], key)]
        return self.answer(call, self.write(call, elements, create_only=False))

    def delete(self, call: Call, key: str) -> Json | None:
        """Delete the record and return the answer, if there is more to it than its status."""
        raise NotImplementedByApi

    def addressed(self, call: Call, element: Json, key: str) -> Json:
        """Return the element with the id that the path names."""
        row = self.find(call, key)
        return {**element, self.id_field: str(self.row_id(row))}

    def row_id(self, row: Any) -> uuid.UUID:
        raise NotImplementedError

    def write(self, call: Call, elements: list[Json], *, create_only: bool) -> list[Outcome]:
        raise NotImplementedByApi

    def elements(self, call: Call) -> list[Json]:
        """Return the elements of the body, which may be wrapped in a list or be one bare element."""
        body = call.body
        if not isinstance(body, dict):
            raise BadBody(f"An object with {self.name} was expected")
        elements = body.get(self.name, body)
        if isinstance(elements, dict):
            elements = [elements]
        if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
            raise BadBody(f"{self.name} must be a list of objects")
        for element in elements:
            shapes.check(element)
        call.elements = call.elements or len(elements)
        return elements

    def answer(self, call: Call, outcomes: list[Outcome]) -> Json:
        summarise = call.flag("summarizeErrors", "true")
        failed = [outcome for outcome in outcomes if outcome.errors]
        if summarise and failed:
            raise ValidationRefused([self.verdict(outcome) for outcome in failed])
        # Real Xero does not answer in the order of the request; neither do we, so that nobody relies on it.
        return self.envelope(call, [self.verdict(outcome) for outcome in reversed(outcomes)])

    def verdict(self, outcome: Outcome) -> Json:
        element = dict(outcome.element)
        if self.error_flag:
            element[self.error_flag] = bool(outcome.errors)
        if outcome.errors:
            element.setdefault(self.id_field, ZERO_ID)
            element["StatusAttributeString"] = "ERROR"
            element["ValidationErrors"] = _messages(outcome.errors)
        else:
            element["StatusAttributeString"] = "WARNING" if outcome.warnings else "OK"
        if outcome.warnings:
            element["Warnings"] = _messages(outcome.warnings)
        return element

    def refusal(self, element: Json, errors: Iterable[str]) -> Outcome:
        """Return the outcome of an element that was not saved: its own echo, with a zero id if it has none."""
        return Outcome({**element, self.id_field: element.get(self.id_field) or ZERO_ID}, list(errors))

    def envelope(self, call: Call, rows: list[Json], pagination: Json | None = None) -> Json:
        return {
            "Id": str(uuid.uuid4()),
            "Status": "OK",
            "ProviderName": call.app.name,
            "DateTimeUTC": wire.timestamp(call.now, ""),
            **({"pagination": pagination} if pagination else {}),
            self.name: rows,
        }


def _messages(texts: Iterable[str]) -> list[Json]:
    return [{"Message": text} for text in texts]


def _since(text: str) -> dt.datetime:
    """Return the moment; Xero documents one form only: UTC, to the second, without a zone."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise BadQuery(f"If-Modified-Since '{text}' is not a date") from error


def _page(call: Call, rows: QuerySet[Any]) -> tuple[Json, list[Any]]:
    page = max(1, _int(call, "page", 1))
    size = min(1000, _int(call, "pageSize", 100)) or 100
    size = size if size > 0 else 100
    count = rows.count()
    # The ids come from an index alone, however far back the page lies; only its own rows are read.
    ids = list(rows.values_list("pk", flat=True)[(page - 1) * size : page * size])
    found = {row.pk: row for row in rows.filter(pk__in=ids).order_by()}
    pagination = {"page": page, "pageSize": size, "pageCount": -(-count // size), "itemCount": count}
    return pagination, [found[pk] for pk in ids if pk in found]


def _int(call: Call, name: str, default: int) -> int:
    text = call.param(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise BadQuery(f"{name} must be a whole number") from error


def uuid_or_none(text: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
