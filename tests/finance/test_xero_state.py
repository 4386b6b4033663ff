"""Lists say of each record what it is in the current Xero organisation."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from crm.models import Account
from finance.models import Invoice
from tests.records import account, invoice
from xero_sync.models import Job, JobRow, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
TENANT = "tenant-1"


@pytest.fixture
def organisation() -> XeroConnection:
    return XeroConnection.objects.create(tenant_id=TENANT, name="Acme MSP Ltd", is_current=True, client_id="x")


def link(record: Invoice | Account, kind: str, number: str = "", tenant: str = TENANT) -> None:
    XeroLink.objects.create(
        tenant_id=tenant,
        kind=kind,
        local_id=record.uuid,
        xero_id=f"x-{record.pk}",
        xero_number=number,
        matched_by="created",
    )


def row(organisation: XeroConnection, record: Invoice, state: str) -> None:
    job = Job.objects.create(kind="invoices", direction="export", connection=organisation, tenant_id=TENANT)
    JobRow.objects.create(
        job=job, tenant_id=TENANT, kind="invoices", record_key=str(record.uuid), record_id=record.pk, state=state
    )


def shown(response: Any) -> dict[str, str]:
    return {
        str(row.record): str(next(value for column, value in row.cells if column.name == "xero_state"))
        for row in response.context["grid"].rows
    }


def test_an_invoice_is_in_xero_queued_failed_or_not_sent(reader: Client, organisation: XeroConnection) -> None:
    link(invoice("INV-1"), "invoices")
    row(organisation, invoice("INV-2"), "pending")
    row(organisation, invoice("INV-3"), "failed")
    invoice("INV-4")
    states = shown(reader.get("/finance/invoices/"))
    assert states == {"INV-1": "In Xero", "INV-2": "Queued", "INV-3": "Failed", "INV-4": "Not sent"}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("in_xero", {"INV-1", "INV-6"}),
        ("in_hand", {"INV-2"}),
        ("trouble", {"INV-3"}),
        ("not_sent", {"INV-4", "INV-7"}),
        ("dont_send", {"INV-5"}),
    ],
)
def test_invoices_are_filtered_by_their_state(
    reader: Client, organisation: XeroConnection, asked: str, found: set[str]
) -> None:
    link(invoice("INV-1"), "invoices")
    row(organisation, invoice("INV-2"), "unknown")
    row(organisation, invoice("INV-3"), "needs_review")
    invoice("INV-4")
    row(organisation, kept := invoice("INV-5", dont_send="A copy"), "failed")
    link(later := invoice("INV-6"), "invoices")
    row(organisation, later, "failed")
    assert kept.dont_send
    row(organisation, invoice("INV-7"), "succeeded")  # and reset since
    assert set(shown(reader.get("/finance/invoices/", {"xero": asked}))) == found


def test_the_number_in_xero_is_shown_where_it_differs(reader: Client, organisation: XeroConnection) -> None:
    link(invoice("INV-1"), "invoices", number="SALES-0099")
    page = reader.get("/finance/invoices/").content.decode()
    assert "SALES-0099" in page


def test_another_organisations_link_says_nothing_of_this_one(reader: Client, organisation: XeroConnection) -> None:
    link(invoice("INV-1"), "invoices", tenant="tenant-2")
    assert shown(reader.get("/finance/invoices/")) == {"INV-1": "Not sent"}


def test_an_account_is_paired_with_its_contact(reader: Client, organisation: XeroConnection) -> None:
    link(account("Acme"), "contacts")
    account("Bolt")
    assert shown(reader.get("/crm/accounts/")) == {"Acme": "In Xero", "Bolt": "Not sent"}
    assert set(shown(reader.get("/crm/accounts/?xero=not_sent"))) == {"Bolt"}


def test_without_an_organisation_nothing_has_been_sent(reader: Client) -> None:
    invoice("INV-1")
    assert shown(reader.get("/finance/invoices/")) == {"INV-1": "Not sent"}
