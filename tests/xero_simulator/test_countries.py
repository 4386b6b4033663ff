from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.xero_simulator.caller import XeroCaller, connect, invoice, line, messages
from xero_simulator import seed
from xero_simulator.models import Contact, Invoice, Item, Organisation, Payment

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
NAMES = {
    "AU": "Acme Pty Ltd",
    "NZ": "Demo Company (NZ)",
    "UK": "Acme MSP Ltd",
    "US": "Acme Inc",
    "GLOBAL": "Acme Canada Ltd",
}


@pytest.mark.parametrize(
    ("version", "country", "currency", "sales", "rate", "untaxed"),
    [
        ("AU", "AU", "AUD", "OUTPUT", 10, "EXEMPTOUTPUT"),
        ("NZ", "NZ", "NZD", "OUTPUT2", 15, "NONE"),
        ("UK", "GB", "GBP", "OUTPUT2", 20, "NONE"),
        ("US", "US", "USD", "OUTPUT", 0, "NONE"),
        ("GLOBAL", "CA", "CAD", "OUTPUT", 5, "NONE"),
    ],
)
def test_each_region_has_books_of_its_own(
    db: None, version: str, country: str, currency: str, sales: str, rate: int, untaxed: str
) -> None:
    xero = connect(NAMES[version])
    [told] = xero.get("Organisation").json()["Organisations"]
    assert (told["Version"], told["CountryCode"], told["BaseCurrency"]) == (version, country, currency)
    rates = {row["TaxType"]: row for row in xero.all("TaxRates")}
    assert (rates[sales]["EffectiveRate"], rates[sales]["CanApplyToRevenue"]) == (rate, True)
    assert rates[untaxed]["EffectiveRate"] == 0
    assert ("NONE" in rates) is (version != "AU")
    chart = {row["Code"]: row for row in xero.all("Accounts")}
    assert chart["200"]["TaxType"] == sales
    assert chart["610"]["TaxType"] == ("BASEXCLUDED" if version == "AU" else "NONE")
    [made] = xero.create("Invoices", invoice(line(TaxType=untaxed), line()))
    assert made["TotalTax"] == rate


def make(**spec: Any) -> Any:
    return Client().post("/sim/xero/control/make-organisation", json.dumps(spec), content_type="application/json")


@pytest.mark.parametrize("country", ["AU", "NZ", "UK", "GB", "US", "GLOBAL", "CA"])
def test_an_organisation_of_any_region_can_be_made(db: None, country: str) -> None:
    made = make(name=f"New {country}", country=country).json()
    assert made["name"] == f"New {country}"
    assert made["version"] == {"GB": "UK", "CA": "GLOBAL"}.get(country, country)
    assert (made["multicurrency"], len(made["currencies"])) == (False, 1)


def test_organisations_are_not_made_twice_nor_anywhere(xero: XeroCaller) -> None:
    assert "already" in make(name="Acme MSP Ltd").json()["error"]
    assert "none of" in make(name="Elsewhere", country="XX").json()["error"]
    assert "multicurrency" in make(name="M", currencies=["EUR"], multicurrency=False).json()["error"]


def test_without_multicurrency_there_is_the_base_currency_alone(db: None) -> None:
    xero = connect("Acme Pty Ltd")
    assert [row["Code"] for row in xero.all("Currencies")] == ["AUD"]
    [verdict] = xero.create("Invoices", invoice(CurrencyCode="EUR"))
    assert messages(verdict) == ["Organisation is not subscribed to currency EUR"]
    [verdict] = xero.create("Contacts", {"Name": "Foreign", "DefaultCurrency": "EUR"})
    assert messages(verdict) == ["Organisation is not subscribed to currency EUR"]
    answer = xero.put("Currencies", {"Code": "EUR"})
    assert messages(answer.json()["Elements"][0]) == ["Organisation is not subscribed to currency EUR"]
    actions = {row["Name"]: row["Status"] for row in xero.get("Organisation/Actions").json()["Actions"]}
    assert actions["UseMulticurrency"] == "NOT-ALLOWED"
    xero.control("organisation", organisation="Acme Pty Ltd", multicurrency=True)
    assert xero.put("Currencies", {"Code": "EUR"}).status_code == 200
    assert [row["Code"] for row in xero.all("Currencies")] == ["AUD", "EUR"]
    [made] = xero.create("Invoices", invoice(CurrencyCode="EUR"))
    assert made["CurrencyCode"] == "EUR"


