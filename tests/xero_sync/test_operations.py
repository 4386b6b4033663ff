"""Is it alive, is it ready, and how does it do: what machines ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from finance.models import Invoice
from tests import records
from tests.xero_sync.driving import check, export, send
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, oauth, pulse
from xero_sync.errors import XeroError
from xero_sync.models import Pulse, XeroConnection, XeroRequest

pytestmark = pytest.mark.django_db
READY = Invoice.Status.READY


def ready(client: Client) -> tuple[int, dict[str, str]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def metrics(client: Client, **headers: str) -> dict[str, Any]:
    """Return the samples by name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    families = text_string_to_metric_families(answer.content.decode())
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def sweep_was(ago: timedelta) -> None:
    Pulse.objects.update_or_create(name=pulse.SWEEP, defaults={"last_at": clock.now() - ago})


# --- ready?


def test_it_is_alive_without_asking_anything(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").content == b"ok"


def test_it_is_ready_when_database_broker_and_sweep_are(client: Client) -> None:
    engine.sweep()
    assert ready(client) == (200, {"database": "ok", "broker": "ok", "sweep": "ok"})


def test_a_sweep_that_never_was_or_is_late_is_told(client: Client) -> None:
    assert ready(client) == (503, {"database": "ok", "broker": "ok", "sweep": "none yet"})
    sweep_was(timedelta(minutes=4))
    assert ready(client)[1]["sweep"] == "late"


def test_a_broker_that_is_away_is_told_within_seconds(client: Client, settings: Any) -> None:
    engine.sweep()
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    start = clock.now()
    assert ready(client) == (503, {"database": "ok", "broker": "away", "sweep": "ok"})
    assert clock.now() - start < timedelta(seconds=8)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_none_of_them_is_redirected_to_https_or_sets_a_cookie(client: Client, settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get(path)
    assert answer.status_code in {200, 503}
    assert not answer.cookies


# --- who may read the metrics


def test_without_a_token_only_this_machine_reads_metrics(client: Client) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 403


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto"])
def test_what_comes_through_a_proxy_on_this_machine_is_not_this_machine(client: Client, name: str) -> None:
    assert client.get("/metrics", headers={name: "203.0.113.9"}).status_code == 403


def test_with_a_token_whoever_has_it_reads_metrics(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a-long-token"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer a-long-tokem"}).status_code == 403
    assert metrics(client, Authorization="Bearer a-long-token")


# --- what they say


def test_metrics_tell_of_rows_jobs_and_the_organisation(
    client: Client, connection: XeroConnection, xero: SimulatedXero
) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    records.invoice("INV-2", of=records.account("Pipe | Ltd <x>"), status=READY)
    export()
    engine.sweep()
    told = metrics(client)
    assert told["bms_rows invoices succeeded"] == 1
    assert told["bms_rows invoices failed"] == 1
    assert told["bms_jobs_ended completed_with_failures"] == 1
    assert told["bms_jobs_open running"] == 0
    assert told[f"bms_connected {connection.tenant_id}"] == 1
    assert 0 < told[f"bms_calls_left_today {connection.tenant_id}"] <= 5000
    assert 0 < told[f"bms_calls_left_this_minute {connection.tenant_id}"] < 58
    assert told["bms_calls_last_day"] > 1
    assert told["bms_sweep_age_seconds"] <= 1
    assert told["bms_oldest_unknown_seconds"] == 0


def test_metrics_tell_how_long_a_write_has_been_in_doubt(
    client: Client, connection: XeroConnection, xero: SimulatedXero
) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    send(check(), slices=1)
    XeroRequest.objects.filter(state="unknown").update(sent_at=clock.now() - timedelta(minutes=5))
    told = metrics(client)
    assert 300 <= told["bms_oldest_unknown_seconds"] <= 305
    assert told["bms_rows invoices unknown"] == 1
    assert told["bms_jobs_open waiting"] == 1


@pytest.mark.django_db(transaction=True)
def test_metrics_count_renewals_that_failed(client: Client, connection: XeroConnection, settings: Any) -> None:
    settings.XERO_TOKEN_URL = "http://127.0.0.1:1/token"
    XeroConnection.objects.update(expires_at=clock.now())
    with pytest.raises(XeroError):
        oauth.access_token(connection.pk)
    assert metrics(client)["bms_token_refresh_failures_total"] == 1


def test_before_the_first_sweep_there_is_no_age(client: Client) -> None:
    assert "bms_sweep_age_seconds" not in metrics(client)


def test_metrics_hold_no_token_and_no_name(client: Client, connection: XeroConnection, admin: User) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    export()
    connection.refresh_from_db()
    body = client.get("/metrics").content.decode()
    for secret in (connection.access_token, connection.refresh_token, "Bolt Ltd", "Acme"):
        assert secret
        assert secret not in body


def test_metrics_cost_the_same_queries_whatever_there_is(
    client: Client, connection: XeroConnection, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        records.invoice(f"INV-{number}", of=records.account(f"Bolt {number}"), status=READY)
    export()
    with django_assert_max_num_queries(16):
        client.get("/metrics")
