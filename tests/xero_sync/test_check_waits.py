"""A check that Xero gives no answer to waits and goes on by itself; it asks for a person only after some tries."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.records import invoice
from tests.xero_sync.driving import forget
from xero_sync import clock, engine, jobs
from xero_sync.models import Job, LogLine, XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(connection: XeroConnection) -> Job:
    invoice("INV-1", status="ready")
    return jobs.start_check("invoices", "export", {"all": True}, user=None)


def work(job: Job) -> Job:
    engine.run(job.pk)
    return Job.objects.get(pk=job.pk)


@pytest.mark.parametrize("what", ["unavailable", "error_500_gate", "gateway_502", "reset_mid_answer", "malformed_json"])
def test_one_failed_read_only_makes_it_wait(job: Job, xero: Any, what: str, writer: Client) -> None:
    xero.fault(what, method="GET", endpoint="Contacts")
    job = work(job)
    assert (job.state, job.wait_why, job.failed_reads, job.rows.count()) == ("checking", "trouble", 1, 0)
    assert job.wait_until
    assert job.wait_until > clock.now()
    page = writer.get(f"/finance/jobs/{job.number}/").content.decode()
    assert "Waiting for Xero" in page
    assert re.search(r"Xero isn&#x27;t answering\..*1 try so far\..*Goes on by itself at", page, re.DOTALL)
    job = work(job)
    assert (job.state, job.wait_until, job.failed_reads) == ("checked", None, 0)
    assert job.counts["outcome"] == {"create": 1}


def test_the_sweep_takes_it_up_when_its_time_has_come_and_not_before(job: Job, xero: Any) -> None:
    xero.fault("unavailable", method="GET", endpoint="Contacts")
    job = work(job)
    assert job.wait_until
    assert job not in jobs.due(clock.now())
    assert job in jobs.due(job.wait_until + timedelta(seconds=1))


def test_a_person_is_asked_after_five_tries(job: Job, xero: Any) -> None:
    xero.fault("unavailable", method="GET", endpoint="Contacts", times=5)
    for _ in range(engine.MOST_READS):
        job = work(job)
    assert job.state == Job.State.NEEDS_ATTENTION
    assert job.problem.endswith("It was tried 5 times.")
    assert LogLine.objects.filter(job=job, action="Wait").count() == 4


def test_a_limit_makes_it_wait_until_xero_says(job: Job, xero: Any) -> None:
    xero.fault("rate_limit_minute", method="GET", endpoint="Contacts")
    job = work(job)
    assert (job.state, job.wait_why, job.failed_reads) == ("checking", "limit", 0)
    assert job.wait_until
    XeroConnection.objects.update(blocked_until=None, blocked_why="")
    assert work(job).state == Job.State.CHECKED


def test_an_import_waits_in_the_same_way(connection: XeroConnection, xero: Any) -> None:
    forget("contacts")
    job = jobs.start_check("contacts", "import", {"all": True, "fresh": True}, user=None)
    xero.fault("unavailable", method="GET", endpoint="Contacts")
    assert work(job).wait_why == "trouble"
    assert work(job).state == Job.State.CHECKED


def test_a_command_waits_along_and_says_why(
    connection: XeroConnection, xero: Any, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.XERO_SETTLE_SECONDS = 3
    invoice("INV-1", status="ready")
    xero.fault("unavailable", method="GET", endpoint="Contacts")
    with pytest.raises(SystemExit) as left:
        call_command("xero_export", "invoices", "--all", "--check", stdout=StringIO())
    assert left.value.code == 0
    assert "Try 1 of 5." in capsys.readouterr().err
