from __future__ import annotations

from typing import Any

import pytest

from tests.xero_simulator.caller import XeroCaller, connect
from xero_simulator import seed
from xero_simulator.controls import CONTROLS
from xero_simulator.limits import LIMITER
from xero_simulator.random_faults import RANDOM_FAULTS


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Seed once; each test then works in a transaction of its own."""
    with django_db_blocker.unblock():
        seed.seed()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CONTROLS.reset()
    LIMITER.reset()
    RANDOM_FAULTS.stop()


@pytest.fixture
def xero(db: None) -> XeroCaller:
    """An app, connected to the British organisation."""
    return connect("Acme MSP Ltd")
