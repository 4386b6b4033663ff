"""What home, invoice and payment pages show of Xero."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.records import account, invoice, payment
from tests.xero_sync.pages import make_job, make_rows, text, use_organisation
from xero_sync.models import Job, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db
State = Job.State


@pytest.fixture
def here(db: None) -> XeroConnection:
    return use_organisation()


def tasks(client: Client) -> list[str]:
    return [unescape(words) for words in re.findall(r'<span class="todo-text">(.*?)</span>', text(client.get("/")))]


class TestHome:
    def test_failures_decisions_and_invoices_wait_for_a_finance_user(
        self, here: XeroConnection, writer: Client
    ) -> None:
        failed = make_job(State.COMPLETED_WITH_FAILURES)
        make_rows(failed, 6, state="failed")
        unsent = make_job()
        make_rows(unsent, 12)
        make_rows(unsent, 1, outcome="decide", label="x")
        invoice(status="ready")
        assert tasks(writer) == [
            f"Job {failed.number}, export invoices: 6 failed.",
            f"Job {unsent.number} is checked and not sent: 12 invoices, 1 more needs a decision.",
            "1 invoice can go to Xero.",
        ]

    def test_a_job_that_was_retried_waits_no_more(self, here: XeroConnection, writer: Client) -> None:
        failed = make_job(State.COMPLETED_WITH_FAILURES)
        make_job(State.COMPLETED, retry_of=failed)
        assert tasks(writer) == []
        assert "All clear." in text(writer.get("/"))

    def test_old_jobs_are_history(self, here: XeroConnection, writer: Client) -> None:
        failed = make_job(State.NEEDS_ATTENTION)
        Job.objects.filter(pk=failed.pk).update(created=timezone.now() - timedelta(days=31))
        assert tasks(writer) == []

    def test_a_lost_connection_stands_first_with_what_waits_for_it(self, writer: Client) -> None:
        use_organisation(state="reconnect")
        make_job(State.WAITING, wait_why="reconnect")
        make_job(State.COMPLETED_WITH_FAILURES)
        first, *_ = tasks(writer)
        assert first == "Xero needs somebody to sign in again. 1 job waits for that; nothing was lost."

    def test_support_is_told_of_failures_only(self, here: XeroConnection, client_of: ClientOf) -> None:
        make_rows(make_job(State.COMPLETED_WITH_FAILURES), 1, state="failed")
        make_rows(make_job(), 1)
        invoice(status="ready")
        assert len(tasks(client_of(Role.SUPPORT))) == 1

    def test_an_admin_is_led_to_the_first_connection(self, client_of: ClientOf) -> None:
        assert tasks(client_of(Role.ADMIN)) == ["Xero isn't connected."]

    def test_others_are_told_who_can_connect(self, client_of: ClientOf) -> None:
        assert tasks(client_of(Role.FINANCE)) == ["Xero isn't connected. A finance admin can connect it."]


class TestAccount:
    def test_one_in_xero_says_as_what_and_leads_there(self, here: XeroConnection, reader: Client) -> None:
        made, job = account("Acme"), make_job(State.COMPLETED, kind="contacts")
        XeroLink.objects.create(tenant_id="here", kind="contacts", local_id=made.uuid, xero_id="5b96",
                                xero_number="C-17", matched_by="same name", job=job)  # fmt: skip
        XeroRecord.objects.create(tenant_id="here", kind="contacts", xero_id="5b96", key="C-17", seen_at=timezone.now(),
                                  payload={"Name": "Acme Holdings"})  # fmt: skip
        page = unescape(text(reader.get(made.get_absolute_url())))
        for words in ("In Xero", "Acme Holdings", "C-17", "same name", f"Job {job.number}", "Last seen",
                      here.app_url("contacts/contact/5b96")):  # fmt: skip
            assert words in page

    def test_one_that_is_not_can_be_checked_by_those_who_may(
        self, here: XeroConnection, writer: Client, reader: Client
    ) -> None:
        made = account("Acme")
        assert "Check for Xero" in text(writer.get(made.get_absolute_url()))
        assert "Check for Xero" not in text(reader.get(made.get_absolute_url()))
        writer.post("/finance/xero/check/export-contacts/", {"ids": str(made.uuid)})
        assert Job.objects.get().selection == {"ids": [str(made.uuid)]}


class TestInvoice:
    def test_one_in_xero_leads_there(self, reader: Client) -> None:
        here = use_organisation(short_code="!abc")
        job, made = make_job(State.COMPLETED, connection=here), invoice()
        XeroLink.objects.create(tenant_id="here", kind="invoices", local_id=made.uuid, xero_id="5b96",
                                xero_number="X-17", matched_by="created", job=job)  # fmt: skip
        page = text(reader.get(made.get_absolute_url()))
        assert "In Xero" in page
        assert "X-17" in page
        assert f'href="{here.app_url("invoicing/view/5b96")}" target="_blank" rel="noopener"' in page
        assert f'href="/finance/jobs/{job.number}/"' in page
        assert "Check for Xero" not in page

    def test_one_that_failed_says_why_and_can_be_checked_again(self, here: XeroConnection, writer: Client) -> None:
        made = invoice(status="ready")
        make_rows(make_job(State.COMPLETED_WITH_FAILURES), record_id=made.pk, state="failed", message="No lines.")
        page = text(writer.get(made.get_absolute_url()))
        assert "No lines." in page
        assert "Check for Xero" in page

    def test_one_press_checks_it(self, here: XeroConnection, writer: Client) -> None:
        made = invoice(status="ready")
        writer.post("/finance/xero/check/invoices/", {"ids": str(made.uuid)})
        assert Job.objects.get().selection == {"ids": [str(made.uuid)]}

    @pytest.mark.parametrize("state", ["pending", "sent", "unknown", "needs_review"])
    def test_one_that_a_job_holds_is_not_offered(self, here: XeroConnection, writer: Client, state: str) -> None:
        made = invoice(status="ready")
        make_rows(make_job(State.RUNNING), record_id=made.pk, record_key=str(made.uuid), state=state)
        assert "Check for Xero" not in text(writer.get(made.get_absolute_url()))

    def test_a_warning_is_never_green(self, here: XeroConnection, reader: Client) -> None:
        made, job = invoice(), make_job(State.COMPLETED)
        make_rows(job, record_id=made.pk, state="succeeded", warning="Without its account code.")
        XeroLink.objects.create(
            tenant_id="here", kind="invoices", local_id=made.uuid, xero_id="1", matched_by="created", job=job
        )
        page = text(reader.get(made.get_absolute_url()))
        assert "In Xero, with warning" in page
        assert "Without its account code." in page

    def test_without_any_connection_nothing_is_said(self, reader: Client) -> None:
        assert '<h2 class="card-title">Xero</h2>' not in text(reader.get(invoice().get_absolute_url()))


def test_an_imported_payment_names_its_job(here: XeroConnection, reader: Client) -> None:
    made, job = payment(invoice(status="sent"), "10"), make_job(State.COMPLETED, kind="payments", direction="import")
    XeroLink.objects.create(
        tenant_id="here", kind="payments", local_id=made.uuid, xero_id="1", matched_by="imported", job=job
    )
    assert f"Job {job.number}" in text(reader.get(made.get_absolute_url()))


def test_a_payment_by_hand_has_nothing_to_do_with_xero(here: XeroConnection, reader: Client) -> None:
    made = payment(invoice(status="sent"), "10")
    assert '<h2 class="card-title">Xero</h2>' not in text(reader.get(made.get_absolute_url()))


@pytest.mark.parametrize("path", ["/finance/invoices/", "/finance/payments/"])
def test_lists_lead_writers_to_the_wizards(writer: Client, reader: Client, path: str) -> None:
    wizard = {"/finance/invoices/": "Export to Xero", "/finance/payments/": "Import from Xero"}[path]
    assert wizard in text(writer.get(path))
    assert wizard not in text(reader.get(path))


HUGE = "9" * 40


@pytest.mark.parametrize(
    "path",
    [
        f"/finance/jobs/{HUGE}/",
        f"/finance/jobs/?job={HUGE}",
        f"/finance/jobs/?who={HUGE}",
        f"/finance/xero/export-invoices/options/?job={HUGE}",
        "/finance/xero/export-invoices/?load=all&draft=none&page=zzz&sort=nothing",
        "/finance/xero/export-invoices/?load=all&number=%00",
        "/finance/xero/import-payments/?date_from=%00",
        f"/j/{HUGE}",
    ],
)
def test_odd_addresses_are_no_errors(here: XeroConnection, writer: Client, path: str) -> None:
    assert writer.get(path, follow=True).status_code in {200, 400, 404}


def test_an_odd_line_of_the_log_is_no_error(here: XeroConnection, reader: Client) -> None:
    job = make_job(State.COMPLETED)
    assert reader.get(f"/finance/jobs/{job.number}/log/?line={HUGE}", follow=True).status_code == 200
