"""Invoices on their way to the simulated Xero: what arrives there, and what is said when something does not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from crm.models import Account
from finance import sample_data
from finance.models import AccountCode, Invoice, InvoiceLine, Item
from tests import records
from tests.xero_sync.driving import check, export, outcome, send, states, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import DeepLink, Job, SyncOptions, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
READY = Invoice.Status.READY


def invoice(number: str = "", **fields) -> Invoice:
    return records.invoice(number, status=READY, **fields)


def test_a_dozen_invoices_reach_xero_with_what_they_need(
    connection: XeroConnection, today: date, xero: SimulatedXero
) -> None:
    sample_data.create(sample_data.Size(5, 6, 12), today=today)
    job = export()
    assert jobs.results(job) == {
        "job": job.number,
        "state": "completed",
        "created": 12,
        "updated": 0,
        "linked": 0,
        "skipped": 0,
        "warnings": 0,
        "failed": 0,
        "unknown": 0,
        "also": {"tax_rates": 1, "contacts": 5, "items": 6},
    }
    assert XeroLink.objects.filter(kind="invoices").count() == 12
    in_xero = {each["number"]: Decimal(each["total"]) for each in xero.invoices()}
    assert in_xero == dict(Invoice.objects.values_list("number", "total"))
    assert not [row for row in job.rows.filter(kind="invoices") if row.xero_total != row.our_total]


def test_a_second_export_of_all_finds_nothing_to_do(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = invoice()
    export()
    assert jobs.results(export())["created"] == 0
    again = export({"ids": [str(made.uuid)]})
    assert states(again) == {made.number: "skipped"}
    assert len(xero.invoices()) == 1


def test_an_export_leaves_the_status_of_the_invoice_alone(connection: XeroConnection) -> None:
    made = invoice()
    export()
    made.refresh_from_db()
    assert made.status == READY


def test_the_document_in_xero_leads_back_to_the_invoice(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = invoice()
    export()
    (document,) = xero.invoices()
    link = DeepLink.objects.get()
    assert document["url"].endswith(f"/i/{link.uuid}/")
    assert link.local_id == made.uuid


@pytest.mark.parametrize("numbering", ["bms_number", "bms_id", "xero_number"])
def test_the_number_in_xero_follows_the_option(connection: XeroConnection, xero: SimulatedXero, numbering: str) -> None:
    made = invoice("INV-BMS-7")
    export(invoice_number=numbering)
    (document,) = xero.invoices()
    expected = {"bms_number": "INV-BMS-7", "bms_id": str(made.pk)}.get(numbering, document["number"])
    assert document["number"] == expected != ""
    assert XeroLink.objects.get(kind="invoices").xero_number == expected


@pytest.mark.parametrize(
    ("status", "in_xero"), [("DRAFT", "DRAFT"), ("SUBMITTED", "SUBMITTED"), ("AUTHORISED", "AUTHORISED")]
)
def test_the_status_in_xero_is_the_one_chosen_for_the_run(
    connection: XeroConnection, xero: SimulatedXero, status: str, in_xero: str
) -> None:
    invoice()
    export(status=status)
    assert [each["status"] for each in xero.invoices()] == [in_xero]


def test_a_customer_that_xero_has_by_name_is_linked_and_not_changed(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    (theirs, *_) = xero.books()["contacts"]
    invoice(of=records.account(f"  {theirs['name'].upper()} "))
    job = export()
    (document,) = xero.invoices()
    assert document["contact__contact_id"] == theirs["contact_id"]
    assert jobs.results(job)["also"]["contacts"] == 1
    assert len([each for each in xero.books()["contacts"] if each["contact_id"] == theirs["contact_id"]]) == 1
    assert XeroLink.objects.get(kind="contacts").matched_by == "same name"


def test_a_contact_renamed_in_xero_stays_the_linked_one(connection: XeroConnection, xero: SimulatedXero) -> None:
    account = records.account("Bolt Ltd")
    invoice(of=account)
    export()
    xero.control("rename-contact", contacts=["Bolt Ltd"], name="Bolt Holdings")
    invoice(of=account)
    export()
    assert {each["contact__name"] for each in xero.invoices()} == {"Bolt Holdings"}


def test_an_archived_contact_fails_its_invoice_with_the_reason(connection: XeroConnection, xero: SimulatedXero) -> None:
    account = records.account("Bolt Ltd")
    invoice(of=account)
    export()
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    late = invoice("LATE", of=account)
    from datetime import timedelta

    from xero_sync.models import MirrorStamp

    MirrorStamp.objects.filter(kind="contacts").update(complete_at=connection.connected_at - timedelta(hours=1))
    job = check({"ids": [str(late.uuid)]})
    row = the_row(job, "LATE")
    assert (row.outcome, row.reason) == ("fail", "contact_archived")
    assert "archived in Xero" in row.message
    assert row.fix_url == account.get_absolute_url()


def test_two_accounts_of_one_name_never_become_two_contacts(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoice("FIRST", of=records.account("Twin Ltd"))
    invoice("SECOND", of=records.account(" twin  LTD"))
    job = check()
    outcomes = {row.label: row.outcome for row in job.rows.filter(requested=True)}
    assert outcomes == {"FIRST": "create", "SECOND": "decide"}
    send(job)
    assert [each["name"] for each in xero.books()["contacts"]].count("Twin Ltd") == 1


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "A < B"])
def test_a_name_that_xero_does_not_take_is_told_before_sending(connection: XeroConnection, name: str) -> None:
    made = invoice(of=records.account(name))
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("fail", "bad_name")


def test_an_account_without_a_name_is_told_before_sending(connection: XeroConnection) -> None:
    made = invoice(of=records.account("   "))
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("fail", "no_name")


def test_an_invoice_without_lines_is_told_before_sending(connection: XeroConnection) -> None:
    made = invoice()
    made.lines.all().delete()
    made.recalculate()
    row = the_row(check(), made.number)
    assert (row.outcome, row.message) == ("fail", "This invoice has no lines.")


def test_an_item_code_of_31_characters_is_told_before_sending(connection: XeroConnection) -> None:
    made = invoice()
    item = Item.objects.create(kind="product", name="Cable", code="C" * 31)
    made.lines.update(item=item)
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("fail", "too_long")
    assert "31 characters long; Xero allows 30" in row.message


def test_two_items_cut_to_one_code_are_told_apart_before_sending(connection: XeroConnection) -> None:
    one, two = (
        Item.objects.create(kind="service", name="Managed backup for the office" + end) for end in ("s A", "s B")
    )
    made = invoice()
    made.lines.update(item=one)
    InvoiceLine.objects.create(invoice=made, position=2, item=two, unit_price=Decimal(1))
    made.recalculate()
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("decide", "collision")


@pytest.mark.parametrize(
    ("code", "reason"), [("999", "account_not_in_xero"), ("610", "account_wrong_type"), ("091", "account_wrong_type")]
)
def test_an_account_that_xero_would_refuse_is_told_with_the_fix(
    connection: XeroConnection, code: str, reason: str
) -> None:
    own, _ = AccountCode.objects.get_or_create(code=code, defaults={"name": code})
    made = invoice()
    made.lines.update(item=Item.objects.create(kind="service", name="Backup", income_account=own))
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("fail", reason)
    assert code in row.message


def test_a_missing_default_account_names_the_option(connection: XeroConnection) -> None:
    SyncOptions.objects.update(sales_account="")
    made = invoice()
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason, row.fix_url) == ("fail", "account_missing", "options")


def test_an_archived_default_account_is_told(connection: XeroConnection, xero: SimulatedXero) -> None:
    from xero_sync.models import MirrorStamp

    xero.control("archive-account", accounts=["200"])
    MirrorStamp.objects.update(complete_at=None)
    made = invoice()
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("fail", "account_archived")


def test_a_date_in_a_locked_period_fails_unless_it_is_a_draft(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.control("organisation", period_lock_date="2026-11-30")
    XeroConnection.objects.update(organisation_read_at=None)
    made = invoice()
    row = the_row(check(status="AUTHORISED"), made.number)
    assert (row.outcome, row.reason) == ("fail", "locked_period")
    assert "2026-11-30" in row.message
    assert the_row(check(status="DRAFT"), made.number).outcome == "create"


def test_a_currency_that_xero_lacks_fails_before_sending(connection: XeroConnection) -> None:
    made = invoice(currency="JPY")
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("fail", "currency")


@pytest.mark.parametrize("status", [Invoice.Status.DRAFT, Invoice.Status.PAID, Invoice.Status.VOID])
def test_an_invoice_that_is_not_ready_is_refused_when_named(connection: XeroConnection, status: str) -> None:
    made = records.invoice(status=status)
    row = the_row(check({"ids": [str(made.uuid)]}), made.number)
    assert (row.outcome, row.reason) == ("fail", "wrong_status")


@pytest.mark.parametrize(
    ("quantity", "price", "discount"),
    [
        ("3", "33.335", "0"),
        ("1", "0.005", "0"),
        ("2.5", "19.999", "12.5"),
        ("1", "99999999.99", "0"),
        ("7", "8", "100"),
    ],
)
def test_totals_agree_with_xero_to_the_cent(
    connection: XeroConnection, xero: SimulatedXero, quantity: str, price: str, discount: str
) -> None:
    made = invoice(tax=records.tax())
    made.lines.update(quantity=Decimal(quantity), unit_price=Decimal(price), discount_percent=Decimal(discount))
    made.recalculate()
    job = export()
    row = the_row(job, made.number)
    made.refresh_from_db()
    assert (row.state, row.warning) == ("succeeded", "")
    assert [Decimal(each["total"]) for each in xero.invoices()] == [made.total]


def test_a_line_that_is_not_taxable_is_sent_as_the_options_say(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = invoice(tax=records.tax())
    made.lines.update(taxable=False)
    made.recalculate()
    export()
    assert [Decimal(each["total_tax"]) for each in xero.invoices()] == [Decimal(0)]


def test_a_tax_that_xero_lacks_is_created_with_its_parts(connection: XeroConnection, xero: SimulatedXero) -> None:
    group = records.tax("State and city", "0")
    group.set_components([("State", Decimal(6), False), ("City", Decimal("2.5"), True)])
    made = invoice(tax=group)
    made.recalculate()
    job = export()
    assert states(job) == {made.number: "succeeded"}
    assert jobs.results(job)["also"]["tax_rates"] == 1
    assert [Decimal(each["total_tax"]) for each in xero.invoices()] == [Decimal("8.65")]


def test_a_tax_of_zero_is_never_guessed(connection: XeroConnection) -> None:
    made = invoice(tax=records.tax("Zero", "0"))
    row = the_row(check(), made.number)
    assert (row.outcome, row.reason) == ("decide", "tax_ambiguous")


def test_three_of_fifty_refused_leave_the_others_alone(connection: XeroConnection, xero: SimulatedXero) -> None:
    """Xero limits this organisation's approvals, which nothing here can know."""
    for _ in range(50):
        invoice(of=Account.objects.first() or records.account("Bolt Ltd"))
    xero.control("organisation", approval_limit=47)
    job = export(status="AUTHORISED")
    result = jobs.results(job)
    assert (result["created"], result["failed"], job.state) == (47, 3, "completed_with_failures")
    refused = [row for row in job.rows.filter(requested=True) if row.state == "failed"]
    assert all("limit of invoices you can approve" in row.xero_message for row in refused)
    assert len([each for each in xero.invoices() if each["status"] == "AUTHORISED"]) == 47


