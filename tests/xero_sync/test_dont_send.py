"""Invoices that somebody keeps from going to Xero: who can do it, where it counts, and how it is taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from bmsxero.roles import Role
from finance.models import Invoice
from tests.conftest import ClientOf
from tests.records import account, invoice
from tests.xero_sync.driving import check, send, states
from tests.xero_sync.pages import make_job, make_rows, text, use_organisation
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import attention, jobs, month_end
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db
MARK, RELEASE = "/finance/invoices/dont-send/", "/finance/invoices/send-after-all/"


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def kept(number: str = "INV-1", **fields: Any) -> Invoice:
    return invoice(number, status="ready", dont_send="billed on paper", **fields)


class TestMarking:
    def test_the_reason_is_asked_for_then_kept_with_the_history(self, writer: Client) -> None:
        made = invoice("INV-1", status="ready")
        asked = writer.post(MARK, {"ids": made.pk})
        assert "INV-1" in text(asked)
        assert 'name="reason"' in text(asked)
        made.refresh_from_db()
        assert made.dont_send == ""
        done = writer.post(MARK, {"ids": made.pk, "reason": "billed on paper"})
        assert told(done) == ["1 invoice will not be sent to Xero."]
        made.refresh_from_db()
        assert made.dont_send == "billed on paper"
        page = text(writer.get(made.get_absolute_url()))
        assert "billed on paper" in page
        assert "finance user" in page.split("History")[-1]

    def test_without_a_reason_nothing_is_marked_and_the_page_says_why(self, writer: Client) -> None:
        made = invoice("INV-1", status="ready")
        answer = writer.post(MARK, {"ids": made.pk, "reason": " "})
        assert answer.status_code == 400
        assert "This field is required" in text(answer)
        made.refresh_from_db()
        assert made.dont_send == ""

    def test_nothing_ticked_says_so(self, writer: Client) -> None:
        assert told(writer.post(MARK)) == ["Nothing was marked. Tick at least one invoice first."]

    def test_one_that_a_job_holds_is_left_as_it_was(self, writer: Client) -> None:
        use_organisation()
        made = invoice("INV-1", status="ready")
        make_rows(make_job("running"), record_id=made.pk, record_key=str(made.uuid), state="pending")
        answer = writer.post(MARK, {"ids": made.pk, "reason": "x"})
        assert told(answer) == ["1 left as before: exported, in a job now, or marked with that reason already."]

    def test_it_is_taken_back(self, writer: Client) -> None:
        made = kept()
        assert told(writer.post(RELEASE, {"ids": made.pk})) == ["1 invoice can go to Xero again."]
        made.refresh_from_db()
        assert made.dont_send == ""

    @pytest.mark.parametrize("path", [MARK, RELEASE])
    def test_a_viewer_may_not(self, client_of: ClientOf, path: str) -> None:
        made = kept()
        assert client_of(Role.VIEWER).post(path, {"ids": made.pk, "reason": "x"}).status_code == 403
        made.refresh_from_db()
        assert made.dont_send == "billed on paper"

    def test_it_leads_back_to_no_other_site(self, writer: Client) -> None:
        made = invoice("INV-1", status="ready")
        answer = writer.post(MARK, {"ids": made.pk, "reason": "x", "next": "https://elsewhere.test/"})
        assert answer.headers["Location"] == "/finance/invoices/"


class TestWhereItCounts:
    def test_lists_show_it_and_find_it(self, writer: Client) -> None:
        use_organisation()
        kept()
        invoice("INV-2", status="ready")
        found = writer.get("/finance/invoices/?xero=dont_send").context["grid"].rows
        assert [row.record.number for row in found] == ["INV-1"]
        assert "Don&#x27;t send" in text(writer.get("/finance/invoices/"))

    def test_the_wizard_leaves_it_out_and_says_why(self, writer: Client) -> None:
        use_organisation()
        kept()
        answer = writer.get("/finance/xero/export-invoices/?load=all&find=INV-1", follow=True)
        assert answer.context["answer"].text == "INV-1 is marked “Don't send”: billed on paper"

    def test_an_export_of_all_leaves_it_here(self, connection: XeroConnection, xero: SimulatedXero) -> None:
        of = account("Bolt Ltd")
        kept(of=of)
        invoice("INV-2", of=of, status="ready")
        assert states(send(check())) == {"INV-2": "succeeded"}
        assert [each["number"] for each in xero.invoices()] == ["INV-2"]

    def test_one_marked_after_the_check_is_not_sent(self, connection: XeroConnection, xero: SimulatedXero) -> None:
        made = invoice("INV-1", of=account("Bolt Ltd"), status="ready")
        job = check()
        Invoice.objects.filter(pk=made.pk).update(dont_send="billed on paper")
        assert states(send(job)) == {"INV-1": "failed"}
        assert job.rows.get(label="INV-1").message == "Marked “Don't send”: billed on paper"
        assert xero.invoices() == []

    def test_a_failure_that_stays_here_waits_for_nobody_and_is_not_retried(self, writer: Client) -> None:
        connection = use_organisation()
        made = invoice("INV-1", status="ready")
        job = make_job("completed_with_failures")
        make_rows(job, record_id=made.pk, record_key=str(made.uuid), state="failed", requested=True)
        who = writer.get("/").context["who"]
        assert len(list(attention._troubled(connection))) == 1
        assert jobs.retryable(job).count() == 1
        asked = text(writer.get(f"{MARK}?job={job.pk}&next=/"))
        assert "INV-1" in asked
        writer.post(MARK, {"ids": made.pk, "reason": "billed on paper"})
        assert list(attention._troubled(connection)) == []
        assert jobs.retryable(job).count() == 0
        assert month_end.checklist(connection, who, 0)[1].words == "Nothing is in doubt"
