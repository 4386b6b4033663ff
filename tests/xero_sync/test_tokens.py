"""Tokens: one renewal whoever asks, nothing lost, nothing shown."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import connections

from tests.faults.processes import born, ends
from tests.xero_sync.simulated import ROOT, SimulatedXero
from xero_sync import clock, oauth
from xero_sync.encryption import keyring
from xero_sync.errors import Misconfigured, ReconnectNeeded, Unanswered
from xero_sync.models import XeroConnection


def stored() -> XeroConnection:
    return XeroConnection.objects.get()


def run_out(connection: XeroConnection) -> None:
    XeroConnection.objects.filter(pk=connection.pk).update(expires_at=clock.now() + timedelta(seconds=30))


@pytest.mark.django_db
def test_a_token_that_is_good_is_not_renewed(connection: XeroConnection) -> None:
    before = stored().access_token
    assert oauth.access_token(connection.pk) == before


@pytest.mark.django_db
def test_a_token_with_less_than_two_minutes_is_renewed_with_its_refresh_token(connection: XeroConnection) -> None:
    before = stored()
    run_out(connection)
    fresh = oauth.access_token(connection.pk)
    after = stored()
    assert fresh == after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_commits")
def test_fifty_callers_at_once_renew_it_once(connection: XeroConnection, xero: SimulatedXero) -> None:
    run_out(connection)
    before = xero.calls()["calls"].get("POST token", 0)
    got: list[str] = []

    def ask() -> None:
        got.append(oauth.access_token(connection.pk))
        connections.close_all()

    callers = [threading.Thread(target=ask) for _ in range(50)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(got) == 50
    assert set(got) == {stored().access_token}
    assert xero.calls()["calls"].get("POST token", 0) - before <= 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_eight_processes_at_once_renew_it_once(connection: XeroConnection, xero: SimulatedXero) -> None:
    run_out(connection)
    before = stored()

    def ask() -> None:
        assert oauth.access_token(connection.pk) != before.access_token

    assert [ends(each) for each in [born(ask) for _ in range(8)]] == [0] * 8
    # Renewed a second time, the token would carry a later time than the others have seen
    assert stored().access_token == oauth.access_token(connection.pk)
    assert stored().refreshed_at > before.refreshed_at


@pytest.fixture
def _commits() -> None:
    """These tests commit, so that threads see each other's work."""


@pytest.mark.django_db
def test_a_refused_renewal_asks_for_a_reconnect_and_keeps_what_is_linked(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.control("expire-tokens", refresh=True)
    run_out(connection)
    with pytest.raises(ReconnectNeeded):
        oauth.access_token(connection.pk)
    assert stored().state == "reconnect"


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["error_500_before", "reset_after", "malformed_json"])
def test_trouble_at_the_token_service_keeps_the_tokens(
    connection: XeroConnection, xero: SimulatedXero, fault: str
) -> None:
    before = stored().refresh_token
    run_out(connection)
    xero.fault(fault, endpoint="token")
    with pytest.raises(Unanswered):
        oauth.access_token(connection.pk)
    assert (stored().state, stored().refresh_token) == ("connected", before)
    # Xero has rotated the token in two of the three cases; the old one works for a while
    assert oauth.access_token(connection.pk) == stored().access_token


@pytest.mark.django_db
def test_an_answer_without_a_refresh_token_keeps_the_one_we_have(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    before = stored().refresh_token
    run_out(connection)
    xero.fault("no_refresh_token", endpoint="token")
    oauth.access_token(connection.pk)
    assert stored().refresh_token == before


@pytest.mark.django_db
def test_a_wrong_client_secret_is_not_the_users_fault(connection: XeroConnection, settings: Any) -> None:
    run_out(connection)
    settings.XERO_CLIENT_SECRET = "wrong"
    with pytest.raises(Misconfigured):
        oauth.access_token(connection.pk)
    assert stored().state == "connected"


@pytest.mark.django_db
def test_another_app_must_connect_for_itself(connection: XeroConnection, settings: Any) -> None:
    settings.XERO_CLIENT_ID = "another"
    with pytest.raises(ReconnectNeeded):
        oauth.access_token(connection.pk)


@pytest.mark.django_db
def test_the_sweep_renews_what_would_die(connection: XeroConnection) -> None:
    assert oauth.keep_alive() == 0
    XeroConnection.objects.update(refreshed_at=clock.now() - timedelta(days=31), expires_at=clock.now())
    before = stored().refresh_token
    assert oauth.keep_alive() == 1
    assert stored().refresh_token != before


@pytest.mark.django_db
def test_tokens_lie_in_the_database_as_ciphertext_only(connection: XeroConnection, settings: Any) -> None:
    row = stored()
    with database.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM xero_sync_xeroconnection")
        columns = cursor.fetchone()
    assert row.access_token not in str(columns)
    assert row.refresh_token not in str(columns)
    assert row.access_token not in repr(row)
    from cryptography.fernet import Fernet

    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]
    assert stored().access_token == row.access_token, "an older key still reads"
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS[:1]
    assert stored().access_token == "", "without its key a token is as good as lost; signing in again mends it"


