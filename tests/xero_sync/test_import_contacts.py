"""Importing accounts from Xero's contacts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm.models import Account, Site
from finance.models import TaxRate
from tests import records
from tests.xero_sync.driving import bring, check_import, decided, export, outcome, send, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import Job, TaxMapping, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
KIND = "contacts"

FULL = {
    "Name": "Bolt Ltd",
    "AccountNumber": "B-1",
    "EmailAddress": "pay@bolt.example",
    "TaxNumber": "GB999",
    "DefaultCurrency": "EUR",
    "AccountsReceivableTaxType": "OUTPUT2",
    "Phones": [
        {"PhoneType": "DEFAULT", "PhoneCountryCode": "44", "PhoneAreaCode": "113", "PhoneNumber": "496 0000"},
        {"PhoneType": "FAX", "PhoneNumber": "9"},
    ],
    "Addresses": [
        {
            "AddressType": "POBOX", "AddressLine1": "Unit 4", "AddressLine2": "Yard", "AddressLine3": "Mill Lane",
            "AddressLine4": "Holbeck", "City": "Leeds", "Region": "Yorks", "PostalCode": "LS1",
            "Country": "United Kingdom",
        },
        {"AddressType": "STREET", "AddressLine1": "2 Dock", "City": "Hull"},
    ],
}  # fmt: skip


def only(text: str, **filters: Any) -> dict[str, Any]:
    return {"all": True, "filters": {"text": text, **filters}}


def test_a_contact_becomes_an_account_with_its_main_site_and_its_tax(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.write("Contacts", FULL)
    job = bring(KIND, only("bolt"))
    assert jobs.results(job)["created"] == 1
    assert jobs.results(job)["also"] == {"tax_rates": 1}
    made = Account.objects.get()
    assert (made.name, made.code, made.default_currency, made.tax_number) == ("Bolt Ltd", "B-1", "EUR", "GB999")
    assert made.taxable
    assert made.sales_tax is not None
    assert (made.sales_tax.name, made.sales_tax.rate) == ("20% (VAT on Income)", 20)
    site = Site.objects.get()
    assert site.is_main
    assert (site.billing_email, site.phone, site.fax) == ("pay@bolt.example", "44 113 496 0000", "9")
    assert site.billing_lines() == ["Unit 4", "Yard", "Mill Lane", "Holbeck", "Leeds Yorks LS1", "United Kingdom"]
    assert site.shipping_lines() == ["2 Dock", "Hull"]
    link = XeroLink.objects.get(kind=KIND)
    assert (link.local_id, link.matched_by, link.job) == (made.uuid, "imported", job)
    assert TaxMapping.objects.get().tax_type == "OUTPUT2"


def test_a_contact_without_a_default_tax_is_not_taxable(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Contacts", {"Name": "Bolt Ltd"}, {"Name": "Bolt None", "AccountsReceivableTaxType": "NONE"})
    bring(KIND, only("bolt"))
    assert list(Account.objects.values_list("taxable", "sales_tax")) == [(False, None)] * 2


def test_a_tax_of_several_parts_becomes_one_rate_and_says_which(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    (rate,) = xero.write(
        "TaxRates",
        {
            "Name": "City tax",
            "ReportTaxType": "OUTPUT",
            "TaxComponents": [
                {"Name": "State", "Rate": "5.0", "IsCompound": False},
                {"Name": "City", "Rate": "2.5", "IsCompound": True},
            ],
        },
    )
    xero.write("Contacts", {"Name": "Bolt Ltd", "AccountsReceivableTaxType": rate["TaxType"]})
    checked = check_import(KIND, only("bolt"))
    words = "Kept as one rate; its parts in Xero are: State 5 %, City 2.5 % (compound)."
    assert words in the_row(checked, "Bolt Ltd").message
    send(checked)
    made = TaxRate.objects.get()
    assert (made.name, made.rate, made.note) == ("City tax", Decimal("7.6250"), words)
    assert not made.components.exists()


def test_a_tax_that_is_here_under_name_and_rate_is_taken(connection: XeroConnection, xero: SimulatedXero) -> None:
    ours = records.tax("20% (vat on income)")
    xero.write("Contacts", FULL)
    job = bring(KIND, only("bolt"))
    assert TaxRate.objects.get() == ours
    assert job.rows.get(kind="tax_rates").how == "linked"
    assert Account.objects.get().sales_tax == ours


def test_a_tax_of_the_same_name_and_another_rate_is_kept_apart(connection: XeroConnection, xero: SimulatedXero) -> None:
    records.tax("20% (VAT on Income)", "17.5")
    xero.write("Contacts", FULL)
    bring(KIND, only("bolt"))
    assert set(TaxRate.objects.values_list("name", "rate")) == {
        ("20% (VAT on Income)", Decimal("17.5")),
        ("20% (VAT on Income) (20 %, OUTPUT2)", Decimal(20)),
    }


def test_an_account_of_the_same_name_is_linked_and_left_as_it_is(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    ours = records.account("bolt LTD", code="OURS")
    xero.write("Contacts", FULL)
    job = bring(KIND, only("bolt"))
    assert jobs.results(job)["linked"] == 1
    assert Account.objects.get().code == "OURS"
    assert XeroLink.objects.get(kind=KIND).local_id == ours.uuid


def test_a_saved_link_updates_only_the_name(connection: XeroConnection, xero: SimulatedXero) -> None:
    (there,) = xero.write("Contacts", FULL)
    bring(KIND, only("bolt"))
    Account.objects.update(code="ours now")
    xero.write(
        "Contacts", {"ContactID": there["ContactID"], "Name": "Bolt & Sons", "AccountNumber": "B-2"}, method="POST"
    )
    checked = check_import(KIND, only("bolt"))
    assert the_row(checked, "Bolt & Sons").diff == [["Name", "Bolt Ltd", "Bolt & Sons"]]
    job = send(checked)
    assert jobs.results(job)["updated"] == 1
    assert list(Account.objects.values_list("name", "code")) == [("Bolt & Sons", "ours now")]
    assert jobs.results(bring(KIND, only("bolt")))["skipped"] == 1


def test_what_was_exported_is_not_imported_as_new(connection: XeroConnection) -> None:
    made = records.account("Nova Ltd")
    export({"ids": [str(made.uuid)]}, KIND)
    assert jobs.results(bring(KIND, only("nova")))["skipped"] == 1
    XeroLink.objects.all().delete()
    Account.objects.update(name="Renamed here")
    job = bring(KIND, only("nova"))
    # without its link, the number that the export left there still tells
    assert "our own number" in outcome(job)["Nova Ltd"][1]
    assert Account.objects.count() == 1


def test_what_was_imported_is_not_exported_as_new(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Contacts", FULL)
    bring(KIND, only("bolt"))
    assert jobs.results(export(kind=KIND))["created"] == 0
    assert len([each for each in xero.books()["contacts"] if each["name"] == "Bolt Ltd"]) == 1


def test_an_archived_contact_comes_only_when_asked_for_and_is_inactive(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.write("Contacts", {"Name": "Bolt Ltd"})
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    assert outcome(check_import(KIND, only("bolt"))) == {}
    bring(KIND, only("bolt", archived=True))
    assert Account.objects.get().active is False


def test_two_accounts_here_of_one_name_ask_which_it_is(connection: XeroConnection, xero: SimulatedXero) -> None:
    first, second = records.account("Bolt Ltd", code="1"), records.account("Bolt Ltd", code="2")
    xero.write("Contacts", FULL)
    job = check_import(KIND, only("bolt"))
    row = the_row(job, "Bolt Ltd")
    assert (row.outcome, row.candidates) == (
        "decide",
        [[str(first.uuid), "Bolt Ltd", "1"], [str(second.uuid), "Bolt Ltd", "2"]],
    )
    job = send(decided(job, **{"Bolt Ltd": str(second.uuid)}))
    assert XeroLink.objects.get(kind=KIND).local_id == second.uuid
    assert jobs.results(job)["linked"] == 1


def test_a_person_may_make_a_third_instead(connection: XeroConnection, xero: SimulatedXero) -> None:
    records.account("Bolt Ltd"), records.account("Bolt Ltd")
    xero.write("Contacts", FULL)
    send(decided(check_import(KIND, only("bolt")), **{"Bolt Ltd": "create"}))
    assert Account.objects.filter(name="Bolt Ltd").count() == 3


def test_a_second_contact_of_a_linked_accounts_name_asks(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Contacts", FULL)
    bring(KIND, only("bolt"))
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    xero.write("Contacts", {"Name": "Bolt Ltd"})
    job = check_import(KIND, only("bolt"))
    row = the_row(job, "Bolt Ltd")
    assert (row.outcome, row.reason) == ("decide", "taken")


def test_contacts_can_be_narrowed_by_what_they_are(connection: XeroConnection, xero: SimulatedXero) -> None:
    invoice = records.invoice(of=records.account("Payer Ltd"), status="ready")
    export({"ids": [str(invoice.uuid)]}, status="AUTHORISED")
    Account.objects.filter(name="Payer Ltd").update(name="Other")
    assert set(outcome(check_import(KIND, {"all": True, "filters": {"who": "customers"}}))) == {"Payer Ltd"}
    assert outcome(check_import(KIND, {"all": True, "filters": {"who": "suppliers"}})) == {}


def test_contacts_can_be_narrowed_by_when_they_changed(connection: XeroConnection, xero: SimulatedXero) -> None:
    since = "2999-01-01T00:00:00Z"
    assert outcome(check_import(KIND, {"all": True, "filters": {"modified_since": since}})) == {}
    assert outcome(check_import(KIND, {"all": True, "filters": {"modified_since": "2000-01-01T00:00:00Z"}}))


def test_importing_again_changes_nothing(connection: XeroConnection) -> None:
    first = jobs.results(bring(KIND))
    accounts = Account.objects.count()
    again = jobs.results(bring(KIND))
    assert (first["created"], again["created"], again["skipped"]) == (accounts, 0, accounts)


def test_a_contact_that_is_imported_meanwhile_is_left_to_the_other_job(connection: XeroConnection) -> None:
    one, two = check_import(KIND), check_import(KIND)
    number = one.rows.count()
    send(one)
    send(two)
    assert Account.objects.count() == number
    assert two.state == Job.State.COMPLETED
    assert set(two.rows.values_list("state", flat=True)) == {"skipped"}


def test_another_organisation_starts_clean_and_the_first_revives(
    connection: XeroConnection, xero: SimulatedXero, admin: Any
) -> None:
    from tests.xero_sync.conftest import connect

    bring(KIND)
    links = XeroLink.objects.count()
    connect(xero, admin, "Acme Pty Ltd")
    other = bring(KIND)
    assert jobs.results(other)["linked"] + jobs.results(other)["created"] == other.rows.filter(requested=True).count()
    connect(xero, admin, "Acme MSP Ltd")
    assert jobs.results(bring(KIND))["skipped"] == links


def test_importing_takes_one_call_per_thousand(connection: XeroConnection) -> None:
    assert bring(KIND).calls <= 4  # organisation, contacts, tax rates


def test_queries_do_not_grow_with_the_contacts(
    connection: XeroConnection, xero: SimulatedXero, django_assert_max_num_queries: Any
) -> None:
    xero.write("Contacts", *({"Name": f"Customer {n}"} for n in range(50)))
    xero.write("Contacts", *({"Name": f"Customer {n}"} for n in range(50, 100)))
    with django_assert_max_num_queries(160):
        bring(KIND, only("customer"))
    assert Account.objects.count() == 100


def test_a_contact_is_linked_to_no_other_account_than_was_shown(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    shown, other = records.account("Bolt Ltd"), records.account("Nut Ltd")
    xero.write("Contacts", FULL)
    checked = check_import(KIND, only("bolt"))
    Account.objects.filter(pk=shown.pk).update(name="Bolt Holding")
    Account.objects.filter(pk=other.pk).update(name="Bolt Ltd")
    row = the_row(send(checked), "Bolt Ltd")
    assert (row.state, row.reason) == ("skipped", "changed")
    assert not XeroLink.objects.filter(kind=KIND).exists()


@pytest.mark.parametrize("name", ["Straße & Söhne GmbH", "ÅNGSTRÖM AB"])
def test_a_name_of_any_letters_is_recognised(connection: XeroConnection, xero: SimulatedXero, name: str) -> None:
    ours = records.account(name)
    xero.write("Contacts", {"Name": name})
    bring(KIND)
    assert XeroLink.objects.get(kind=KIND, local_id=ours.uuid)
    assert Account.objects.filter(name=name).count() == 1


@pytest.mark.parametrize("name", ["Bolt  Nut Ltd", " Bolt Nut Ltd ", "Bolt\N{NO-BREAK SPACE}Nut Ltd"])
def test_spaces_that_xero_takes_out_of_names_hide_no_account(
    connection: XeroConnection, xero: SimulatedXero, name: str
) -> None:
    ours = records.account(name)
    xero.write("Contacts", {"Name": "Bolt Nut Ltd"})
    bring(KIND)
    assert XeroLink.objects.get(kind=KIND, local_id=ours.uuid)
    assert not Account.objects.filter(name="Bolt Nut Ltd").exists()


def test_a_contact_with_a_character_that_no_database_keeps_comes_without_it(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.write("Contacts", {"Name": "Bolt Ltd"})
    xero.control("rename-contact", contacts=["Bolt Ltd"], name="Bo\0lt Ltd")
    bring(KIND, only("bolt"))
    assert Account.objects.get().name == "Bolt Ltd"


def test_a_second_tax_as_high_as_one_that_is_linked_comes_as_one_of_its_own(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    ours = records.tax("Standard", "20")
    TaxMapping.objects.create(tenant_id=connection.tenant_id, tax_rate=ours, tax_type="OUTPUT2")
    part = {"Name": "VAT", "Rate": "20.0", "IsCompound": False}
    (rate,) = xero.write("TaxRates", {"Name": "Green VAT", "ReportTaxType": "OUTPUT", "TaxComponents": [part]})
    xero.write("Contacts", {"Name": "Bolt Ltd", "AccountsReceivableTaxType": rate["TaxType"]})
    bring(KIND, only("bolt"))
    made = Account.objects.get()
    assert made.taxable
    assert made.sales_tax is not None
    assert (made.sales_tax.name, made.sales_tax.rate) == ("Green VAT", 20)
