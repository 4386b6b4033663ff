"""Writing many rows at once: one narrow statement, run for each of them.

Django's `bulk_create` and `bulk_update` make one large statement instead, and making it takes longer than running it:
several times the CPU for wide rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    Model,
    PositiveIntegerField,
    PositiveSmallIntegerField,
    TextField,
)

#: What databases take as it is, of fields of exactly these classes: to have a field prepare a value costs more than to
#: write it.
_PLAIN: dict[type[Field[Any, Any]], type] = {
    CharField: str,
    TextField: str,
    IntegerField: int,
    PositiveIntegerField: int,
    PositiveSmallIntegerField: int,
    BooleanField: bool,
    ForeignKey: int,
}


def insert_each(
    records: Sequence[Model], *, unless_there: bool = False, unique: Sequence[str] = (), update: Sequence[str] = ()
) -> None:
    """Insert records, which don't learn their ids. One that breaks a unique constraint raises IntegrityError.

    `unless_there`: such a one is left out. Or, where one with the same `unique` fields is there, its `update` fields
    are written.
    """
    if not records:
        return
    meta = records[0]._meta
    columns = [each for each in meta.concrete_fields if each is not meta.auto_field]
    conflict = " ON CONFLICT DO NOTHING" if unless_there else ""
    if unique:
        by_name = {each.name: each for each in columns}
        changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in _names(by_name[each] for each in update))
        conflict = f" ON CONFLICT ({', '.join(_names(by_name[each] for each in unique))}) DO UPDATE SET {changes}"
    statement = (
        f"INSERT INTO {connection.ops.quote_name(meta.db_table)} ({', '.join(_names(columns))}) "  # noqa: S608
        f"VALUES ({', '.join(['%s'] * len(columns))}){conflict}"
    )
    stamped = [each for each in columns if getattr(each, "auto_now", False) or getattr(each, "auto_now_add", False)]
    for each in stamped:
        now = each.pre_save(records[0], add=True)
        for record in records:
            setattr(record, each.attname, now)
    _run(statement, _values(records, columns))


def update_each(records: Sequence[Model], fields: Sequence[str]) -> None:
    """Write these fields of records that exist already."""
    if not records:
        return
    meta = records[0]._meta
    columns = [each for each in meta.concrete_fields if each.name in fields]
    assignments = ", ".join(f"{name} = %s" for name in _names(columns))
    (key,) = _names([meta.pk])
    statement = f"UPDATE {connection.ops.quote_name(meta.db_table)} SET {assignments} WHERE {key} = %s"  # noqa: S608
    _run(statement, _values(records, [*columns, meta.pk]))


def _values(records: Iterable[Model], columns: Iterable[Field[Any, Any]]) -> list[list[Any]]:
    """Return what each record has in these columns, as the database takes it."""
    taken = [(each.attname, _PLAIN.get(type(each)), _prepare(each)) for each in columns]
    return [
        [
            value if (value := getattr(record, name)) is None or type(value) is plain else prepare(value)
            for name, plain, prepare in taken
        ]
        for record in records
    ]


def _prepare(field: Field[Any, Any]) -> Callable[[Any], Any]:
    """Return what makes a value of a field what the database takes. Many records share their moments."""

    def prepare(value: Any) -> Any:
        return field.get_db_prep_save(value, connection)

    return cache(prepare) if isinstance(field, DateTimeField) else prepare


def _run(statement: str, values: list[list[Any]]) -> None:
    """Run a statement for all of these or none; a transaction for each would take longer than all the rest."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _names(fields: Iterable[Field[Any, Any]]) -> list[str]:
    return [connection.ops.quote_name(str(each.column)) for each in fields]
