"""Mail to finance admins: once for each thing, to those with an address, and never lost."""

from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection as database

from bmsxero.roles import Role
from finance.models import Invoice
from tests import records
from tests.xero_sync.driving import export
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import alerts, clock, engine, pulse
from xero_sync.models import Alert, Job, Pulse, Schedule, SyncOptions, XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mail_is_on(settings: Any) -> None:
    settings.ALERTS = True


@pytest.fixture
def boss(user_of: Any) -> User:
    """A finance admin with an address."""
    user: User = user_of(Role.ADMIN)
    user.email = "boss@example.com"
    user.save()
    return user


def failed_job(number: str = "INV-1") -> Job:
    """Return a job of one invoice that Xero's rules forbid."""
    records.invoice(number, of=records.account(f"Bolt {number} | Ltd <x>"), status=Invoice.Status.READY)
    job = export()
    assert job.state == Job.State.COMPLETED_WITH_FAILURES, job.state
    return job


def age_connection(connection: XeroConnection, days: int) -> None:
    XeroConnection.objects.filter(pk=connection.pk).update(refreshed_at=clock.now() - timedelta(days=days, hours=1))


def test_a_failed_job_is_told_once_with_its_address(connection: XeroConnection, boss: User) -> None:
    job = failed_job()
    assert (alerts.watch(), alerts.watch()) == (1, 0)
    (told,) = mail.outbox
    assert told.to == ["boss@example.com"]
    assert told.subject == f"[BMS Finance] Job {job.number} completed with failures: Export invoices"
    assert f"http://localhost:8000/finance/jobs/{job.number}/" in told.body
    assert "1 failed" in told.body.lower()


def test_a_job_that_went_well_is_told_to_nobody(connection: XeroConnection, boss: User) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=Invoice.Status.READY)
    assert export().state == Job.State.COMPLETED
    assert alerts.watch() == 0


def test_a_check_that_failed_is_seen_by_who_made_it_and_not_mailed(connection: XeroConnection, boss: User) -> None:
    job = failed_job()
    Job.objects.filter(pk=job.pk).update(sent_at=None)
    assert alerts.watch() == 0


def test_mail_that_is_switched_off_is_not_written_either(connection: XeroConnection, boss: User, settings: Any) -> None:
    failed_job()
    settings.ALERTS = False
    assert alerts.watch() == 0
    assert not Alert.objects.exists()


def test_a_failure_from_before_mail_was_switched_on_is_history(connection: XeroConnection, boss: User) -> None:
    Job.objects.filter(pk=failed_job().pk).update(finished_at=clock.now() - timedelta(days=3))
    assert alerts.watch() == 0


def test_only_finance_admins_with_an_address_are_told(boss: User, user_of: Any) -> None:
    user_of(Role.FINANCE)
    User.objects.filter(username=Role.FINANCE).update(email="clerk@example.com")
    User.objects.create_superuser("root", "root@example.com")
    User.objects.create_superuser("gone", "gone@example.com", is_active=False)
    User.objects.create_superuser("silent")
    assert alerts.recipients() == ["boss@example.com", "root@example.com"]


def test_a_mail_server_that_is_away_delays_mail_and_loses_none(
    connection: XeroConnection, boss: User, monkeypatch: Any
) -> None:
    failed_job()

    def away(*_: Any) -> int:
        raise SMTPServerDisconnected("gone")

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", away)
        assert alerts.watch() == 0
    assert pulse.counts()[pulse.MAIL_FAILED] == 1
    assert alerts.watch() == 0, "not at once again"
    Alert.objects.update(claimed_at=clock.now() - timedelta(minutes=11))
    assert alerts.watch() == 1
    assert len(mail.outbox) == 1


