"""What was changed in a record, by whom and when; kept by django-simple-history, told here in words.

    class Item(Record):
        history = Tracked()

    history_of(request, Item.history.filter(id=item.pk))   ->  {% include "components/_history.html" %}

Saving and deleting a record is noted by itself. `bulk_create` and `update` are not: see `begin` and `write`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.http import HttpRequest
from django.utils import timezone
from simple_history.models import HistoricalRecords

from bmsxero.templatetags.bms import decimals, money

PAGE_SIZE = 20
#: The query parameter that turns the pages of a history.
PAGE = "changes"
#: What says nothing to a person.
UNTOLD = frozenset({"id", "uuid", "created", "updated"})
NOTHING = "nothing"
CREATED, CHANGED, DELETED = "+", "~", "-"
#: Written when the first change comes to a record that had no history: what it was until then.
BASELINE = "as it was"
WORDS = {CREATED: "Created", CHANGED: "Changed", DELETED: "Deleted"}

_why: ContextVar[str] = ContextVar("why", default="")


class Tracked(HistoricalRecords):  # type: ignore[misc]  # untyped
    """Keep the history of a model."""

    def __init__(self, **options: Any) -> None:
        super().__init__(history_id_field=models.BigAutoField(), **options)

    def get_change_reason_for_object(self, instance: Any, history_type: str, using: str | None) -> str | None:
        return _why.get() or None


@dataclass(frozen=True)
class Change:
    """One thing that became another, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """What somebody did at one moment."""

    who: str
    when: datetime
    what: str
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """One page of the history of a record, the newest first."""

    entries: list[Entry]
    page: Page[Any]
    parameter: str = PAGE


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Note `reason`, such as "Job 12", as what made the changes inside."""
    token = _why.set(reason)
    try:
        yield
    finally:
        _why.reset(token)


def begin(records: Iterable[Any]) -> None:
    """Note what these records are now, where nothing is known of them yet. Call it before changing them."""
    found = list(records)
    if not found:
        return
    model = type(found[0])
    known = set(model.history.filter(id__in=[each.pk for each in found]).values_list("id", flat=True))
    lacking = [each.pk for each in found if each.pk not in known]
    if lacking:  # read anew: a form may have changed the record in hand already
        _note(model.objects.filter(pk__in=lacking), CHANGED, BASELINE)


def write(records: Iterable[Any], *, created: bool = False) -> None:
    """Note what these records are now, where that was saved without a note of its own."""
    _note(records, CREATED if created else CHANGED, _why.get())


def _note(records: Iterable[Any], kind: str, reason: str) -> None:
    found = list(records)
    if not found:
        return
    kept = type(found[0]).history.model
    now = timezone.now()
    rows = [
        kept(
            history_date=each.created if reason == BASELINE else now,
            history_type=kind,
            history_change_reason=reason or None,
            history_user=None if reason == BASELINE else kept.get_default_history_user(each),
            **{one.attname: getattr(each, one.attname) for one in kept.tracked_fields},
        )
        for each in found
    ]
    if hasattr(kept, "complete"):
        kept.complete(rows)
    kept.objects.bulk_create(rows, batch_size=200)


# --- telling it


def history_of(request: HttpRequest, *histories: QuerySet[Any]) -> History:
    """Return a page of what happened to one record, and to what belongs to it, in a few queries for any length.

    Each of `histories` are the historical rows of one model: `Site.history.filter(account=account)`.
    """
    keys = [
        rows.order_by().annotate(which=Value(number)).values_list("history_date", "which", "history_id")
        for number, rows in enumerate(histories)
    ]
    every = keys[0].union(*keys[1:], all=True) if len(keys) > 1 else keys[0]
    ordered = every.order_by("-history_date", "-which", "-history_id")
    page = Paginator(ordered, PAGE_SIZE).get_page(request.GET.get(PAGE))
    wanted: dict[int, list[int]] = defaultdict(list)
    for _, number, key in page.object_list:
        wanted[number].append(key)
    told = {number: _pairs(histories[number].model, ids) for number, ids in wanted.items()}
    names = _names(pair for pairs in told.values() for pair in pairs.values())
    entries = [_entry(*told[number][key], names, apart=number > 0) for _, number, key in page.object_list]
    return History([each for each in entries if each.changes or each.notes or each.what != WORDS[CHANGED]], page)


Pair = tuple[Any, Any]
Names = dict[type[models.Model], dict[Any, str]]


def _pairs(kept: Any, ids: list[int]) -> dict[int, Pair]:
    """Return each of these rows with the one before it of the same record."""
    earlier = kept.objects.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    rows = kept.objects.filter(history_id__in=ids).select_related("history_user")
    found = list(rows.annotate(earlier=Subquery(earlier.values("history_id")[:1])))
    before = kept.objects.in_bulk({row.earlier for row in found if row.earlier})
    return {row.history_id: (row, before.get(row.earlier)) for row in found}


def _names(pairs: Iterable[Pair]) -> Names:
    """Return what the records are called now that these rows have come to point to, or pointed to before."""
    wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
    for row, before in pairs:
        for one in _told(row) if before else ():
            keys = {getattr(row, one.attname), getattr(before, one.attname)}
            if one.remote_field and len(keys) == 2:
                wanted[one.remote_field.model] |= keys - {None}
    return {
        model: {key: str(record) for key, record in model._default_manager.in_bulk(keys).items()}
        for model, keys in wanted.items()
    }


def _told(row: Any) -> list[Any]:
    return [one for one in type(row).tracked_fields if one.name not in UNTOLD]


def _entry(row: Any, before: Any, names: Names, *, apart: bool) -> Entry:
    what = WORDS[row.history_type]
    if row.history_change_reason == BASELINE:
        what = "Recorded as it was"
    if apart:
        what = f"{what}: {row.instance_type._meta.verbose_name} {row.history_object}"
    user = row.history_user
    who = (user.get_full_name() or user.get_username()) if user else row.history_change_reason
    entry = Entry("" if who == BASELINE else who or "BMS Finance", row.history_date, what)
    if before is not None and row.history_type == CHANGED:
        entry.changes.extend(_changes(row, before, names))
        if hasattr(row, "differences"):
            entry.notes.extend(row.differences(before))
    return entry


def _changes(row: Any, before: Any, names: Names) -> Iterator[Change]:
    for one in _told(row):
        old, new = getattr(before, one.attname), getattr(row, one.attname)
        if old != new:
            label = str(one.verbose_name)
            yield Change(label[:1].upper() + label[1:], _words(one, old, names), _words(one, new, names))


def _words(one: Any, value: Any, names: Names) -> str:
    """Return one value as a person reads it."""
    if value is None or value == "":
        return NOTHING
    if one.remote_field:
        return names[one.remote_field.model].get(value, "one that is gone")
    if one.choices:
        return str(dict(one.flatchoices).get(value, value))
    match value:
        case bool():
            return "Yes" if value else "No"
        case Decimal():
            return money(value) if one.decimal_places == 2 else decimals(value)
        case datetime():
            local = timezone.localtime(value)
            return f"{local.day} {local:%b %Y %H:%M}"
        case date():
            return f"{value.day} {value:%b %Y}"
    return str(value)
