"""An account code from its making to Billing, in a real browser, with and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.test_look import Watch, open_context, overflow
from tests.finance.admin_pages import organisation
from tests.records import account_code, invoice, item, tax

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PATHS = (
    "account-codes/",
    "account-codes/new/",
    "account-codes/{code}/",
    "account-codes/{code}/delete/",
    "billing/products/",
    "billing/discount-types/",
    "products/",
    "products/new/",
    "products/{item}/",
    "work-types/",
    "discount-types/new/",
    "taxes/",
    "taxes/new/",
    "taxes/{tax}/",
    "taxes/{tax}/edit/",
    "taxes/{tax}/delete/",
)


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def context(
    request: pytest.FixtureRequest, browser: Browser, live_server: Any, client_of: ClientOf
) -> Iterator[BrowserContext]:
    made = open_context(browser, live_server, client_of(Role.ADMIN), java_script_enabled=request.param)
    made.set_default_timeout(15_000)
    yield made
    made.close()


def add_code(page: Page, code: str, name: str) -> None:
    page.get_by_role("link", name="Account Codes", exact=True).click()
    page.get_by_role("link", name="New account code").first.click()
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Type", exact=True).select_option("Revenue")
    page.get_by_role("button", name="Save account code").click()
    expect(page.get_by_role("status")).to_have_text(f"{code} {name} is saved.")


def test_a_code_is_made_set_for_items_and_cannot_be_deleted_then(context: BrowserContext) -> None:
    organisation()
    item("Laptop")
    item("Dock")
    item("Cable")
    page = context.new_page()
    page.goto("/")
    add_code(page, "200", "Sales")
    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_role("navigation", name="Kinds of item").get_by_role("link", name="Products").click()
    expect(page.get_by_role("row", name="Dock")).to_contain_text("200 Sales, from Setup default")

    page.get_by_label("Income account of Laptop").fill("999")
    page.get_by_label("Income account of Dock").fill("200")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("alert")).to_contain_text("“999” is none of your account codes.")
    expect(page.get_by_label("Income account of Laptop")).to_have_value("999")
    page.get_by_label("Income account of Laptop").fill("Sales")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("status").first).to_contain_text("2 products are saved.")
    for name in ("Laptop", "Dock"):
        expect(page.get_by_role("row", name=name)).to_contain_text("200 Sales, the item's own")
    expect(page.get_by_role("row", name="Cable")).to_contain_text("200 Sales, from Setup default")

    page.get_by_role("link", name="Account Codes", exact=True).click()
    page.get_by_role("link", name="200", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("heading", name="200 Sales can’t be deleted")).to_be_visible()
    page.get_by_role("link", name="2 products").click()
    expect(page.get_by_role("link", name="Dock")).to_be_visible()
    expect(page.get_by_role("link", name="Cable")).to_be_hidden()


def test_an_account_is_applied_to_all_that_match(context: BrowserContext) -> None:
    account_code("200", "Sales")
    for number in range(60):
        item(f"Item {number:02}")
    page = context.new_page()
    page.goto("/admin/finance/billing/products/")
    page.get_by_text("Apply to many").click()
    page.get_by_label("Account code", exact=True).fill("200")
    page.get_by_label("Of", exact=True).select_option("all")
    page.get_by_role("button", name="Apply and save").click()
    expect(page.get_by_role("status").first).to_contain_text("60 products are saved.")
    expect(page.get_by_label("Income account of Item 07")).to_have_value("200")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_keeps_to_itself(
    browser: Browser, live_server: Any, client_of: ClientOf, width: int, scheme: Any
) -> None:
    watch, client = Watch(live_server.url), client_of(Role.ADMIN)
    organisation()
    vat, code = tax(), account_code("200", "Sales of everything that is neither a service nor a subscription, at home")
    vat.set_components([("GST", vat.rate, False)])
    invoice("INV-1", tax=vat)
    made = item("A product with a name that goes on and on until nobody reads it", income_account=code, tax=vat)
    item("Loyalty", "discount_type")
    context = open_context(browser, live_server, client, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    watch.follow(page)
    for template in PATHS:
        path = "/admin/finance/" + template.format(code=code.pk, item=made.pk, tax=vat.pk)
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
        assert overflow(page) <= 0, path
        assert watch.faults == [], path
    context.close()
