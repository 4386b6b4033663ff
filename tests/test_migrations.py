"""Migrations only add: the code before them still runs beside them while an upgrade is under way."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db.migrations import AddField, Migration, RemoveField, RenameField, RenameModel
from django.db.migrations.loader import MigrationLoader

#: Up to these nothing ran anywhere that had to be upgraded.
FIRST = {"crm": "0004", "finance": "0004", "xero_sync": "0009"}


def later() -> Iterator[Migration]:
    loader = MigrationLoader(None)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if name[:4] > FIRST.get(app, "9999"):
            yield migration


def test_a_new_column_can_be_left_out_by_code_that_does_not_know_it() -> None:
    added = [(each.app_label, op) for each in later() for op in each.operations if isinstance(op, AddField)]
    assert added
    for app, op in added:
        field = apps.get_model(app, op.model_name)._meta.get_field(op.name)
        assert field.null or field.has_db_default() or field.many_to_many, (
            f"{app}.{op.model_name}.{op.name} needs null=True or a db_default"
        )


def test_nothing_is_taken_from_code_that_still_runs() -> None:
    """What is to go is first left unused for a release; name it here when it goes."""
    gone = [
        (each.app_label, each.name)
        for each in later()
        for op in each.operations
        if isinstance(op, RemoveField | RenameField | RenameModel)
    ]
    assert gone == []
