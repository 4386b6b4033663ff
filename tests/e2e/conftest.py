"""The simulated Xero on a host and port of its own, for journeys that leave our origin; and a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bmsxero.embedded import EmbeddedWorker
from tests.xero_sync.conftest import admin, connection, simulator, xero

__all__ = ["admin", "connection", "simulator", "worker", "xero"]


@pytest.fixture
def worker() -> Iterator[EmbeddedWorker]:
    """A worker in this process. Without beat: nothing but what a test asks for touches its database.

    One for each test: what kills processes in other tests closes every connection of this one.
    """
    running = EmbeddedWorker(beat=False)
    running.start()
    yield running
    running.stop()
