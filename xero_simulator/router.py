"""Keeps the simulator's tables in its own database, and everybody else's out of it."""

from __future__ import annotations

from typing import Any

ALIAS = "simulator"
APP = "xero_simulator"


class SimulatorRouter:
    def db_for_read(self, model: Any, **_: Any) -> str | None:
        return ALIAS if model._meta.app_label == APP else None

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **_: Any) -> bool | None:
        sides = {one._meta.app_label == APP, other._meta.app_label == APP}
        return None if len(sides) == 1 else False

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        return (db == ALIAS) == (app_label == APP)
