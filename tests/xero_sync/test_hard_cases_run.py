"""Jobs at the edge: short leases, tokens that fail, two workers, long waits, whatever a run can meet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database

from finance.models import Invoice, InvoiceLine
from tests import records
from tests.xero_sync.driving import check, check_payments, export, outcome, send, states
from tests.xero_sync.simulated import SimulatedXero
from tests.xero_sync.witness import TOKENS, Witness
from xero_sync import clock, engine, jobs, lease, oauth
from xero_sync.errors import Unanswered
from xero_sync.models import Job, JobRow, MirrorStamp, XeroConnection, XeroRequest

pytestmark = pytest.mark.django_db
READY = Invoice.Status.READY


@pytest.fixture(autouse=True)
def _no_settle_time(settings: Any) -> None:
    settings.XERO_SETTLE_SECONDS = 0


def invoices(count: int) -> list[Invoice]:
    account = records.account("Bolt Ltd")
    return [records.invoice(f"INV-{n}", of=account, status=READY) for n in range(count)]


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_lease_of_four_seconds_is_enough_for_slow_calls(
    connection: XeroConnection, xero: SimulatedXero, settings: Any, parallel: int
) -> None:
    settings.XERO_LEASE_SECONDS, settings.XERO_PARALLEL = 4, parallel
    invoices(120)
    xero.control("limits", latency_ms=1500)
    job = send(check(), slices=12)
    assert set(states(job).values()) == {"succeeded"}
    assert len(xero.invoices()) == 120


def test_a_lease_of_four_seconds_is_enough_for_slow_mapping(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_LEASE_SECONDS = 4
    for made in invoices(30):
        InvoiceLine.objects.bulk_create(
            InvoiceLine(invoice=made, position=p, description="Hour", unit_price=1) for p in range(2, 401)
        )
        made.recalculate()
    job = send(check(), slices=6)
    assert set(states(job).values()) == {"succeeded"}, outcome(job)
    assert len(xero.invoices()) == 30


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("fault", ["error_500_half", "timeout_after", "gateway_504_after", "missing_element"])
def test_nothing_is_sent_twice_however_many_are_on_the_wire(
    connection: XeroConnection, xero: SimulatedXero, settings: Any, fault: str, parallel: int
) -> None:
    settings.XERO_LEASE_SECONDS, settings.XERO_PARALLEL = 4, parallel
    invoices(120)
    xero.fault(fault, method="PUT", endpoint="Invoices", nth=2, seconds=3)
    job = check(invoice_number="xero_number")
    assert jobs.send(job)
    for _ in range(12):
        Job.objects.filter(pk=job.pk).update(wait_until=None)
        engine.run(job.pk)
    job.refresh_from_db()
    assert set(states(job).values()) == {"succeeded"}, job.state
    assert len(xero.invoices()) == 120


def test_tokens_that_die_under_three_calls_are_renewed_once(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoices(150)
    xero.fault("unauthorized", method="PUT", endpoint="Invoices", times=3)
    job = export()
    assert job.state == "completed", job.problem
    assert len(xero.invoices()) == 150


def test_a_fresh_token_that_is_refused_too_parks_the_job(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoices(1)
    xero.fault("unauthorized", method="PUT", endpoint="Invoices", times=2)
    job = send(check(), slices=1)
    assert (job.state, job.wait_why, set(states(job).values())) == ("waiting", "reconnect", {"pending"})


@pytest.mark.parametrize("fault", ["error_500_before", "timeout_after", "malformed_json", "no_refresh_token"])
def test_a_sign_in_service_in_trouble_loses_nothing(
    connection: XeroConnection, xero: SimulatedXero, fault: str
) -> None:
    invoices(1)
    job = check()
    xero.control("expire-tokens")
    XeroConnection.objects.update(expires_at=clock.now())
    xero.fault(fault, endpoint="token", seconds=1)
    assert jobs.send(job)
    for _ in range(4):
        engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == "completed", (job.state, job.problem)


@pytest.mark.parametrize("answer", [(200, {}), (200, []), (400, []), (200, {**TOKENS, "expires_in": "soon"})])
def test_a_sign_in_service_that_talks_nonsense_is_asked_again_later(
    connection: XeroConnection, settings: Any, answer: tuple[int, Any]
) -> None:
    witness = Witness()
    try:
        settings.XERO_TOKEN_URL = f"{witness.url}/token"
        witness.answers["/token"] = answer
        XeroConnection.objects.update(expires_at=clock.now())
        with pytest.raises(Unanswered):
            oauth.access_token(connection.pk)
    finally:
        witness.close()


def test_an_import_left_behind_is_found_although_an_export_holds_the_organisation(connection: XeroConnection) -> None:
    job = check_payments()
    jobs.send(job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    assert lease.take(connection, "an export that runs for hours")
    assert job in jobs.due(clock.now())


def test_a_running_import_is_not_taken_for_abandoned(connection: XeroConnection) -> None:
    job = check_payments()
    jobs.send(job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    assert lease.take(job, "its worker")
    assert job not in jobs.due(clock.now())


def test_a_check_of_many_calls_keeps_its_lease(connection: XeroConnection, xero: SimulatedXero, settings: Any) -> None:
    settings.XERO_LEASE_SECONDS = 4
    invoices(3)
    MirrorStamp.objects.all().delete()
    XeroConnection.objects.update(organisation_read_at=None)
    xero.control("limits", latency_ms=1200)
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    lost: list[bool] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and "xero_sync_jobrow" in sql:
            row = Job.objects.get(pk=job.pk)
            lost.append(row.lease_until is None or row.lease_until < clock.now())
        return execute(sql, params, many, context)

    with database.execute_wrapper(watch):
        engine.run(job.pk)
    assert lost == [False]


def test_a_locked_database_leaves_the_job_to_the_next_run(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoices(1)
    job = check()
    assert jobs.send(job)

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "xero_sync_xerolink" in sql and sql.startswith("INSERT"):
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    with database.execute_wrapper(refuse):
        engine.run(job.pk)
    job.refresh_from_db()
    assert job.is_open, job.problem
    XeroRequest.objects.filter(state="sent").update(lease_until=clock.now() - timedelta(seconds=1))
    for _ in range(4):
        engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == "completed", job.problem
    assert len(xero.invoices()) == 1
    assert not JobRow.objects.filter(state__in=JobRow.OPEN).exists()
