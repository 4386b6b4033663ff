"""The vendor's data mapping, one row per line of its page: what each of our fields becomes in Xero."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from crm.models import Account, Site
from finance.models import AccountCode, Invoice, InvoiceLine, Item, TaxRate
from xero_sync.books import Books, Link, Remote, RunOptions
from xero_sync.due_dates import RULES, due_date
from xero_sync.gateway import encode
from xero_sync.kinds.contacts import ContactExport
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.kinds.items import ItemExport
from xero_sync.kinds.tax_rates import TaxRateExport

U = UUID("00000000-0000-4000-8000-000000000001")
TAX = TaxRate(pk=1, name="VAT", rate=Decimal(20))


DEFAULTS = {"sales_account": "200", "purchases_account": "300", "inventory_account": "630"}


def books(**options: Any) -> Books:
    """Return books of an organisation that were not loaded from anywhere."""
    made = object.__new__(Books)
    made.__dict__.update(
        tenant_id="t",
        options=RunOptions(
            **{"sales_account": "200", "purchases_account": "300", "inventory_account": "630"} | options
        ),
        country="UK",
        base_currency="GBP",
        currencies={"GBP", "EUR"},
        lock_date=None,
        accounts={},
        rates={"OUTPUT2": Remote("OUTPUT2", "OUTPUT2", "ACTIVE", {"EffectiveRate": "20", "Name": "VAT"})},
        tax_types={1: "OUTPUT2"},
        documents={},
        elsewhere={},
        deep_links={U: U},
        released={},
        without_url=set(),
        symbolic=False,
        _links={},
        _owners={},
        _by_id={},
        _by_key={},
        _by_name={},
    )
    return made


def loaded(record: Any, **related: list[Any]) -> Any:
    """Give a record its related ones, as prefetching would."""
    record._prefetched_objects_cache = related
    return record


def account(**fields: Any) -> Account:
    site = fields.pop("site", {})
    made = Account(pk=1, uuid=U, **{"name": "Bolt Ltd", "sales_tax": TAX, "taxable": True} | fields)
    return loaded(made, sites=[Site(is_main=True, name="Main", **site)])


def sent(kind: Any, record: Any, **options: Any) -> Any:
    """Return what goes over the wire, as Xero reads it."""
    return json.loads(encode(kind.to_xero(record, books(**options))), parse_float=Decimal)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        # Account name -> Contact name; outer and double spaces are not Xero's
        ({"name": " Bolt  Ltd "}, {"Name": "Bolt Ltd"}),
        # Account code -> Account number
        ({"code": "C001"}, {"AccountNumber": "C001"}),
        # Email address in billing address -> Email address
        ({"site": {"billing_email": "a@bolt.example"}}, {"EmailAddress": "a@bolt.example"}),
        # Phone number in billing address -> Phone number
        ({"site": {"phone": "0113"}}, {"Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": "0113"}]}),
        # Fax mentioned in billing address -> Fax
        ({"site": {"fax": "0114"}}, {"Phones": [{"PhoneType": "FAX", "PhoneNumber": "0114"}]}),
        # Tax -> default sales VAT
        ({"sales_tax": TAX}, {"AccountsReceivableTaxType": "OUTPUT2"}),
        ({"sales_tax": TAX, "taxable": False}, {"AccountsReceivableTaxType": None}),
        # Billing address -> Postal address
        (
            {"site": {"billing_line1": "1 Mill Lane", "billing_city": "Leeds", "billing_country": "United Kingdom"}},
            {
                "Addresses": [
                    {
                        "AddressType": "POBOX",
                        "AddressLine1": "1 Mill Lane",
                        "City": "Leeds",
                        "Country": "United Kingdom",
                    }
                ]
            },
        ),
        # Shipping address -> Street address
        (
            {"site": {"shipping_line1": "2 Dock", "shipping_region": "Yorks", "shipping_postcode": "LS1"}},
            {
                "Addresses": [
                    {"AddressType": "STREET", "AddressLine1": "2 Dock", "Region": "Yorks", "PostalCode": "LS1"}
                ]
            },
        ),
        ({"tax_number": "GB123"}, {"TaxNumber": "GB123"}),
        ({"default_currency": "EUR"}, {"DefaultCurrency": "EUR"}),
        # A currency that the organisation lacks would fail the contact
        ({"default_currency": "JPY"}, {"DefaultCurrency": None}),
        # What leads back to us for certain
        ({}, {"ContactNumber": f"bms:{U}"}),
    ],
)
def test_an_account_becomes_a_contact(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    contact = sent(ContactExport(), account(**ours))
    assert {name: contact.get(name) for name in theirs} == theirs


def item(**fields: Any) -> Item:
    return Item(pk=1, uuid=U, **{"kind": "service", "name": "Backup", "tax": TAX} | fields)


OWN = AccountCode(code="260", name="Other revenue")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        # Name -> Item name
        ({"name": "Backup"}, {"Name": "Backup"}),
        # Description -> Sales description; Xero wants one, so the name stands in
        ({"description": "Nightly"}, {"Description": "Nightly"}),
        ({"description": ""}, {"Description": "Backup"}),
        # Product number -> Item code; without one, the name cut to thirty
        ({"kind": "product", "code": "P-1"}, {"Code": "P-1"}),
        ({"name": "A name that is longer than thirty"}, {"Code": "A name that is longer than thi"}),
        # Unit price, unit cost
        (
            {"unit_price": Decimal("12.3450"), "unit_cost": Decimal("7.5")},
            {
                "SalesDetails": {"UnitPrice": Decimal("12.3450"), "AccountCode": "200", "TaxType": "OUTPUT2"},
                "PurchaseDetails": {"UnitPrice": Decimal("7.5"), "AccountCode": "300"},
            },
        ),
        # Income account and expense account: the item's own, else the default
        (
            {"income_account": OWN, "expense_account": OWN},
            {
                "SalesDetails": {"UnitPrice": Decimal("0.0000"), "AccountCode": "260", "TaxType": "OUTPUT2"},
                "PurchaseDetails": {"UnitPrice": Decimal("0.0000"), "AccountCode": "260"},
            },
        ),
        # Requires procurement -> I track this item; the expense account is then the cost of goods sold
        (
            {"kind": "product", "requires_procurement": True},
            {
                "InventoryAssetAccountCode": "630",
                "PurchaseDetails": {"UnitPrice": Decimal("0.0000"), "COGSAccountCode": "300"},
            },
        ),
        # Discount type: its value is the sales unit price, and it is not bought
        (
            {"kind": "discount_type", "discount_value": Decimal("-5")},
            {
                "SalesDetails": {"UnitPrice": -5, "AccountCode": "200", "TaxType": "OUTPUT2"},
                "PurchaseDetails": None,
            },
        ),
        # Not taxable -> No VAT
        (
            {"taxable": False},
            {"SalesDetails": {"UnitPrice": Decimal("0.0000"), "AccountCode": "200", "TaxType": "NONE"}},
        ),
    ],
)
def test_an_item_becomes_an_item(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    made = sent(ItemExport(), item(**ours))
    assert {name: made.get(name) for name in theirs} == theirs


def invoice(lines: list[dict[str, Any]] | None = None, **fields: Any) -> Invoice:
    made = Invoice(
        pk=5312,
        uuid=U,
        account=account(),
        **{"number": "INV-1", "date": date(2026, 5, 27), "due_date": date(2026, 6, 30), "status": "ready"} | fields,
    )
    rows = lines if lines is not None else [{}]
    return loaded(
        made,
        lines=[
            InvoiceLine(position=n, **{"description": "Work", "unit_price": Decimal(100), "tax": TAX} | row)
            for n, row in enumerate(rows)
        ],
    )


@pytest.mark.parametrize(
    ("ours", "options", "theirs"),
    [
        # P.O. number -> Reference number, if the option says so
        ({"po_number": "PO-7"}, {}, {"Reference": "PO-7"}),
        ({"po_number": "PO-7"}, {"po_in_reference": False}, {"Reference": None}),
        # Invoice date -> Invoice date
        ({}, {}, {"Date": "2026-05-27"}),
        # Due date, by its rule
        ({}, {}, {"DueDate": "2026-06-30"}),
        ({}, {"due_date": "days_14"}, {"DueDate": "2026-06-10"}),
        # Xero invoice numbers: BMS number, BMS id, or Xero's own
        ({}, {}, {"InvoiceNumber": "INV-1"}),
        ({}, {"invoice_number": "bms_id"}, {"InvoiceNumber": "5312"}),
        ({}, {"invoice_number": "xero_number"}, {"InvoiceNumber": None}),
        # Default status
        ({}, {"status": "SUBMITTED"}, {"Status": "SUBMITTED"}),
        # Prices are without tax, and it is a sale
        ({}, {}, {"LineAmountTypes": "Exclusive", "Type": "ACCREC"}),
        # Currency: blank is the organisation's
        ({"currency": "EUR"}, {}, {"CurrencyCode": "EUR"}),
        ({}, {}, {"CurrencyCode": None}),
        # Totals are Xero's to reckon
        ({}, {}, {"Total": None, "SubTotal": None, "TotalTax": None}),
    ],
)
def test_an_invoice_becomes_an_invoice(ours: dict[str, Any], options: dict[str, Any], theirs: dict[str, Any]) -> None:
    made = sent(InvoiceExport(), invoice(**ours), **options)
    assert {name: made.get(name) for name in theirs} == theirs


def test_the_way_back_has_no_xero_in_it() -> None:
    assert sent(InvoiceExport(), invoice())["Url"].endswith(f"/i/{U}/")
    assert "xero" not in sent(InvoiceExport(), invoice())["Url"].casefold()


def test_only_the_contacts_id_is_sent_with_an_invoice() -> None:
    known = books()
    known._links["contacts", U] = Link("c-1", "Bolt Ltd", None, {})
    assert json.loads(encode(InvoiceExport().to_xero(invoice(), known)))["Contact"] == {"ContactID": "c-1"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        # Item name -> Item code
        ({"item": item(kind="product", code="P-1")}, {"ItemCode": "P-1", "AccountCode": "200"}),
        ({"item": item(income_account=OWN)}, {"ItemCode": "Backup", "AccountCode": "260"}),
        # No item: the default sales account
        ({}, {"ItemCode": None, "AccountCode": "200"}),
        # Description; the item's where the line has none
        ({"description": "Two days"}, {"Description": "Two days"}),
        ({"description": "", "item": item(description="Nightly")}, {"Description": "Nightly"}),
        # Quantity, unit price, with four decimals
        (
            {"quantity": Decimal("2.5"), "unit_price": Decimal("33.3350")},
            {"Quantity": Decimal("2.5"), "UnitAmount": Decimal("33.3350")},
        ),
        # A discount percent is Xero's discount rate
        ({"discount_percent": Decimal("12.5")}, {"DiscountRate": Decimal("12.5")}),
        ({}, {"DiscountRate": None}),
        # A discount item makes a negative line
        ({"unit_price": Decimal(-5)}, {"UnitAmount": -5}),
        # Taxable -> the tax rate; else No VAT
        ({}, {"TaxType": "OUTPUT2"}),
        ({"taxable": False}, {"TaxType": "NONE"}),
        ({"tax": None}, {"TaxType": "NONE"}),
    ],
)
def test_a_line_becomes_a_line(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    (line,) = sent(InvoiceExport(), invoice([ours]))["LineItems"]
    assert {name: line.get(name) for name in theirs} == theirs


@pytest.mark.parametrize(
    ("country", "report"), [("UK", "OUTPUT"), ("AU", "OUTPUT"), ("NZ", "OUTPUT"), ("US", None), ("GLOBAL", None)]
)
def test_a_tax_says_what_it_is_in_the_return_where_that_is_demanded(country: str, report: str | None) -> None:
    known = books()
    known.country = country
    made = json.loads(
        encode(TaxRateExport().to_xero(loaded(TaxRate(pk=2, name="City", rate=Decimal("2.5")), components=[]), known))
    )
    assert made.get("ReportTaxType") == report
    assert made["TaxComponents"] == [{"Name": "City", "Rate": 2.5, "IsCompound": False}]
    nothing = loaded(TaxRate(pk=3, name="Exempt", rate=Decimal(0)), components=[])
    made = json.loads(encode(TaxRateExport().to_xero(nothing, known)))
    assert made.get("ReportTaxType") == ("EXEMPTOUTPUT" if report else None)


@pytest.mark.parametrize(
    ("rule", "day", "due"),
    [
        ("bms_due_date", date(2026, 5, 27), date(2026, 6, 30)),
        ("invoice_date", date(2026, 5, 27), date(2026, 5, 27)),
        ("days_7", date(2026, 5, 27), date(2026, 6, 3)),
        ("days_14", date(2026, 12, 27), date(2027, 1, 10)),
        ("days_30", date(2027, 1, 31), date(2027, 3, 2)),
        ("the_20th", date(2026, 5, 3), date(2026, 5, 20)),
        ("the_20th", date(2026, 5, 27), date(2026, 5, 27)),  # never before the invoice itself
        ("the_20th_next", date(2026, 5, 27), date(2026, 6, 20)),
        ("the_20th_next", date(2026, 12, 31), date(2027, 1, 20)),
        ("the_20th_next", date(2027, 1, 31), date(2027, 2, 20)),
    ],
)
def test_the_due_date_follows_its_rule(rule: str, day: date, due: date) -> None:
    assert due_date(invoice(date=day), rule) == due


def test_every_rule_of_the_options_is_known() -> None:
    from xero_sync.models import SyncOptions

    assert set(RULES) == set(SyncOptions.DueDate.values)
