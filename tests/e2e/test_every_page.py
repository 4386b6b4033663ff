"""Every page in a real browser: WCAG 2.2 AA as far as a program can tell, light and dark, and 320 px without scrolling.

400 % zoom of a window of 1280 px is a window of 320 px.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client, RequestFactory
from playwright.sync_api import Browser, Page, Route, expect

from bmsxero import views
from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.test_look import Watch, open_context
from tests.every_page import World, all_routes, fill, look_up_merged
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import XeroConnection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: What depends on the colours, and so on the scheme.
COLOURS = ["color-contrast", "link-in-text-block"]
#: Parts of the site, each walked by itself: by the start of the route, the first that fits.
PARTS = {"records": r"crm/ finance/invoices/ finance/payments/", "admin": "admin/", "jobs": "finance/jobs/",
         "xero": "finance/", "the simulated Xero": "sim/", "others": ""}  # fmt: skip
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 700}


@pytest.fixture
def signed_in(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


@pytest.fixture
def world(connection: XeroConnection, xero: SimulatedXero, signed_in: Client, settings: Any) -> World:
    """A few records of every kind."""
    settings.XERO_MINUTE_LIMIT = 10**6
    xero.control("limits", minute_limit=10**6)
    made = fill(xero, 3)
    look_up_merged(signed_in, made)
    return made


def part_of(route: str) -> str:
    return next(part for part, starts in PARTS.items() if not starts or route.startswith(tuple(starts.split())))


def axe(page: Page, only: dict[str, Any]) -> list[str]:
    # The word across paper is decoration; the page says SIMULATED in its head, too
    results = Axe().run(
        page, context={"exclude": [[".watermark"]]}, options={"runOnly": only, "resultTypes": ["violations"]}
    )
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in results.response["violations"]
    ]


def complaints(page: Page) -> list[str]:
    """Return what is wrong with the page that is open."""
    found = axe(page, {"type": "tag", "values": TAGS})
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {each}" for each in axe(page, {"type": "rule", "values": COLOURS})]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    if (width := page.evaluate("document.scrollingElement.scrollWidth")) > NARROW["width"]:
        found.append(f"at 320 px it is {width} px wide")
    found += [f"at 320 px: {each}" for each in axe(page, {"type": "rule", "values": ["target-size"]})]
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    if (number := page.locator("h1").count()) != 1:
        found.append(f"{number} main headings")
    return found


def look(page: Page, addresses: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address in addresses:
        if page.request.get(address, max_redirects=0).status == 405:
            continue  # only posted to
        page.goto(address)
        if said := complaints(page):
            found[address] = said
    return found


@pytest.mark.parametrize("part", PARTS)
def test_every_page_with_records_suits_everybody(
    browser: Browser,
    live_server: Any,
    world: World,
    xero: SimulatedXero,
    signed_in: Client,
    part: str,
) -> None:
    parts = urlsplit(xero.url)
    theirs = f"{parts.scheme}://{parts.netloc}"
    context = open_context(browser, live_server, signed_in, viewport=WIDE, reduced_motion="reduce")
    page, watch = context.new_page(), Watch(theirs if part == "the simulated Xero" else live_server.url)
    watch.follow(page)
    paths = [path for route, each in world.paths().items() if part_of(route) == part for path in each]
    assert paths
    found = look(page, [f"{theirs}{path}" if path.startswith("/sim/") else path for path in paths])
    if watch.faults:
        found["in the browser"] = watch.faults
    assert found == {}, json.dumps(found, indent=1)
    context.close()


@pytest.mark.parametrize("state", ["nothing connected", "nothing there", "reconnect needed"])
def test_every_page_without_records_suits_everybody(
    browser: Browser, live_server: Any, signed_in: Client, request: pytest.FixtureRequest, state: str
) -> None:
    if state != "nothing connected":
        request.getfixturevalue("connection")
    if state == "reconnect needed":
        XeroConnection.objects.update(state="reconnect", state_reason="Xero no longer lets us into this organisation.")
    context = open_context(browser, live_server, signed_in, viewport=WIDE, reduced_motion="reduce")
    page, watch = context.new_page(), Watch(live_server.url)
    watch.follow(page)
    found = look(page, [f"/{route}" for route in all_routes() if "<" not in route and not route.startswith("sim/")])
    if watch.faults:
        found["in the browser"] = watch.faults
    assert found == {}, json.dumps(found, indent=1)
    context.close()


def test_pages_for_strangers_and_for_those_turned_away_suit_everybody(
    browser: Browser, live_server: Any, client_of: ClientOf
) -> None:
    stranger = open_context(browser, live_server, viewport=WIDE, reduced_motion="reduce")
    assert look(stranger.new_page(), ["/login/", "/nowhere/"]) == {}
    stranger.close()
    support = open_context(browser, live_server, client_of(Role.SUPPORT), viewport=WIDE, reduced_motion="reduce")
    assert look(support.new_page(), ["/", "/finance/invoices/", "/nowhere/", "/finance/jobs/999/"]) == {}
    support.close()


def test_pages_that_say_sorry_suit_everybody(
    browser: Browser, live_server: Any, signed_in: Client, rf: RequestFactory
) -> None:
    strict = Client(enforce_csrf_checks=True)
    pages = {
        "/broken/": views.server_error(rf.get("/")).content,
        "/away/": (settings.BASE_DIR / "templates" / "503.html").read_bytes(),
        "/bad/": views.bad_request(rf.get("/"), ValueError()).content,
        "/old/": strict.post("/login/", {"username": "x"}).content,
    }

    def say(route: Route) -> None:
        route.fulfill(body=pages[urlsplit(route.request.url).path], content_type="text/html; charset=utf-8")

    context = open_context(browser, live_server, viewport=WIDE, reduced_motion="reduce")
    page = context.new_page()
    for path in pages:
        page.route(f"**{path}", say)
    assert look(page, pages) == {}
    expect(page.locator("h1")).to_be_visible()
    context.close()
