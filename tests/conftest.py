"""Users, signed-in browsers and clients, for every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.test import Client
from hypothesis import HealthCheck, settings

from bmsxero.celery import app as celery_app
from bmsxero.roles import Role

# A busy machine is no fault of what is tested
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
# Chromium's own look-ups would be requests off the server
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSER_FIXTURES = {"page", "context", "browser"}
ClientOf = Callable[[Role], Client]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": CHROMIUM_FLAGS}


def pytest_sessionstart() -> None:
    """Settle what outlives a test."""
    # Celery reads Django's settings live and keeps its connections: a test that points the settings at another
    # broker would leave this process ringing there
    celery_app.conf.broker_url = django_settings.CELERY_BROKER_URL
    # A killed run may have left the mark of saved credentials beside its simulated Xero
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    for mark in (Path(__file__).parent.parent / "var").glob(f"test-simulator*{worker}.left"):
        mark.unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    without_browser = pytest.mark.skip(reason="no Chromium: apt-get install chromium, or set CHROMIUM")
    for item in items:
        if BROWSER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            # A parameter called `page` would do: it brings a browser, and all that commit before those that don't
            if "e2e" not in item.path.parts:
                raise pytest.UsageError(f"{item.nodeid} takes {BROWSER_FIXTURES}, which are for tests/e2e alone.")
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                item.add_marker(without_browser)


@pytest.fixture
def user_of(db: None) -> Callable[[Role], User]:
    """Make a user with one role. The password is the name, which is the role's."""

    def make(role: Role) -> User:
        user = User.objects.create_user(role.value, password=role.value)
        # Not `get`: a test that commits leaves a database without what migrations put there
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
        return user

    return make


@pytest.fixture
def client_of(user_of: Callable[[Role], User]) -> ClientOf:
    """Make a client that is signed in with one role."""

    def make(role: Role) -> Client:
        client = Client()
        client.force_login(user_of(role))
        return client

    return make


@pytest.fixture
def reader(client_of: ClientOf) -> Client:
    return client_of(Role.VIEWER)


@pytest.fixture
def writer(client_of: ClientOf) -> Client:
    return client_of(Role.FINANCE)


@pytest.fixture
def stranger() -> Client:
    return Client()
