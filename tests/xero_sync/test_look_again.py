"""What a person was to look at is not the end: Xero can be asked again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from bmsxero.roles import Role
from finance.models import Invoice
from tests import records
from tests.xero_sync.driving import check, send, states
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import engine, jobs
from xero_sync.models import Job, XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_review(connection: XeroConnection, xero: SimulatedXero, settings: Any) -> Job:
    """A job whose invoice Xero did not answer for four times."""
    settings.XERO_SETTLE_SECONDS = 0
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=Invoice.Status.READY)
    job = check()
    xero.fault("error_500_before", method="PUT", endpoint="Invoices", times=4)
    send(job)
    assert (job.state, states(job)) == ("needs_attention", {"INV-1": "needs_review"})
    return job


def test_what_xero_still_lacks_is_sent_after_a_person_says_so(in_review: Job, xero: SimulatedXero) -> None:
    assert jobs.look_again(in_review, user=None)
    engine.run(in_review.pk)
    in_review.refresh_from_db()
    assert (in_review.state, states(in_review)) == ("completed", {"INV-1": "succeeded"})
    assert len(xero.invoices()) == 1


def test_asking_twice_does_it_once(in_review: Job) -> None:
    assert jobs.look_again(in_review, user=None)
    assert not jobs.look_again(in_review, user=None)


def test_the_result_page_offers_it_to_those_who_may(in_review: Job, client_of: Any) -> None:
    page = client_of(Role.FINANCE).get(f"/finance/jobs/{in_review.number}/").content.decode()
    assert "Look in Xero again (1)" in page
    assert (
        "Look in Xero again" not in client_of(Role.SUPPORT).get(f"/finance/jobs/{in_review.number}/").content.decode()
    )


def test_pressing_it_queues_the_job(in_review: Job, client_of: Any) -> None:
    writer: Client = client_of(Role.FINANCE)
    assert writer.get(f"/finance/jobs/{in_review.number}/look-again/").status_code == 405
    assert writer.post(f"/finance/jobs/{in_review.number}/look-again/").status_code == 302
    in_review.refresh_from_db()
    assert in_review.state == Job.State.QUEUED
    assert client_of(Role.VIEWER).post(f"/finance/jobs/{in_review.number}/look-again/").status_code == 403
