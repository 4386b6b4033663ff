"""Two invoices to Xero, in a real browser, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.journeys import check_and_send, choose, sign_in
from tests.records import account, invoice, tax
from xero_sync.models import Job, XeroConnection, XeroLink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.worker]


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def context(
    request: pytest.FixtureRequest, browser: Browser, live_server: Any, client_of: ClientOf
) -> Iterator[BrowserContext]:
    client_of(Role.FINANCE)
    made = browser.new_context(base_url=live_server.url, java_script_enabled=request.param)
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def invoices() -> None:
    vat, shared = tax(), account("Bolt Ltd")
    for number in range(1, 4):
        invoice(f"INV-100{number}", of=shared, price="100.00", tax=vat, status="ready")


def test_two_invoices_are_exported(
    context: BrowserContext, connection: XeroConnection, worker: Any, invoices: None
) -> None:
    page = context.new_page()
    sign_in(page)
    choose(page, ["INV-1001", "INV-1003"])
    check_and_send(page, 2, status="Draft")
    expect(page.locator(".headline")).to_have_text(re.compile("2 invoices: 2 in Xero, 0 failed, 0 unknown."))
    page.get_by_role("link", name="Show transactions").click()
    expect(page.get_by_role("row").filter(has_text="INV-1003")).to_contain_text("Created in Xero")
    page.goto(f"/j/{Job.objects.get().number}")
    expect(page.get_by_role("heading", name="Export invoices")).to_be_visible()
    assert XeroLink.objects.filter(kind="invoices").count() == 2


def test_a_second_tick_and_all_matching_are_counted_in_the_bar(
    context: BrowserContext, connection: XeroConnection, invoices: None
) -> None:
    page = context.new_page()
    sign_in(page)
    choose(page, ["INV-1002"])
    bar = page.locator("#selection-bar")
    head = page.get_by_label("Select all on this page")
    if head.is_visible():
        assert head.evaluate("box => box.indeterminate")
        head.check()
        expect(bar).to_contain_text("3 invoices selected")
        head.uncheck()
        expect(bar).to_contain_text("Nothing selected")
    page.get_by_role("button", name="Select all 3 invoices").click()
    expect(bar).to_contain_text("3 invoices selected (all)")
    expect(bar).to_contain_text("360.00")
    page.get_by_label("Select invoice INV-1002").uncheck()
    if (update := page.get_by_role("button", name="Update the count")).is_visible():
        update.click()
    expect(bar).to_contain_text("2 invoices selected (all except 1)")
    expect(bar).to_contain_text("240.00")
