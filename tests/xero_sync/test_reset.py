"""Reset posted to accounting: an exported invoice is released, and never billed twice by it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bmsxero.roles import Role
from finance.models import Invoice
from tests import records
from tests.conftest import ClientOf
from tests.xero_sync.driving import check, export, import_payments, outcome, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import linking
from xero_sync.links import why_read_only
from xero_sync.models import DeepLink, JobRow, LinkEvent, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db


def exported(number: str = "INV-1", **options: Any) -> Invoice:
    made = records.invoice(number, status=Invoice.Status.READY)
    job = export({"ids": [str(made.uuid)]}, **({"status": "AUTHORISED"} | options))
    assert outcome(job)[number][0] == "succeeded", outcome(job)
    made.refresh_from_db()
    return made


def reset(invoice: Invoice, user: User, connection: XeroConnection) -> None:
    linking.reset(invoice, connection.tenant_id, user=user, reason="Wrong customer")


def test_a_reset_clears_the_link_and_says_who_and_why(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported()
    link = XeroLink.objects.get(kind="invoices")
    assert why_read_only(made)
    reset(made, admin, connection)
    assert not XeroLink.objects.filter(kind="invoices").exists()
    assert why_read_only(made) == ""
    event = LinkEvent.objects.get()
    assert (event.action, event.message, event.user, event.xero_id) == ("reset", "Wrong customer", admin, link.xero_id)
    assert DeepLink.objects.get().released_xero_id == link.xero_id
    assert [each["status"] for each in xero.invoices()] == ["AUTHORISED"]


def test_while_the_old_document_lives_check_holds_the_invoice_back(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported()
    reset(made, admin, connection)
    row = the_row(check({"ids": [str(made.uuid)]}), "INV-1")
    assert (row.outcome, row.reason) == ("fail", "reset_and_still_there")
    assert "still in Xero as INV-1, Awaiting Payment" in row.message
    assert len(xero.invoices()) == 1


def test_that_holds_however_large_the_job_is(connection: XeroConnection, admin: User, monkeypatch: Any) -> None:
    made = exported()
    reset(made, admin, connection)
    for number in range(45):
        records.invoice(f"MORE-{number}", of=made.account, status=Invoice.Status.READY)
    assert the_row(check(), "INV-1").reason == "reset_and_still_there"


def test_once_it_is_void_in_xero_the_invoice_goes_again(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported()
    reset(made, admin, connection)
    xero.control("void", invoices=["INV-1"])
    job = export({"ids": [str(made.uuid)]}, status="AUTHORISED")
    assert outcome(job)["INV-1"][0] == "succeeded"
    assert sorted(each["status"] for each in xero.invoices()) == ["AUTHORISED", "VOIDED"]
    old, new = DeepLink.objects.order_by("pk")
    assert old.uuid != new.uuid
    assert XeroLink.objects.get(kind="invoices").xero_id != old.released_xero_id


def test_under_another_number_the_invoice_goes_again(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported()
    reset(made, admin, connection)
    Invoice.objects.update(number="INV-1a")
    job = export({"ids": [str(made.uuid)]})
    assert outcome(job)["INV-1a"][0] == "succeeded"
    assert {each["number"] for each in xero.invoices()} == {"INV-1", "INV-1a"}


def test_where_xero_numbers_invoices_the_old_one_must_go_first(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported(invoice_number="xero_number")
    reset(made, admin, connection)
    row = the_row(check({"ids": [str(made.uuid)]}, invoice_number="xero_number"), "INV-1")
    assert row.reason == "reset_and_still_there"
    xero.control("void", invoices=[xero.invoices()[0]["number"]])
    job = export({"ids": [str(made.uuid)]}, invoice_number="xero_number")
    assert outcome(job)["INV-1"][0] == "succeeded"


@pytest.mark.parametrize("mode", ["bms_number", "bms_id", "xero_number"])
def test_an_old_document_that_was_renumbered_in_xero_is_seen(
    connection: XeroConnection, admin: User, xero: SimulatedXero, mode: str
) -> None:
    made = exported(invoice_number=mode)
    reset(made, admin, connection)
    (there,) = xero.invoices()
    xero.write("Invoices", {"InvoiceID": there["invoice_id"], "InvoiceNumber": "CHANGED"}, method="POST")
    row = the_row(check({"ids": [str(made.uuid)]}, invoice_number=mode), "INV-1")
    assert (row.outcome, row.reason) == ("fail", "reset_and_still_there")
    assert "still in Xero as CHANGED, Awaiting Payment. Void or delete it there" in row.message
    assert ("another number" in row.message) == (mode == "bms_number")


def test_another_number_here_does_not_help_where_it_is_not_sent(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported(invoice_number="bms_id")
    reset(made, admin, connection)
    Invoice.objects.update(number="INV-1a")
    assert the_row(check(invoice_number="bms_id"), "INV-1a").reason == "reset_and_still_there"


def test_a_number_that_the_old_document_has_taken_meanwhile_is_none_to_go_by(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported()
    reset(made, admin, connection)
    xero.write("Invoices", {"InvoiceID": xero.invoices()[0]["invoice_id"], "InvoiceNumber": "INV-1a"}, method="POST")
    Invoice.objects.update(number="INV-1a")
    assert the_row(check(), "INV-1a").reason == "reset_and_still_there"


def test_an_invoice_with_payments_from_xero_is_not_reset(
    connection: XeroConnection, admin: User, xero: SimulatedXero
) -> None:
    made = exported()
    (payment,) = xero.control("pay", invoices=["INV-1"], amount="10")["payments"]
    import_payments()
    with pytest.raises(linking.NotPossible, match="has payments or credits from Xero"):
        reset(made, admin, connection)
    xero.control("delete-payment", payments=[payment["payment_id"]])
    import_payments()
    reset(made, admin, connection)
    assert not XeroLink.objects.filter(kind="invoices").exists()


def test_an_invoice_in_a_jobs_hand_is_not_reset(connection: XeroConnection, admin: User) -> None:
    made = exported()
    row = JobRow.objects.get(kind="invoices", record_key=str(made.uuid))
    JobRow.objects.filter(pk=row.pk).update(state="needs_review")
    with pytest.raises(linking.NotPossible, match=f"Job {row.job_id} has INV-1 in hand"):
        reset(made, admin, connection)


def test_an_admin_resets_it_on_its_page_with_a_reason(
    connection: XeroConnection, admin: User, client_of: ClientOf, xero: SimulatedXero
) -> None:
    made = exported()
    client = client_of(Role.ADMIN)
    assert f"/finance/invoices/{made.pk}/reset/" in client.get(made.get_absolute_url()).content.decode()
    page = client.get(f"/finance/invoices/{made.pk}/reset/").content.decode()
    assert "In Xero it is Awaiting Payment now." in page
    refused = client.post(f"/finance/invoices/{made.pk}/reset/", {"reason": ""})
    assert refused.status_code == 400
    assert "Say why, in a few words." in refused.content.decode()
    assert XeroLink.objects.filter(kind="invoices").exists()
    answer = client.post(f"/finance/invoices/{made.pk}/reset/", {"reason": "Wrong customer"}, follow=True)
    assert "INV-1 is reset" in answer.content.decode()
    again = client.get(f"/finance/invoices/{made.pk}/reset/").content.decode()
    assert "there is nothing to reset" in again


def test_when_xero_cannot_be_asked_the_page_says_that_it_is_not_known(
    connection: XeroConnection, client_of: ClientOf, settings: Any
) -> None:
    made = exported()
    settings.XERO_API_URL = "http://127.0.0.1:9/api.xro/2.0"
    page = client_of(Role.ADMIN).get(f"/finance/invoices/{made.pk}/reset/").content.decode()
    assert "What became of it in Xero could not be asked" in page


def test_the_old_documents_way_back_says_that_it_was_reset(
    connection: XeroConnection, admin: User, reader: Client
) -> None:
    made = exported()
    address = f"/i/{DeepLink.objects.get().uuid}/"
    reset(made, admin, connection)
    answer = reader.get(address, follow=True)
    assert answer.redirect_chain[-1][0] == made.get_absolute_url()
    assert "INV-1 was reset here" in answer.content.decode()
