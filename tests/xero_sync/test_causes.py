"""Xero's words are recognised, said in plain ones, and lead to where they are mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from finance.models import Invoice, Item
from tests import records
from tests.xero_sync.driving import check, checked, export, forget, send, states, the_row
from tests.xero_sync.pages import make_job, make_rows
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import causes, jobs
from xero_sync.mirror import MISSING
from xero_sync.models import XeroConnection, XeroLink, XeroRecord

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Account code '610' is not a valid code for this document.", "account_wrong_type"),
        ("Account code '476' has been archived, or has been deleted. Please check.", "account_archived"),
        ("Account code must be specified.", "account_missing"),
        ("The TaxType code 'X' cannot be used with account code '200'.", "tax_not_allowed"),
        ("The TaxType code X does not exist or cannot be used for this type of transaction.", "tax_unknown"),
        (
            "The contact name Bolt is already assigned to another contact. The contact name must be unique across all "
            "active contacts.",
            "contact_name_taken",
        ),
        ("The contact number bms:1 is already assigned to another contact.", "contact_number_taken"),
        (
            "The contact with the specified contact details has been archived. The contact must be un-archived before "
            "creating new invoices or credit notes.",
            "contact_archived",
        ),
        ("Email address must be valid.", "bad_email"),
        ("Website must be valid.", "bad_website"),
        ("Invoice # must be unique.", "number_taken"),
        ("Invoice not of valid status for modification", "not_modifiable"),
        ("This document cannot be edited as it has a payment or credit note allocated to it.", "has_payment"),
        ("The document date cannot be before the period lock date, currently set at 31 Mar 2026", "locked_period"),
        ("Organisation is not subscribed to currency JPY", "currency"),
        ("You have reached the limit of invoices you can approve", "plan_limit"),
        ("The line total 9.99 does not match the expected line total 10.00", "totals_differ"),
        ("Item code 'X' is not valid", "item_gone"),
        ("Price List Item with Code 'X' already exists", "item_code_taken"),
        ("Please enter a unique Name.", "name_taken"),
    ],
)
def test_xeros_words_are_recognised(words: str, reason: str) -> None:
    found = causes.recognise(words)
    assert found is not None
    assert found.reason == reason


def test_words_that_nobody_has_seen_are_not_guessed_at() -> None:
    assert causes.recognise("The moon is in the wrong house.") is None


def test_every_reason_that_the_code_gives_is_in_the_catalogue() -> None:
    given = set()
    for file in (ROOT / "xero_sync").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        given |= set(re.findall(r'Problem\(\s*"([a-z_]+)"', text))
        given |= set(re.findall(r'Outcome\.(?:FAIL|DECIDE),\s*"([a-z_]+)"', text))
        given |= set(re.findall(r'(?:fail|doubt|review)\(row, "([a-z_]+)"', text))
    assert given - set(causes.BY_REASON) == set()


def test_each_reason_stands_once() -> None:
    assert len(causes.BY_REASON) == len(causes.CAUSES)


def test_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == causes.markdown(), "manage.py write_docs"


@pytest.mark.django_db
def test_a_refusal_is_said_in_plain_words_with_xeros_own_beside_it(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    item = Item.objects.create(kind="service", name="Backup", taxable=False)
    export(kind="items")
    made = records.invoice("INV-1", status=Invoice.Status.READY)
    made.lines.update(item=item)
    checked = check()
    xero.control("delete-item", items=["Backup"])
    row = the_row(send(checked), "INV-1")
    assert (row.state, row.reason) == ("failed", "item_gone")
    assert row.message.startswith("An item on the invoice was deleted or renamed in Xero.")
    assert row.xero_message == "Item code 'Backup' is not valid"
    assert row.fix_url == made.get_absolute_url()


@pytest.mark.django_db
def test_what_its_words_promise_comes_true(connection: XeroConnection, xero: SimulatedXero) -> None:
    """An item that was deleted after the check fails its invoice; the next check creates it anew."""
    item = Item.objects.create(kind="service", name="Backup", taxable=False)
    export(kind="items")
    old = XeroLink.objects.get().xero_id
    made = records.invoice("INV-1", status=Invoice.Status.READY)
    made.lines.update(item=item)
    failed = check()
    xero.control("delete-item", items=["Backup"])
    send(failed)
    again = checked(jobs.retry(failed, user=None))
    row = the_row(again, "Backup")
    assert (row.outcome, row.warning) == (
        "create", "The item that it was linked to was deleted in Xero; it is created there anew."
    )  # fmt: skip
    send(again)
    assert the_row(again, "INV-1").state == "succeeded"
    assert XeroLink.objects.get(kind="items").xero_id != old


@pytest.mark.django_db
def test_an_item_renamed_in_xero_goes_under_its_new_code(connection: XeroConnection, xero: SimulatedXero) -> None:
    item = Item.objects.create(kind="service", name="Backup", taxable=False)
    export(kind="items")
    made = records.invoice("INV-1", status=Invoice.Status.READY)
    made.lines.update(item=item)
    xero.control("rename-item", items=["Backup"], code="BU")
    forget("items")
    assert states(export()) == {"INV-1": "succeeded"}
    assert [line["ItemCode"] for line in xero.read("Invoices", page="1")[0]["LineItems"]] == ["BU"]


@pytest.mark.django_db
def test_an_account_code_deleted_in_xero_is_created_anew(connection: XeroConnection) -> None:
    made = records.account_code("9001", "Odd sales")
    export(kind="account_codes")
    link = XeroLink.objects.get()
    XeroRecord.objects.filter(xero_id=link.xero_id).update(status=MISSING)
    job = check({"ids": [str(made.uuid)]}, "account_codes")
    assert job.rows.get().outcome == "create"


@pytest.mark.django_db
def test_the_help_page_tells_every_cause_and_counts_what_it_does_not_know(reader: Client) -> None:
    make_rows(
        make_job("completed_with_failures"), 3, state="failed", reason="refused", xero_message="The moon is wrong."
    )
    page = reader.get("/help/errors/").content.decode()
    for cause in causes.CAUSES:
        assert f'id="{cause.reason}"' in page
    assert "The moon is wrong." in page
    assert "3 times" in page
