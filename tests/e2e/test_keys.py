"""What single keys do, and that nobody has to have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.test_look import watched_page
from tests.records import account, invoice
from tests.xero_sync.pages import make_job, make_rows
from xero_sync.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def page(browser: Browser, live_server: Any, client_of: ClientOf) -> Iterator[Page]:
    with watched_page(browser, live_server, client_of(Role.FINANCE), width=1280) as made:
        yield made


def row_of(page: Page, label: str) -> Any:
    return page.get_by_role("row").filter(has_text=label)


def test_keys_lead_through_lists(page: Page) -> None:
    of = account("Bolt Ltd")
    for number in range(60):
        invoice(f"INV-{number:02}", of=of, status="ready")
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.locator("h1")).to_have_text("Invoices")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("x")
    second = page.locator("main table.rows > tbody > tr").nth(1)
    expect(second.get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_text("1 ticked")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_label("No., account or PO")).to_be_focused()
    page.keyboard.type("gj?")
    expect(page.get_by_label("No., account or PO")).to_have_value("gj?")
    page.keyboard.press("Tab")
    page.locator("h1").click()
    page.keyboard.press("]")
    page.wait_for_url("**page=2**")
    page.keyboard.press("[")
    page.wait_for_url("**page=1**")
    with page.expect_download() as taken:
        page.keyboard.press("e")
    assert taken.value.suggested_filename.endswith(".csv")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Invoice INV-")


def test_the_list_of_keys_switches_them_off_for_this_browser(page: Page) -> None:
    page.goto("/finance/jobs/")
    page.keyboard.press("?")
    page.get_by_label("Single keys do this, in this browser").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.locator("h1")).to_have_text("Jobs")
    expect(page.get_by_role("searchbox", name="Search accounts, invoices and Job#")).not_to_be_focused()
    page.reload()
    page.get_by_role("button", name="Keys ( ? )").click()
    expect(page.get_by_label("Single keys do this, in this browser")).not_to_be_checked()
    page.get_by_label("Single keys do this, in this browser").check()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search accounts, invoices and Job#")).to_be_focused()


def test_what_sends_is_brought_into_focus_and_not_pressed(page: Page) -> None:
    job = make_job()
    make_rows(job)
    page.goto(job.get_absolute_url())
    send = page.get_by_role("button", name="Send 1 invoice to Xero")
    page.keyboard.press("Control+Enter")
    expect(send).to_be_focused()
    job.refresh_from_db()
    assert job.state == Job.State.CHECKED
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
