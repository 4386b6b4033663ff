"""Doubt in bad company: other jobs, Stop, edits and reconnects while nobody knows what Xero has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from finance.models import Invoice, Item
from tests import records
from tests.xero_sync.driving import check, export, send, states, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, jobs, oauth, tasks
from xero_sync.batches import Batch
from xero_sync.gateway import Gateway
from xero_sync.kinds import export_kind
from xero_sync.kinds.base import Accepted
from xero_sync.models import Job, JobRow, XeroConnection, XeroLink, XeroRequest

pytestmark = pytest.mark.django_db
READY = Invoice.Status.READY


@pytest.fixture(autouse=True)
def _no_settle_time(settings: Any) -> None:
    settings.XERO_SETTLE_SECONDS = 0


def writes(xero: SimulatedXero, endpoint: str) -> list[dict[str, Any]]:
    return [write for write in xero.ledger() if write["path"].startswith(f"/{endpoint}")]


def settle_now(job: Job) -> None:
    """Let the settle time of what is in doubt be over."""
    XeroRequest.objects.filter(job=job, state="unknown").update(due_at=clock.now() - timedelta(seconds=1))


def work_until_ended(job: Job, slices: int = 12) -> Job:
    for _ in range(slices):
        engine.run(job.pk)
        job.refresh_from_db()
        if job.is_ended:
            break
    return job


@pytest.mark.parametrize("kind", ["Contacts", "Items"])
def test_what_another_job_has_linked_meanwhile_is_taken_as_it_is(
    connection: XeroConnection, xero: SimulatedXero, settings: Any, kind: str
) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    account = records.account("Bolt Ltd")
    item = Item.objects.create(kind="service", name="Backup")
    one, two = (records.invoice(f"INV-{n}", of=account, status=READY) for n in range(2))
    for each in (one, two):
        each.lines.update(item=item)
    xero.fault("error_500_after", method="PUT", endpoint=kind)
    first = send(check({"ids": [str(one.uuid)]}), slices=1)
    assert first.state == "waiting"
    settings.XERO_SETTLE_SECONDS = 0
    second = export({"ids": [str(two.uuid)]})
    assert states(second) == {"INV-1": "succeeded"}
    settle_now(first)
    work_until_ended(first)
    assert states(first) == {"INV-0": "succeeded"}, first.problem
    assert len(xero.invoices()) == 2


def test_an_invoice_renumbered_while_in_doubt_is_found_under_the_number_that_was_sent(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    made = records.invoice("INV-1", status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(), slices=1)
    Invoice.objects.filter(pk=made.pk).update(number="INV-1A")
    settle_now(job)
    work_until_ended(job)
    assert len(xero.invoices()) == 1
    assert set(states(job).values()) == {"succeeded"}


@pytest.mark.parametrize("change", ["date", "account"])
def test_an_invoice_changed_while_in_doubt_is_found_where_it_was_sent(
    connection: XeroConnection, xero: SimulatedXero, settings: Any, change: str
) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    made = records.invoice("INV-1", status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(invoice_number="xero_number"), slices=1)
    if change == "date":
        Invoice.objects.filter(pk=made.pk).update(date=made.date - timedelta(days=1))
    else:
        Invoice.objects.filter(pk=made.pk).update(account=records.account("Nut Ltd"))
    settle_now(job)
    work_until_ended(job)
    assert len(xero.invoices()) == 1
    assert set(states(job).values()) == {"succeeded"}


@pytest.mark.parametrize("numbering", ["bms_number", "xero_number"])
def test_an_invoice_deleted_here_while_in_doubt_needs_a_person(
    connection: XeroConnection, xero: SimulatedXero, settings: Any, numbering: str
) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    made = records.invoice("INV-1", status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(invoice_number=numbering), slices=1)
    Invoice.objects.filter(pk=made.pk).delete()
    settle_now(job)
    work_until_ended(job)
    assert (job.state, job.error_id) == ("needs_attention", "")
    assert "deleted here" in the_row(job, "INV-1").message


def test_a_tax_rate_saved_without_an_answer_is_not_sent_twice(connection: XeroConnection, xero: SimulatedXero) -> None:
    tax = records.tax("City levy", "7.77")
    records.invoice("INV-1", status=READY, tax=tax)
    xero.fault("error_500_after", method="PUT", endpoint="TaxRates")
    job = export()
    assert states(job) == {"INV-1": "succeeded"}
    assert len(writes(xero, "TaxRates")) == 1


def test_a_contact_waits_for_its_tax_that_is_in_doubt(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    tax = records.tax("City levy", "7.77")
    records.invoice("INV-1", status=READY, of=records.account("Bolt Ltd", sales_tax=tax))
    xero.fault("error_500_after", method="PUT", endpoint="TaxRates")
    job = send(check(), slices=1)
    assert writes(xero, "Contacts") == []
    settle_now(job)
    work_until_ended(job)
    assert states(job) == {"INV-1": "succeeded"}


def test_a_contact_whose_tax_was_refused_is_not_sent_without_it(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    tax = records.tax("City levy", "7.77")
    records.invoice("INV-1", status=READY, of=records.account("Bolt Ltd", sales_tax=tax))
    xero.fault("validation_400_whole", method="PUT", endpoint="TaxRates", message="No such tax")
    job = export()
    assert states(job) == {"INV-1": "failed"}
    assert "No such tax" in the_row(job, "INV-1").message
    assert writes(xero, "Contacts") == []


def test_a_contact_whose_tax_needs_a_decision_stops_its_invoice_at_check(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    tax = records.tax("Nought", "0")
    records.invoice("INV-1", status=READY, of=records.account("Bolt Ltd", sales_tax=tax))
    assert the_row(check(), "INV-1").reason == "tax_ambiguous"


def test_a_stopped_job_in_doubt_does_not_spin(
    connection: XeroConnection, xero: SimulatedXero, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    records.invoice("INV-1", status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(), slices=1)
    jobs.stop(job, user=None)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == "stopping"
    assert job not in jobs.due(clock.now())
    assert not _rung_by(lambda: engine.run(job.pk), monkeypatch)
    settle_now(job)
    assert job in jobs.due(clock.now() + timedelta(seconds=400))
    work_until_ended(job)
    assert job.state == "stopped"
    assert states(job) == {"INV-1": "succeeded"}


def _rung_by(act: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    rung: list[int] = []
    monkeypatch.setattr(tasks.run_job, "delay", rung.append)
    from django.test import TestCase

    with TestCase.captureOnCommitCallbacks(execute=True):
        act()
    return rung


def test_a_job_that_waits_for_a_reconnect_can_be_stopped(connection: XeroConnection, xero: SimulatedXero) -> None:
    records.invoice("INV-1", status=READY)
    job = check()
    xero.control("disconnect")
    send(job, slices=1)
    assert (job.state, job.wait_why) == ("waiting", "reconnect")
    XeroConnection.objects.update(organisation_read_at=clock.now() - timedelta(hours=1))
    jobs.stop(job, user=None)
    work_until_ended(job, slices=3)
    assert (job.state, states(job)) == ("stopped", {"INV-1": "skipped"})


def test_a_stopped_job_in_doubt_goes_on_after_a_reconnect(
    connection: XeroConnection, xero: SimulatedXero, settings: Any, admin: Any
) -> None:
    from tests.xero_sync.conftest import connect

    settings.XERO_SETTLE_SECONDS = 300
    records.invoice("INV-1", status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(), slices=1)
    xero.control("disconnect")
    jobs.stop(job, user=None)
    settle_now(job)
    work_until_ended(job, slices=3)
    assert job.state == "stopping"
    jobs.resume_after_reconnect(connect(xero, admin))
    job.refresh_from_db()
    assert job in jobs.due(clock.now())
    work_until_ended(job)
    assert (job.state, states(job)) == ("stopped", {"INV-1": "succeeded"})


def test_an_update_that_never_gets_an_answer_ends_with_a_person(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    account = records.account("Bolt Ltd")
    records.site(account, billing_email="old@bolt.test")
    records.invoice("INV-1", of=account, status=READY)
    export()
    account.sites.update(billing_email="new@bolt.test")
    records.invoice("INV-2", of=account, status=READY)
    xero.fault("error_500_before", method="POST", endpoint="Contacts", times=50)
    job = check(keep_contacts=False)
    send(job, slices=30)
    assert job.state == "needs_attention", job.state
    assert len(writes(xero, "Contacts")) < 12


def test_calls_that_were_not_executed_do_not_count_as_attempts(connection: XeroConnection, xero: SimulatedXero) -> None:
    records.invoice("INV-1", status=READY)
    xero.fault("rate_limit_minute", method="PUT", endpoint="Invoices", times=5, retry_after=0)
    xero.fault("error_500_before", method="PUT", endpoint="Invoices", nth=6)
    job = check()
    assert jobs.send(job)
    for _ in range(12):
        XeroConnection.objects.update(blocked_until=None)
        engine.run(job.pk)
    job.refresh_from_db()
    assert states(job) == {"INV-1": "succeeded"}, the_row(job, "INV-1").message


def test_the_look_ups_of_an_outage_are_spread_over_half_a_day(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_SETTLE_SECONDS = 420
    records.invoice("INV-1", status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    xero.fault("unavailable", method="GET", endpoint="Invoices", times=9)
    job = send(check({"all": True}, invoice_number="xero_number"), slices=1)
    waits = []
    for _ in range(3):
        settle_now(job)
        engine.run(job.pk)
        due = XeroRequest.objects.get(job=job, state="unknown").due_at
        assert due
        waits.append(round((due - clock.now()) / timedelta(hours=1), 1))
    assert waits[0] < waits[1] < waits[2]
    assert 10 < waits[2] < 14
    settle_now(job)
    work_until_ended(job)
    assert states(job) == {"INV-1": "needs_review"}


def test_a_link_made_by_somebody_else_meanwhile_leaves_the_rest_of_the_batch_alone(connection: XeroConnection) -> None:
    """The answer of a batch comes back, and one of its records has been linked in between."""
    accounts = [records.account(f"Bolt {n} Ltd") for n in range(3)]
    for n, account in enumerate(accounts):
        records.invoice(f"INV-{n}", of=account, status=READY)
    job = check()
    batch = Batch(job, export_kind("contacts"), list(job.rows.filter(kind="contacts")))
    XeroLink.objects.create(
        tenant_id=job.tenant_id, kind="contacts", local_id=accounts[0].uuid, xero_id="another", matched_by="a person"
    )
    for n, row in enumerate(batch.rows):
        batch.succeed(row, Accepted(f"xero-{n}"), how="created", matched_by="created", message="Created in Xero.")
    batch.flush()
    found = dict(job.rows.filter(kind="contacts").values_list("label", "state"))
    assert found == {"Bolt 0 Ltd": "needs_review", "Bolt 1 Ltd": "succeeded", "Bolt 2 Ltd": "succeeded"}
    assert XeroLink.objects.filter(kind="contacts").count() == 3


def test_two_documents_with_our_link_are_left_to_a_person(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_SETTLE_SECONDS = 420
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=Invoice.Status.READY)
    job = check(invoice_number="xero_number")
    xero.fault("reset_after", method="PUT", endpoint="Invoices")
    jobs.send(job)
    engine.run(job.pk)
    request = job.requests.get(kind="invoices")
    # Somebody has copied it, link and all
    token = oauth.access_token(connection.pk)
    Gateway(connection).exchange("PUT", request.path, token=token, body=bytes(request.body))
    XeroRequest.objects.filter(pk=request.pk).update(due_at=clock.now())
    engine.run(job.pk)
    row = job.rows.get(requested=True)
    assert row.state == JobRow.State.NEEDS_REVIEW
    assert all(each["invoice_id"] in row.message for each in xero.invoices())
    assert len(xero.invoices()) == 2, "nothing more is sent"