def test_a_number_that_xero_has_for_another_customer_fails_and_overwrites_nothing(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    first = invoice("INV-1", of=records.account("Bolt Ltd"))
    export()
    before = xero.invoices()
    # The same number once more, as after a reset of the numbering
    first.number = "INV-1 old"
    first.save()
    invoice("INV-1", of=records.account("Nut Ltd"), price="5")
    job = check()
    row = the_row(job, "INV-1")
    assert (row.outcome, row.reason) == ("fail", "number_taken")
    assert "Bolt Ltd, 100.00" in row.message
    send(job)
    assert xero.invoices() == before


def test_a_number_taken_after_the_check_is_looked_into_and_fails(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    first = invoice("INV-1", of=records.account("Bolt Ltd"))
    export()
    first.number = "INV-1 old"
    first.save()
    for n in range(41):  # more than are looked up beforehand
        invoice(f"INV-{n + 100}", of=first.account)
    invoice("INV-1", of=first.account, price="5")
    job = export()
    assert states(job)["INV-1"] == "failed"
    assert "already used in Xero for Bolt Ltd" in outcome(job)["INV-1"][1]
    assert jobs.results(job)["created"] == 41


def test_an_invoice_changed_after_the_check_is_not_sent_unseen(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = invoice()
    job = check()
    made.lines.update(unit_price=Decimal(999))
    made.recalculate()
    send(job)
    assert states(job) == {made.number: "skipped"}
    assert "Changed since the check" in outcome(job)[made.number][1]
    assert xero.invoices() == []


def test_pressing_send_twice_sends_once(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoice()
    job = check()
    assert jobs.send(job)
    assert not jobs.send(Job.objects.get(pk=job.pk))


def test_two_jobs_cannot_hold_one_invoice(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = invoice()
    first, second = check(), check()
    assert jobs.send(first)
    send(second)
    assert outcome(second)[made.number] == ("skipped", f"Skipped: it is in Job {first.number} at the moment.")
    assert xero.invoices() == []


def test_a_failed_customer_fails_only_its_own_invoices(connection: XeroConnection, xero: SimulatedXero) -> None:
    site = records.site(records.account("Bad mail Ltd"), billing_email="not an address")
    bad = invoice("BAD", of=site.account)
    good = invoice("GOOD", of=records.account("Good Ltd"))
    job = export()
    assert states(job) == {bad.number: "failed", good.number: "succeeded"}
    assert "Account Bad mail Ltd failed" in outcome(job)["BAD"][1]
    assert "Email address must be valid" in the_row(job, "BAD").xero_message


def test_contacts_follow_when_the_option_says_so(connection: XeroConnection, xero: SimulatedXero) -> None:
    site = records.site(records.account("Bolt Ltd"), billing_email="old@bolt.example", billing_city="Leeds")
    invoice(of=site.account)
    export()
    site.billing_email = "new@bolt.example"
    site.save()
    invoice(of=site.account)
    export()
    emails = {each["name"]: each["email"] for each in xero.books()["contacts"]}
    assert emails["Bolt Ltd"] == "old@bolt.example"
    invoice(of=site.account)
    job = export(keep_contacts=False)
    emails = {each["name"]: each["email"] for each in xero.books()["contacts"]}
    assert emails["Bolt Ltd"] == "new@bolt.example"
    assert jobs.results(job)["also"] == {"contacts": 1}


def test_the_po_number_goes_into_the_reference_unless_switched_off(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    first = invoice(po_number="PO-1")
    export()
    invoice(po_number="PO-2", of=first.account)
    export(po_in_reference=False)
    assert sorted(each["reference"] for each in xero.invoices()) == ["", "PO-1"]
