"""The tab "As Xero will see it": what the export would send, without sending."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from finance.models import Invoice, Item
from tests.records import account, account_code, invoice, tax
from xero_sync.as_xero import as_xero
from xero_sync.models import DeepLink, SyncOptions, TaxMapping, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> XeroConnection:
    made = XeroConnection.objects.create(
        tenant_id="here", name="Acme MSP Ltd", client_id="x", is_current=True, base_currency="GBP"
    )
    SyncOptions.objects.create(connection=made, sales_account="200", status="AUTHORISED")
    remember("account_codes", "a1", "200", {"Name": "Sales", "Type": "REVENUE", "Status": "ACTIVE"})
    return made


def remember(kind: str, xero_id: str, key: str, payload: dict[str, object]) -> None:
    XeroRecord.objects.create(
        tenant_id="here",
        kind=kind,
        xero_id=xero_id,
        key=key,
        status=str(payload["Status"]),
        payload=payload,
        seen_at=timezone.now(),
    )


def test_it_shows_mapped_fields_and_where_the_account_came_from(here: XeroConnection, reader: Client) -> None:
    vat = tax()
    remember(
        "tax_rates", "OUTPUT2", "OUTPUT2", {"Name": "20% (VAT on Income)", "EffectiveRate": 20, "Status": "ACTIVE"}
    )
    TaxMapping.objects.create(tenant_id="here", tax_rate=vat, tax_type="OUTPUT2")
    made = invoice("INV-1", of=account("Bolt Ltd"), tax=vat, status="sent", po_number="PO 7")
    item = Item.objects.create(kind=Item.Kind.SERVICE, name="Care", income_account=account_code(code="210"))
    made.lines.create(position=2, item=item, description="Monthly", unit_price=10, taxable=False)
    made.recalculate()
    page = unescape(reader.get(f"{made.get_absolute_url()}xero/").content.decode())
    for words in ("200 Sales", "default in Setup", "210 (not in Xero)", "the item's own",
                  "20% (VAT on Income) (OUTPUT2)",
                  "Bolt Ltd (found by name, or created)", "PO 7", "Awaiting Payment", "GBP\xa0130.00"):  # fmt: skip
        assert words in page
    assert "Xero would not take it" in page  # as 210 is missing there


def test_a_rate_that_differs_shows_in_the_total(here: XeroConnection) -> None:
    vat = tax()
    remember("tax_rates", "OUTPUT", "OUTPUT", {"Name": "Old", "EffectiveRate": "17.5", "Status": "ACTIVE"})
    TaxMapping.objects.create(tenant_id="here", tax_rate=vat, tax_type="OUTPUT")
    seen = as_xero(invoice(tax=vat, status="sent"))
    assert seen is not None
    assert (str(seen.total), str(seen.our_total), str(seen.difference)) == ("117.50", "120.00", "-2.50")


def test_one_in_xero_is_named_as_there(here: XeroConnection) -> None:
    made = invoice("INV-1", status="sent")
    XeroLink.objects.create(
        tenant_id="here", kind="invoices", local_id=made.uuid, xero_id="x", xero_number="X-9", matched_by="created"
    )
    seen = as_xero(made)
    assert seen is not None
    assert (seen.linked_as, seen.problems) == ("X-9", [])


def test_looking_makes_nothing(here: XeroConnection, reader: Client) -> None:
    made: Invoice = invoice(status="ready")
    assert reader.get(f"{made.get_absolute_url()}xero/").status_code == 200
    assert not DeepLink.objects.exists()


def test_without_a_connection_it_says_so(reader: Client) -> None:
    page = unescape(reader.get(f"{invoice().get_absolute_url()}xero/").content.decode())
    assert "Xero isn’t connected" in page
