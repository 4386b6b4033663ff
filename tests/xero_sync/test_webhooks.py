"""Xero's webhooks: signed or refused, stored once, believed never; they only hurry the next reading."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock
from xero_sync.models import Schedule, WebhookEvent, XeroConnection

pytestmark = pytest.mark.django_db
KEY = "webhook-key-of-the-app"
PATHS = ("/hooks/accounting/", "/hooks/accounting")


@pytest.fixture
def xero_calls(settings: Any) -> Client:
    settings.XERO_WEBHOOK_KEY = KEY
    # As strict as a browser's request would find it
    return Client(enforce_csrf_checks=True)


def signed(body: bytes, key: str = KEY) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def post(client: Client, body: bytes, signature: str | None = None, path: str = PATHS[0]) -> Any:
    headers = {"x-xero-signature": signed(body) if signature is None else signature}
    return client.post(path, body, content_type="application/json", headers=headers)


def event(connection: XeroConnection, **changes: str) -> dict[str, str]:
    return {
        "resourceUrl": "http://169.254.169.254/latest/meta-data",
        "resourceId": "b2a3c1f0-6a3c-4b64-9ad9-1c2b0d5d8a10",
        "eventDateUtc": f"{clock.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3],
        "eventType": "UPDATE",
        "eventCategory": "INVOICE",
        "tenantId": connection.tenant_id,
        "tenantType": "ORGANISATION",
    } | changes


def body_of(*events: dict[str, str], **more: Any) -> bytes:
    return json.dumps({"events": list(events), "firstEventSequence": 1, "entropy": "S0m3", **more}).encode()


@pytest.fixture
def hourly(connection: XeroConnection, admin: User) -> Schedule:
    return Schedule.objects.create(
        connection=connection,
        task=Schedule.Task.IMPORT_PAYMENTS,
        is_on=True,
        runs_as=admin,
        next_at=clock.now() + timedelta(hours=1),
    )


def minutes_left(schedule: Schedule) -> Any:
    schedule.refresh_from_db()
    assert schedule.next_at
    return (schedule.next_at - clock.now()) / timedelta(minutes=1)


# --- signed or refused


@pytest.mark.parametrize("path", PATHS)
def test_intent_to_receive_is_passed_with_a_slash_and_without(xero_calls: Client, path: str) -> None:
    nothing = body_of()
    right, wrong = post(xero_calls, nothing, path=path), post(xero_calls, nothing, signed(nothing, "other"), path)
    assert (right.status_code, right.content, wrong.status_code, wrong.content) == (200, b"", 401, b"")


@pytest.mark.parametrize("signature", ["", "x", "é", "AAAA", signed(b"something else")])
def test_a_wrong_signature_is_401_whatever_the_body(xero_calls: Client, signature: str) -> None:
    assert post(xero_calls, b"{not json", signature).status_code == 401
    assert not WebhookEvent.objects.exists()


def test_no_signature_at_all_is_401(xero_calls: Client) -> None:
    assert xero_calls.post(PATHS[0], b"{}", content_type="application/json").status_code == 401


def test_without_a_key_there_is_no_such_page(xero_calls: Client, settings: Any) -> None:
    settings.XERO_WEBHOOK_KEY = ""
    assert post(xero_calls, body_of(), signed(body_of(), "")).status_code == 404


def test_the_answer_sets_no_cookie_and_redirects_nowhere_even_over_plain_http(
    xero_calls: Client, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = post(xero_calls, body_of())
    assert answer.status_code == 200
    assert not answer.cookies
    assert "Set-Cookie" not in answer.headers


def test_five_megabytes_are_refused_unread(xero_calls: Client) -> None:
    assert post(xero_calls, b"x" * 5_000_000).status_code == 413


def test_only_post_is_answered(xero_calls: Client) -> None:
    assert xero_calls.get(PATHS[0]).status_code == 405


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[]", b"{}", b'{"events": 5}', b'{"events": ["x"]}', b"[" * 100_000]
)
def test_what_is_signed_but_can_not_be_read_is_taken_and_forgotten(xero_calls: Client, body: bytes) -> None:
    assert post(xero_calls, body).status_code == 200
    assert not WebhookEvent.objects.exists()


# --- stored once


def test_an_event_is_stored_once_however_often_it_comes(xero_calls: Client, connection: XeroConnection) -> None:
    same = event(connection)
    post(xero_calls, body_of(same))
    post(xero_calls, body_of(same, same, lastEventSequence=9))
    stored = WebhookEvent.objects.get()
    assert (stored.category, stored.event_type, stored.tenant_id) == ("INVOICE", "UPDATE", connection.tenant_id)


def test_events_out_of_order_are_stored_alike(xero_calls: Client, connection: XeroConnection) -> None:
    later, earlier = event(connection), event(connection, eventDateUtc="2026-11-20T08:00:00.000", eventType="CREATE")
    post(xero_calls, body_of(later, earlier))
    assert WebhookEvent.objects.count() == 2


def test_an_unknown_organisation_is_ignored(xero_calls: Client, connection: XeroConnection) -> None:
    answer = post(xero_calls, body_of(event(connection, tenantId="00000000-0000-0000-0000-000000000000")))
    assert answer.status_code == 200
    assert not WebhookEvent.objects.exists()


def test_absurd_values_are_cut_to_size(xero_calls: Client, connection: XeroConnection) -> None:
    long = event(connection, eventCategory="X" * 9999, resourceId="a\0b" * 500, eventDateUtc="never")
    assert post(xero_calls, body_of(long)).status_code == 200
    assert len(WebhookEvent.objects.get().category) == 30


# --- a hint, no more


def test_an_invoice_event_brings_the_next_import_forward(
    xero_calls: Client, connection: XeroConnection, hourly: Schedule, xero: SimulatedXero
) -> None:
    before = xero.calls()
    start = time.monotonic()
    post(xero_calls, body_of(event(connection)))
    assert time.monotonic() - start < 1
    assert 0 < minutes_left(hourly) < 1
    assert xero.calls() == before, "nothing was fetched"


def test_a_storm_of_events_costs_one_run_in_five_minutes(
    xero_calls: Client, connection: XeroConnection, hourly: Schedule
) -> None:
    Schedule.objects.filter(pk=hourly.pk).update(started_at=clock.now())
    for number in range(5):
        post(xero_calls, body_of(event(connection, resourceId=str(number))))
    assert 4 < minutes_left(hourly) <= 5


@pytest.mark.parametrize(
    "changes",
    [{"eventCategory": "CONTACT"}, {"eventDateUtc": "2026-10-22T08:00:00.000"}],
    ids=["contact", "a month old"],
)
def test_what_says_nothing_of_payments_hurries_nothing(
    xero_calls: Client, connection: XeroConnection, hourly: Schedule, changes: dict[str, str]
) -> None:
    post(xero_calls, body_of(event(connection, **changes)))
    assert minutes_left(hourly) > 50
    assert WebhookEvent.objects.exists()


def test_a_repeated_event_hurries_only_once(xero_calls: Client, connection: XeroConnection, hourly: Schedule) -> None:
    same = body_of(event(connection))
    post(xero_calls, same)
    Schedule.objects.filter(pk=hourly.pk).update(next_at=clock.now() + timedelta(hours=1))
    post(xero_calls, same)
    assert minutes_left(hourly) > 50


def test_a_schedule_that_is_off_stays_off(xero_calls: Client, connection: XeroConnection, hourly: Schedule) -> None:
    Schedule.objects.filter(pk=hourly.pk).update(is_on=False)
    post(xero_calls, body_of(event(connection)))
    assert minutes_left(hourly) > 50
