"""Writing records in a real browser: by keyboard, and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bmsxero.roles import Role
from finance.models import Invoice, Item
from tests.conftest import ClientOf
from tests.e2e.test_look import Watch, open_context, overflow
from tests.records import account, site, tax

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Give a busy machine time."""
    expect.set_options(timeout=15_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def context(
    request: pytest.FixtureRequest, browser: Browser, live_server: Any, client_of: ClientOf
) -> Iterator[BrowserContext]:
    made = open_context(browser, live_server, client_of(Role.FINANCE), java_script_enabled=request.param)
    made.set_default_timeout(10_000)
    yield made
    made.close()


@pytest.fixture
def goods() -> None:
    site(account("Bolt Ltd", default_currency="GBP"), "Depot")
    vat = tax()
    for name, price in (("Monthly care", "75.5"), ("Hosting", "0.0333")):
        Item.objects.create(kind=Item.Kind.SERVICE, name=name, unit_price=Decimal(price), tax=vat)


def type_into(page: Page, label: str, text: str, line: int = 0) -> None:
    field = page.get_by_role("group", name=f"Line {line}", exact=True) if line else page
    place = field.get_by_label(label, exact=True)
    expect(place).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Tab")


def test_an_invoice_of_four_lines_is_written_by_keyboard(
    browser: Browser, live_server: Any, client_of: ClientOf, goods: None
) -> None:
    context = open_context(browser, live_server, client_of(Role.FINANCE), viewport={"width": 1280, "height": 900})
    page, watch = context.new_page(), Watch(live_server.url)
    watch.follow(page)
    page.goto("/finance/invoices/new/")
    page.get_by_label("Number", exact=True).focus()
    type_into(page, "Number", "INV-500")
    type_into(page, "Account", "bolt")
    type_into(page, "Invoice date", "t")
    type_into(page, "Due date", "+14")
    expect(page.get_by_label("Site")).to_have_value(str(account_site()))
    type_into(page, "PO number", "PO 7")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for line, (item, quantity) in enumerate((("Monthly care", "2"), ("Hosting", "100"), ("Monthly care", "1")), 1):
        type_into(page, "Item", item, line)
        description = page.get_by_role("group", name=f"Line {line}", exact=True).get_by_label("Description")
        expect(description).to_have_value(item)
        expect(description).to_be_focused()
        page.keyboard.press("Tab")
        type_into(page, "Quantity", quantity, line)
        for _ in range(7):  # price, discount, tax, taxable, up, down, remove
            page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Add line")).to_be_focused()
    page.keyboard.press("Enter")
    type_into(page, "Item", "", 4)
    type_into(page, "Description", "Travel", 4)
    type_into(page, "Quantity", "1.5", 4)
    type_into(page, "Unit price", "40", 4)
    type_into(page, "Discount %", "10", 4)
    expect(page.locator("#totals")).to_contain_text("329.80")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Invoice INV-500 is saved.")
    made = Invoice.objects.get()
    assert (made.total, made.account.name, made.site_id, made.lines.count()) == (
        Decimal("329.80"), "Bolt Ltd", account_site(), 4
    )  # fmt: skip
    assert watch.faults == []
    context.close()


def account_site() -> int:
    from crm.models import Site

    return Site.objects.get().pk


def test_an_invoice_is_written_mended_and_deleted(context: BrowserContext, goods: None) -> None:
    page = context.new_page()
    page.goto("/finance/invoices/")
    page.get_by_role("link", name="New invoice").click()
    page.get_by_label("Number", exact=True).fill("INV-500")
    page.get_by_label("Account", exact=True).fill("Bolt Ltd")
    first, second = (page.get_by_role("group", name=f"Line {number}", exact=True) for number in (1, 2))
    first.get_by_label("Item").fill("hosting")
    first.get_by_label("Quantity").fill("lots")
    page.get_by_role("button", name="Save invoice").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("Line 1, Quantity: Enter a number.")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Line 1, Quantity").click()
    expect(first.get_by_label("Quantity")).to_have_value("lots")
    first.get_by_label("Quantity").fill("1000")
    page.get_by_role("button", name="Add line").click()
    expect(second.get_by_label("Item")).to_be_focused()
    second.get_by_label("Description").fill("Travel")
    second.get_by_label("Unit price").fill("10")
    second.get_by_role("button", name="Move line 2 up").click()
    expect(first.get_by_label("Description")).to_have_value("Travel")
    page.get_by_role("button", name="Update totals").click()
    expect(page.locator("#totals")).to_contain_text("49.96")
    page.get_by_role("button", name="Save invoice").click()
    expect(page.locator("h1")).to_contain_text("Invoice INV-500 Draft")
    page.get_by_role("link", name="Edit").click()
    first.get_by_role("button", name="Remove line 1").click()
    page.get_by_role("button", name="Save invoice").click()
    expect(page.locator("#history")).to_contain_text("Line 1 removed: Travel, 1 × 10.00")
    page.get_by_role("button", name="Delete draft").click()
    expect(page.get_by_role("status")).to_have_text("Draft INV-500 is deleted.")


def test_the_sites_of_an_account_are_edited(context: BrowserContext, goods: None) -> None:
    page = context.new_page()
    page.goto("/crm/accounts/")
    page.get_by_role("link", name="Bolt Ltd").click()
    page.get_by_role("link", name="Add site").click()
    page.get_by_label("Name", exact=True).or_(page.get_by_label("Site name")).fill("Warehouse")
    page.get_by_label("Billing e-mail").fill("nobody")
    page.get_by_role("button", name="Save site").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a valid email address.")
    page.get_by_label("Billing e-mail").fill("dock@bolt.test")
    page.get_by_label("Fourth line").first.fill("Gate 4")
    page.get_by_role("button", name="Save site").click()
    expect(page.get_by_role("status")).to_have_text("The site Warehouse is saved.")
    expect(page.locator("#sites")).to_contain_text("Gate 4")
    page.get_by_role("button", name="Make Warehouse the main site").click()
    page.get_by_role("button", name="Delete site Depot").click()
    expect(page.get_by_role("status")).to_have_text("The site Depot is deleted.")
    expect(page.locator("#history")).to_contain_text("Deleted: site Depot")


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_the_editor_fits(
    browser: Browser, live_server: Any, client_of: ClientOf, goods: None, width: int, scheme: Any
) -> None:
    context = open_context(
        browser, live_server, client_of(Role.FINANCE), viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page, watch = context.new_page(), Watch(live_server.url)
    watch.follow(page)
    page.goto("/finance/invoices/new/")
    assert overflow(page) <= 0
    page.get_by_role("button", name="Save invoice").click()
    expect(page.get_by_role("alert")).to_be_focused()
    assert overflow(page) <= 0
    assert [fault for fault in watch.faults if "status of 400" not in fault] == []
    context.close()
