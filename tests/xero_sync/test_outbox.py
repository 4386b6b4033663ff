"""Answers that don't come, come late or make no sense. Nothing twice, nothing lost, doubt shown as doubt."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from finance.models import AccountCode, Invoice
from tests import records
from tests.xero_sync.driving import check, checked, export, outcome, send, states
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, intents, jobs, lease, recovery
from xero_sync.errors import WrongOrganisation
from xero_sync.intents import AHEAD
from xero_sync.models import Job, JobRow, XeroConnection, XeroLink, XeroRequest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_settle_time(settings: Any) -> None:
    """Look up at once: the simulator's faults leave nothing half done."""
    settings.XERO_SETTLE_SECONDS = 0


@pytest.fixture
def four(connection: XeroConnection, xero: SimulatedXero) -> list[Invoice]:
    account = records.account("Bolt Ltd")
    return [records.invoice(f"INV-{n}", of=account, status=Invoice.Status.READY) for n in range(4)]


def test_every_write_has_a_committed_intent_with_its_exact_bytes(four: list[Invoice], xero: SimulatedXero) -> None:
    export()
    requests = {f"{each.tenant_id}:{each.pk}": each for each in XeroRequest.objects.all()}
    writes = xero.ledger()
    assert {write["key"] for write in writes} == set(requests)
    assert all(request.sent_at and request.state == "done" for request in requests.values())


@pytest.mark.parametrize("numbering", ["bms_number", "xero_number"])
@pytest.mark.parametrize("fault", ["error_500_after", "reset_after", "malformed_json"])
def test_an_answer_lost_after_the_effect_is_adopted_and_not_repeated(
    four: list[Invoice], xero: SimulatedXero, fault: str, numbering: str
) -> None:
    xero.fault(fault, method="PUT", endpoint="Invoices")
    job = export(invoice_number=numbering)
    assert set(states(job).values()) == {"succeeded"}
    assert len(xero.invoices()) == 4
    assert {row.how for row in job.rows.filter(requested=True)} == {"adopted"}
    assert XeroLink.objects.filter(kind="invoices").count() == 4


@pytest.mark.parametrize("kind", ["Contacts", "Items"])
def test_a_lost_answer_about_what_invoices_need_makes_no_twin(
    four: list[Invoice], xero: SimulatedXero, kind: str
) -> None:
    from finance.models import Item

    four[0].lines.update(item=Item.objects.create(kind="service", name="Backup"))
    before = {name: len(rows) for name, rows in xero.books().items()}
    xero.fault("error_500_after", method="PUT", endpoint=kind)
    job = export()
    assert set(states(job).values()) == {"succeeded"}
    after = {name: len(rows) for name, rows in xero.books().items()}
    assert (after["contacts"] - before["contacts"], after["items"] - before["items"]) == (1, 1)


def test_an_error_before_the_effect_is_sent_again_once(four: list[Invoice], xero: SimulatedXero) -> None:
    xero.fault("error_500_before", method="PUT", endpoint="Invoices")
    job = export()
    assert set(states(job).values()) == {"succeeded"}
    assert len(xero.invoices()) == 4
    keys = [write["key"] for write in xero.ledger() if write["path"].startswith("/Invoices")]
    assert len(keys) == 2
    assert len(keys) == len(set(keys))


def test_only_the_element_that_the_answer_forgot_is_in_doubt(four: list[Invoice], xero: SimulatedXero) -> None:
    xero.fault("missing_element", method="PUT", endpoint="Invoices")
    job = export()
    hows = sorted(row.how for row in job.rows.filter(requested=True))
    assert hows == ["adopted", "created", "created", "created"]
    assert len(xero.invoices()) == 4


def test_doubt_is_shown_until_the_settle_time_is_over(four: list[Invoice], xero: SimulatedXero, settings: Any) -> None:
    settings.XERO_SETTLE_SECONDS = 300
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = send(check(), slices=2)
    assert (job.state, job.wait_why) == ("waiting", "settle")
    assert set(states(job).values()) == {"unknown"}
    assert jobs.results(job)["unknown"] == 4
    XeroRequest.objects.filter(state="unknown").update(due_at=job.created)
    engine.run(job.pk)
    job.refresh_from_db()
    assert set(states(job).values()) == {"succeeded"}
    assert len(xero.invoices()) == 4


def test_a_batch_refused_as_a_whole_is_sent_one_by_one(four: list[Invoice], xero: SimulatedXero) -> None:
    xero.fault("validation_400_whole", method="PUT", endpoint="Invoices")
    job = export()
    assert set(states(job).values()) == {"succeeded"}
    assert len(xero.invoices()) == 4


def test_one_refused_by_itself_fails_with_xeros_words(four: list[Invoice], xero: SimulatedXero) -> None:
    xero.fault("validation_400_whole", method="PUT", endpoint="Invoices", times=2, message="No such thing")
    job = export()
    assert sorted(states(job).values()) == ["failed", "succeeded", "succeeded", "succeeded"]
    (words,) = [words for state, words in outcome(job).values() if state == "failed"]
    assert words == "No such thing"


