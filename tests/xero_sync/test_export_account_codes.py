"""Exporting the chart of accounts: created or linked, never updated, one call each."""

from __future__ import annotations

from typing import Any

import pytest

from finance.models import AccountCode
from tests.xero_sync.driving import check, export, outcome, send, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import Job, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
KIND = "account_codes"


def code(number: str = "777", **fields: Any) -> AccountCode:
    return AccountCode.objects.create(code=number, **({"name": f"Account {number}", "type": "Revenue"} | fields))


def account(xero: SimulatedXero, number: str = "777") -> dict[str, Any]:
    (found,) = [each for each in xero.read("Accounts") if each.get("Code") == number]
    return found


def test_a_new_code_is_created_with_its_name_description_and_type(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    code(name="Managed services", description="Monthly contracts", type="Revenue")
    assert jobs.results(export(kind=KIND))["created"] == 1
    there = account(xero)
    assert (there["Name"], there["Description"], there["Type"]) == ("Managed services", "Monthly contracts", "REVENUE")
    assert XeroLink.objects.get(kind=KIND).xero_id == there["AccountID"]


def test_a_code_that_xero_has_is_linked_and_never_updated(connection: XeroConnection, xero: SimulatedXero) -> None:
    code("200", name="Our own sales", type="Expense")
    job = export(kind=KIND)
    assert jobs.results(job)["linked"] == 1
    assert account(xero, "200")["Name"] == "Sales"
    assert jobs.results(export(kind=KIND))["skipped"] == 1
    assert not xero.ledger()


def test_a_system_account_of_xeros_can_be_linked(connection: XeroConnection) -> None:
    code("610", name="Debtors", type="Current Asset")
    assert jobs.results(export(kind=KIND))["linked"] == 1


@pytest.mark.parametrize("ours", ["Income", "Credit Card", "Cost of Goods Sold"])
def test_a_type_that_xero_lacks_becomes_other_income_and_check_says_so(
    connection: XeroConnection, xero: SimulatedXero, ours: str
) -> None:
    code(type=ours)
    checked = check(kind=KIND)
    assert the_row(checked, "777 Account 777").warning == f"Xero has no type “{ours}”: it becomes Other Income."
    assert jobs.results(send(checked))["created"] == 1
    assert account(xero)["Type"] == "OTHERINCOME"


def test_a_taken_name_is_known_before_anything_is_sent(connection: XeroConnection) -> None:
    code(name="Sales")
    row = the_row(check(kind=KIND), "777 Sales")
    assert (row.outcome, row.reason) == ("fail", "name_taken")
    assert row.message.startswith("Code 777 is free in Xero, but the name “Sales” is taken by 200.")


def test_a_bank_account_is_made_in_xero(connection: XeroConnection) -> None:
    code(type="Bank")
    assert the_row(check(kind=KIND), "777 Account 777").reason == "bank_account"


def test_two_codes_of_one_name_ask(connection: XeroConnection) -> None:
    code("777", name="Twin")
    code("778", name="twin")
    job = check(kind=KIND)
    assert (the_row(job, "777 Twin").outcome, the_row(job, "778 twin").outcome) == ("create", "decide")


def test_one_refused_account_fails_alone_with_xeros_words(connection: XeroConnection, xero: SimulatedXero) -> None:
    code("777")
    code("778", name="Late comer")
    checked = check(kind=KIND)
    # Somebody takes the name between Check and Send, and our copy does not know
    xero.write("Accounts", {"Code": "999", "Name": "Late comer", "Type": "REVENUE"})
    job = send(checked)
    assert job.state == Job.State.COMPLETED_WITH_FAILURES
    assert outcome(job)["777 Account 777"][0] == "succeeded"
    row = the_row(job, "778 Late comer")
    assert (row.state, row.xero_message) == ("failed", "Please enter a unique Name.")
    assert row.message.startswith("Code 778 is free in Xero, but the name “Late comer” is taken by 999.")


def test_each_code_takes_a_call_of_its_own(connection: XeroConnection, xero: SimulatedXero) -> None:
    for number in range(5):
        code(f"77{number}")
    checked = check(kind=KIND)
    export({"ids": list(checked.rows.values_list("record_key", flat=True))}, KIND)
    assert [len(each["created_ids"]) for each in xero.ledger()] == [1] * 5


def test_a_lost_answer_is_found_by_the_code(connection: XeroConnection, xero: SimulatedXero, settings: Any) -> None:
    settings.XERO_SETTLE_SECONDS = 0
    code()
    checked = check(kind=KIND)
    xero.fault("reset_after", method="PUT", endpoint="Accounts")
    job = send(checked)
    assert (job.state, the_row(job, "777 Account 777").how) == (Job.State.COMPLETED, "adopted")
    assert account(xero)["AccountID"] == XeroLink.objects.get(kind=KIND).xero_id
