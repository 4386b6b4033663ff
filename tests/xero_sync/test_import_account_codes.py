"""Importing Xero's chart of accounts."""

from __future__ import annotations

from typing import Any

import pytest

from finance.models import AccountCode
from tests.xero_sync.driving import bring, check_import, export, outcome, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
KIND = "account_codes"


def only(text: str = "", **filters: Any) -> dict[str, Any]:
    return {"all": True, "filters": {"text": text, **filters}}


def test_an_account_becomes_an_account_code(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Accounts", {"Code": "777", "Name": "Managed services", "Type": "REVENUE", "Description": "Contracts"})
    assert jobs.results(bring(KIND, only("777")))["created"] == 1
    made = AccountCode.objects.get()
    assert (made.code, made.name, made.description, made.type) == ("777", "Managed services", "Contracts", "Revenue")
    assert XeroLink.objects.get(kind=KIND).local_id == made.uuid


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("SALES", "Sale"),
        ("OTHERINCOME", "Other income"),
        ("DIRECTCOSTS", "Direct Costs"),
        ("CURRLIAB", "Current Liability"),
        ("OVERHEADS", "Overhead"),
    ],
)
def test_the_type_goes_by_its_name(connection: XeroConnection, xero: SimulatedXero, theirs: str, ours: str) -> None:
    xero.write("Accounts", {"Code": "777", "Name": "One", "Type": theirs})
    bring(KIND, only("777"))
    assert AccountCode.objects.get().type == ours


def test_a_code_that_is_here_is_linked_and_left_as_it_is(connection: XeroConnection) -> None:
    AccountCode.objects.create(code="200", name="Our sales", type="Expense")
    job = bring(KIND, only("200"))
    assert jobs.results(job)["linked"] == 1
    assert AccountCode.objects.get().name == "Our sales"
    assert jobs.results(bring(KIND, only("200")))["skipped"] == 1


def test_the_whole_chart_comes_and_is_not_exported_again(connection: XeroConnection) -> None:
    result = jobs.results(bring(KIND))
    assert result["failed"] == 0
    assert AccountCode.objects.count() == result["created"] > 20
    assert jobs.results(export(kind=KIND))["created"] == 0


def test_an_archived_account_comes_only_when_asked_for_and_is_inactive(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.write("Accounts", {"Code": "777", "Name": "Old", "Type": "REVENUE"})
    xero.control("archive-account", accounts=["777"])
    assert outcome(check_import(KIND, only("777"))) == {}
    bring(KIND, only("777", archived=True))
    assert AccountCode.objects.get().active is False


def test_accounts_can_be_narrowed_by_type(connection: XeroConnection) -> None:
    job = check_import(KIND, only(type="INVENTORY"))
    assert [row.detail for row in job.rows.all()] == ["Inventory Asset"]


def test_an_account_without_a_code_says_why_it_cannot_come(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Accounts", {"Name": "Savings", "Type": "BANK", "BankAccountNumber": "12-3456-7890123-00"})
    assert the_row(check_import(KIND, only("savings")), "Savings").reason == "no_code"
