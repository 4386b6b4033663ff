"""Readings that a page asked for go on, whatever became of the bell or of the worker."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, lease, mirror, tasks
from xero_sync.models import MirrorStamp, XeroConnection, XeroRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What the bell is rung for: no worker hears it."""
    found: list[tuple[int, str]] = []
    monkeypatch.setattr(tasks.read_mirror, "delay", lambda connection_id, kind: found.append((connection_id, kind)))
    return found


def wanted(connection: XeroConnection, minutes_ago: int = 1) -> MirrorStamp:
    stamp = mirror.want(connection.tenant_id, "contacts")
    MirrorStamp.objects.filter(pk=stamp.pk).update(
        wanted_at=clock.now() - timedelta(minutes=minutes_ago), complete_at=None
    )
    stamp.refresh_from_db()
    return stamp


def test_a_reading_whose_bell_was_lost_is_rung_for_again(
    connection: XeroConnection, rung: list[tuple[int, str]]
) -> None:
    wanted(connection)
    engine.sweep()
    assert rung == [(connection.pk, "contacts")]
    mirror.read_wanted(connection.pk, "contacts")
    assert XeroRecord.objects.filter(kind="contacts").exists()
    engine.sweep()
    assert len(rung) == 1, "it has been read"


def test_a_reading_that_a_worker_has_in_hand_is_left_to_it(
    connection: XeroConnection, xero: SimulatedXero, rung: list[tuple[int, str]]
) -> None:
    stamp = wanted(connection)
    assert lease.take(stamp, "a worker")
    engine.sweep()
    assert rung == []
    before = xero.calls()
    mirror.read_wanted(connection.pk, "contacts")
    assert xero.calls() == before, "another worker reads nothing beside it"
    MirrorStamp.objects.update(lease_until=clock.now() - timedelta(seconds=1))  # it died
    engine.sweep()
    assert rung == [(connection.pk, "contacts")]


@pytest.mark.parametrize("what", ["failed", "hours ago", "disconnected"])
def test_nobody_rings_for_what_nobody_waits_for(
    connection: XeroConnection, rung: list[tuple[int, str]], what: str
) -> None:
    stamp = wanted(connection, minutes_ago=120 if what == "hours ago" else 1)
    if what == "failed":
        MirrorStamp.objects.filter(pk=stamp.pk).update(error="Xero isn't answering.")
    if what == "disconnected":
        XeroConnection.objects.update(state=XeroConnection.State.DISCONNECTED)
    engine.sweep()
    assert rung == []
