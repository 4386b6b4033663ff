"""What is forgotten, and what never is."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from finance.models import Invoice
from tests import records
from tests.xero_sync.driving import check, export, send, states
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, jobs, retention
from xero_sync.models import (
    DeepLink,
    Job,
    JobRow,
    LogLine,
    Schedule,
    WebhookEvent,
    XeroConnection,
    XeroLink,
    XeroRequest,
)

pytestmark = pytest.mark.django_db
READY = Invoice.Status.READY


def exported(connection: XeroConnection, *numbers: str) -> Job:
    for number in numbers or ("INV-1",):
        records.invoice(number, of=records.account(f"Bolt {number}"), status=READY)
    return export()


def ended_ago(job: Job, days: int) -> None:
    Job.objects.filter(pk=job.pk).update(finished_at=clock.now() - timedelta(days=days))


def bodies(job: Job) -> list[int]:
    return [len(bytes(each.body)) for each in job.requests.all()]


def test_bytes_of_old_requests_go_and_their_hash_stays(connection: XeroConnection) -> None:
    job = exported(connection)
    ended_ago(job, 89)
    retention.forget()
    assert min(bodies(job)) > 0
    ended_ago(job, 91)
    told = retention.forget()
    assert told["bodies and answers of requests"] == job.requests.count() > 0
    assert set(bodies(job)) == {0}
    assert all(each.sha256 and each.http_status == 200 for each in job.requests.all())
    assert retention.forget()["bodies and answers of requests"] == 0


def test_a_request_in_doubt_keeps_its_bytes_for_ever(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(), slices=1)
    assert states(job) == {"INV-1": "unknown"}
    # Even if the job were given up, with the row left to a person
    JobRow.objects.filter(job=job, state="unknown").update(state=JobRow.State.NEEDS_REVIEW)
    XeroRequest.objects.filter(job=job).update(state=XeroRequest.State.DONE)
    Job.objects.filter(pk=job.pk).update(state=Job.State.NEEDS_ATTENTION)
    ended_ago(job, 9999)
    before = (job.log.count(), job.rows.count())
    retention.forget()
    doubtful = XeroRequest.objects.get(job=job, rows__state=JobRow.State.NEEDS_REVIEW)
    assert len(bytes(doubtful.body)) > 0
    assert (job.log.count(), job.rows.count()) == before, "and what is known of it stays, too"
    assert jobs.look_again(job, user=None)
    engine.run(job.pk)
    assert states(job) == {"INV-1": "succeeded"}


def test_old_log_lines_go_and_jobs_rows_and_links_stay(connection: XeroConnection) -> None:
    job = exported(connection)
    ended_ago(job, 731)
    links, deep = XeroLink.objects.count(), DeepLink.objects.count()
    retention.forget()
    assert not LogLine.objects.filter(job=job).exists()
    assert states(job) == {"INV-1": "succeeded"}
    assert (XeroLink.objects.count(), DeepLink.objects.count()) == (links, deep)
    assert links >= 2


def test_a_page_of_a_job_whose_log_is_gone_still_opens(connection: XeroConnection, client: Any, admin: User) -> None:
    job = exported(connection)
    ended_ago(job, 731)
    retention.forget()
    client.force_login(admin)
    for page in ("", "log/", "log.csv", "rows.csv"):
        assert client.get(f"/finance/jobs/{job.number}/{page}").status_code == 200


def test_an_open_job_is_left_alone_however_old(connection: XeroConnection) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    job = check()
    jobs.send(job)
    Job.objects.filter(pk=job.pk).update(created=clock.now() - timedelta(days=9999), finished_at=None)
    before = job.log.count()
    retention.forget()
    assert job.log.count() == before


def test_checks_that_nobody_sent_go_after_a_month(connection: XeroConnection) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    kept, gone, parent = check(), check(), check()
    for job in (gone, parent):
        Job.objects.filter(pk=job.pk).update(state=Job.State.EXPIRED, finished_at=clock.now() - timedelta(days=31))
    Job.objects.filter(pk=kept.pk).update(retry_of=parent)
    assert retention.forget()["checks never sent"] == 1
    assert list(Job.objects.order_by("pk")) == [kept, parent]


def test_scheduled_jobs_that_found_nothing_go_after_a_week(
    connection: XeroConnection, xero: SimulatedXero, admin: User
) -> None:
    each = Schedule.objects.create(
        connection=connection, task=Schedule.Task.IMPORT_PAYMENTS, runs_as=admin, is_on=True, next_at=clock.now()
    )
    for _ in range(4):
        for number in engine.sweep():
            engine.run(number)
    (job,) = each.jobs.all()
    assert job.state == Job.State.COMPLETED
    ended_ago(job, 8)
    assert retention.forget()["scheduled jobs that found nothing to do"] == 1
    assert not each.jobs.exists()


def test_old_events_go(connection: XeroConnection) -> None:
    for name, days in (("new", 30), ("old", 32)):
        WebhookEvent.objects.create(
            sha256=name, tenant_id=connection.tenant_id, received_at=clock.now() - timedelta(days=days)
        )
    retention.forget()
    assert [event.sha256 for event in WebhookEvent.objects.all()] == ["new"]


def test_zero_days_keep_for_ever(connection: XeroConnection, settings: Any) -> None:
    settings.KEEP_PAYLOADS_DAYS = settings.KEEP_LOGS_DAYS = settings.KEEP_CHECKS_DAYS = settings.KEEP_EVENTS_DAYS = 0
    job = exported(connection)
    ended_ago(job, 9999)
    assert set(retention.forget()) == {"sessions that are over"}
    assert min(bodies(job)) > 0
    assert job.log.exists()


def test_the_command_counts_before_it_forgets(connection: XeroConnection) -> None:
    job = exported(connection)
    ended_ago(job, 731)
    number = job.log.count()
    out = StringIO()
    call_command("forget_old", dry_run=True, stdout=out)
    assert f"{number} lines of transaction logs would be forgotten" in out.getvalue()
    assert job.log.count() == number
    call_command("forget_old", stdout=StringIO())
    assert not job.log.exists()


def test_many_are_forgotten_bit_by_bit(connection: XeroConnection, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    job = exported(connection, "INV-1", "INV-2", "INV-3")
    ended_ago(job, 731)
    retention.forget()
    assert not job.log.exists()
