"""From a ready invoice to a paid one: export, pay in Xero, import the payment; with and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.journeys import check_and_send, choose, import_payment, pay_in_xero, sign_in
from tests.records import account, invoice, tax
from xero_sync.models import XeroConnection

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


def test_an_exported_invoice_that_is_paid_in_xero_is_paid_here(
    context: BrowserContext, connection: XeroConnection, worker: Any
) -> None:
    vat, shared = tax(), account("Bolt Ltd")
    first, second = (invoice(f"INV-100{n}", of=shared, price="100.00", tax=vat, status="sent") for n in (1, 2))
    page = context.new_page()
    sign_in(page)
    choose(page, [first.number, second.number])
    check_and_send(page, 2)
    pay_in_xero(context, page, first.number)
    import_payment(page, first.number)
    page.get_by_role("row").filter(has_text=first.number).get_by_role("link", name=first.number).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Paid")
    expect(page.get_by_text("In Xero", exact=True)).to_be_visible()
    second.refresh_from_db()
    assert second.status == "sent"
