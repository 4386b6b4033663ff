"""What holds for every page of the URLconf, as far as it can be told without a browser."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.every_page import World, fill, look_up_merged, pages
from tests.xero_sync.conftest import admin, connection, simulator, xero
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import pulse
from xero_sync.models import XeroConnection

__all__ = ["admin", "connection", "simulator", "xero"]

pytestmark = pytest.mark.django_db

#: The most queries of a page, whatever it has to show: by the first route that matches.
LIST, DETAIL, STEP, DASHBOARD, POLL = 12, 20, 15, 25, 3
BUDGETS = (
    (r"progress/$", POLL),
    (r"^$|^finance/$|^finance/xero/$|^welcome/$", DASHBOARD),
    (r"^finance/xero/(import|export)", STEP),
    # Each kind of fix that a check offers looks up what there is to choose: six more than a record's page may have
    (r"^finance/jobs/<int:number>/$", DETAIL + 6),
    (r"<(int|uuid):|/(new|setup/.*)/$", DETAIL),
    (r"", LIST),
)
#: How an address answers that is no page.
ONLY_POSTED_TO = 405
#: How a page may answer: 400 and 409 are pages that say why not.
OPENS = (200, 400, 409)
#: What a browser may have to fetch, compressed, in bytes. Tabler's style sheet is apart from our own.
FIRST_LOAD, REPEAT_VIEW, SCRIPTS, OWN_STYLES = 220_000, 35_000, 40_000, 25_000


@pytest.fixture
def client(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


@pytest.fixture
def world(connection: XeroConnection, xero: SimulatedXero, client: Client, settings: Any) -> World:
    """A few records of every kind."""
    settings.XERO_MINUTE_LIMIT = 10**6
    xero.control("limits", minute_limit=10**6)
    pulse.beat(pulse.SWEEP)  # beat runs, so that no page has to ask for a sweep
    made = fill(xero, 2)
    look_up_merged(client, made)
    return made


def budget(route: str) -> int:
    return next(number for pattern, number in BUDGETS if re.search(pattern, route))


@dataclass(frozen=True)
class Visit:
    """What came of opening a page."""

    status: int
    kind: str
    queries: int
    size: int


def visit(client: Client, path: str) -> Visit:
    with CaptureQueriesContext(database) as caught:
        answer = client.get(path)
    kind = answer.headers["Content-Type"].partition(";")[0]
    # PostgreSQL is asked for the time, now and then: that reads no record, and SQLite has no such query
    queries = [each for each in caught.captured_queries if each["sql"] != "SELECT clock_timestamp()"]
    return Visit(answer.status_code, kind, len(queries), len(gzip.compress(answer.content, 6, mtime=0)))


def test_every_page_opens_with_few_queries_and_little_weight_however_much_there_is(
    client: Client, world: World, xero: SimulatedXero
) -> None:
    """One walk with a few records, one with ten times as many."""
    silent = [route for route, paths in world.paths().items() if not paths]
    assert silent == [], "nothing to open these with: see tests/every_page.py"
    addresses = pages(world)
    few = {path: visit(client, path) for _, path in addresses}
    few = {path: seen for path, seen in few.items() if seen.status != ONLY_POSTED_TO}
    strange = {path: seen for path, seen in few.items() if seen.status not in OPENS or seen.kind != "text/html"}
    assert strange == {}, "these are no pages: NO_PAGES says why"
    addresses += [(f"{path}progress/", f"{path}progress/") for path in _polled(world)]
    few |= {path: visit(client, path) for _, path in addresses if path.endswith("progress/")}
    over = {path: few[path].queries for route, path in addresses if path in few and few[path].queries > budget(route)}
    assert over == {}
    fill(xero, 18)
    many = {path: visit(client, path) for path in few}
    grown = {
        path: (few[path].queries, seen.queries) for path, seen in many.items() if seen.queries != few[path].queries
    }
    assert grown == {}
    assert {path: seen.size for path, seen in many.items() if seen.size > REPEAT_VIEW} == {}


def _polled(world: World) -> Iterator[str]:
    yield from (f"/finance/jobs/{number}/" for number in world.keys["number"])
    yield from ("/finance/xero/import/accounts/", "/finance/xero/import/items/", "/finance/xero/import-payments/")


# --- weight


def packed(path: str) -> int:
    """Return the size of a static file as it is sent."""
    found = finders.find(path)
    assert found, path
    return len(gzip.compress(Path(found).read_bytes(), 9, mtime=0))


def files(page: str, kind: str) -> list[str]:
    """Return the static files of a kind that a page asks for, as production has them."""
    named = re.findall(r'(?:href|src)="/static/([^"]+)"', page)
    return [name for name in dict.fromkeys(named) if name.endswith(kind)]


def test_what_a_page_brings_along_is_light(client: Client) -> None:
    page = client.get("/").content.decode()
    scripts = sum(packed(name) for name in files(page, ".js"))
    styles = {name: packed(name) for name in files(page, ".css")}
    own = sum(size for name, size in styles.items() if not name.startswith("vendor/"))
    assert files(page, ".js")
    assert 0 < own <= OWN_STYLES
    assert scripts <= SCRIPTS
    others = packed("favicon.svg")
    assert sum(styles.values()) + scripts + others + REPEAT_VIEW <= FIRST_LOAD


@pytest.mark.parametrize("path", ["/", "/finance/invoices/", "/finance/invoices.csv"])
def test_pages_and_files_of_records_leave_compressed(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers.get("Content-Encoding") == "gzip"
    body = b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined]
    plain = client.get(path)
    assert len(gzip.decompress(body)) == len(b"".join(plain) if plain.streaming else plain.content)  # type: ignore[attr-defined]


def test_a_page_for_a_program_that_cannot_unpack_is_plain(client: Client) -> None:
    assert "Content-Encoding" not in client.get("/").headers
