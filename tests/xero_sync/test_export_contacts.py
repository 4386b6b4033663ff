"""Exporting accounts by themselves: eight fields, linking, updating and archiving."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from crm.models import Account
from tests import records
from tests.xero_sync.driving import check, decided, export, forget, outcome, send, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs, linking
from xero_sync.models import Job, JobRow, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db


def account(name: str = "Bolt Ltd", **fields: Any) -> Account:
    site = fields.pop("site", {})
    made = records.account(name, **fields)
    records.site(made, **site)
    return made


def contact(xero: SimulatedXero, name: str = "Bolt Ltd") -> dict[str, Any]:
    (found,) = [each for each in xero.read("Contacts", page="1", includeArchived="true") if each["Name"] == name]
    return found


def exported(made: Account, **options: Any) -> Job:
    return export({"ids": [str(made.uuid)]}, "contacts", **options)


def test_a_new_account_is_created_with_its_fields(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = account(
        code="B1",
        tax_number="GB1",
        sales_tax=records.tax("20% (VAT on Income)"),
        site={
            "billing_line1": "1 Mill Lane", "billing_line4": "Yard", "billing_city": "Leeds", "phone": "0113",
            "fax": "9", "billing_email": "a@bolt.example", "shipping_line1": "2 Dock",
        },
    )  # fmt: skip
    job = exported(made)
    assert jobs.results(job)["created"] == 1
    there = contact(xero)
    assert (there["AccountNumber"], there["EmailAddress"], there["TaxNumber"]) == ("B1", "a@bolt.example", "GB1")
    assert there["AccountsReceivableTaxType"] == "OUTPUT2"
    addresses = {each["AddressType"]: each for each in there["Addresses"]}
    assert addresses["POBOX"]["AddressLine4"] == "Yard"
    assert addresses["STREET"]["AddressLine1"] == "2 Dock"
    assert {each["PhoneType"]: each["PhoneNumber"] for each in there["Phones"] if each["PhoneNumber"]} == {
        "DEFAULT": "0113",
        "FAX": "9",
    }


def test_a_contact_of_the_same_name_is_linked_and_left_as_it_is(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.write("Contacts", {"Name": "BOLT  ltd".replace("  ", " "), "EmailAddress": "theirs@bolt.example"})
    made = account(site={"billing_email": "ours@bolt.example"})
    job = exported(made)
    assert jobs.results(job)["linked"] == 1
    assert "What differs is not sent: E-mail." in outcome(job)["Bolt Ltd"][1]
    assert contact(xero, "BOLT ltd")["EmailAddress"] == "theirs@bolt.example"


def test_exporting_a_linked_account_again_sends_what_differs(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = account(
        site={"billing_email": "old@bolt.example", "phone": "1", "billing_line1": "Old", "billing_city": "Leeds"}
    )
    exported(made)
    made.name, made.code = "Bolt and Sons Ltd", "B2"
    made.save()
    made.sites.update(billing_email="new@bolt.example", phone="0113 2", billing_line1="New Road", billing_city="")
    checked = check({"ids": [str(made.uuid)]}, "contacts")
    row = the_row(checked, "Bolt and Sons Ltd")
    assert row.outcome == "update"
    assert row.diff == [
        ["Name", "Bolt Ltd", "Bolt and Sons Ltd"],
        ["Account number", "", "B2"],
        ["E-mail", "old@bolt.example", "new@bolt.example"],
        ["Phone", "1", "0113 2"],
        ["Postal address, line 1", "Old", "New Road"],
        ["Postal city", "Leeds", ""],
    ]
    assert jobs.results(send(checked))["updated"] == 1
    there = contact(xero, "Bolt and Sons Ltd")
    (postal,) = [each for each in there["Addresses"] if each["AddressType"] == "POBOX"]
    assert (there["EmailAddress"], postal["AddressLine1"], postal.get("City", "")) == (
        "new@bolt.example",
        "New Road",
        "",
    )
    assert jobs.results(exported(made))["skipped"] == 1


def test_blanks_here_never_empty_a_field_in_xero(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = account(code="B1", site={"billing_email": "a@bolt.example", "billing_line1": "1 Mill Lane", "fax": "9"})
    exported(made)
    Account.objects.update(code="")
    made.sites.update(billing_email="", billing_line1="", fax="")
    job = exported(made)
    assert jobs.results(job)["skipped"] == 1
    assert contact(xero)["AccountNumber"] == "B1"


def test_an_inactive_account_is_archived_in_xero(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = account()
    exported(made)
    Account.objects.update(active=False)
    checked = check({"ids": [str(made.uuid)]}, "contacts")
    row = the_row(checked, "Bolt Ltd")
    assert (row.outcome, row.diff) == ("archive", [["Status", "Active", "Archived"]])
    job = send(checked)
    assert jobs.results(job)["updated"] == 1
    assert the_row(job, "Bolt Ltd").how == "archived"
    assert contact(xero)["ContactStatus"] == "ARCHIVED"
    # once more: nothing to do
    assert jobs.results(exported(made))["skipped"] == 1


def test_an_inactive_account_that_xero_knows_by_name_is_linked_and_archived(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.write("Contacts", {"Name": "Bolt Ltd"})
    made = account(active=False)
    exported(made)
    assert contact(xero)["ContactStatus"] == "ARCHIVED"
    assert XeroLink.objects.get(kind="contacts").local_id == made.uuid


def test_an_inactive_account_that_xero_lacks_is_created_and_archived(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    job = exported(account(active=False))
    assert job.state == Job.State.COMPLETED
    assert contact(xero)["ContactStatus"] == "ARCHIVED"
    assert [line.action for line in job.log.exclude(row=None)] == ["Created", "Archived"]


def test_inactive_accounts_are_left_alone_when_archiving_is_not_asked_for(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    made = account()
    exported(made)
    Account.objects.update(active=False)
    assert jobs.results(exported(made, archive_inactive=False))["skipped"] == 1
    assert contact(xero)["ContactStatus"] == "ACTIVE"


def test_all_accounts_leave_out_inactive_ones_that_xero_never_had(connection: XeroConnection) -> None:
    account("Kept")
    account("Gone", active=False)
    assert set(outcome(check(kind="contacts"))) == {"Kept"}


def test_an_active_account_makes_its_archived_contact_active_again(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    made = account()
    exported(made)
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    forget("contacts")
    job = exported(made)
    assert the_row(job, "Bolt Ltd").diff == [["Status", "Archived", "Active"]]
    assert contact(xero)["ContactStatus"] == "ACTIVE"


def test_an_invoice_never_revives_an_archived_contact(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = account()
    exported(made)
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    forget("contacts")
    invoice = records.invoice(of=made, status="ready")
    job = export({"ids": [str(invoice.uuid)]})
    assert outcome(job)[invoice.number][0] == JobRow.State.FAILED
    assert contact(xero)["ContactStatus"] == "ARCHIVED"


def test_a_lost_answer_to_an_archiving_is_looked_into(
    connection: XeroConnection, xero: SimulatedXero, settings: Any
) -> None:
    settings.XERO_SETTLE_SECONDS = 0
    made = account()
    exported(made)
    Account.objects.update(active=False)
    checked = check({"ids": [str(made.uuid)]}, "contacts")
    xero.fault("reset_after", method="POST", endpoint="Contacts")
    job = send(checked)
    assert (job.state, the_row(job, "Bolt Ltd").how) == (Job.State.COMPLETED, "archived")
    assert contact(xero)["ContactStatus"] == "ARCHIVED"


def test_a_hundred_accounts_take_two_writes(connection: XeroConnection, xero: SimulatedXero) -> None:
    for number in range(100):
        account(f"Customer {number}")
    job = export(kind="contacts")
    assert jobs.results(job)["created"] == 100
    assert len([each for each in xero.ledger() if "/Contacts" in each["path"]]) == 2


def test_a_contact_archived_since_the_check_is_not_revived(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = account()
    exported(made)
    made.sites.update(phone="0113")
    checked = check({"ids": [str(made.uuid)]}, "contacts")
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    forget("contacts")
    row = the_row(send(checked), "Bolt Ltd")
    assert (row.state, row.reason) == (JobRow.State.SKIPPED, "changed")
    assert contact(xero)["ContactStatus"] == "ARCHIVED"


def test_what_was_edited_in_xero_since_the_check_is_not_overwritten(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    made = account(code="B1", site={"phone": "0113"})
    exported(made)
    Account.objects.update(code="B2")
    checked = check({"ids": [str(made.uuid)]}, "contacts")
    assert [label for label, *_ in the_row(checked, "Bolt Ltd").diff] == ["Account number"]
    phones = [{"PhoneType": "DEFAULT", "PhoneNumber": "999"}]
    xero.write("Contacts", {"ContactID": contact(xero)["ContactID"], "Phones": phones}, method="POST")
    forget("contacts")
    row = the_row(send(checked), "Bolt Ltd")
    assert (row.state, row.reason) == (JobRow.State.SKIPPED, "changed")
    assert {each["PhoneType"]: each["PhoneNumber"] for each in contact(xero)["Phones"]}["DEFAULT"] == "999"


def test_the_check_shows_a_sales_tax_that_comes_along(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = account(code="B1")
    exported(made)
    Account.objects.update(code="B2", sales_tax=records.tax("City tax", "7.5"))
    job = exported(made)
    row = the_row(job, "Bolt Ltd")
    assert ["Default sales tax", "", "City tax"] in row.diff
    assert row.state == JobRow.State.SUCCEEDED
    assert contact(xero)["AccountsReceivableTaxType"]


def archived_twins(xero: SimulatedXero) -> list[str]:
    """Put two archived contacts of one name into Xero; return their ids."""
    ids = []
    for number in ("A1", "A2"):
        (made,) = xero.write("Contacts", {"Name": "Bolt Ltd", "AccountNumber": number})
        ids.append(made["ContactID"])
        xero.write("Contacts", {"ContactID": made["ContactID"], "ContactStatus": "ARCHIVED"}, method="POST")
    forget("contacts")
    return ids


def test_among_several_contacts_the_archived_and_the_taken_ones_say_so(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    first, _ = archived_twins(xero)
    other = account("Nut Ltd")
    XeroLink.objects.create(tenant_id=connection.tenant_id, kind="contacts", local_id=other.uuid, xero_id=first)
    row = the_row(check({"ids": [str(account().uuid)]}, "contacts"), "Bolt Ltd")
    assert (row.outcome, row.reason) == ("decide", "ambiguous")
    assert [apart for _, _, apart in row.candidates] == ["A1, archived, already linked to Nut Ltd", "A2, archived"]


@pytest.mark.parametrize("kind", ["contacts", "invoices"])
def test_an_archived_contact_that_was_chosen_is_refused_like_any_other(
    connection: XeroConnection, xero: SimulatedXero, kind: str
) -> None:
    _, second = archived_twins(xero)
    made = account()
    records.invoice("INV-1", of=made, status="ready")
    job = decided(check(kind=kind), **{"Bolt Ltd": second})
    row = the_row(job, "Bolt Ltd")
    assert (row.outcome, row.reason) == ("fail", "contact_archived")
    assert "Bolt Ltd is archived in Xero." in row.message
    send(job)
    assert not XeroLink.objects.exists()
    assert xero.invoices() == []


def test_a_chosen_contact_that_is_another_accounts_is_refused(connection: XeroConnection, xero: SimulatedXero) -> None:
    first, _ = archived_twins(xero)
    other = account("Nut Ltd")
    XeroLink.objects.create(tenant_id=connection.tenant_id, kind="contacts", local_id=other.uuid, xero_id=first)
    job = decided(check({"ids": [str(account().uuid)]}, "contacts"), **{"Bolt Ltd": first})
    assert (the_row(job, "Bolt Ltd").outcome, the_row(job, "Bolt Ltd").reason) == ("fail", "contact_taken")


def test_a_merged_contact_is_not_made_active_again_but_leads_to_the_one_that_survived(
    connection: XeroConnection, xero: SimulatedXero, admin: User
) -> None:
    made = account()
    exported(made)
    link = XeroLink.objects.get()
    xero.control("merge-contact", contacts=["Bolt Ltd"], into="Saltwick Ceramics")
    linking.look_up(link, connection, user=admin)
    forget("contacts")  # the list, which is read again, does not tell of the merging
    row = the_row(check({"ids": [str(made.uuid)]}, "contacts"), "Bolt Ltd")
    assert (row.outcome, row.reason) == ("fail", "contact_archived")
    assert row.message == "Bolt Ltd was merged into another in Xero. Link the account to that one."
    assert row.fix_url == f"/finance/xero/links/{link.pk}/"


def test_before_a_contact_is_made_active_again_xero_is_asked_whether_it_was_merged(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    made = account()
    exported(made)
    xero.control("merge-contact", contacts=["Bolt Ltd"], into="Saltwick Ceramics")
    forget("contacts")
    row = the_row(check({"ids": [str(made.uuid)]}, "contacts"), "Bolt Ltd")
    assert (row.outcome, row.reason) == ("fail", "contact_archived")
    assert "was merged into another in Xero" in row.message