def test_a_connection_that_needs_a_person_is_told_once_each_time(connection: XeroConnection, boss: User) -> None:
    broken = XeroConnection.objects.filter(pk=connection.pk)
    broken.update(state=XeroConnection.State.RECONNECT)
    assert (alerts.watch(), alerts.watch()) == (1, 0)
    assert mail.outbox[0].subject == "[BMS Finance] Acme MSP Ltd: Xero needs somebody to sign in again"
    assert "http://localhost:8000/finance/xero/setup/" in mail.outbox[0].body
    # Mended, and broken again
    broken.update(refreshed_at=clock.now() + timedelta(seconds=5))
    assert alerts.watch() == 1


@pytest.mark.parametrize(
    ("days", "left"), [(30, None), (45, None), (46, 14), (50, 10), (53, 7), (57, 3), (58, 2), (70, 0)]
)
def test_an_access_that_will_end_is_told(connection: XeroConnection, boss: User, days: int, left: int | None) -> None:
    age_connection(connection, days)
    alerts.watch()
    subjects = [each.subject for each in mail.outbox]
    assert subjects == ([] if left is None else [f"[BMS Finance] Acme MSP Ltd: access ends in {left} days"])


@pytest.mark.skipif(database.vendor == "postgresql", reason="PostgreSQL's own clock does not travel")
def test_it_is_told_at_fourteen_seven_and_two_days_once_each(connection: XeroConnection, boss: User) -> None:
    refreshed = clock.now() - timedelta(days=40)
    XeroConnection.objects.filter(pk=connection.pk).update(refreshed_at=refreshed)
    sent = []
    for day in range(40, 60):
        # The same renewal, seen from a later day
        with time_machine.travel(refreshed + timedelta(days=day, hours=1), tick=False):
            if alerts.watch():
                sent.append(60 - day)
    assert sent == [14, 7, 2]


def test_a_schedule_that_meets_the_same_trouble_again_is_told_once(
    connection: XeroConnection, xero: SimulatedXero, boss: User
) -> None:
    SyncOptions.objects.update(suggested=False)
    records.invoice("INV-1", of=records.account("Bolt | Ltd <x>"), status=Invoice.Status.READY)
    each = Schedule.objects.create(
        connection=connection, task=Schedule.Task.EXPORT_INVOICES, runs_as=boss, is_on=True, next_at=clock.now()
    )

    def run_once_more() -> int:
        Schedule.objects.filter(pk=each.pk).update(next_at=clock.now())
        for _ in range(5):
            for number in engine.sweep():
                engine.run(number)
        return alerts.watch()

    assert [run_once_more() for _ in range(3)] == [1, 0, 0]
    assert each.jobs.count() == 3
    assert "It runs by schedule." in mail.outbox[0].body
    records.invoice("INV-2", of=records.account("Cord | Ltd <x>"), status=Invoice.Status.READY)
    assert run_once_more() == 1, "another record fails: that is news"


def test_a_late_sweep_is_told_when_somebody_looks_at_a_job(
    connection: XeroConnection, boss: User, settings: Any, client: Any
) -> None:
    settings.CELERY_BROKER_URL = "redis://elsewhere/0"  # not the embedded one; the task itself goes to the test's
    job = failed_job()
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED)
    Pulse.objects.create(name=pulse.SWEEP, last_at=clock.now() - timedelta(minutes=20))
    client.force_login(boss)
    for _ in range(3):
        assert client.get(f"/finance/jobs/{job.number}/").status_code == 200
    assert pulse.counts()[pulse.NUDGE] == 1, "one call for a sweep a minute, however many look"
    alerts.watch()
    assert [each.subject for each in mail.outbox if "sweep" in each.subject] == ["[BMS Finance] The sweep is late"]


def test_no_mail_holds_a_token(connection: XeroConnection, boss: User) -> None:
    failed_job()
    XeroConnection.objects.filter(pk=connection.pk).update(state=XeroConnection.State.RECONNECT)
    alerts.watch()
    connection.refresh_from_db()
    everything = "".join(f"{each.subject}{each.body}" for each in mail.outbox)
    assert connection.access_token
    assert connection.access_token not in everything
    assert connection.refresh_token not in everything