def test_attempts_are_counted_across_retries_on_the_page_and_in_the_log(
    four: list[Invoice], xero: SimulatedXero, reader: Client
) -> None:
    xero.fault("validation_400_whole", method="PUT", endpoint="Invoices", times=2, message="No such thing")
    job = export()
    page = reader.get(job.get_absolute_url(), {"show": "failed"}).content.decode()
    assert "Attempt 2" in page  # with its batch, then by itself
    again = send(checked(jobs.retry(job, user=None)))
    (row,) = again.rows.filter(requested=True)
    assert (row.state, row.attempts, row.attempt) == ("succeeded", 1, 3)
    assert again.log.get(row=row, action="Created").message == "Created in Xero. (Attempt 3.)"
    assert "Attempt 3" in reader.get(again.get_absolute_url()).content.decode()
    assert job.log.filter(message__contains="Attempt 1").count() == 0


def test_a_full_minute_is_waited_for_and_fails_nothing(four: list[Invoice], xero: SimulatedXero) -> None:
    xero.fault("rate_limit_minute", method="PUT", endpoint="Invoices", retry_after=37)
    job = send(check(), slices=1)
    assert (job.state, job.wait_why) == ("waiting", "limit")
    assert set(states(job).values()) == {"pending"}
    calls = xero.calls()
    engine.run(job.pk)
    assert xero.calls() == calls, "it called although Xero had asked for a pause"
    XeroConnection.objects.update(blocked_until=None)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == "completed"


def test_the_end_of_the_days_calls_parks_the_job_and_says_until_when(four: list[Invoice], xero: SimulatedXero) -> None:
    xero.fault("rate_limit_day", method="PUT", endpoint="Invoices", retry_after=3600)
    job = send(check(), slices=1)
    assert (job.state, job.wait_why) == ("waiting", "day")
    assert job.wait_until
    assert (job.wait_until - job.created).total_seconds() > 3500


def test_a_token_that_expires_on_the_way_is_renewed_once(four: list[Invoice], xero: SimulatedXero) -> None:
    job = check()
    xero.control("expire-tokens")
    send(job)
    assert job.state == "completed"
    assert len(xero.invoices()) == 4


def test_a_revoked_connection_parks_the_job_until_somebody_reconnects(
    four: list[Invoice], xero: SimulatedXero, admin: Any
) -> None:
    from tests.xero_sync.conftest import connect

    job = check()
    xero.control("disconnect")
    send(job, slices=1)
    assert (job.state, job.wait_why) == ("waiting", "reconnect")
    connection = XeroConnection.objects.get()
    assert connection.state == "reconnect"
    connection = connect(xero, admin)
    jobs.resume_after_reconnect(connection)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == "completed"
    assert len(xero.invoices()) == 4


@pytest.mark.parametrize("numbers", ["bms_number", "xero_number"])
def test_a_link_back_that_xero_refuses_is_left_out_with_a_warning(
    four: list[Invoice], xero: SimulatedXero, settings: Any, numbers: str
) -> None:
    settings.SITE_URL = "https://xero-sync.example"  # Xero takes no address with its name in it
    job = export(invoice_number=numbers)
    assert job.state == "completed", outcome(job)
    assert [each["url"] for each in xero.invoices()] == [""] * 4
    warnings = set(job.rows.filter(requested=True).values_list("warning", flat=True))
    assert len(warnings) == 1
    assert "without the link back here" in warnings.pop()


def test_without_our_link_a_lost_answer_is_still_adopted(
    four: list[Invoice], xero: SimulatedXero, settings: Any
) -> None:
    settings.SITE_URL = "https://xero-sync.example"
    for n, invoice in enumerate(four):
        invoice.lines.update(unit_price=n + 1)
        invoice.recalculate()
    xero.fault("reset_after", method="PUT", endpoint="Invoices", nth=2)
    job = export(invoice_number="xero_number")
    assert job.state == "completed", outcome(job)
    assert len(xero.invoices()) == 4
    assert job.rows.filter(how="adopted").count() == 1


def test_nothing_is_created_for_invoices_that_will_not_be_sent(connection: XeroConnection, xero: SimulatedXero) -> None:
    kept, changed = records.account("Bolt Ltd"), records.account("Nut Ltd")
    records.invoice("INV-1", of=kept, status=Invoice.Status.READY)
    spoilt = records.invoice("INV-2", of=changed, status=Invoice.Status.READY)
    job = check()
    spoilt.lines.update(description="Something else")
    spoilt.recalculate()  # as the editor does
    send(job)
    assert states(job) == {"INV-1": "succeeded", "INV-2": "skipped"}
    names = [each["name"] for each in xero.books()["contacts"]]
    assert "Bolt Ltd" in names
    assert "Nut Ltd" not in names
    assert job.rows.get(label="Nut Ltd").reason == "not_needed"


