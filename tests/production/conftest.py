"""The simulated Xero and a connection to it, as the tests of xero_sync have them, and an installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.production.stack import Stack
from tests.xero_sync.conftest import admin, connection, simulator, xero
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import XeroConnection

__all__ = ["admin", "connection", "simulator", "xero"]

#: Whether this run has collected the static files: they are the same for all tests.
_collected: list[bool] = []


@pytest.fixture
def stack(connection: XeroConnection, xero: SimulatedXero, tmp_path: Path) -> Iterator[Stack]:
    """An installation that has its static files and its Redis; the test starts the rest."""
    made = Stack(xero, tmp_path)
    if not _collected:
        made.run("python", "manage.py", "collectstatic", "--noinput")
        _collected.append(True)
    made.redis()
    yield made
    made.stop()
