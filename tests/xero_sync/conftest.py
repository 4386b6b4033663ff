from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.xero_sync.simulated import SimulatedXero
from xero_sync import oauth, organisation
from xero_sync.models import XeroConnection


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedXero]:
    """The simulated Xero, running."""
    running = SimulatedXero(tmp_path_factory.mktemp("simulator"))
    yield running
    running.close()


@pytest.fixture
def xero(simulator: SimulatedXero, settings: Any) -> SimulatedXero:
    """The simulated Xero, new, with the product pointed at it."""
    simulator.reset()
    for name, value in simulator.settings().items():
        setattr(settings, name, value)
    return simulator


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password="admin")


@pytest.fixture
def connection(xero: SimulatedXero, admin: User) -> XeroConnection:
    """Connected to Acme MSP Ltd by the real flow, its options suggested and saved."""
    return connect(xero, admin)


def connect(xero: SimulatedXero, user: User, organisation_name: str = "") -> XeroConnection:
    going = oauth.Authorisation.new()
    told = xero.allow(going.url, organisation_name)
    assert told["state"] == going.state
    tokens = oauth.exchange(told["code"], going.verifier)
    (chosen,) = oauth.organisations(tokens)
    made = oauth.save_connection(chosen, tokens, user)
    organisation.set_up(made)
    made.refresh_from_db()
    return made


@pytest.fixture
def today() -> date:
    return date(2026, 11, 22)
