"""A worker is killed at every place of its work, for every kind. The next one finishes what it left, once."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database

from crm.models import Account
from finance.models import AccountCode, Invoice, Item, Payment
from tests import records
from tests.faults import checker
from tests.faults.processes import born, dies, ends, freezes, let_time_pass, until_it_ends
from tests.xero_sync.driving import check, check_payments, checked, export, import_payments
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, deaths, engine, imports, jobs, lease, oauth, outbox, recovery
from xero_sync.intents import AHEAD
from xero_sync.models import Job, MirrorStamp, XeroConnection, XeroLink

pytestmark = [
    pytest.mark.fault,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
SENDING = ("claimed", "writing", "written", "fenced", "answered", "recording", "recorded")
KINDS = ("tax_rates", "contacts", "items", "invoices")


def invoices(number: int = 3) -> list[Invoice]:
    """Invoices that need everything: two customers, an item and a tax, none of them in Xero."""
    tax = records.tax("Odd levy", "17.3")
    item = Item.objects.create(name="Fence post", code="FP", kind=Item.Kind.SERVICE, unit_price=5, tax=tax)
    customers = [records.account("Bolt Ltd"), records.account("Nut Ltd")]
    made = [
        records.invoice(f"INV-{n}", of=customers[n % 2], price=str(10 + n), tax=tax, status=Invoice.Status.READY)
        for n in range(number)
    ]
    for invoice in made:
        line = invoice.lines.get()
        line.item, line.taxable = item, True
        line.save()
        invoice.recalculate()
    return made


def sent(job: Job) -> Job:
    assert jobs.send(job)
    return job


def all_is_well(xero: SimulatedXero) -> bool:
    found = checker.findings(xero)
    assert not found, "\n".join(found)
    return True


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", SENDING)
def test_an_export_survives_a_kill(connection: XeroConnection, xero: SimulatedXero, point: str, kind: str) -> None:
    invoices()
    job = sent(check())
    dies(lambda: engine.run(job.pk), f"{point}:{kind}")
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert len(xero.invoices()) == 3


@pytest.mark.parametrize("mode", ["xero_number", "bms_id"])
@pytest.mark.parametrize("point", ["fenced", "answered", "recording"])
def test_whoever_numbers_the_invoices(connection: XeroConnection, xero: SimulatedXero, point: str, mode: str) -> None:
    invoices()
    job = sent(check(invoice_number=mode))
    dies(lambda: engine.run(job.pk), f"{point}:invoices")
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert len(xero.invoices()) == 3


@pytest.mark.parametrize("point", SENDING)
def test_an_export_of_account_codes_survives_a_kill(
    connection: XeroConnection, xero: SimulatedXero, point: str
) -> None:
    for code in ("9001", "9002"):
        AccountCode.objects.create(code=code, name=f"Sales {code}", type="Revenue")
    job = sent(check(kind="account_codes"))
    dies(lambda: engine.run(job.pk), f"{point}:account_codes")
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert XeroLink.objects.filter(kind="account_codes").count() == 2


@pytest.mark.parametrize("point", SENDING)
def test_an_update_survives_a_kill(connection: XeroConnection, xero: SimulatedXero, point: str) -> None:
    records.site(records.account("Bolt Ltd"), billing_email="old@bolt.example")
    export(kind="contacts")
    Account.objects.get().sites.update(billing_email="new@bolt.example")
    job = sent(check(kind="contacts", keep_contacts=False))
    dies(lambda: engine.run(job.pk), f"{point}:contacts")
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert [each["email"] for each in xero.books()["contacts"] if each["name"] == "Bolt Ltd"] == ["new@bolt.example"]
    assert all_is_well(xero)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", ["looking", "resolving", "resolved"])
def test_a_look_up_survives_a_kill(connection: XeroConnection, xero: SimulatedXero, point: str, kind: str) -> None:
    invoices()
    job = sent(check())
    dies(lambda: engine.run(job.pk), f"answered:{kind}")
    let_time_pass()
    dies(lambda: engine.run(job.pk), f"{point}:{kind}")
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert len(xero.invoices()) == 3


def test_a_check_survives_a_kill(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoices()
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    dies(lambda: engine.run(job.pk), "planning")
    let_time_pass()
    assert job.pk in engine.sweep()
    engine.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.rows.filter(requested=True).count()) == (Job.State.CHECKED, 3)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", ["applying", "applied"])
def test_an_import_survives_a_kill(connection: XeroConnection, xero: SimulatedXero, point: str, nth: int) -> None:
    made = invoices()
    export(status="AUTHORISED")
    # A deletion is applied first, then the payments of all three together
    paid = xero.control("pay", invoices=[made[0].number])["payments"][0]["payment_id"]
    import_payments()
    xero.control("delete-payment", payments=[paid])
    xero.control("pay", invoices=[invoice.number for invoice in made])
    job = sent(check_payments())
    dies(lambda: engine.run(job.pk), f"{point}@{nth}")
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert set(Invoice.objects.values_list("balance_due", flat=True)) == {Decimal("0.00")}


def test_a_kill_between_the_rotation_of_the_tokens_and_our_commit_heals(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    XeroConnection.objects.update(expires_at=clock.now())
    dies(lambda: oauth.access_token(connection.pk), "rotated")
    assert engine.sweep() == []  # it renews with the refresh token before, which Xero takes for half an hour
    connection.refresh_from_db()
    assert connection.state == XeroConnection.State.CONNECTED
    assert connection.expires_at > clock.now()


def test_a_worker_frozen_before_the_fence_sends_nothing_when_it_thaws(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    thawed_after(xero, "written:invoices=stop", mode="xero_number")


def test_a_worker_frozen_behind_the_fence_sends_nothing_when_it_thaws(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    thawed_after(xero, "fenced:invoices=stop", mode="xero_number", seconds=2)


def thawed_after(xero: SimulatedXero, failpoint: str, *, mode: str, seconds: int = 0, **options: Any) -> None:
    """Freeze a worker, let another finish its work, thaw it."""
    from django.conf import settings

    settings.XERO_LEASE_SECONDS = 4
    invoices()
    job = sent(check(invoice_number=mode))
    frozen = born(lambda: engine.run(job.pk), failpoint=failpoint, **options)
    try:
        freezes(frozen)
        until_it_ends(job)
        time.sleep(seconds)  # the monotonic clock can't be moved
    finally:
        os.kill(frozen, signal.SIGCONT)
        ends(frozen)
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)
    assert len(xero.invoices()) == 3


@pytest.mark.skipif(database.vendor != "postgresql", reason="with SQLite, a frozen writer holds up everybody")
def test_a_worker_frozen_inside_a_transaction_does_not_hold_up_the_others(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    with database.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("20s",)
    invoices()
    job = sent(check())

    def work() -> None:
        with database.cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = 1000")
        engine.run(job.pk)

    frozen = born(work, failpoint="recording:invoices=stop")
    try:
        freezes(frozen)
        until_it_ends(job)
    finally:
        os.kill(frozen, signal.SIGCONT)
        ends(frozen)
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)


def test_what_kills_its_worker_three_times_goes_alone_and_then_to_a_person(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    invoices()
    job = sent(check())
    for _ in range(3):
        dies(lambda: engine.run(job.pk), "claimed:invoices")
        let_time_pass()
    for _ in range(3):
        dies(lambda: engine.run(job.pk), "claimed:invoices")
        let_time_pass()
    until_it_ends(job)
    states = dict(job.rows.filter(requested=True).values_list("label", "state"))
    assert sorted(states.values()) == ["needs_review", "succeeded", "succeeded"]
    assert job.state == Job.State.NEEDS_ATTENTION
    assert jobs.look_again(job, user=None)
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)


def codes(number: int) -> Job:
    """Return a job of so many calls, sent: Xero takes account codes one by one."""
    made = [AccountCode.objects.create(code=f"T{n}", name=f"Code {n}") for n in range(number)]
    return sent(check({"ids": [str(code.uuid) for code in made]}, kind="account_codes"))


def test_of_what_was_written_down_together_only_what_was_about_to_go_is_suspected(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    job = codes(AHEAD + 1)
    dies(lambda: engine.run(job.pk), "written:account_codes")
    assert job.requests.filter(state="ready").count() == AHEAD
    let_time_pass()
    dies(lambda: engine.run(job.pk), "written:account_codes")
    assert sorted(job.rows.values_list("deaths", flat=True)) == [0] * AHEAD + [1]
    assert job.requests.filter(state="ready").count() == 1, "after a death it goes by itself, to see whose fault it was"
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)


def test_a_stop_takes_back_what_was_written_down_and_not_sent(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_PARALLEL = 1
    job = codes(2 * AHEAD)
    xero.control("limits", latency_ms=300)
    worker = born(lambda: engine.run(job.pk))
    while not job.rows.filter(state="succeeded").exists():
        time.sleep(0.02)
    jobs.stop(job, user=None)
    assert ends(worker) == 0
    xero.control("limits", latency_ms=0)
    until_it_ends(job)
    assert job.state == Job.State.STOPPED
    assert not job.requests.exclude(state="done").exists()
    rows = Counter(job.rows.values_list("state", "reason"))
    assert rows[("succeeded", "")] + rows[("skipped", "stopped")] == 2 * AHEAD
    assert 0 < rows[("succeeded", "")] < AHEAD, rows
    assert len(xero.ledger()) == rows[("succeeded", "")]


@pytest.mark.parametrize("point", ["looking", "resolving"])
def test_a_look_up_that_kills_its_worker_three_times_is_left_to_a_person(
    connection: XeroConnection, xero: SimulatedXero, point: str
) -> None:
    invoices()
    job = sent(check())
    dies(lambda: engine.run(job.pk), "answered:invoices")
    for _ in range(3):
        let_time_pass()
        dies(lambda: engine.run(job.pk), f"{point}:invoices")
    until_it_ends(job)
    assert job.state == Job.State.NEEDS_ATTENTION
    told = set(job.rows.filter(requested=True).values_list("state", "message"))
    assert told == {("needs_review", recovery.DEADLY_TO_ASK)}
    assert jobs.look_again(job, user=None)
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)


def test_deaths_over_a_look_up_count_only_in_a_row(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoices()
    job = sent(check())
    dies(lambda: engine.run(job.pk), "answered:invoices")
    for _ in range(2):
        let_time_pass()
        dies(lambda: engine.run(job.pk), "looking:invoices")
    let_time_pass()
    xero.fault("error_500_before", method="GET", endpoint="Invoices")
    engine.run(job.pk)
    assert set(job.requests.filter(state="unknown").values_list("deaths", "tries")) == {(0, 1)}
    let_time_pass(minutes=40)
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert all_is_well(xero)


def paid_invoices(xero: SimulatedXero, number: int = 3) -> None:
    """Exported invoices whose payments wait in Xero."""
    made = invoices(number)
    export(status="AUTHORISED")
    xero.control("pay", invoices=[invoice.number for invoice in made])


@pytest.mark.parametrize("direction", ["export", "import"])
def test_a_check_that_kills_its_worker_three_times_is_left_to_a_person(
    connection: XeroConnection, xero: SimulatedXero, caplog: pytest.LogCaptureFixture, direction: str
) -> None:
    paid_invoices(xero)
    chosen = ("payments", "import") if direction == "import" else ("contacts", "export")
    job = jobs.start_check(*chosen, {"all": True}, user=None)
    for _ in range(3):
        dies(lambda: engine.run(job.pk), f"planning:{chosen[0]}")
        job.refresh_from_db()
        last = job.lease_owner
        let_time_pass()
    until_it_ends(job)
    assert (job.state, job.problem) == (Job.State.NEEDS_ATTENTION, deaths.OVER_A_CHECK)
    assert not job.rows.exists()
    (told,) = [line.getMessage() for line in caplog.records if line.name == "xero_sync.deaths"]
    assert job.error_id
    assert job.error_id in told
    assert last in told
    assert job.log.filter(action="End", message=deaths.OVER_A_CHECK).exists()
    assert engine.sweep() == []
    assert all_is_well(xero)
    again = jobs.start_check(*chosen, {"all": True}, user=None)
    engine.run(again.pk)
    again.refresh_from_db()
    assert (again.state, again.deaths) == (Job.State.CHECKED, 0)


def test_deaths_over_a_check_count_only_in_a_row(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoices()
    job = jobs.start_check("invoices", "export", {"all": True, "fresh": True}, user=None)
    for _ in range(2):
        dies(lambda: engine.run(job.pk), "planning:invoices")
        let_time_pass()
    MirrorStamp.objects.all().delete()
    xero.fault("error_500_gate", method="GET", endpoint="Contacts")
    engine.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.wait_why, job.deaths) == (Job.State.CHECKING, "trouble", 0)
    let_time_pass()
    engine.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.deaths) == (Job.State.CHECKED, 0)


def test_who_was_told_to_go_and_is_killed_has_not_died_of_the_check(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    invoices()
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)

    def go() -> None:
        lease.leaving.set()
        engine.run(job.pk)

    for _ in range(4):
        dies(go, "planning:invoices")
        let_time_pass()
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.CHECKED


def test_an_import_that_kills_its_worker_three_times_in_one_place_is_left_to_a_person(
    connection: XeroConnection, xero: SimulatedXero, caplog: pytest.LogCaptureFixture
) -> None:
    paid_invoices(xero)
    job = sent(check_payments())
    for _ in range(3):
        dies(lambda: engine.run(job.pk), "applying:payments")
        let_time_pass()
    until_it_ends(job)
    assert (job.state, job.problem) == (Job.State.NEEDS_ATTENTION, deaths.OVER_AN_IMPORT)
    assert job.error_id in caplog.text
    told = set(job.rows.values_list("state", "message"))
    assert told == {("failed", f"Not imported. {deaths.OVER_AN_IMPORT}")}
    assert all_is_well(xero)
    again = sent(checked(jobs.retry(job, user=None)))
    engine.run(again.pk)
    again.refresh_from_db()
    assert again.state == Job.State.COMPLETED
    assert set(Invoice.objects.values_list("balance_due", flat=True)) == {Decimal("0.00")}


def test_an_import_that_gets_on_is_not_given_up_however_many_workers_die(
    connection: XeroConnection, xero: SimulatedXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "CHUNK", 1)
    paid_invoices(xero, 6)
    job = sent(check_payments())
    for _ in range(5):
        dies(lambda: engine.run(job.pk), "applying:payments@2")
        let_time_pass()
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert job.log.filter(step="import", action="Created").count() == 6
    assert all_is_well(xero)


def test_an_import_in_slices_whose_workers_die_does_each_row_once(
    connection: XeroConnection, xero: SimulatedXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_invoices(xero, 6)
    monkeypatch.setattr(imports, "CHUNK", 1)
    monkeypatch.setattr(outbox, "SLICE", timedelta(0))
    job = sent(check_payments())
    for point in ("applying", "applied", "applying", "applied"):
        engine.run(job.pk)
        dies(lambda: engine.run(job.pk), f"{point}:payments")
        let_time_pass()
    until_it_ends(job)
    assert job.state == Job.State.COMPLETED
    assert job.log.filter(step="import", action="Created").count() == Payment.objects.count() == 6
    assert all_is_well(xero)


def test_what_was_credited_is_told_from_payments(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoices()
    export(status="AUTHORISED")
    xero.control("credit", invoices=["INV-1"], amount="5.00")
    import_payments()
    assert all_is_well(xero)
    Payment.objects.update(kind=Payment.Kind.PAYMENT)
    assert "Payment: 5.00 here, 0 in Xero" in "\n".join(checker.findings(xero))
