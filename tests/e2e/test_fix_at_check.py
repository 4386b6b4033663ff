"""Three kinds of problems, mended on the page of a check, and sent: with and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bmsxero.roles import Role
from finance.models import AccountCode, InvoiceLine, Item
from tests.conftest import ClientOf
from tests.e2e.journeys import PATIENCE, choose, sign_in
from tests.records import account, invoice, tax
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import SyncOptions, TaxMapping, XeroConnection, XeroLink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.worker]
NUMBERS = ["INV-1001", "INV-1002", "INV-1003", "INV-1004"]


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def context(
    request: pytest.FixtureRequest, browser: Browser, live_server: Any, client_of: ClientOf
) -> Iterator[BrowserContext]:
    client_of(Role.ADMIN)
    made = browser.new_context(base_url=live_server.url, java_script_enabled=request.param)
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def invoices(connection: XeroConnection, xero: SimulatedXero) -> None:
    """An item without account, one that two of Xero's could be, a tax of another per cent there; one is in order."""
    bolt = account("Bolt Ltd")
    SyncOptions.objects.update(sales_account="", purchases_account="300")
    sales = AccountCode.objects.create(code="200", name="Sales")
    xero.write("Items", *({"Code": f"OTHER-{n}", "Name": "Support"} for n in (1, 2)))
    backup = Item.objects.create(name="Cloud Backup", kind="service")
    support, plain = (
        Item.objects.create(name=name, kind="service", income_account=sales) for name in ("Support", "Plain")
    )
    low = tax("Low", "5")
    TaxMapping.objects.create(tenant_id=connection.tenant_id, tax_rate=low, tax_type="OUTPUT2")
    for number, each in zip(NUMBERS, (backup, support, plain, plain), strict=True):
        made = invoice(number, of=bolt, price="100.00", status="ready", tax=low if number == "INV-1003" else None)
        InvoiceLine.objects.filter(invoice=made).update(item=each)


def told(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible(timeout=PATIENCE)


def test_three_problems_are_mended_in_place_and_sent(
    context: BrowserContext, connection: XeroConnection, worker: Any, invoices: None
) -> None:
    page = context.new_page()
    sign_in(page, Role.ADMIN)
    choose(page, NUMBERS)
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_label("Draft").check()
    page.get_by_role("button", name="Check 4 invoices").click()
    expect(page.get_by_role("button", name="Send 1 invoice")).to_be_enabled(timeout=PATIENCE)
    page.get_by_role("link", name="Will fail").click()

    page.get_by_label("1 item has no usable income account").select_option(label="200 Sales")
    page.get_by_role("button", name="Apply to 1").click()
    told(page, "200 Sales is the income account of 1 item now. 1 invoice will now be created.")
    expect(page.locator(".tabs a[aria-current]")).to_contain_text("Will fail")

    page.get_by_label("OTHER-2").check()
    page.get_by_role("button", name="Decide and check again").click()
    told(page, "1 decision made. 1 invoice will now be created.")

    page.get_by_label("Which of Xero’s rates is it?").select_option(label="5% (VAT on Income)")
    page.get_by_role("button", name="Match it").click()
    told(page, "“Low” stands for “5% (VAT on Income)” in Xero now. 1 invoice will now be created.")
    expect(page.locator(".headline")).to_contain_text("This will create 4 invoices")

    page.get_by_role("navigation", name="Rows by outcome").get_by_role("link", name="Create").click()
    page.get_by_role("button", name="Leave out INV-1004").click()
    told(page, "1 invoice left out. 1 invoice is skipped now.")
    expect(page.locator(".headline")).to_contain_text("This will create 3 invoices")
    page.get_by_role("button", name="Send 3 invoices").click()
    expect(page.locator(".headline")).to_contain_text("4 invoices: 3 in Xero, 1 skipped", timeout=PATIENCE)
    assert XeroLink.objects.filter(kind="invoices").count() == 3
