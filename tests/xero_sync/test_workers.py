"""Real worker processes on PostgreSQL and Redis: woken through Redis, killed, replaced. Nothing twice, nothing lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection as database

from finance.models import Invoice
from tests import records
from tests.faults.processes import own_broker, own_queue, wait_for
from tests.services import needs_a_run_of_its_own
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import engine, jobs
from xero_sync.models import Job, JobRow, XeroConnection

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [
    pytest.mark.worker,
    pytest.mark.django_db(transaction=True),
    needs_a_run_of_its_own,
]
LEASE, SETTLE = 4, 2


@pytest.fixture
def start_worker(xero: SimulatedXero, settings: Any) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start real Celery workers on this test's database and queue."""
    settings.XERO_LEASE_SECONDS, settings.XERO_SETTLE_SECONDS = LEASE, SETTLE
    # Not the queue of this process: a worker that browser tests left in it would answer
    queue = f"workers-{os.getpid()}"
    redis.Redis.from_url(django_settings.CELERY_BROKER_URL).delete(queue)
    parts = database.settings_dict
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "bmsxero.settings",
        "DATABASE_URL": f"postgres://{parts['USER']}@{parts['HOST']}:{parts['PORT'] or 5432}/{parts['NAME']}",
        "CELERY_QUEUE": queue,
        "XERO_LEASE_SECONDS": str(LEASE),
        "XERO_SETTLE_SECONDS": str(SETTLE),
        **xero.settings(),
    }
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "bmsxero", "worker", "-P", "threads", "-c", "2", "-l", "error"]
        running.append(subprocess.Popen([*command, "-n", f"w{len(running)}@test"], cwd=ROOT, env=environment))
        return running[-1]

    with own_queue(queue):
        yield start
    for process in running:
        process.kill()
        process.wait(10)


def invoices(number: int) -> None:
    account = records.account("Bolt Ltd")
    for n in range(number):
        records.invoice(f"INV-{n}", of=account, status=Invoice.Status.READY)


def state_of(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def test_redis_wakes_a_worker_that_checks_and_sends(
    connection: XeroConnection, xero: SimulatedXero, start_worker: Callable[[], Any]
) -> None:
    start_worker()
    invoices(3)
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    wait_for(lambda: state_of(job) == Job.State.CHECKED)
    jobs.send(job)
    wait_for(lambda: state_of(job) == Job.State.COMPLETED)
    assert len(xero.invoices()) == 3


def test_a_worker_killed_between_sending_and_recording_is_replaced_and_nothing_is_sent_twice(
    connection: XeroConnection, xero: SimulatedXero, start_worker: Callable[[], Any]
) -> None:
    first = start_worker()
    invoices(120)
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    wait_for(lambda: state_of(job) == Job.State.CHECKED)
    # Xero makes the invoices, and its answer is a long time coming
    xero.fault("timeout_after", method="PUT", endpoint="Invoices", seconds=20)
    jobs.send(job)
    wait_for(lambda: len(xero.invoices()) >= 50)
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    assert not job.is_ended
    start_worker()

    def swept() -> bool:
        engine.sweep()
        return state_of(job) == Job.State.COMPLETED

    wait_for(swept)
    numbers = [each["number"] for each in xero.invoices()]
    assert (len(numbers), len(set(numbers))) == (120, 120)
    assert job.rows.filter(requested=True, state=JobRow.State.SUCCEEDED).count() == 120
    assert job.rows.filter(how="adopted").exists(), "what the dead worker had sent was found and taken for ours"


def test_ten_messages_for_one_job_do_its_work_once(
    connection: XeroConnection, xero: SimulatedXero, start_worker: Callable[[], Any]
) -> None:
    start_worker(), start_worker()
    invoices(5)
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    wait_for(lambda: state_of(job) == Job.State.CHECKED)
    jobs.send(job)
    for _ in range(10):
        jobs.ring(job)
    wait_for(lambda: state_of(job) == Job.State.COMPLETED)
    assert len(xero.invoices()) == 5
    assert len([write for write in xero.ledger() if write["path"].startswith("/Invoices")]) == 1


@pytest.fixture
def silent() -> Iterator[str]:
    """A Redis that takes calls and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    listener.close()


@pytest.mark.parametrize("broker", ["silent", "refused"])
def test_a_page_that_rings_never_hangs(
    connection: XeroConnection, silent: str, broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = silent if broker == "silent" else "redis://127.0.0.1:9/0"
    with own_broker(url):
        started = time.monotonic()
        job = jobs.start_check("invoices", "export", {"all": True}, user=None)
        assert time.monotonic() - started < 2
    assert state_of(job) == Job.State.CHECKING
    assert "the broker does not answer" in caplog.text
    assert job.pk in engine.sweep(), "the sweep takes it up"