def test_currencies_bring_multicurrency_along(xero: XeroCaller) -> None:
    changed = xero.control("organisation", organisation="Demo Company (NZ)", currencies=["USD"])
    assert (changed["multicurrency"], changed["currencies"]) == (True, ["NZD", "USD"])


def test_global_organisations_have_no_report_type(db: None) -> None:
    xero = connect("Acme Canada Ltd")
    rate = {"Name": "GST 5%", "TaxComponents": [{"Name": "GST", "Rate": 5}]}
    answer = xero.put("TaxRates", {"TaxRates": [{**rate, "ReportTaxType": "OUTPUT"}]})
    assert answer.status_code == 400
    assert answer.json()["Type"] == "ValidationException"
    [made] = xero.put("TaxRates", {"TaxRates": [rate]}).json()["TaxRates"]
    assert made["TaxType"] == "TAX001"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("Acme Pty Ltd", {"OUTPUT", "INPUT", "EXEMPTOUTPUT", "INPUTTAXED", "BASEXCLUDED", "EXEMPTEXPENSES"}),
        ("Demo Company (NZ)", {"OUTPUT", "INPUT", "EXEMPTOUTPUT", "EXEMPTINPUT"}),
        ("Acme MSP Ltd", {"OUTPUT", "INPUT", "EXEMPTOUTPUT", "EXEMPTINPUT", "ECOUTPUT", "ECOUTPUTSERVICES", "ECINPUT",
                          "ECACQUISITIONS", "CAPITALSALESOUTPUT", "CAPITALEXPENSESINPUT", "MOSSSALES"}),
    ],
)  # fmt: skip
def test_each_region_allows_its_report_types(db: None, name: str, allowed: set[str]) -> None:
    xero = connect(name)
    everything = {
        "OUTPUT", "INPUT", "EXEMPTOUTPUT", "EXEMPTINPUT", "INPUTTAXED", "BASEXCLUDED", "EXEMPTEXPENSES", "ECOUTPUT",
        "ECOUTPUTSERVICES", "ECINPUT", "ECACQUISITIONS", "CAPITALSALESOUTPUT", "CAPITALEXPENSESINPUT", "MOSSSALES",
        "NONE", "GSTONIMPORTS", "REVERSECHARGES",
    }  # fmt: skip
    taken = {
        report
        for report in everything
        if xero.put(
            "TaxRates",
            {"TaxRates": [{"Name": report, "ReportTaxType": report, "TaxComponents": [{"Name": "T", "Rate": 1}]}]},
        ).status_code
        == 200
    }
    assert taken == allowed


def test_rates_come_one_per_call(xero: XeroCaller) -> None:
    rate = {"Name": "One", "ReportTaxType": "OUTPUT", "TaxComponents": [{"Name": "T", "Rate": 1}]}
    assert xero.put("TaxRates", {"TaxRates": [rate, {**rate, "Name": "Two"}]}).status_code == 400
    assert not [row for row in xero.all("TaxRates") if row["Name"] in ("One", "Two")]


@pytest.mark.parametrize(
    ("account", "tax_type", "message"),
    [
        ("200", "INPUT2", "The TaxType code 'INPUT2' cannot be used with account code '200'."),
        ("400", "OUTPUT2", "The TaxType code 'OUTPUT2' cannot be used with account code '400'."),
        ("200", "GSTONIMPORTS", "The TaxType code GSTONIMPORTS does not exist or cannot be used for this type"),
        ("620", "ECACQUISITIONS", "The TaxType code ECACQUISITIONS does not exist or cannot be used for this type"),
        ("200", "SROUTPUT", "The TaxType code SROUTPUT does not exist or cannot be used for this type"),
        ("200", "BASEXCLUDED", "The TaxType code BASEXCLUDED does not exist or cannot be used for this type"),
    ],
)
def test_a_rate_must_fit_account_and_document(xero: XeroCaller, account: str, tax_type: str, message: str) -> None:
    [verdict] = xero.create("Invoices", invoice(line(AccountCode=account, TaxType=tax_type)))
    assert [text[: len(message)] for text in messages(verdict)] == [message]


