"""Writing many rows at once: one narrow statement, run for each of them.

Django's `bulk_create` and `bulk_update` make one large statement instead, and making it takes longer than running it:
several times the CPU for wide rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Field, Model


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
    _run(
        statement,
        [
            [each.get_db_prep_save(each.pre_save(record, add=True), connection) for each in columns]
            for record in records
        ],
    )


def update_each(records: Sequence[Model], fields: Sequence[str]) -> None:
    """Write these fields of records that exist already."""
    if not records:
        return
    meta = records[0]._meta
    columns = [each for each in meta.concrete_fields if each.name in fields]
    assignments = ", ".join(f"{name} = %s" for name in _names(columns))
    (key,) = _names([meta.pk])
    statement = f"UPDATE {connection.ops.quote_name(meta.db_table)} SET {assignments} WHERE {key} = %s"  # noqa: S608
    values = [
        [each.get_db_prep_save(getattr(record, each.attname), connection) for each in (*columns, meta.pk)]
        for record in records
    ]
    _run(statement, values)


def _run(statement: str, values: list[list[Any]]) -> None:
    """Run a statement for all of these or none; a transaction for each would take longer than all the rest."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _names(fields: Iterable[Field[Any, Any]]) -> list[str]:
    return [connection.ops.quote_name(str(each.column)) for each in fields]