@pytest.mark.django_db
def test_after_a_rotation_the_old_key_can_go(connection: XeroConnection, settings: Any) -> None:
    from cryptography.fernet import Fernet

    token, new = connection.access_token, Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]
    call_command("rotate_token_keys")
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert stored().access_token == token


@pytest.mark.django_db
def test_a_rotation_leaves_alone_what_no_key_opens(connection: XeroConnection, settings: Any) -> None:
    from cryptography.fernet import Fernet

    token, old = connection.access_token, list(settings.FIELD_ENCRYPTION_KEYS)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="Acme MSP Ltd"):
        call_command("rotate_token_keys")
    settings.FIELD_ENCRYPTION_KEYS = old
    assert stored().access_token == token


def test_without_a_key_the_product_does_not_start() -> None:
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": "x", "DJANGO_SETTINGS_MODULE": "bmsxero.settings"}
    started = subprocess.run(
        [sys.executable, "manage.py", "check"], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert started.returncode != 0
    assert "FIELD_ENCRYPTION_KEYS is not set" in started.stderr


@pytest.mark.django_db
def test_a_token_copied_to_another_row_opens_nothing_there(
    connection: XeroConnection, caplog: pytest.LogCaptureFixture
) -> None:
    XeroConnection.objects.create(tenant_id="other", name="Other", client_id=connection.client_id)
    with database.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM xero_sync_xeroconnection WHERE name <> 'Other'")
        cursor.execute(
            "UPDATE xero_sync_xeroconnection SET access_token = %s, refresh_token = %s WHERE name = 'Other'",
            cursor.fetchone(),
        )
    other = XeroConnection.objects.get(tenant_id="other")
    assert (other.access_token, other.refresh_token) == ("", "")
    assert "written for another row" in caplog.text
    with pytest.raises(ReconnectNeeded):
        oauth.access_token(other.pk)
    assert XeroConnection.objects.get(pk=connection.pk).access_token == connection.access_token


@pytest.mark.django_db
def test_a_token_copied_to_another_column_opens_nothing_there(connection: XeroConnection) -> None:
    with database.cursor() as cursor:
        cursor.execute("UPDATE xero_sync_xeroconnection SET access_token = refresh_token")
    assert stored().access_token == ""


@pytest.mark.django_db
def test_tokens_that_an_earlier_version_wrote_are_read_and_written_anew(connection: XeroConnection) -> None:
    with database.cursor() as cursor:
        old = [
            keyring().encrypt(each.encode()).decode() for each in (connection.access_token, connection.refresh_token)
        ]
        cursor.execute("UPDATE xero_sync_xeroconnection SET access_token = %s, refresh_token = %s", old)
    assert stored().access_token == connection.access_token
    oauth.encrypt_anew()
    with database.cursor() as cursor:
        cursor.execute("SELECT access_token FROM xero_sync_xeroconnection")
        (written,) = cursor.fetchone()
    assert keyring().decrypt(written.encode()).decode() != connection.access_token
    assert stored().access_token == connection.access_token


@pytest.mark.django_db
def test_a_token_is_never_written_but_with_its_row(connection: XeroConnection) -> None:
    with pytest.raises(TypeError, match="only written by saving its row"):
        XeroConnection.objects.update(access_token="canary")


@pytest.mark.django_db
def test_no_fixture_holds_a_token(connection: XeroConnection) -> None:
    assert connection.refresh_token
    fixture = serializers.serialize("json", XeroConnection.objects.all())
    assert connection.refresh_token not in fixture
    assert connection.access_token not in fixture