def test_a_lasting_outage_puts_no_more_than_a_few_batches_in_doubt(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_SETTLE_SECONDS = 420
    account = records.account("Bolt Ltd")
    for n in range(600):
        records.invoice(f"INV-{n}", of=account, status=Invoice.Status.READY)
    job = check()
    xero.fault("error_500_before", method="PUT", endpoint="Invoices", times=1000)
    jobs.send(job)
    for _ in range(6):  # each would be a slice half a minute later
        engine.run(job.pk)
    assert job.requests.filter(kind="invoices", state="unknown").count() <= 4  # three at once, and the last drop
    assert job.rows.filter(state=JobRow.State.PENDING).count() >= 400
    job.refresh_from_db()
    assert (job.state, job.wait_why) == ("waiting", "settle")


def test_a_job_never_writes_into_other_books(four: list[Invoice], xero: SimulatedXero) -> None:
    job = check()
    XeroConnection.objects.update(tenant_id=xero.control("token", organisation="Acme Inc")["tenant_id"])
    send(job, slices=1)
    assert (job.state, job.problem) == (Job.State.NEEDS_ATTENTION, WrongOrganisation.__doc__)
    assert xero.ledger() == []


def test_a_worker_that_is_told_to_go_leaves_the_rest_to_another(four: list[Invoice], xero: SimulatedXero) -> None:
    job = check()
    lease.leaving.set()
    try:
        send(job)
    finally:
        lease.leaving.clear()
    job.refresh_from_db()
    job.connection.refresh_from_db()
    assert (job.state, job.connection.lease_owner, xero.invoices()) == (Job.State.RUNNING, "", [])
    engine.run(job.pk)
    assert set(states(job).values()) == {"succeeded"}
    assert len(xero.invoices()) == 4


def codes(number: int) -> Job:
    """Return a job of so many calls, sent: Xero takes account codes one by one."""
    made = [AccountCode.objects.create(code=f"T{n}", name=f"Code {n}") for n in range(number)]
    job = check({"ids": [str(code.uuid) for code in made]}, kind="account_codes")
    assert jobs.send(job)
    return job


def test_what_was_written_down_and_may_not_be_sent_yet_goes_back(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_PARALLEL = 1
    job = codes(7)
    xero.fault("rate_limit_minute", method="PUT", endpoint="Accounts", nth=2, retry_after=37)
    engine.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.wait_why) == ("waiting", "limit")
    assert Counter(job.rows.values_list("state", "request__answer")) == {
        ("succeeded", ""): 1, ("pending", None): 6,
    }  # fmt: skip
    told = Counter(job.requests.values_list("state", "answer"))
    assert told == {("done", ""): 1, ("done", "refused with 429"): 1, ("done", "not sent"): AHEAD - 2}
    XeroConnection.objects.update(blocked_until=None)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == "completed"
    keys = [write["key"] for write in xero.ledger()]
    assert len(keys) == len(set(keys)) == 7


def test_a_call_that_fails_between_fence_and_wire_is_in_doubt_and_not_handed_back(
    four: list[Invoice], xero: SimulatedXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool of threads may have the call by then, and make it after all."""

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    job = check()
    monkeypatch.setattr(threading.Thread, "start", start)
    send(job, slices=1)
    monkeypatch.undo()
    assert job.state == Job.State.NEEDS_ATTENTION
    assert set(job.rows.filter(kind="contacts").values_list("state", flat=True)) == {"needs_review"}


def test_kinds_that_need_none_of_each_other_are_sent_side_by_side(
    four: list[Invoice], connection: XeroConnection, xero: SimulatedXero
) -> None:
    """Customers and what is sold, then the invoices, when both are there: in as few calls as one after the other."""
    from finance.models import Item

    four[0].lines.update(item=Item.objects.create(kind="service", name="Backup"))
    job = check()
    assert jobs.send(job)
    going, sent = set[str](), list[str]()
    while rows := intents.next_rows(job, going):
        intents.claim(rows)
        going.add(rows[0].kind)
        sent += [f"{rows[0].kind} {len(rows)}"]
    assert sent == ["contacts 1", "items 1"]
    assert intents.next_rows(job, set()) == [], "each invoice needs one of them"
    recovery.take_over_abandoned(job)
    engine.run(job.pk)
    writes = [write["path"].split("?")[0] for write in xero.ledger()]
    assert sorted(writes[:2]) == ["/Contacts", "/Items"]
    assert writes[2:] == ["/Invoices"]


def test_a_bell_that_rings_late_begins_nothing_before_its_time(four: list[Invoice], xero: SimulatedXero) -> None:
    job = check()
    jobs.send(job)
    jobs.park(job, clock.now() + timedelta(minutes=5), "limit")
    engine.answer(job.pk)
    job.refresh_from_db()
    assert (job.state, len(xero.ledger())) == ("waiting", 0)
