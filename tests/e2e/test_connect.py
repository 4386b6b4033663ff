"""To Xero and back in a real browser. The simulated Xero is on another origin, as the real one is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as configured
from playwright.sync_api import Browser, Page, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import SyncOptions, XeroConnection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def origin(xero: SimulatedXero, live_server: Any, settings: Any) -> str:
    """Put the product at the live server and Xero at its own host; return Xero's origin."""
    settings.SITE_URL = live_server.url
    xero.control("redirect-uris", redirect_uri=f"{live_server.url}/finance/xero/callback/")
    parts = urlsplit(xero.url)
    theirs = f"{parts.scheme}://{parts.netloc}"
    assert parts.hostname != urlsplit(live_server.url).hostname
    # What the settings work out from XERO_AUTHORIZE_URL
    settings.CONTENT_SECURITY_POLICY = _policy(["'self'", theirs])
    return theirs


def _policy(form_action: list[str]) -> dict[str, Any]:
    policy = deepcopy(configured.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["form-action"] = form_action
    return policy


@pytest.fixture
def page(browser: Browser, live_server: Any, client_of: ClientOf) -> Iterator[Page]:
    client_of(Role.ADMIN)
    context = browser.new_context(base_url=live_server.url)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def sign_in(page: Page) -> None:
    page.goto("/login/?next=/finance/xero/setup/")
    page.get_by_label("Username").fill(Role.ADMIN)
    page.get_by_label("Password").fill(Role.ADMIN)
    page.get_by_role("button", name="Sign in").click()


def test_connect_set_an_option_and_disconnect(page: Page, origin: str) -> None:
    sign_in(page)
    page.get_by_role("button", name="Connect to Xero").click()
    expect(page).to_have_url(re.compile(re.escape(origin)))
    page.get_by_label("Acme MSP Ltd").check()
    page.get_by_role("button", name="Allow access").click()

    expect(page.get_by_role("status").first).to_contain_text("Connected to Acme MSP Ltd.")
    expect(page).to_have_url(re.compile("/finance/xero/setup/$"))
    expect(page.get_by_role("link", name="Connected to Xero: Acme MSP Ltd")).to_be_visible()

    page.get_by_role("link", name="Options").click()
    page.get_by_label("Authorised").check()
    expect(page.locator("#effect")).to_contain_text("created as Authorised: posts to the ledger at once")
    assert SyncOptions.objects.get().status == "DRAFT"
    page.get_by_label("Default Xero Sales account").select_option("260")
    page.get_by_role("button", name="Save options").click()
    expect(page.get_by_role("status").first).to_contain_text("Options saved.")
    assert list(SyncOptions.objects.values_list("status", "sales_account")) == [("AUTHORISED", "260")]

    page.get_by_role("link", name="Connection", exact=True).click()
    page.get_by_role("link", name="Disconnect from Xero").click()
    page.get_by_role("button", name="Disconnect from Acme MSP Ltd").click()
    expect(page.get_by_role("status").first).to_contain_text("Disconnected from Acme MSP Ltd.")
    expect(page.get_by_role("link", name="Xero not connected")).to_be_visible()


def test_cancel_in_xero_connects_nothing(page: Page, origin: str) -> None:
    sign_in(page)
    page.get_by_role("button", name="Connect to Xero").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("You said no in Xero. Nothing was connected.")).to_be_visible()
    assert not XeroConnection.objects.exists()
    page.get_by_role("button", name="Connect to Xero").click()
    expect(page.get_by_role("button", name="Allow access")).to_be_visible()


def test_after_a_strange_answer_one_can_start_again(page: Page, origin: str) -> None:
    sign_in(page)
    page.goto("/finance/xero/callback/?code=a-code&state=forged")
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name="Connect to Xero").click()
    expect(page.get_by_role("button", name="Allow access")).to_be_visible()


def test_a_policy_without_xeros_host_would_stop_the_button(page: Page, origin: str, settings: Any) -> None:
    settings.CONTENT_SECURITY_POLICY = _policy(["'self'"])
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    sign_in(page)
    page.get_by_role("button", name="Connect to Xero").click()
    page.wait_for_timeout(500)
    assert not page.url.startswith(origin)
    assert "form-action" in "".join(told)
