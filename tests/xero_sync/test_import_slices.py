"""A long import gives its worker back now and then, and goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import TestCase

from crm.models import Account
from finance.models import Invoice, Payment
from tests import records
from tests.xero_sync.driving import bring, check_import, export, import_payments
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, imports, jobs, lease, outbox, tasks
from xero_sync.models import Job, JobRow, XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    cut(monkeypatch)


def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice be over after two records."""
    monkeypatch.setattr(outbox, "SLICE", timedelta(0))
    monkeypatch.setattr(imports, "CHUNK", 2)


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The queue: numbers of the jobs that were rung for."""
    rung: list[int] = []
    monkeypatch.setattr(tasks.run_job, "delay", rung.append)
    return rung


def contacts(xero: SimulatedXero, name: str, number: int = 7) -> dict[str, object]:
    """Write contacts of a name and a number into Xero. Return the rule that chooses them."""
    xero.write("Contacts", *({"Name": f"{name} {n}"} for n in range(number)))
    return {"all": True, "filters": {"text": name}}


def sent(job: Job) -> Job:
    assert jobs.send(job)
    return job


def answered(bells: list[int]) -> list[int]:
    """Let one thread answer the bells, each in its turn, until none is left. Return whose they were."""
    order = []
    while bells:
        order.append(bells.pop(0))
        with TestCase.captureOnCommitCallbacks(execute=True):
            engine.answer(order[-1])
    return order


def told(job: Job, name: str) -> list[tuple[str, str, str, str, str]]:
    """Return the log of a job, without what differs by the name of its records and by its number."""
    lines = job.log.order_by("id").values_list("step", "action", "outcome", "record", "message")
    return [tuple(part.replace(name, "…").replace(f"Job {job.number}", "Job") for part in line) for line in lines]  # type: ignore[misc]


def test_in_slices_an_import_comes_to_the_same_log_and_counts(
    connection: XeroConnection, xero: SimulatedXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bring("contacts", contacts(xero, "Alpha"))
    cut(monkeypatch)
    sliced = sent(check_import("contacts", contacts(xero, "Gamma")))
    done = []
    while not sliced.is_ended:
        engine.run(sliced.pk)
        sliced.refresh_from_db()
        done.append(sliced.rows.filter(state=JobRow.State.SUCCEEDED).count())
    assert done == [2, 4, 6, 7]
    assert told(sliced, "Gamma") == told(whole, "Alpha")
    assert {**jobs.results(sliced), "job": 0} == {**jobs.results(whole), "job": 0}
    assert Account.objects.filter(name__startswith="Gamma").count() == 7


def test_payments_come_in_slices_each_once(
    connection: XeroConnection, xero: SimulatedXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = records.account("Bolt Ltd")
    made = [records.invoice(f"INV-{n}", of=account, status=Invoice.Status.READY) for n in range(5)]
    export(status="AUTHORISED")
    xero.control("pay", invoices=[invoice.number for invoice in made])
    cut(monkeypatch)
    job = import_payments()
    assert job.state == Job.State.COMPLETED
    assert jobs.results(job)["created"] == Payment.objects.count() == 5
    assert set(Invoice.objects.values_list("balance_due", flat=True)) == {0}
    assert job.log.filter(step="import").count() == 5


@pytest.mark.usefixtures("short")
def test_others_get_on_where_an_import_has_the_only_thread(
    connection: XeroConnection, xero: SimulatedXero, bells: list[int]
) -> None:
    long = check_import("contacts", contacts(xero, "Alpha"))
    other = check_import("contacts", contacts(xero, "Gamma", 1))
    with TestCase.captureOnCommitCallbacks(execute=True):
        sent(long), sent(other)
    assert answered(bells) == [long.pk, other.pk, long.pk, long.pk, long.pk]
    long.refresh_from_db(), other.refresh_from_db()
    assert long.state == other.state == Job.State.COMPLETED


@pytest.mark.usefixtures("short")
def test_between_slices_an_import_is_due_behind_those_that_were_not_served(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    long = sent(check_import("contacts", contacts(xero, "Alpha")))
    other = sent(check_import("contacts", contacts(xero, "Gamma", 1)))
    engine.run(long.pk)
    long.refresh_from_db()
    assert (long.state, long.counts["state"]) == (Job.State.RUNNING, {"succeeded": 2, "pending": 5})
    assert list(jobs.due(clock.now())) == [other, long]


@pytest.mark.usefixtures("short")
def test_an_import_stopped_between_slices_does_no_more(connection: XeroConnection, xero: SimulatedXero) -> None:
    job = sent(check_import("contacts", contacts(xero, "Alpha")))
    engine.run(job.pk)
    jobs.stop(job, user=None)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.STOPPED
    assert (Account.objects.count(), job.rows.filter(reason="stopped").count()) == (2, 5)


def test_a_worker_that_has_to_go_hands_an_import_on_at_once(
    connection: XeroConnection, xero: SimulatedXero, bells: list[int]
) -> None:
    job = sent(check_import("contacts", contacts(xero, "Alpha")))
    bells.clear()
    lease.leaving.set()
    try:
        with TestCase.captureOnCommitCallbacks(execute=True):
            engine.run(job.pk)
    finally:
        lease.leaving.clear()
    assert bells == [job.pk]
    assert answered(bells) == [job.pk]
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED
