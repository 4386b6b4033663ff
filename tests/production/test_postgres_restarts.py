"""PostgreSQL goes and comes back while production works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection as database

from finance.models import Invoice
from tests import records
from tests.faults import checker
from tests.production.postgres import PROGRAMS, Cluster
from tests.production.stack import Stack, wait_for
from tests.services import needs_a_run_of_its_own
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import Job

pytestmark = [
    pytest.mark.worker,
    pytest.mark.usefixtures("own_database"),
    pytest.mark.django_db(transaction=True),
    needs_a_run_of_its_own,
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server, to start one of its own"),
    pytest.mark.skipif(not PROGRAMS, reason="needs initdb and pg_ctl, to stop a PostgreSQL of its own"),
]


@pytest.fixture
def own_database(transactional_db: None) -> Iterator[Cluster]:
    """Let this test, and all that it starts, work with a PostgreSQL that it may stop."""
    made, shared = Cluster(), dict(database.settings_dict)
    try:
        database.close()
        database.settings_dict.update(HOST="127.0.0.1", PORT=str(made.port), USER="postgres", NAME="postgres")
        call_command("migrate", verbosity=0)
        yield made
    finally:
        database.close()
        database.settings_dict.update(shared)
        made.remove()


@pytest.fixture
def me(stack: Stack, admin: User) -> dict[str, str]:
    """Pages, workers and beat are started, and somebody has signed in: the headers that the browser sends."""
    # Tests hash passwords in a way that production does not know
    User.objects.filter(pk=admin.pk).update(password=PBKDF2PasswordHasher().encode("long-and-odd", "salt"))
    stack.web(), stack.worker(), stack.worker("two"), stack.beat()
    wait_for(lambda: stack.get("/readyz").status == 200, "readiness")
    return stack.sign_in("admin", "long-and-odd")


def state_of(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def more_than(number: int, xero: SimulatedXero) -> bool:
    return len(xero.invoices()) > number


PAGES = ("/", "/login/", "/finance/invoices/", "/finance/jobs/")


@pytest.mark.parametrize("modes", [("immediate",), ("fast", "immediate", "fast")], ids="-".join)
def test_an_export_goes_on_by_itself_when_postgresql_is_back(
    stack: Stack, xero: SimulatedXero, own_database: Cluster, me: dict[str, str], modes: tuple[str, ...]
) -> None:
    account = records.account("Bolt Ltd")
    made = [records.invoice(f"INV-{n}", of=account, status=Invoice.Status.READY) for n in range(500)]
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    wait_for(lambda: state_of(job) == Job.State.CHECKED, "the check")
    processes = list(stack.running)
    xero.control("limits", latency_ms=1500)
    jobs.send(job)
    for mode in modes:
        wait_for(partial(more_than, len(xero.invoices()), xero), "another batch")
        assert state_of(job) == Job.State.RUNNING
        database.close()
        own_database.stop(mode)
        for page in [stack.get(path, **me) for path in PAGES]:
            assert (page.status, page.headers["Retry-After"]) == (503, "30")
            assert "The database doesn't answer just now" in page.data.decode()
            assert page.headers["X-Request-ID"], "its line in the log can be found"
            assert page.headers["Content-Security-Policy"]
        assert stack.get("/healthz").status == 200
        ready = stack.get("/readyz")
        assert (ready.status, json.loads(ready.data)["database"]) == (503, "away")
        own_database.start()
        for page in [stack.get(path, **me) for path in PAGES]:
            assert page.status in {200, 302}, "no page meets a connection from before"
    wait_for(lambda: state_of(job) == Job.State.COMPLETED, "the export", 120)
    wait_for(lambda: stack.get("/readyz").status == 200, "readiness")
    assert [process.poll() for process in processes] == [None] * len(processes), "nothing had to be started again"
    assert checker.findings(xero) == [], "once each, nothing in doubt, the log complete"
    assert len(xero.invoices()) == len(made)
