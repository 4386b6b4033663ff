"""What the journeys share: a finance user who signs in, exports invoices and waits for a job."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import BrowserContext, Page, expect

from bmsxero.roles import Role

#: A worker and the simulated Xero need a moment; without JavaScript the page comes anew every ten seconds.
PATIENCE = 30_000


def sign_in(page: Page, role: Role = Role.FINANCE) -> None:
    page.goto("/login/")
    page.get_by_label("Username").fill(role)
    page.get_by_label("Password").fill(role)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def choose(page: Page, numbers: Sequence[str]) -> None:
    """Go from the menu to the options of an export of these invoices."""
    page.get_by_role("link", name="Export invoices").first.click()
    page.get_by_role("button", name="Next").click()
    for number in numbers:
        page.get_by_label(f"Select invoice {number}").check()
    # The bar is told of each tick and comes anew; a click on the old one would be lost
    page.wait_for_load_state("networkidle")


def check_and_send(page: Page, number: int, *, status: str = "Authorised") -> None:
    """Check the chosen invoices and send them; ends on the page that tells how it went."""
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_label(status).check()
    page.get_by_role("button", name=f"Check {number} invoice").click()
    send = page.get_by_role("button", name=f"Send {number} invoice")
    expect(send).to_be_enabled(timeout=PATIENCE)
    expect(page.get_by_text(f"This will create {number} invoice")).to_be_visible()
    if status == "Authorised":
        page.get_by_label("These post to the ledger").check()
    send.click()
    expect(page.locator(".headline")).to_contain_text(f"{number} in Xero", timeout=PATIENCE)


def pay_in_xero(context: BrowserContext, page: Page, number: str) -> None:
    """Open an invoice in Xero from the result and pay it there, as the bookkeeper does."""
    row = page.get_by_role("row").filter(has_text=number)
    with context.expect_page() as opened:
        row.get_by_role("link", name="Open in Xero").click()
    theirs = opened.value
    theirs.get_by_role("button", name="Add payment").click()
    expect(theirs.get_by_text("Paid", exact=True).first).to_be_visible()
    theirs.close()


def import_payment(page: Page, number: str) -> None:
    """Load Xero's payments and import the one for an invoice."""
    page.get_by_role("link", name="Import payments").first.click()
    page.get_by_role("button", name="Load Xero payments").click()
    box = page.get_by_role("row").filter(has_text=number).get_by_role("checkbox")
    expect(box).to_be_visible(timeout=PATIENCE)
    box.check()
    page.get_by_role("button", name="Next", exact=True).click()
    send = page.get_by_role("button", name="Import 1 payment")
    expect(send).to_be_enabled(timeout=PATIENCE)
    send.click()
    expect(page.locator(".headline")).to_contain_text("1 payment: 1 imported", timeout=PATIENCE)
