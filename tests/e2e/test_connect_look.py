"""The pages of Setup in a real browser, in every state of the connection: they fit and keep to themselves."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.test_look import Watch, open_context, overflow
from tests.records import invoice, tax
from xero_sync.models import XeroConnection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PAGES = (
    "/finance/xero/",
    "/finance/xero/setup/",
    "/finance/xero/setup/options/",
    "/finance/xero/setup/taxes/",
    "/finance/xero/setup/schedule/",
    "/finance/xero/disconnect/",
)
STATES: tuple[dict[str, Any], ...] = (
    {},
    {"state": "reconnect", "state_reason": "Xero no longer lets us into this organisation."},
    {"is_current": False, "state": "disconnected"},
)


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_the_pages_fit_in_every_state(
    browser: Browser, live_server: Any, client_of: ClientOf, connection: XeroConnection, width: int, scheme: Any
) -> None:
    invoice(status="ready", tax=tax("A tax whose name has fifty characters, no one more", "17.5"))
    client, watch = client_of(Role.ADMIN), Watch(live_server.url)
    context = open_context(browser, live_server, client, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    watch.follow(page)
    for state in STATES:
        XeroConnection.objects.update(**state)
        for path in PAGES:
            page.goto(path)
            expect(page.locator("h1")).to_have_count(1)
            assert overflow(page) <= 0, (path, state)
            assert watch.faults == [], (path, state)
    context.close()
