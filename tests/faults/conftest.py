from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.processes import own_queue
from tests.xero_sync.conftest import admin, connection, simulator, xero

__all__ = ["admin", "connection", "simulator", "xero"]


@pytest.fixture(autouse=True)
def _queue() -> Iterator[None]:
    with own_queue(f"faults-{os.getpid()}"):
        yield
