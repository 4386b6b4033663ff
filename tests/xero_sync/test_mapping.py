"""The mapping as it is told is the mapping as it is done: nothing sent that isn't listed, nothing listed that isn't."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crm.models import Account
from finance.models import AccountCode, TaxComponent, TaxRate
from tests.xero_sync.test_mappers import OWN, TAX, account, books, invoice, item, loaded
from xero_sync import mapping
from xero_sync.books import RunOptions
from xero_sync.gateway import encode
from xero_sync.kinds import import_kind
from xero_sync.kinds.account_codes import AccountCodeExport
from xero_sync.kinds.contacts import ContactExport
from xero_sync.kinds.importing import ImportBooks
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.kinds.items import ItemExport
from xero_sync.kinds.tax_rates import TaxRateExport
from xero_sync.models import XeroRecord

ROOT = Path(__file__).resolve().parent.parent.parent
TABLES = {(table.kind, table.direction): table for table in mapping.TABLES}


def paths(value: Any, start: str = "") -> Iterator[str]:
    """Yield where each value of a JSON document stands; elements that have a type are told apart by it."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from paths(each, f"{start}.{name}" if start else name)
    elif isinstance(value, list):
        for each in value:
            kind = each.get("AddressType") or each.get("PhoneType")
            if kind:
                yield f"{start}[{kind}]"
            else:
                yield from paths(each, f"{start}[]")
    else:
        yield start


def sent(model: Any) -> set[str]:
    return set(paths(json.loads(encode(model))))


def listed(kind: str, direction: str) -> set[str]:
    return {field.api for field in TABLES[kind, direction].fields if field.api}


def full_account() -> Account:
    site = {f"{kind}_{part}": "x" for kind in ("billing", "shipping") for part in ("line1", "line4", "city", "country")}
    return account(code="C", tax_number="T", default_currency="EUR",
                   site={**site, "billing_email": "a@b.example", "phone": "1", "fax": "2"})  # fmt: skip


def test_what_is_sent_of_an_account_is_what_is_listed() -> None:
    kind = ContactExport()
    assert sent(kind.to_xero(full_account(), books())) | (
        sent(kind.to_archive(full_account(), "id")) - {"ContactID"}
    ) == listed("contacts", "export")


def test_what_is_sent_of_an_account_code_is_what_is_listed() -> None:
    code = AccountCode(code="200", name="Sales", description="All", type="Revenue")
    assert sent(AccountCodeExport().to_xero(code, books())) == listed("account_codes", "export")


def test_what_is_sent_of_a_tax_is_what_is_listed() -> None:
    rate = loaded(TaxRate(pk=9, name="Levy", rate=5), components=[TaxComponent(name="City", rate=5, compound=True)])
    assert sent(TaxRateExport().to_xero(rate, books())) == listed("tax_rates", "export")


def test_what_is_sent_of_an_item_is_what_is_listed() -> None:
    kind = ItemExport()
    plain = sent(kind.to_xero(item(unit_cost=Decimal(1), expense_account=OWN), books()))
    tracked = sent(kind.to_xero(item(kind="product", requires_procurement=True), books()))
    assert plain | tracked == listed("items", "export")


def test_what_is_sent_of_an_invoice_is_what_is_listed() -> None:
    made = invoice([{"item": item(), "discount_percent": Decimal(5)}], po_number="PO", currency="EUR")
    assert sent(InvoiceExport().to_xero(made, books())) == listed("invoices", "export")


# --- what is read: taking one listed field away must change what is made here


def import_books(**options: Any) -> ImportBooks:
    made = object.__new__(ImportBooks)
    made.__dict__.update(
        books().__dict__,
        options=RunOptions(destination={"default": "product"}, **options),
        codes={code: AccountCode(pk=pk, code=code, name=code) for pk, code in enumerate(("200", "300", "310"), 1)},
        our_rates={1: TAX},
        _by_tax_type={"OUTPUT2": [TAX]},
    )
    return made


CONTACT = {
    "Name": "Bolt Ltd", "AccountNumber": "B", "DefaultCurrency": "EUR", "AccountsReceivableTaxType": "OUTPUT2",
    "TaxNumber": "T", "EmailAddress": "a@b.example", "ContactStatus": "ARCHIVED",
    "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": "1"}, {"PhoneType": "FAX", "PhoneNumber": "2"}],
    "Addresses": [{"AddressType": "POBOX", "City": "Leeds"}, {"AddressType": "STREET", "City": "Hull"}],
}  # fmt: skip
ITEM = {
    "Code": "C", "Name": "Router", "Description": "A router", "IsTrackedAsInventory": True,
    "SalesDetails": {"UnitPrice": "1", "AccountCode": "200", "TaxType": "OUTPUT2"},
    "PurchaseDetails": {"UnitPrice": "2", "AccountCode": "300", "COGSAccountCode": "310"},
}  # fmt: skip
CODE = {"Code": "777", "Name": "One", "Description": "All", "Type": "REVENUE", "Status": "ARCHIVED"}
RATE = {
    "TaxType": "TAX9", "Name": "Levy", "EffectiveRate": "5",
    "TaxComponents": [{"Name": "A", "Rate": "2"}, {"Name": "B", "Rate": "3"}],
}  # fmt: skip


def made_from(kind: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the values of all that an import would make of a payload."""
    status = str(payload.get("ContactStatus") or payload.get("Status") or "ACTIVE")
    remote = XeroRecord(kind=kind, key=str(payload.get("Code") or payload.get("TaxType") or ""), status=status,
                        payload=payload)  # fmt: skip
    importing, known = import_kind(kind), import_books()
    record = importing.make(remote, known)
    parts = importing.make_parts(remote, record, known)
    return [
        {field.attname: getattr(each, field.attname) for field in each._meta.fields if field.name not in SKIPPED}
        for each in (record, *parts)
    ]


SKIPPED = {"id", "uuid", "created", "updated", "account"}


def without(payload: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a payload without what stands at a path."""
    left = copy.deepcopy(payload)
    if "[" in path:
        name, kind = path.rstrip("]").split("[")
        left[name] = [each for each in left[name] if kind not in each.values()]
        return left
    *above, last = path.split(".")
    place = left
    for name in above:
        place = place[name]
    del place[last]
    return left


@pytest.mark.parametrize(
    ("kind", "payload", "path"),
    [
        (kind, payload, path)
        for kind, payload in (("contacts", CONTACT), ("items", ITEM), ("account_codes", CODE), ("tax_rates", RATE))
        for path in sorted(listed(kind, "import"))
        # of the two purchase accounts one is read: see the next test
        if path != "PurchaseDetails.AccountCode"
    ],
)
def test_what_is_listed_is_read(kind: str, payload: dict[str, Any], path: str) -> None:
    assert made_from(kind, without(payload, path)) != made_from(kind, payload)


def test_the_purchase_account_is_read_where_there_is_no_cost_of_goods_sold() -> None:
    plain = without(ITEM, "PurchaseDetails.COGSAccountCode")
    assert made_from("items", without(plain, "PurchaseDetails.AccountCode")) != made_from("items", plain)


def test_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8") == mapping.markdown(), (
        "python manage.py write_docs"
    )


def test_every_wizard_has_a_table() -> None:
    from xero_sync.kinds import EXPORTS, IMPORTS

    wanted = {(kind.name, "export") for kind in EXPORTS} | {(kind.name, "import") for kind in IMPORTS}
    assert set(TABLES) == wanted | {("payments", "import")}
