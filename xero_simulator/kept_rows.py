"""The rows of freshly made organisations, kept in memory: a reset puts them back in a few milliseconds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from django.db import connections, models

from xero_simulator.models import Account, Contact, Currency, Item, Organisation, TaxRate
from xero_simulator.router import ALIAS

_TABLES: list[type[models.Model]] = [Organisation, Currency, Account, TaxRate, Contact, Item]
_MOMENTS = {"created", "updated"}


@dataclass(frozen=True)
class _Rows:
    insert: str
    rows: list[tuple[Any, ...]]
    moments: list[int]  # columns that hold the time of making


_KEPT: dict[Hashable, list[_Rows]] = {}


def keep(key: Hashable) -> None:
    """Remember what the tables hold now."""
    _KEPT[key] = [_read(model) for model in _TABLES]


def _read(model: type[models.Model]) -> _Rows:
    columns = [str(field.column) for field in model._meta.concrete_fields]
    table, names = model._meta.db_table, ", ".join(columns)
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM {table} ORDER BY id")  # noqa: S608 - our own names
        rows = cursor.fetchall()
    places = ", ".join(["%s"] * len(columns))
    insert = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608
    return _Rows(insert, rows, [columns.index(name) for name in sorted(_MOMENTS) if name in columns])


def restore(key: Hashable, now: dt.datetime) -> bool:
    """Put the rows kept under the key into the empty tables; return whether there were any."""
    kept = _KEPT.get(key)
    if kept is None:
        return False
    connection = connections[ALIAS]
    moment = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        for part in kept:
            cursor.executemany(part.insert, [_at(row, part.moments, moment) for row in part.rows])
    return True


def _at(row: tuple[Any, ...], moments: list[int], moment: Any) -> tuple[Any, ...]:
    if not moments:
        return row
    changed = list(row)
    for index in moments:
        changed[index] = moment
    return tuple(changed)