def test_a_bill_takes_what_an_invoice_does_not(xero: XeroCaller) -> None:
    bill = invoice(line(AccountCode="400", TaxType="ECACQUISITIONS"), Type="ACCPAY")
    assert xero.create("Invoices", bill)[0]["StatusAttributeString"] == "OK"
    wrong = invoice(line(AccountCode="620", TaxType="ECZROUTPUT"), Type="ACCPAY")
    assert "cannot be used for this type" in messages(xero.create("Invoices", wrong)[0])[0]


def test_a_bill_makes_a_supplier_and_no_customer(xero: XeroCaller) -> None:
    before = xero.where("Contacts", 'Name=="Oxbow Lane Dental"')[0]
    xero.create("Invoices", invoice(line(AccountCode="400"), Type="ACCPAY", Contact={"Name": "Oxbow Lane Dental"}))
    after = xero.where("Contacts", 'Name=="Oxbow Lane Dental"')[0]
    assert (after["IsSupplier"], after["IsCustomer"]) == (True, False)
    assert before["UpdatedDateUTC"] == after["UpdatedDateUTC"]


# --- filling up


def test_any_size_can_be_seeded(db: None) -> None:
    arguments = ["--organisation", "Large", "--country", "AU", "--contacts", "30", "--items", "20", "--payments", "40"]
    call_command("seed_simulator", *arguments, verbosity=0)
    large = Organisation.objects.get(name="Large")
    assert large.version == "AU"
    assert Contact.objects.filter(organisation=large).count() == 30 + len(seed.CONTACTS)
    assert Item.objects.filter(organisation=large).count() == 20 + len(seed.ITEMS)
    assert Payment.objects.filter(organisation=large).count() == 40
    call_command("seed_simulator", "--organisation", "Large", "--payments", "5", verbosity=0)
    assert Invoice.objects.filter(organisation=large, status="PAID").count() == 45
    xero = XeroCaller(large)
    page = xero.get("Payments?page=1&pageSize=1000").json()
    assert page["pagination"]["itemCount"] == 45
    paid = {row["Invoice"]["InvoiceID"] for row in page["Payments"]}
    assert len(paid) == 45
    one = xero.one("Invoices", next(iter(paid)))
    assert (one["AmountPaid"], one["AmountDue"], len(one["LineItems"])) == (100, 0, 1)
    assert len({row["Invoice"]["Contact"]["ContactID"] for row in page["Payments"]}) > 30


def test_nobody_seeds_less_than_nothing(db: None) -> None:
    with pytest.raises(CommandError):
        call_command("seed_simulator", "--items", "-1")


def test_a_second_reset_gives_the_same_books_with_a_new_time(xero: XeroCaller) -> None:
    def picture() -> tuple[Any, ...]:
        fresh = XeroCaller(Organisation.objects.get(name="Acme MSP Ltd"))
        names = ("Accounts", "TaxRates", "Currencies", "Items", "Contacts")
        rows = [sorted(json.dumps({k: v for k, v in row.items() if k != "UpdatedDateUTC"}) for row in fresh.all(name))
                for name in names]  # fmt: skip
        return tuple(map(tuple, rows))

    xero.control("reset")
    first = picture()
    stamp = Contact.objects.order_by("pk")[0].updated
    xero.control("reset")
    assert picture() == first
    assert Contact.objects.order_by("pk")[0].updated > stamp


def test_changes_reach_no_later_reset(xero: XeroCaller) -> None:
    xero.control("reset")
    Contact.objects.all().delete()
    xero.control("reset")
    assert Contact.objects.filter(organisation__name="Acme MSP Ltd").count() == len(seed.CONTACTS)
