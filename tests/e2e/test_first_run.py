"""A newcomer's first five minutes, without any account at Xero: from nothing to a paid invoice."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from bmsxero.embedded import EmbeddedWorker
from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.journeys import PATIENCE
from tests.e2e.test_connect import _policy
from tests.xero_sync.simulated import SimulatedXero

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.worker]


@pytest.fixture
def page(
    xero: SimulatedXero, browser: Browser, live_server: Any, client_of: ClientOf, worker: EmbeddedWorker, settings: Any
) -> Iterator[Page]:
    settings.SITE_URL = live_server.url
    xero.control("redirect-uris", redirect_uri=f"{live_server.url}/finance/xero/callback/")
    parts = urlsplit(xero.url)
    settings.CONTENT_SECURITY_POLICY = _policy(["'self'", f"{parts.scheme}://{parts.netloc}"])
    client_of(Role.ADMIN)
    context = browser.new_context(base_url=live_server.url)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_from_nothing_to_a_paid_invoice(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    page.goto("/login/")
    page.get_by_label("Username").fill(Role.ADMIN)
    page.get_by_label("Password").fill(Role.ADMIN)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name=re.compile("Get started: 0 of 8")).click()
    walk(page)
    taken = time.monotonic() - began
    with capsys.disabled():
        sys.stdout.write(f"\nFrom nothing to a paid invoice: {taken:.1f} s by script.\n")


def walk(page: Page) -> None:
    """Go through all the steps of Get started, each from the list."""
    get_sample_data(page)
    connect(page)
    import_chart(page)
    export(page)
    mend_and_retry(page)
    let_customers_pay(page)
    import_payments(page)
    see_it(page)


def step(page: Page, title: str) -> None:
    page.goto("/welcome/")
    page.locator(".task-list").get_by_text(title).click()


def completed(page: Page, number: int) -> None:
    page.goto("/welcome/")
    expect(page.get_by_text(f"{number} of 8 completed")).to_be_visible()


def get_sample_data(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Get sample data")).click()
    expect(page.get_by_role("status").first).to_contain_text("Added 120 accounts")
    completed(page, 1)


def connect(page: Page) -> None:
    step(page, "Connect to Xero")
    page.get_by_role("button", name="Connect to Xero").click()
    page.get_by_label("Acme MSP Ltd").check()
    page.get_by_role("button", name="Allow access").click()
    expect(page.get_by_role("status").first).to_contain_text("Connected to Acme MSP Ltd.")
    completed(page, 2)


def import_chart(page: Page) -> None:
    step(page, "Import the chart of accounts")
    bring_all(page)
    completed(page, 3)


def bring_all(page: Page) -> None:
    """Load, select all, check and import."""
    page.get_by_role("button", name=re.compile("^Load")).click()
    page.get_by_role("button", name=re.compile("^Select all")).click()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Next", exact=True).click()
    send_from_check(page, "Import")


def send_from_check(page: Page, verb: str) -> None:
    check = page.get_by_role("button", name=re.compile("^Check "))
    send = page.get_by_role("button", name=re.compile(f"^{verb} [0-9]+ "))
    expect(check.or_(send).first).to_be_visible()
    if check.is_visible():
        check.click()
    expect(send).to_be_enabled(timeout=PATIENCE)
    if (posts := page.get_by_label("These post to the ledger")).is_visible():
        posts.check()
    send.click()
    expect(page.locator(".headline")).to_contain_text(re.compile("in Xero|imported"), timeout=PATIENCE)


def export(page: Page) -> None:
    step(page, "Export invoices")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name=re.compile("^Select all")).click()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_label("Authorised").check()
    send_from_check(page, "Send")
    completed(page, 4)


def mend_and_retry(page: Page) -> None:
    """Xero refused a tax on the account of an item: give the item another, and send that one again."""
    step(page, "Mend one and retry")
    job = page.url
    page.goto("/admin/finance/billing/expense-types/?q=Same-day")
    page.get_by_label(re.compile("Income account")).first.fill("200")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("200 Sales")).to_be_visible()
    page.goto(job)
    page.get_by_role("button", name=re.compile("^Retry")).click()
    send_from_check(page, "Send")
    completed(page, 5)


def let_customers_pay(page: Page) -> None:
    step(page, "Let customers pay")
    page.get_by_role("button", name=re.compile("Customers pay")).click()
    expect(page.get_by_text("Customers have paid.")).to_be_visible()


def import_payments(page: Page) -> None:
    step(page, "Import payments")
    bring_all(page)


def see_it(page: Page) -> None:
    completed(page, 8)
    step(page, "See a paid invoice")
    expect(page.locator("h1")).to_contain_text("Paid")
    page.goto("/")
    expect(page.get_by_text("Get started")).to_have_count(0)
