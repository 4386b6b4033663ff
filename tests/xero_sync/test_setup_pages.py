"""Setup, the tax mapping, the overview and Django's admin, for every role and every state of the connection."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from bmsxero.roles import EVERYONE, Role
from finance.models import Invoice
from tests.conftest import ClientOf
from tests.records import invoice
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import organisation, standing
from xero_sync.models import Job, JobRow, SyncOptions, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
OVERVIEW, SETUP, OPTIONS, TAXES = (
    "/finance/xero/",
    "/finance/xero/setup/",
    "/finance/xero/setup/options/",
    "/finance/xero/setup/taxes/",
)
PAGES = (OVERVIEW, SETUP, OPTIONS, TAXES)


@pytest.fixture
def me(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


def text(answer: HttpResponse) -> str:
    return " ".join(html.unescape(answer.content.decode()).split())


def lose(connection: XeroConnection) -> None:
    XeroConnection.objects.filter(pk=connection.pk).update(
        state=XeroConnection.State.RECONNECT, state_reason="Xero no longer lets us into this organisation."
    )


# --- who sees what


@pytest.mark.parametrize("role", EVERYONE)
def test_everybody_may_look_whatever_the_state(
    client_of: ClientOf, xero: SimulatedXero, role: Role, request: pytest.FixtureRequest
) -> None:
    someone = client_of(role)
    assert [someone.get(path).status_code for path in PAGES] == [200] * 4
    connection = request.getfixturevalue("connection")
    assert [someone.get(path).status_code for path in PAGES] == [200] * 4
    lose(connection)
    assert [someone.get(path).status_code for path in PAGES] == [200] * 4


@pytest.mark.parametrize("role", [Role.FINANCE, Role.VIEWER, Role.SUPPORT])
def test_who_may_not_act_sees_no_button_and_who_can(
    client_of: ClientOf, connection: XeroConnection, role: Role
) -> None:
    someone = client_of(role)
    for path in (SETUP, OPTIONS, TAXES):
        page = someone.get(path).content.decode()
        main = page.partition("<main")[2].partition("</main>")[0]
        assert "<button" not in main, path
        assert "Only a finance admin can" in main, path
        assert "ask admin" in main, path
    lose(connection)
    page = text(someone.get(SETUP))
    assert "A finance admin has to do it: ask admin." in page
    assert "Reconnect to Xero" not in page


# --- setup


def test_before_connecting_setup_says_what_is_needed_and_what_comes(me: Client, settings: Any) -> None:
    page = text(me.get(SETUP))
    assert "Connect to Xero</button>" in page
    assert f"{settings.SITE_URL}/finance/xero/callback/" in page
    for words in ("Before you start", "What you will see next", "Allow access", "Stay connected", "Not connected"):
        assert words in page


def test_setup_tells_what_is_connected(me: Client, connection: XeroConnection) -> None:
    page = text(me.get(SETUP))
    for words in (
        "Acme MSP Ltd",
        "United Kingdom",
        "GBP",
        "EUR, USD",
        "Accruals",
        "Not locked",
        connection.short_code,
        "Connected by",
        "Renews itself, no 30-minute limit",
        "it would end in 60 days",
        "Calls left today",
        "Disconnect from Xero",
        "Read again",
        "read only: import what customers paid",
    ):
        assert words in page, words
    assert page.count("Granted") == 8
    assert f'href="{connection.app_url("")}"' in page


def test_lock_dates_are_told_apart(me: Client, connection: XeroConnection) -> None:
    XeroConnection.objects.update(period_lock_date="2026-10-31", end_of_year_lock_date="2026-03-31")
    page = text(me.get(SETUP))
    assert 'Locked for all but advisers up to</dt><dd><time datetime="2026-10-31">' in page
    assert 'Locked for everybody up to</dt><dd><time datetime="2026-03-31">' in page


def test_a_permission_that_was_not_granted_is_named(me: Client, connection: XeroConnection) -> None:
    XeroConnection.objects.update(scopes="openid offline_access accounting.settings")
    page = text(me.get(SETUP))
    assert page.count("Missing</span>") == 5
    assert "Not all was granted." in page


def test_a_lost_connection_says_why_what_waits_and_what_to_press(me: Client, connection: XeroConnection) -> None:
    lose(connection)
    job = Job.objects.create(
        kind="invoices",
        direction=Job.Direction.EXPORT,
        connection=connection,
        tenant_id=connection.tenant_id,
        state=Job.State.WAITING,
        wait_why=Job.WaitWhy.RECONNECT,
    )
    for number in range(3):
        JobRow.objects.create(
            job=job,
            tenant_id=job.tenant_id,
            kind="invoices",
            record_key=str(number),
            label=str(number),
            state="pending",
        )
    for path in (SETUP, OVERVIEW):
        page = text(me.get(path))
        assert "Xero needs somebody to sign in again" in page
        assert "Xero no longer lets us into this organisation." in page
        assert "1 job with 3 rows waits for it" in page
        assert "Reconnect to Xero</button>" in page
        assert "Renews itself" not in page


def test_another_client_id_needs_a_reconnect(me: Client, connection: XeroConnection, settings: Any) -> None:
    settings.XERO_CLIENT_ID = "another"
    page = text(me.get(SETUP))
    assert "It was connected with another client id than this installation uses now." in page
    assert "Reconnect to Xero</button>" in page


def test_the_days_until_xero_forgets_us_are_counted(connection: XeroConnection) -> None:
    XeroConnection.objects.update(refreshed_at=timezone.now() - timedelta(days=51))
    assert standing.current().days_left == 9
    XeroConnection.objects.update(refreshed_at=timezone.now() - timedelta(days=99))
    assert standing.current().days_left == 0


# --- the badge


def test_the_badge_tells_the_state_on_every_page(me: Client, connection: XeroConnection) -> None:
    assert "Acme MSP Ltd" in _badge(me)
    lose(connection)
    assert "Xero: reconnect needed" in _badge(me)
    XeroConnection.objects.update(is_current=False)
    assert "Xero not connected" in _badge(me)


def _badge(me: Client) -> str:
    page = text(me.get("/crm/accounts/"))
    start = page.index('class="xero-badge"')
    return page[start : page.index("</a>", start)]


def test_the_badge_costs_one_query(connection: XeroConnection, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        standing.top_badge(standing.current())


# --- overview


def test_before_connecting_the_overview_has_one_next_step(me: Client) -> None:
    page = text(me.get(OVERVIEW))
    assert "Connect your organisation in Xero" in page
    assert "Go to Setup</a>" in page
    assert _states(page) == {
        "Authenticate": "Do this next",
        "Configure": "Not started",
        "Import data from Xero": "Not started",
        "Export data to Xero": "Not started",
        "Export invoices": "Not started",
        "Import payments": "Not started",
    }


def test_the_parts_get_done_one_after_the_other(me: Client, connection: XeroConnection) -> None:
    assert _states(text(me.get(OVERVIEW)))["Configure"] == "Please check"
    SyncOptions.objects.update(suggested=False)
    assert _states(text(me.get(OVERVIEW)))["Export invoices"] == "Do this next"
    _job(connection, "invoices", Job.Direction.EXPORT)
    assert _states(text(me.get(OVERVIEW)))["Import payments"] == "Do this next"
    _job(connection, "payments", Job.Direction.IMPORT)
    _job(connection, "contacts", Job.Direction.EXPORT)
    states = _states(text(me.get(OVERVIEW)))
    assert {name for name, state in states.items() if state != "Done"} == {"Import data from Xero"}
    assert states["Import data from Xero"] == "Whenever you like"
    lose(connection)
    assert _states(text(me.get(OVERVIEW)))["Authenticate"] == "Needs attention"


def test_the_overview_counts_what_is_to_send_and_names_the_last_jobs(me: Client, connection: XeroConnection) -> None:
    for _ in range(2):
        invoice(status=Invoice.Status.READY)
    numbers = [_job(connection, "invoices", Job.Direction.EXPORT).number for _ in range(6)]
    page = text(me.get(OVERVIEW))
    assert "2 invoices" in page
    assert "calls left today" in page
    assert [f"/finance/jobs/{number}/" in page for number in numbers] == [False, True, True, True, True, True]


def test_the_overview_of_a_stranger_to_the_wizards_links_to_none(
    client_of: ClientOf, connection: XeroConnection
) -> None:
    page = client_of(Role.SUPPORT).get(OVERVIEW).content.decode()
    main = page.partition("<main")[2].partition("</main>")[0]
    assert "export-invoices" not in main
    assert "import-payments" not in main


def test_more_invoices_and_jobs_cost_no_more_queries(
    me: Client, connection: XeroConnection, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        invoice(status=Invoice.Status.READY)
        _job(connection, "invoices", Job.Direction.EXPORT)
    with django_assert_max_num_queries(25):
        me.get(OVERVIEW)


def _states(page: str) -> dict[str, str]:
    tasks = page[page.index('class="tasks"') : page.index("</ol>")].split("<li>")[1:]
    return {
        each.partition("<strong>")[2].partition("</strong>")[0]: each.rpartition("</svg>")[2].partition("</span>")[0]
        for each in tasks
    }


def _job(connection: XeroConnection, kind: str, direction: str) -> Job:
    return Job.objects.create(
        kind=kind,
        direction=direction,
        connection=connection,
        tenant_id=connection.tenant_id,
        state=Job.State.COMPLETED,
        sent_at=timezone.now(),
        finished_at=timezone.now(),
    )


# --- Django's admin


def test_the_admin_shows_what_is_kept_and_changes_nothing(client: Client, connection: XeroConnection) -> None:
    client.force_login(User.objects.create_superuser("root"))
    ours = [model for model in django_admin.site._registry if model._meta.app_label == "xero_sync"]
    assert len(ours) == 15
    for model in ours:
        base = f"/django-admin/xero_sync/{model._meta.model_name}/"
        assert client.get(base).status_code == 200, base
        assert client.get(f"{base}add/").status_code == 403, base
    page = f"/django-admin/xero_sync/xeroconnection/{connection.pk}/"
    assert "access token" not in text(client.get(f"{page}change/")).lower()
    assert client.post(f"{page}change/", {"name": "Mine"}).status_code == 403
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    connection.refresh_from_db()
    assert connection.name == "Acme MSP Ltd"


def test_a_reading_brings_new_lock_dates(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.control("organisation", period_lock_date="2026-10-31")
    organisation.set_up(connection)
    assert str(connection.lock_date) == "2026-10-31"


def test_export_invoices_says_that_it_was_not_tried_yet_until_one_is_in_this_organisation(
    me: Client, connection: XeroConnection
) -> None:
    told = "Not tried yet"
    assert told in text(me.get(OVERVIEW))
    assert "Try it with one invoice as Draft" in text(me.get("/finance/xero/export-invoices/"))
    XeroLink.objects.create(tenant_id="another", kind="invoices", local_id=uuid4(), xero_id="1")
    assert told in text(me.get(OVERVIEW))
    XeroLink.objects.create(tenant_id=connection.tenant_id, kind="invoices", local_id=uuid4(), xero_id="1")
    assert told not in text(me.get(OVERVIEW))
    assert told not in text(me.get("/finance/xero/export-invoices/"))


def test_without_a_connection_there_is_nothing_to_try(me: Client) -> None:
    assert "Not tried yet" not in text(me.get(OVERVIEW))
