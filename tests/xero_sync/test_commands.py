"""The commands, as scripts and cron use them: Job# first, JSON last, and an exit code that tells."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from crm.models import Account
from finance.models import Invoice, InvoiceLine, Item
from tests import records
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import engine, jobs
from xero_sync.models import Job, XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _debug(settings: Any) -> None:
    """Sample users are made with DEBUG only."""
    settings.DEBUG = True


def run(*words: str) -> tuple[int, list[str], str]:
    """Return exit code, lines of output and what went to the error stream."""
    out, err = StringIO(), StringIO()
    code: Any = 0
    try:
        call_command(*words, stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return int(code or 0), out.getvalue().splitlines(), err.getvalue()


def ready(number: str = "") -> Invoice:
    account = Account.objects.first() or records.account("Bolt Ltd")
    return records.invoice(number, of=account, status=Invoice.Status.READY)


def test_an_export_that_waits_ends_with_its_counts(connection: XeroConnection, xero: SimulatedXero) -> None:
    ready(), ready()
    code, lines, _ = run("xero_export", "invoices", "--all", "--wait")
    job = Job.objects.get()
    assert lines[0] == f"Job# {job.number}"
    assert json.loads(lines[-1]) == {
        "job": job.number,
        "state": "completed",
        "created": 2,
        "updated": 0,
        "linked": 0,
        "skipped": 0,
        "warnings": 0,
        "failed": 0,
        "unknown": 0,
        "also": {"contacts": 1},
    }
    assert code == 0


def test_a_check_sends_nothing_and_says_what_would_happen(connection: XeroConnection, xero: SimulatedXero) -> None:
    ready()
    code, lines, _ = run("xero_export", "invoices", "--all", "--check")
    assert (code, json.loads(lines[-1])["created"], xero.invoices()) == (0, 1, [])


def test_rows_that_fail_give_exit_code_1(connection: XeroConnection) -> None:
    ready().lines.all().delete()
    code, lines, _ = run("xero_export", "invoices", "--all", "--wait")
    assert (code, json.loads(lines[-1])["failed"]) == (1, 1)


def test_without_a_connection_nothing_starts() -> None:
    code, lines, words = run("xero_export", "invoices", "--all", "--wait")
    assert (code, lines) == (2, [])
    assert "Xero isn't connected" in words
    assert not Job.objects.exists()


def test_what_has_to_wait_longer_than_the_timeout_gives_exit_code_3(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    ready()
    xero.fault("rate_limit_minute", method="PUT", endpoint="Invoices", retry_after=37)
    code, lines, _ = run("xero_export", "invoices", "--all", "--wait", "--timeout", "2")
    assert (code, json.loads(lines[-1])["state"]) == (3, "waiting")


def test_waiting_finishes_what_a_dead_process_left_first(connection: XeroConnection, xero: SimulatedXero) -> None:
    first = ready("FIRST")
    left = jobs.start_check("invoices", "export", {"ids": [str(first.uuid)]}, user=None)
    engine.run(left.pk)
    left.refresh_from_db()
    jobs.send(left)
    ready("SECOND")
    code, *_ = run("xero_export", "invoices", "--all", "--wait")
    left.refresh_from_db()
    assert (code, left.state) == (0, "completed")
    assert sorted(each["number"] for each in xero.invoices()) == ["FIRST", "SECOND"]


@pytest.mark.parametrize("name", ["id", "number", "uuid"])
def test_invoices_can_be_named_by_id_number_or_uuid(connection: XeroConnection, xero: SimulatedXero, name: str) -> None:
    made, _ = ready("INV-A"), ready("INV-B")
    called = {"id": str(made.pk), "number": made.number, "uuid": str(made.uuid)}[name]
    run("xero_export", "invoices", "--ids", called, "--wait")
    assert [each["number"] for each in xero.invoices()] == ["INV-A"]


@pytest.mark.parametrize(
    "words",
    [
        ("xero_export", "invoices"),
        ("xero_export", "invoices", "--all", "--ids", "1"),
        ("xero_export", "invoices", "--ids", "no such"),
        ("xero_export", "cats", "--all"),
        ("xero_export", "invoices", "--all", "--status", "paid"),
        ("xero_import", "payments"),
        ("xero_import", "payments", "--all", "--modified-since", "yesterday"),
        ("seed_demo", "--accounts", "-1"),
    ],
)
def test_wrong_words_are_refused_before_anything_starts(connection: XeroConnection, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command(*words)
    assert not Job.objects.exists()


def test_the_status_of_the_run_goes_to_xero(connection: XeroConnection, xero: SimulatedXero) -> None:
    ready()
    run("xero_export", "invoices", "--all", "--status", "authorised", "--wait")
    assert [each["status"] for each in xero.invoices()] == ["AUTHORISED"]


@pytest.mark.parametrize(("kind", "number"), [("contacts", 3), ("items", 4)])
def test_contacts_and_items_go_by_themselves(
    connection: XeroConnection, xero: SimulatedXero, kind: str, number: int
) -> None:
    call_command("seed_demo", "--accounts", "3", "--items", "4", "--invoices", "0", stdout=StringIO())
    _, lines, _ = run("xero_export", kind, "--all", "--wait")
    assert json.loads(lines[-1])["created"] == number, list(Job.objects.get().rows.values_list("label", "message"))
    _, lines, _ = run("xero_export", kind, "--all", "--wait")
    assert json.loads(lines[-1])["skipped"] == number


def test_payments_come_back(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = ready("INV-1")
    run("xero_export", "invoices", "--all", "--status", "authorised", "--wait")
    xero.control("pay", invoices=["INV-1"])
    code, lines, _ = run("xero_import", "payments", "--all", "--wait")
    assert (code, json.loads(lines[-1])["created"]) == (0, 1)
    made.refresh_from_db()
    assert made.status == Invoice.Status.PAID


def test_the_sweep_does_what_is_due_where_no_worker_hears_it(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.CELERY_BROKER_URL = settings.EMBEDDED_BROKER
    ready()
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    run("xero_sweep")
    job.refresh_from_db()
    assert job.state == "checked"
    jobs.send(job)
    run("xero_sweep")
    job.refresh_from_db()
    assert job.state == "completed"


def test_sample_data_is_the_same_for_the_same_seed_and_can_all_be_exported() -> None:
    call_command("seed_demo", "--accounts", "5", "--items", "8", "--invoices", "10", stdout=StringIO())
    assert (Account.objects.count(), Item.objects.count(), Invoice.objects.count()) == (5, 8, 10)
    assert InvoiceLine.objects.count() == 50
    assert set(Invoice.objects.values_list("status", flat=True)) <= set(Invoice.EXPORTABLE)
    assert not Item.objects.exclude(income_account=None).exists()
    first = list(Invoice.objects.order_by("number").values_list("number", "total"))
    Invoice.objects.all().delete()
    Item.objects.all().delete()
    Account.objects.all().delete()
    call_command("seed_demo", "--accounts", "5", "--items", "8", "--invoices", "10", stdout=StringIO())
    assert list(Invoice.objects.order_by("number").values_list("number", "total")) == first
    assert {user.username for user in User.objects.all()} == {"admin", "finance", "support", "viewer"}


def test_sample_users_are_refused_outside_of_debug(settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("seed_demo")
