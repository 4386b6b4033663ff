"""Connecting an organisation: there and back, and everything that must not get in on the way."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import SyncOptions, XeroConnection

pytestmark = pytest.mark.django_db
CALLBACK = "/finance/xero/callback/"


@pytest.fixture
def browser(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def leave(browser: Client) -> str:
    """Press Connect; return the address at Xero."""
    answer = browser.post("/finance/xero/connect/")
    assert answer.status_code == 302
    return answer.headers["Location"]


def come_back(browser: Client, xero: SimulatedXero, organisation: str = "Acme MSP Ltd"):
    told = xero.allow(leave(browser), organisation)
    return browser.get(CALLBACK, told)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_connecting_saves_the_organisation_and_reads_its_settings(browser: Client, xero: SimulatedXero) -> None:
    answer = come_back(browser, xero)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/finance/xero/setup/")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    connection = XeroConnection.objects.get()
    assert (connection.name, connection.state, connection.is_current) == ("Acme MSP Ltd", "connected", True)
    assert connection.connected_by.get_username() == "admin"
    assert SyncOptions.objects.get().sales_account == "200"
    page = browser.get("/finance/xero/setup/")
    assert "Connected to Acme MSP Ltd." in text(page)
    assert "Renews itself, no 30-minute limit" in text(page)
    assert page.headers["Referrer-Policy"] == "same-origin"
