"""Every page in a real browser: wide and narrow, light and dark, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.records import account, invoice, payment, site, tax
from tests.xero_sync.pages import make_job, make_rows, use_organisation

pytestmark = [pytest.mark.django_db(transaction=True)]


@dataclass
class Watch:
    """What a page does that it must not do."""

    origin: str
    faults: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, kind: str, text: str) -> None:
        # A page that says no on purpose is told to the console, too
        if kind in {"error", "warning"} and not re.search("status of 4", text):
            self.faults.append(f"console: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.origin, "data:")):
            self.faults.append(f"request: {url}")


@pytest.fixture
def records() -> dict[str, str]:
    of = account("Acme Precision Engineering and Manufacturing (Northern) Ltd", code="A-1")
    site(of, billing_line1="1 Mill Lane", billing_city="Leeds", billing_email="accounts.payable@acme-precision.test")
    made = invoice("INV-1001", of=of, price="1234567.89", status="sent", tax=tax(), currency="EUR")
    paid = payment(made, "1000.00", reference="BACS 1")
    for number in range(30):
        invoice(f"INV-{number}", of=account(f"Customer {number}"), status="ready")
    return {
        "account": of.get_absolute_url(),
        "invoice": made.get_absolute_url(),
        "invoice_id": str(made.pk),
        "payment": paid.get_absolute_url(),
    }


@pytest.fixture
def watch(live_server: Any) -> Watch:
    return Watch(live_server.url)


def open_context(browser: Browser, live_server: Any, client: Client | None = None, **options: Any) -> Any:
    context = browser.new_context(base_url=live_server.url, **options)
    if client:
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    return context


@contextmanager
def watched_page(browser: Browser, live_server: Any, client: Client, *, width: int) -> Iterator[Page]:
    """Open a page for who is signed in with the client; what it must not do is told when it is left."""
    watch = Watch(live_server.url)
    context = open_context(browser, live_server, client, viewport={"width": width, "height": 800})
    context.set_default_timeout(15_000)
    made = context.new_page()
    watch.follow(made)
    yield made
    assert watch.faults == []
    context.close()


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.browser
def test_the_background_follows_the_system(browser: Browser, live_server: Any, scheme: Any) -> None:
    context = open_context(browser, live_server, color_scheme=scheme, java_script_enabled=True)
    page = context.new_page()
    page.goto("/login/")
    red = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/)[0])")
    assert (red < 128) == (scheme == "dark")
    context.close()


@pytest.fixture
def signed_in(
    browser: Browser, live_server: Any, client_of: ClientOf, records: dict[str, str], watch: Watch
) -> Iterator[Page]:
    context = open_context(browser, live_server, client_of(Role.FINANCE), viewport={"width": 320, "height": 700})
    page = context.new_page()
    watch.follow(page)
    yield page
    assert watch.faults == []
    context.close()


@pytest.mark.browser
def test_the_menu_opens_on_a_phone(signed_in: Page) -> None:
    signed_in.goto("/")
    payments = signed_in.get_by_role("link", name="Payments", exact=True)
    expect(payments).to_be_hidden()
    signed_in.get_by_text("Menu").click()
    payments.click()
    expect(signed_in.locator("h1")).to_have_text("Payments")


@pytest.mark.browser
def test_a_page_works_by_keyboard_alone(signed_in: Page) -> None:
    signed_in.goto("/crm/accounts/")
    signed_in.keyboard.press("Tab")
    expect(signed_in.get_by_role("link", name="Skip to content")).to_be_focused()
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("main")).to_be_focused()
    signed_in.keyboard.press("/")
    expect(signed_in.get_by_role("searchbox", name="Search accounts, invoices and Job#")).to_be_focused()
    signed_in.keyboard.type("INV-1001")
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("h1")).to_contain_text("Invoice INV-1001")


@pytest.mark.browser
def test_ticks_are_counted_and_the_head_ticks_the_page(signed_in: Page) -> None:
    signed_in.goto("/finance/invoices/?status=ready&rows=25")
    signed_in.get_by_label("Select invoice INV-29").check()
    expect(signed_in.get_by_text("1 ticked")).to_be_visible()
    signed_in.get_by_label("Select all on this page").check()
    expect(signed_in.get_by_text("25 ticked")).to_be_visible()
    signed_in.get_by_role("button", name="Mark Sent").click()
    expect(signed_in.get_by_role("status")).to_have_text("25 invoices are now Sent.")


@pytest.mark.browser
def test_everything_works_without_javascript(
    browser: Browser, live_server: Any, client_of: ClientOf, records: dict[str, str]
) -> None:
    context = open_context(
        browser, live_server, client_of(Role.FINANCE), viewport={"width": 320, "height": 700}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto("/finance/invoices/")
    page.get_by_text("Menu").click()
    page.get_by_role("link", name="Invoices", exact=True).click()
    page.get_by_label("No., account or PO").fill("INV-1001")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="INV-1001").click()
    expect(page.locator("h1")).to_contain_text("Invoice INV-1001")
    page.locator("summary", has_text="finance user").click()
    page.get_by_role("button", name="Sign out").click()
    assert urlsplit(page.url).path == "/login/"
    context.close()


@pytest.mark.browser
def test_paper_says_whose_it_is_which_job_who_printed_it_and_when(signed_in: Page) -> None:
    use_organisation()
    job = make_job("completed")
    make_rows(job, 2, state="succeeded")
    for path, wanted in (
        ("/finance/invoices/", "Acme MSP Ltd · printed by finance user, "),
        (job.get_absolute_url(), f"Acme MSP Ltd · Job {job.number} · printed by finance user, "),
        (f"{job.get_absolute_url()}log/", f"Acme MSP Ltd · Job {job.number} · printed by finance user, "),
    ):
        signed_in.goto(path)
        head = signed_in.locator(".on-paper")
        expect(head).to_be_hidden()
        signed_in.emulate_media(media="print")
        expect(head).to_contain_text(wanted)
        expect(head).to_be_visible()
        expect(signed_in.locator(".side-menu")).to_be_hidden()
        signed_in.emulate_media(media="screen")
