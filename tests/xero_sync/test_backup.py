"""A backup of the SQLite file, taken while a job is under way, and what happens when it is put back."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection as database

from finance.models import Invoice
from tests import records
from tests.xero_sync.driving import check, send
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, linking, relinking
from xero_sync.models import Job, SyncOptions, XeroConnection, XeroRequest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("postgres" in os.environ.get("DATABASE_URL", ""), reason="a backup of an SQLite file"),
]


def back_up(to: Path) -> Path:
    """Copy the database as docs/operations.md says: never the file by itself, whose latest changes lie beside it."""
    source, target = sqlite3.connect(str(database.settings_dict["NAME"])), sqlite3.connect(to)
    with target:
        source.backup(target)
    source.close()
    target.close()
    return to


def manage(backup: Path, xero: SimulatedXero, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{backup}",
        "XERO_SETTLE_SECONDS": "0",
        "XERO_CLIENT_ID": django_settings.XERO_CLIENT_ID,
        "XERO_CLIENT_SECRET": django_settings.XERO_CLIENT_SECRET,
        **xero.settings(),
    }
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def state_in(backup: Path, job: Job) -> str:
    opened = sqlite3.connect(backup)
    (state,) = opened.execute("SELECT state FROM xero_sync_job WHERE id = ?", [job.pk]).fetchone()
    opened.close()
    return str(state)


def rows_in(backup: Path, job_id: int) -> dict[str, tuple[str, str]]:
    opened = sqlite3.connect(backup)
    query = "SELECT label, state, message FROM xero_sync_jobrow WHERE job_id = ? AND requested"
    found = {label: (state, message) for label, state, message in opened.execute(query, [job_id])}
    opened.close()
    return found


def numbers(xero: SimulatedXero) -> list[str]:
    return sorted(each["number"] for each in xero.invoices())


@pytest.fixture
def three(connection: XeroConnection) -> list[str]:
    account = records.account("Bolt Ltd")
    for number in range(3):
        records.invoice(f"INV-{number}", of=account, status=Invoice.Status.READY)
    return ["INV-0", "INV-1", "INV-2"]


def test_a_restored_backup_finishes_what_was_in_doubt_and_sends_nothing_twice(
    three: list[str], xero: SimulatedXero, settings: Any, tmp_path: Path
) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(), slices=1)
    assert set(job.rows.filter(requested=True).values_list("state", flat=True)) == {"unknown"}
    XeroRequest.objects.filter(state="unknown").update(due_at=clock.now())
    Job.objects.update(wait_until=clock.now())
    backup = back_up(tmp_path / "backup.sqlite3")
    for _ in range(3):
        assert manage(backup, xero, "xero_sweep").returncode == 0
    assert state_in(backup, job) == Job.State.COMPLETED
    assert numbers(xero) == three


@pytest.mark.parametrize("numbering", ["bms_number", "bms_id"])
def test_a_backup_from_before_the_export_knows_its_invoices_again(
    three: list[str], xero: SimulatedXero, tmp_path: Path, numbering: str
) -> None:
    SyncOptions.objects.update(invoice_number=numbering)
    backup = back_up(tmp_path / "yesterday.sqlite3")
    send(check())
    sent = numbers(xero)
    told = manage(backup, xero, "xero_export", "invoices", "--all", "--wait")
    assert told.returncode == 0, told.stdout + told.stderr
    assert numbers(xero) == sent, "each is in Xero once"
    assert len(sent) == 3
    states = {state for state, _ in rows_in(backup, int(told.stdout.split()[1])).values()}
    assert states == {"succeeded"}, rows_in(backup, int(told.stdout.split()[1]))


@pytest.mark.parametrize("numbering", ["bms_number", "xero_number"])
def test_what_was_sent_after_the_backup_is_linked_again(
    three: list[str], xero: SimulatedXero, tmp_path: Path, numbering: str
) -> None:
    SyncOptions.objects.update(invoice_number=numbering)
    backup = back_up(tmp_path / "yesterday.sqlite3")
    send(check())
    before = numbers(xero)
    told = manage(backup, xero, "xero_relink", "--since", "2026-01-01")
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.splitlines()[-1] == "3 linked, 0 to look at.", told.stderr
    assert manage(backup, xero, "xero_relink").stdout.splitlines()[-1] == "0 linked, 0 to look at."
    manage(backup, xero, "xero_export", "invoices", "--all", "--wait")
    assert numbers(xero) == before, "there was nothing left to send"


def test_an_invoice_that_differs_is_left_to_a_person(three: list[str], xero: SimulatedXero, tmp_path: Path) -> None:
    backup = back_up(tmp_path / "yesterday.sqlite3")
    send(check())
    opened = sqlite3.connect(backup)
    with opened:
        opened.execute("UPDATE finance_invoice SET subtotal = 90, total = 90 WHERE number = 'INV-0'")
    opened.close()
    told = manage(backup, xero, "xero_relink").stdout
    assert "Look at it: INV-0 is INV-0 in Xero, with 100.00 there and 90.00 here." in told
    assert told.splitlines()[-1] == "2 linked, 1 to look at."


def test_after_a_reset_the_old_document_is_not_taken_for_the_new(
    three: list[str], xero: SimulatedXero, connection: XeroConnection, admin: User
) -> None:
    send(check())
    invoice = Invoice.objects.get(number="INV-0")
    linking.reset(invoice, connection.tenant_id, user=admin, reason="wrong customer")
    assert relinking.relink(connection, None).linked == []


def test_a_date_that_is_none_is_refused(connection: XeroConnection) -> None:
    with pytest.raises(CommandError, match="write it as 2026-11-22"):
        call_command("xero_relink", since="yesterday")
