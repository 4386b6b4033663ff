"""The guards of the outbox, broken one at a time. With all of them the checker finds nothing; without one, it does.

What each break does to the books is told in docs/reliability.md.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from finance.models import Invoice
from tests import records
from tests.faults import breaks, checker
from tests.faults.processes import born, ends, freezes, until_it_ends
from tests.xero_sync.driving import check
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import engine, jobs
from xero_sync.models import Job, XeroConnection

pytestmark = [
    pytest.mark.fault,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
Guard = Callable[[], None] | None


@pytest.fixture(autouse=True)
def _short(settings: Any) -> None:
    settings.XERO_LEASE_SECONDS = 4


def job_of(number: int, **options: Any) -> Job:
    """Numbered by Xero, which then has no means of its own to refuse a twin."""
    customer = records.account("Bolt Ltd")
    for n in range(number):
        records.invoice(f"INV-{n}", of=customer, status=Invoice.Status.READY)
    job = check(invoice_number="xero_number", **options)
    assert jobs.send(job)
    return job


def frozen_over_the_lease(xero: SimulatedXero, broken: Guard) -> None:
    """A worker is frozen with a batch in hand; another does the work; the first thaws."""
    job = job_of(3)
    worker = born(lambda: engine.run(job.pk), failpoint="written:invoices=stop", sabotage=broken)
    freezes(worker)
    until_it_ends(job)
    os.kill(worker, signal.SIGCONT)
    ends(worker)


def answered_late(xero: SimulatedXero, broken: Guard) -> None:
    """Xero takes its time: what was given up is done after all, some seconds later."""
    job = job_of(3)
    xero.fault("late_commit", method="PUT", endpoint="Invoices", seconds=4, commit_after=4)

    def work() -> None:
        for _ in range(3):
            engine.run(job.pk)

    ends(born(work, sabotage=broken))
    time.sleep(4)
    until_it_ends(job) if not Job.objects.get(pk=job.pk).is_ended else None


def two_jobs_want_one(xero: SimulatedXero, broken: Guard) -> None:
    """One job is in doubt about an invoice that is in Xero; another job wants the same invoice."""
    first = job_of(1)
    xero.fault("reset_after", method="PUT", endpoint="Invoices")
    engine.run(first.pk)
    second = check({"ids": [first.rows.get(requested=True).record_key]}, invoice_number="xero_number")

    def work() -> None:
        jobs.send(second)
        engine.run(second.pk)

    ends(born(work, sabotage=broken))
    until_it_ends(first)
    until_it_ends(second)


def two_at_once(xero: SimulatedXero, broken: Guard) -> None:
    """A second worker is rung for a job while the first, a moment frozen, has a batch in hand."""
    job = job_of(3)
    first = born(lambda: engine.run(job.pk), failpoint="written:invoices=stop", sabotage=broken)
    freezes(first)
    ends(born(lambda: engine.run(job.pk), sabotage=broken))
    os.kill(first, signal.SIGCONT)
    ends(first)
    if not Job.objects.get(pk=job.pk).is_ended:
        until_it_ends(job)


SCENES = [
    (frozen_over_the_lease, "fence", "invoices twice in Xero"),
    (answered_late, "settle", "invoices twice in Xero"),
    (two_jobs_want_one, "index", "invoices twice in Xero"),
    (two_at_once, "lease", "two runners of one organisation at once"),
]


@pytest.mark.parametrize(("scene", "guard", "words"), SCENES, ids=[guard for _, guard, _ in SCENES])
def test_the_checker_finds_nothing_until_the_guard_is_broken(
    connection: XeroConnection, xero: SimulatedXero, scene: Callable[..., None], guard: str, words: str
) -> None:
    scene(xero, None)
    assert checker.findings(xero) == []


@pytest.mark.parametrize(("scene", "guard", "words"), SCENES, ids=[guard for _, guard, _ in SCENES])
def test_without_the_guard_the_checker_says_so(
    connection: XeroConnection, xero: SimulatedXero, scene: Callable[..., None], guard: str, words: str
) -> None:
    with breaks.mended():
        scene(xero, breaks.BREAKS[guard])
        found = "\n".join(checker.findings(xero))
    assert found
    assert words in found
