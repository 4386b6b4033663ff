from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.xero_simulator.caller import BATCH, XeroCaller, line
from xero_simulator.controls import CONTROLS
from xero_simulator.models import Organisation

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def refused(what: str, **body: Any) -> str:
    answer = Client().post(f"/sim/xero/control/{what}", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    return str(answer.json()["error"])


def test_reset_starts_over(xero: XeroCaller) -> None:
    xero.invoice()
    CONTROLS.clock_offset = 99
    answer = xero.control("reset", limits=False, latency_ms=1)
    assert [row["name"] for row in answer["organisations"]] == [
        "Acme MSP Ltd",
        "Demo Company (NZ)",
        "Acme Pty Ltd",
        "Acme Inc",
        "Acme Canada Ltd",
    ]
    assert answer["organisations"][0]["tenant_id"] == str(xero.organisation.tenant_id)
    assert answer["client_id"] == settings.XERO_CLIENT_ID
    assert (CONTROLS.limits, CONTROLS.latency_ms, CONTROLS.clock_offset) == (False, 1, 0)
    assert xero.get("Organisation").status_code == 401


def test_reset_makes_organisations_to_measure(xero: XeroCaller) -> None:
    spec = {"name": "Large", "country": "AU", "currencies": ["EUR"], "contacts": 2500, "items": 30}
    [made] = xero.control("reset", organisations=[spec])["organisations"]
    assert (made["base_currency"], made["currencies"]) == ("AUD", ["AUD", "EUR"])
    large = XeroCaller(Organisation.objects.get())
    answer = large.get("Contacts?page=3&pageSize=1000").json()
    assert answer["pagination"]["itemCount"] == 2512
    assert len({row["ContactID"] for row in answer["Contacts"]}) == 512
    assert len(large.all("Items")) == 34


def test_redirect_addresses_can_be_registered(xero: XeroCaller) -> None:
    answer = xero.control("redirect-uris", redirect_uri="http://localhost:9/finance/xero/callback/")
    assert "http://localhost:9/finance/xero/callback/" in answer["redirect_uris"]


def test_a_token_can_be_had_without_a_browser(xero: XeroCaller) -> None:
    answer = xero.control("token", organisation="Acme Inc")
    headers = {**xero.headers, "Authorization": f"Bearer {answer['access_token']}"}
    found = xero.http.get(
        "/sim/xero/api.xro/2.0/Organisation", headers={**headers, "xero-tenant-id": answer["tenant_id"]}
    )
    assert found.json()["Organisations"][0]["Name"] == "Acme Inc"


def test_organisations_can_be_changed(xero: XeroCaller) -> None:
    changed = xero.control("organisation", currencies=["JPY"], end_of_year_lock_date="2025-12-31", plan="STARTER")
    assert "JPY" in changed["currencies"]
    assert changed["end_of_year_lock_date"] == "2025-12-31"
    assert xero.control("organisation", end_of_year_lock_date=None)["end_of_year_lock_date"] is None
    assert refused("organisation", organisation="nobody") == "No such organisation"


def test_people_pay_the_oldest_invoices(xero: XeroCaller) -> None:
    for n in range(6):
        xero.invoice(InvoiceNumber=f"O-{n}", Date=f"2026-10-{n + 1:02}")
    paid = xero.control("pay", count=5)["payments"]
    assert [(row["invoice_number"], row["amount"]) for row in paid] == [
        ("O-0", 120.0),
        ("O-1", 120.0),
        ("O-2", 120.0),
        ("O-3", 120.0),
        ("O-4", 60.0),
    ]


def test_people_approve_pay_remove_and_void(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="D-1", Status="DRAFT", DueDate=None)
    xero.control("approve", invoices=["D-1"])
    [payment] = xero.control("pay", invoices=[made["InvoiceID"]], amount="20.00", date="2026-11-05")["payments"]
    assert (payment["amount"], payment["date"]) == (20.0, "2026-11-05")
    assert "payment or credit note" in refused("void", invoices=["D-1"])
    xero.control("delete-payment", payments=[payment["payment_id"]])
    [gone] = xero.control("void", invoices=["D-1"])["invoices"]
    assert gone["status"] == "VOIDED"
    assert refused("pay", invoices=["none"]) == "'none' is not known"


def test_approval_follows_the_rules_of_the_api(xero: XeroCaller) -> None:
    xero.create("Invoices", {**_draft(line(AccountCode="")), "InvoiceNumber": "D-1"})
    assert "Account code must be specified" in refused("approve", invoices=["D-1"])


def _draft(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "ACCREC", "Contact": {"Name": "Saltwick Ceramics"}, "LineItems": list(lines)}


def test_people_delete_items_and_archive_accounts(xero: XeroCaller) -> None:
    assert xero.control("delete-item", items=["x-call"]) == {"deleted": 1}
    assert xero.control("archive-account", accounts=["200"]) == {"changed": 1}
    assert xero.control("archive-account", accounts=["200"], restore=True) == {"changed": 1}


def test_people_disconnect_the_app(xero: XeroCaller) -> None:
    xero.control("disconnect")
    assert xero.get("Organisation").status_code == 403


def test_tokens_can_be_ended(xero: XeroCaller) -> None:
    xero.control("expire-tokens")
    assert "TokenExpired" in xero.get("Organisation").json()["Detail"]


def test_the_clock_and_the_life_of_keys_can_be_set(xero: XeroCaller) -> None:
    answer = xero.control("clock", advance_seconds=60, idempotency_seconds=5)
    assert answer["clock_offset"] == 60
    assert CONTROLS.idempotency_seconds == 5
    assert "must be one of the controls" in refused("limits", nonsense=1)
    assert "must be one of the controls" in refused("limits", minute_limit="60")


def test_the_ledger_knows_every_write_and_counts_the_reads(xero: XeroCaller) -> None:
    xero.get("Contacts")
    [made] = xero.create("Contacts", {"Name": "Entered"})
    xero.put(f"Contacts?{BATCH}", {"Contacts": [{"Name": "Entered"}]}, Idempotency_Key="k")
    ledger = xero.http.get("/sim/xero/control/ledger").json()
    first, second = ledger["writes"]
    assert (first["method"], first["path"], first["created_ids"]) == ("PUT", f"/Contacts?{BATCH}", [made["ContactID"]])
    assert (second["key"], second["created_ids"], second["tenant_id"]) == ("k", [], str(xero.organisation.tenant_id))
    assert ledger["calls"] == {"GET Contacts": 1, "PUT Contacts": 2}
    assert ledger["max_in_flight"] == 1
    assert ledger["max_per_rolling_minute"] == 3
    later = xero.http.get(f"/sim/xero/control/ledger?after={first['id']}").json()
    assert [row["id"] for row in later["writes"]] == [second["id"]]


def test_the_books_can_be_read_without_being_counted(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="B-1", Url="https://bms.example/i/1/")
    books = xero.http.get("/sim/xero/control/books").json()
    [row] = books["invoices"]
    assert (row["number"], row["url"], row["total"]) == ("B-1", "https://bms.example/i/1/", 120.0)
    assert len(books["contacts"]) == 12


def test_only_the_method_meant_is_taken(client: Client) -> None:
    assert client.get("/sim/xero/control/reset").status_code == 405
