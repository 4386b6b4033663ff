"""What a dead process leaves is finished by whatever comes next: another command, or the sweep of cron."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.core.management import call_command

from finance.models import Invoice
from tests import records
from tests.faults import checker
from tests.faults.processes import dies, wait_for
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import Job, XeroConnection

pytestmark = [
    pytest.mark.fault,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
EXPORT = ("xero_export", "invoices", "--all", "--wait")


@pytest.fixture(autouse=True)
def _short(settings: Any) -> None:
    settings.XERO_LEASE_SECONDS, settings.XERO_SETTLE_SECONDS = 4, 1


def test_the_next_command_finishes_what_a_dead_one_left(
    connection: XeroConnection, xero: SimulatedXero, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(3):
        records.invoice(f"INV-{n}", of=records.account(f"Bolt {n}"), status=Invoice.Status.READY)
    dies(lambda: call_command(*EXPORT), "answered:invoices")
    records.invoice("INV-9", of=records.account("Nut"), status=Invoice.Status.READY)
    with pytest.raises(SystemExit) as left:
        call_command(*EXPORT)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (left.value.code, told["created"]) == (0, 1), told
    assert set(Job.objects.values_list("state", flat=True)) == {Job.State.COMPLETED}
    assert checker.findings(xero) == []
    assert len(xero.invoices()) == 4


def test_the_sweep_of_cron_finishes_what_a_dead_command_left(connection: XeroConnection, xero: SimulatedXero) -> None:
    records.invoice("INV-1", of=records.account("Bolt"), status=Invoice.Status.READY)
    dies(lambda: call_command(*EXPORT), "fenced:invoices")

    def swept() -> bool:
        time.sleep(1)
        call_command("xero_sweep")
        return not Job.objects.exclude(state=Job.State.COMPLETED).exists()

    from xero_sync import engine

    if not engine.embedded():
        pytest.skip("with a broker of its own the sweep rings, and workers do the work")
    wait_for(swept, 30)
    assert checker.findings(xero) == []
    assert len(xero.invoices()) == 1
