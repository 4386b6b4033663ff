"""The keys of the token columns are gone: what was encrypted is lost, and signing in again mends it."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.xero_sync.conftest import connect
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import oauth
from xero_sync.errors import ReconnectNeeded
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(connection: XeroConnection, settings: object) -> XeroConnection:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]  # type: ignore[attr-defined]
    return connection


def test_work_is_told_to_wait_for_a_sign_in(lost: XeroConnection, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ReconnectNeeded):
        oauth.access_token(lost.pk)
    assert XeroConnection.objects.get().state == XeroConnection.State.RECONNECT
    assert "FIELD_ENCRYPTION_KEYS" in caplog.text


def test_signing_in_again_mends_it(lost: XeroConnection, xero: SimulatedXero, client_of: ClientOf) -> None:
    me: Client = client_of(Role.ADMIN)
    assert me.get("/finance/xero/setup/").status_code == 200
    made = connect(xero, lost.connected_by)
    assert made.pk == lost.pk
    assert oauth.access_token(made.pk)


def test_a_new_key_in_front_reads_what_the_old_one_wrote(connection: XeroConnection, settings: Any) -> None:
    token = connection.access_token
    # A list of its own: the one of the settings outlives the test
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]
    assert XeroConnection.objects.get().access_token == token
