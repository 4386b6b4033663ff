"""The look at the connection: eight questions, each with an answer and what mends it."""

from __future__ import annotations

import html
from datetime import date
from typing import Any

import pytest
from django.test import Client

from bmsxero.roles import Role
from finance.models import Invoice
from tests.conftest import ClientOf
from tests.records import invoice, item, tax
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import health
from xero_sync.models import HealthCheck, SyncOptions, XeroConnection

pytestmark = pytest.mark.django_db
SETUP, HEALTH = "/finance/xero/setup/", "/finance/xero/setup/health/"


@pytest.fixture
def me(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


def text(answer: Any) -> str:
    return " ".join(html.unescape(answer.content.decode()).split())


def look(connection: XeroConnection) -> dict[str, health.Tick]:
    check = health.run(connection, connection.connected_by)  # type: ignore[arg-type]
    found = health.ticks(check)
    assert len(found) == 8
    return {tick.question: tick for tick in found}


def test_a_sound_connection_has_nothing_to_mend(me: Client, connection: XeroConnection) -> None:
    invoice("INV-1", tax=tax())
    assert "Not looked at yet" in text(me.get(SETUP))
    answer = me.post(HEALTH)
    assert answer.headers["Location"] == f"{SETUP}#health"
    page = text(me.get(SETUP))
    check = HealthCheck.objects.get()
    assert [tick.tone for tick in health.ticks(check)] == [*["success"] * 6, "neutral", "success"]
    assert f"{check.checked_at:%H:%M}" in page
    assert "Sales 200 Sales" in page


def test_each_answer_names_what_is_wrong_and_leads_to_it(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoice("INV-1", status="ready", currency="CAD", date=date(2026, 11, 1), tax=tax(rate="7.5"))
    item(kind="product", requires_procurement=True)
    SyncOptions.objects.update(
        sales_account="999", inventory_account="", non_taxable_tax_type="NOPE", status="AUTHORISED"
    )
    xero.control("organisation", period_lock_date="2026-11-10")
    found = look(connection)
    assert found["Currencies agree"].words.startswith("CAD isn't switched on in Xero")
    assert found["Default accounts are there"].words == "Sales: 999 isn't in Xero. Inventory: none is set."
    assert found["Taxes in use are mapped"].tone == "warning"
    assert found["What isn't taxed has a tax type"].tone == "danger"
    assert "1 ready invoice is dated before" in found["Lock dates"].words
    assert all(tick.fix_url for tick in found.values() if tick.tone in {"danger", "warning"})


def test_an_archived_default_is_found(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.control("archive-account", accounts=["200"])
    assert look(connection)["Default accounts are there"].words == "Sales: 200 Sales is archived in Xero."


def test_a_connection_that_xero_has_ended_is_said(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.control("disconnect")
    found = look(connection)["Everything can be read"]
    assert (found.tone, found.fix) == ("danger", "Reconnect")


def test_a_moment_of_trouble_is_no_alarm(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.fault("unavailable", endpoint="Payments")
    found = look(connection)["Everything can be read"]
    assert found.tone == "warning"
    assert "Ask again in a while." in found.words


def test_looking_costs_a_dozen_calls_at_most(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.control("ledger/clear")
    look(connection)
    connection.refresh_from_db()
    assert len(connection.recent_calls) <= 18  # connecting took some of them


@pytest.mark.parametrize("role", [Role.FINANCE, Role.VIEWER, Role.SUPPORT])
def test_only_admins_ask(client_of: ClientOf, connection: XeroConnection, role: Role) -> None:
    assert client_of(role).post(HEALTH).status_code == 403
    assert not HealthCheck.objects.exists()


def test_without_a_connection_there_is_nothing_to_ask(me: Client) -> None:
    assert "nothing to check" in text(me.post(HEALTH, follow=True))
    assert Invoice.objects.count() == 0
