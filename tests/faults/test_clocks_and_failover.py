"""The clock of a machine jumps; the database drops every connection in the middle of a job."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import pytest
import time_machine
from django.db import connection as database
from django.db import connections

from tests.faults.processes import born, dies, ends, let_time_pass, until_it_ends
from tests.faults.test_crashes import all_is_well, invoices, sent
from tests.xero_sync.driving import check, check_payments, export
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, failpoints, lease, oauth
from xero_sync.models import Job, XeroConnection, XeroRequest

pytestmark = [
    pytest.mark.fault,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
on_postgresql = pytest.mark.skipif(database.vendor != "postgresql", reason="needs PostgreSQL: TEST_SERVICES=1")
TEN_MINUTES = timedelta(minutes=10)


def off_by(jump: timedelta) -> time_machine.travel:
    """Let the clock of this machine, and of processes that it starts, be wrong."""
    return time_machine.travel(datetime.now().astimezone() + jump, tick=True)


@pytest.mark.parametrize("mode", ["bms_number", "xero_number"])
@pytest.mark.parametrize("jump", [TEN_MINUTES, -TEN_MINUTES], ids=["ahead", "back"])
def test_a_clock_that_was_wrong_when_the_worker_died_makes_no_second_invoice(
    connection: XeroConnection, xero: SimulatedXero, jump: timedelta, mode: str
) -> None:
    invoices()
    job = sent(check(invoice_number=mode))
    with off_by(jump):
        dies(lambda: engine.run(job.pk), "answered:invoices")
    let_time_pass()  # with SQLite, the lease of a clock that was ahead lasts so much longer
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert len(xero.invoices()) == 3


def test_a_clock_that_jumps_between_all_slices_makes_no_second_invoice(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    invoices()
    job = sent(check(invoice_number="xero_number"))
    for number, point in enumerate(("written", "fenced", "answered", "looking", "resolving")):
        with off_by(TEN_MINUTES * (1 if number % 2 else -1)):
            ends(born(lambda: engine.run(job.pk), failpoint=f"{point}:invoices"))
    let_time_pass()
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert len(xero.invoices()) == 3


def test_a_clock_that_went_back_uses_a_dead_token_for_one_call_at_most(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    invoices()
    job = check()
    xero.control("expire-tokens")
    with off_by(-timedelta(minutes=40)):
        engine.run(sent(job).pk)
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)


@on_postgresql
@pytest.mark.parametrize("jump", [TEN_MINUTES, -TEN_MINUTES], ids=["ahead", "back"])
def test_with_postgresql_leases_and_waits_go_by_its_clock_alone(
    connection: XeroConnection, xero: SimulatedXero, jump: timedelta
) -> None:
    invoices()
    job = sent(check())
    token = oauth.access_token(connection.pk)
    before = clock.now()
    with off_by(jump):
        dies(lambda: engine.run(job.pk), "answered:invoices")
        assert abs(clock.now() - before) < TEN_MINUTES / 2
        connection.refresh_from_db()
        assert connection.lease_until is not None
        assert before < connection.lease_until < clock.now() + lease.length()
        assert not lease.take(connection, "somebody else")
        assert oauth.access_token(connection.pk) == token
        assert engine.sweep() == []
    (request,) = XeroRequest.objects.filter(kind="invoices")
    assert request.sent_at is not None
    assert before < request.sent_at < clock.now()


class _Failover:
    """At a failpoint, the database drops every connection, as it does when another server takes over."""

    def __init__(self, point: str, kind: str) -> None:
        self.at = (point, kind)
        known = database.get_connection_params()
        self.server = {name: known[name] for name in ("dbname", "user", "password", "host", "port") if name in known}

    def strike(self, point: str, kind: str) -> None:
        if (point, kind) != self.at:
            return
        self.at = ("", "")
        with psycopg.connect(**self.server) as apart:
            apart.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            os.write(2, b"dropped")


def lives_through(act: Callable[[], object], point: str, kind: str) -> None:
    """Do something in a child process while the database fails over at a point. It must not die of it."""

    def fail_over() -> None:
        failpoints._armed = _Failover(point, kind)  # type: ignore[assignment]

    assert ends(born(act, sabotage=fail_over)) == 0
    connections.close_all()


SENDING = ("claimed", "writing", "written", "fenced", "answered", "recording", "recorded")


@on_postgresql
@pytest.mark.parametrize("mode", ["bms_number", "xero_number"])
@pytest.mark.parametrize("point", SENDING)
def test_an_export_lives_through_a_failover(
    connection: XeroConnection, xero: SimulatedXero, capfd: pytest.CaptureFixture[str], point: str, mode: str
) -> None:
    invoices()
    job = sent(check(invoice_number=mode))
    lives_through(lambda: engine.run(job.pk), point, "invoices")
    assert "dropped" in capfd.readouterr().err
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert len(xero.invoices()) == 3


@on_postgresql
@pytest.mark.parametrize("point", ["looking", "resolving", "resolved"])
def test_a_look_up_lives_through_a_failover(
    connection: XeroConnection, xero: SimulatedXero, capfd: pytest.CaptureFixture[str], point: str
) -> None:
    invoices()
    job = sent(check())
    dies(lambda: engine.run(job.pk), "answered:invoices")
    let_time_pass()
    lives_through(lambda: engine.run(job.pk), point, "invoices")
    assert "dropped" in capfd.readouterr().err
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)


@on_postgresql
@pytest.mark.parametrize("point", ["applying", "applied"])
def test_an_import_lives_through_a_failover(
    connection: XeroConnection, xero: SimulatedXero, capfd: pytest.CaptureFixture[str], point: str
) -> None:
    made = invoices()
    export(status="AUTHORISED")
    xero.control("pay", invoices=[invoice.number for invoice in made])
    job = sent(check_payments())
    lives_through(lambda: engine.run(job.pk), point, "payments")
    assert "dropped" in capfd.readouterr().err
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert all(invoice.balance_due == 0 for invoice in type(made[0]).objects.all())
