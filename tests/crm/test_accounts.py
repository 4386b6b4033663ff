from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from tests.records import account, invoice, payment, site, tax

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return response.content.decode()


def names(response: Any) -> list[str]:
    return [row.record.name for row in response.context["grid"].rows]


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def test_accounts_are_found_by_a_part_of_the_name_or_code(reader: Client) -> None:
    account("Bolt", code="B-1")
    account("Acme", code="A-1")
    assert names(reader.get("/crm/accounts/?q=OLT")) == ["Bolt"]
    assert names(reader.get("/crm/accounts/?q=a-1")) == ["Acme"]


def test_inactive_accounts_can_be_listed_alone(reader: Client) -> None:
    account("Bolt", active=False)
    account("Acme")
    assert names(reader.get("/crm/accounts/?active=no")) == ["Bolt"]
    assert names(reader.get("/crm/accounts/?active=yes")) == ["Acme"]


def test_csv_holds_all_that_match_and_not_only_the_page(reader: Client) -> None:
    for number in range(60):
        account(f"Acme {number:02}", sales_tax=None)
    account("Bolt")
    rows = rows_of(reader.get("/crm/accounts.csv?q=acme&rows=25"))
    assert len(rows) == 60
    assert rows[0]["Name"] == "Acme 00"


def test_csv_defuses_a_name_that_a_spreadsheet_would_run(reader: Client) -> None:
    account("=HYPERLINK(1)", sales_tax=tax())
    (row,) = rows_of(reader.get("/crm/accounts.csv"))
    assert row["Name"] == "'=HYPERLINK(1)"
    assert row["Sales tax"] == "VAT 20%"


class TestOneAccount:
    def test_it_shows_sites_with_their_addresses(self, reader: Client) -> None:
        made = account("Acme")
        site(made, billing_line1="1 Mill Lane", billing_city="Leeds", billing_email="pay@acme.test")
        site(made, "Depot", is_main=False)
        page = text(reader.get(made.get_absolute_url()))
        assert "1 Mill Lane" in page
        assert "pay@acme.test" in page
        assert page.count("Main site") == 1
        assert "Site: Depot" in page

    def test_it_adds_up_what_the_customer_owes_in_each_currency(self, reader: Client) -> None:
        made = account("Acme")
        payment(invoice(of=made, status="sent", price="100"), "40")
        invoice(of=made, status="sent", price="70", currency="EUR")
        invoice(of=made, status="draft", price="5000")
        page = text(reader.get(made.get_absolute_url()))
        assert "<strong>60.00</strong>, <strong>EUR\N{NO-BREAK SPACE}70.00</strong>" in page

    def test_its_lists_lead_to_all_invoices_and_payments_of_the_account(self, reader: Client) -> None:
        made = account("Acme")
        invoice("INV-1", of=made)
        invoice("INV-2")
        link = f"/finance/invoices/?account={made.pk}"
        assert f'href="{link}"' in text(reader.get(made.get_absolute_url()))
        listed = reader.get(link)
        assert [row.record.number for row in listed.context["grid"].rows] == ["INV-1"]
        assert "Account: <strong>Acme</strong>" in text(listed)

    def test_an_account_without_anything_is_still_a_page(self, reader: Client) -> None:
        assert "None yet." in text(reader.get(account().get_absolute_url()))
