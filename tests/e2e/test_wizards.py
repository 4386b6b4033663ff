"""Each wizard for records in a real browser, as the vendor's guide walks through it; one without JavaScript, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bmsxero.roles import Role
from crm.models import Account
from finance.models import AccountCode, Item
from tests.conftest import ClientOf
from tests.e2e.journeys import PATIENCE, sign_in
from tests.records import account, site
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import XeroConnection, XeroLink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.worker]


def _context(browser: Browser, live_server: Any, client_of: ClientOf, *, javascript: bool) -> BrowserContext:
    client_of(Role.FINANCE)
    made = browser.new_context(base_url=live_server.url, java_script_enabled=javascript)
    made.set_default_timeout(15_000)
    return made


@pytest.fixture
def page(browser: Browser, live_server: Any, client_of: ClientOf) -> Iterator[Page]:
    context = _context(browser, live_server, client_of, javascript=True)
    yield context.new_page()
    context.close()


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def either(request: pytest.FixtureRequest, browser: Browser, live_server: Any, client_of: ClientOf) -> Iterator[Page]:
    context = _context(browser, live_server, client_of, javascript=request.param)
    yield context.new_page()
    context.close()


def open_wizard(page: Page, way: str, name: str) -> None:
    """Go by the menu, as the guide says: Import > Accounts."""
    sign_in(page)
    page.get_by_role("navigation", name="Main").get_by_role("link", name=way, exact=True).click()
    page.locator(".chooser").get_by_role("link", name=re.compile(f"^{name}")).click()


def settled(page: Page) -> None:
    """The bar is told of each tick and comes anew; a click on the old one would be lost."""
    page.wait_for_load_state("networkidle")


def go_on(page: Page) -> None:
    settled(page)
    page.locator("#selection-bar").get_by_role("button", name="Next", exact=True).click()


def send(page: Page, label: str, truth: str) -> None:
    button = page.get_by_role("button", name=label)
    expect(button).to_be_enabled(timeout=PATIENCE)
    button.click()
    expect(page.locator(".headline")).to_contain_text(truth, timeout=PATIENCE)
    page.get_by_role("link", name="Show transactions").click()
    expect(page.get_by_role("heading", name="Transactions")).to_be_visible()
    page.go_back()


def test_export_accounts(either: Page, connection: XeroConnection, xero: SimulatedXero, worker: Any) -> None:
    page = either
    for number in range(1, 4):
        site(account(f"Customer {number}", code=f"C-{number}"), billing_email=f"pay@customer{number}.test")
    open_wizard(page, "Export", "Accounts")
    page.get_by_label("Name or code").fill("customer")
    page.get_by_role("button", name="Load accounts").click()
    expect(page.get_by_label("Archive in Xero the contacts of inactive accounts")).to_be_checked()
    page.get_by_label("Select account Customer 1").check()
    page.get_by_label("Select account Customer 3").check()
    go_on(page)
    expect(page.locator(".headline")).to_contain_text("This will create 2 contacts", timeout=PATIENCE)
    send(page, "Send 2 contacts to Xero", "2 contacts: 2 in Xero, 0 failed")
    expect(page.get_by_role("link", name="See Contacts in Xero")).to_be_visible()
    assert {"Customer 1", "Customer 3"} <= {each["name"] for each in xero.books()["contacts"]}


def test_export_the_chart_of_accounts(page: Page, connection: XeroConnection, worker: Any) -> None:
    AccountCode.objects.create(code="951", name="Bonus income", type="Revenue")
    AccountCode.objects.create(code="952", name="Other things", type="Expense")
    open_wizard(page, "Export", "Chart of accounts")
    page.get_by_label("Type").select_option("Revenue")
    page.get_by_role("button", name="Load Chart of Accounts").click()
    page.get_by_label("Select account code 951 Bonus income").check()
    go_on(page)
    send(page, "Send 1 account code to Xero", "1 account code: 1 in Xero")
    assert XeroLink.objects.get(kind="account_codes").xero_number == "951"


def test_export_items(page: Page, connection: XeroConnection, xero: SimulatedXero, worker: Any) -> None:
    for kind in ("service", "work_type", "discount_type"):
        Item.objects.create(name=f"A {kind}", kind=kind)
    open_wizard(page, "Export", "Items")
    page.get_by_label("Services").check()
    page.get_by_label("Work types").check()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("A discount_type")).to_have_count(0)
    page.get_by_role("button", name="Select all 2 items").click()
    go_on(page)
    send(page, "Send 2 items to Xero", "2 items: 2 in Xero")
    assert {"A service", "A work_type"} <= {each["code"] for each in xero.books()["items"]}


def test_import_accounts(page: Page, connection: XeroConnection, xero: SimulatedXero, worker: Any) -> None:
    name = xero.books()["contacts"][0]["name"]
    open_wizard(page, "Import", "Accounts")
    page.get_by_label("Name, account no. or e-mail").fill(name)
    page.get_by_role("button", name="Load Xero Contacts").click()
    box = page.get_by_label(f"Select contact {name}", exact=True)
    expect(box).to_be_visible(timeout=PATIENCE)
    box.check()
    go_on(page)
    send(page, "Import 1 contact", "1 contact: 1 imported")
    page.get_by_role("link", name="View the new account").click()
    expect(page.get_by_role("link", name=name).first).to_be_visible()
    assert Account.objects.get().name == name


def test_import_the_chart_of_accounts(page: Page, connection: XeroConnection, worker: Any) -> None:
    open_wizard(page, "Import", "Chart of accounts")
    page.get_by_role("button", name="Load Xero Accounts").click()
    everything = page.get_by_role("button", name=re.compile("Select all .* accounts"))
    expect(everything).to_be_visible(timeout=PATIENCE)
    everything.click()
    go_on(page)
    button = page.get_by_role("button", name=re.compile("Import .* account codes"))
    expect(button).to_be_enabled(timeout=PATIENCE)
    button.click()
    expect(page.locator(".headline")).to_contain_text("imported", timeout=PATIENCE)
    assert AccountCode.objects.filter(code="200").exists()


def test_import_items(page: Page, connection: XeroConnection, xero: SimulatedXero, worker: Any) -> None:
    first, second = (each["code"] for each in xero.books()["items"][:2])
    open_wizard(page, "Import", "Items")
    page.get_by_role("button", name="Load Xero Items").click()
    expect(page.get_by_label(f"Select item {first}", exact=True)).to_be_visible(timeout=PATIENCE)
    page.get_by_label(f"Select item {first}", exact=True).check()
    page.get_by_label(f"Select item {second}", exact=True).check()
    go_on(page)
    page.get_by_label("Work type", exact=True).check()
    page.get_by_label(f"What {second} becomes").select_option("expense_type")
    page.get_by_role("button", name="Check 2 items").click()
    # What a work type has no place for is told as a warning
    send(page, "Import 2 items", "0 failed, 0 unknown")
    assert sorted(Item.objects.values_list("kind", flat=True)) == ["expense_type", "work_type"]


def test_a_range_is_ticked_with_shift_and_a_list_is_pasted(page: Page, connection: XeroConnection) -> None:
    for number in range(1, 8):
        account(f"Customer {number}")
    open_wizard(page, "Export", "Accounts")
    page.get_by_label("Select account Customer 2").click()
    settled(page)
    page.get_by_label("Select account Customer 5").click(modifiers=["Shift"])
    bar = page.locator("#selection-bar")
    expect(bar).to_contain_text("4 accounts selected")
    page.get_by_label("Select account Customer 6").focus()
    page.keyboard.press("Shift+Space")
    expect(bar).to_contain_text("5 accounts selected")
    page.get_by_text("Paste a list").click()
    page.get_by_label("Names or codes, one per line").fill("Customer 7\nNobody")
    page.get_by_role("button", name="Select these").click()
    expect(bar).to_contain_text("6 accounts selected")
    expect(page.get_by_text("Not among the accounts that can be chosen: Nobody.")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(bar).to_contain_text("Nothing selected")
