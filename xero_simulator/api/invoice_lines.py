"""Reading the lines of an invoice as they were sent, and what Xero makes of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from xero_simulator import rounding
from xero_simulator.api import wire
from xero_simulator.api.accounts import UNUSABLE, account_archived, tax_allowed
from xero_simulator.api.base import Json, uuid_or_none
from xero_simulator.books import NEVER_ON_PURCHASES, NEVER_ON_SALES
from xero_simulator.models import Account, InvoiceLine, Item, Organisation, TaxRate

DESCRIPTION_LENGTH = 4000
MAX_LINE_AMOUNT = Decimal("9999999999.99")
MAX_QUANTITY = Decimal("9999999999999")
NO_TAX = {"AU": "BASEXCLUDED"}


@dataclass
class Books:
    """The settings of the organisation that lines are checked against."""

    organisation: Organisation
    accounts: dict[str, Account]
    rates: dict[str, TaxRate]
    items: dict[str, Item]
    currencies: set[str]


@dataclass
class Reading:
    """One line as it will be saved, or why not."""

    line: InvoiceLine
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """What of the invoice decides about its lines."""

    status: str
    line_amount_types: str
    places: int  # decimals of a unit amount
    sales: bool = True  # ACCREC; else a bill
    keep: set[uuid.UUID] = field(default_factory=set)  # ids of lines that are there

    @property
    def draft(self) -> bool:
        return self.status == "DRAFT"


def read_line(sent: Json, position: int, books: Books, terms: Terms) -> Reading:
    """Return the line with Xero's defaults and amounts."""
    item = books.items.get(str(sent.get("ItemCode") or "").casefold())
    reading = Reading(InvoiceLine(position=position))
    line = reading.line
    if (line_id := uuid_or_none(sent.get("LineItemID"))) in terms.keep and line_id:
        line.line_item_id = line_id
    line.description = str(sent.get("Description") or _from_item(item, terms, "description") or "")
    line.item_code = item.code if item else ""
    line.tracking = sent.get("Tracking") or []
    if sent.get("ItemCode") and item is None:
        reading.errors.append(f"Item code '{sent['ItemCode']}' is not valid")
    if len(line.description) > DESCRIPTION_LENGTH:
        reading.errors.append("The description of a line item must be no more than 4000 characters.")
    if not line.description and not terms.draft:
        reading.errors.append("Description must be specified for each line item.")
    if _only_text(sent):
        line.tax_type = NO_TAX.get(books.organisation.country_code, "NONE")
        return reading
    _set_account(reading, sent, item, books, terms)
    try:
        _set_amounts(reading, sent, item, terms)
    except ValueError as error:
        reading.errors.append(str(error))
        return reading
    _set_tax(reading, sent, item, books, terms)
    return reading


def _from_item(item: Item | None, terms: Terms, what: str) -> Any:
    """Return what the item says for this kind of document, if it is sold or bought at all."""
    if item is None:
        return None
    if terms.sales:
        columns = {"description": item.description, "price": item.sales_unit_price, "tax": item.sales_tax_type,
                   "account": item.sales_account_code}  # fmt: skip
    else:
        account = item.purchase_account_code or item.inventory_account_code
        columns = {"description": item.purchase_description, "price": item.purchase_unit_price,
                   "tax": item.purchase_tax_type, "account": account}  # fmt: skip
    return columns[what]


def _only_text(sent: Json) -> bool:
    telling = ("Quantity", "UnitAmount", "LineAmount", "ItemCode", "AccountCode", "TaxType")
    return not any(sent.get(name) not in (None, "") for name in telling)


def _set_account(reading: Reading, sent: Json, item: Item | None, books: Books, terms: Terms) -> None:
    code = str(sent.get("AccountCode") or _from_item(item, terms, "account") or "")
    account = books.accounts.get(code)
    if not code:
        if not terms.draft:
            reading.errors.append("Account code must be specified")
    elif account is None and terms.draft:
        # A draft loses an unknown code, and says so.
        reading.warnings.append(f"Account code '{code}' has been removed as it does not match a recognised account.")
        code = ""
    elif account is None or account.system_account in UNUSABLE or account.type == "BANK":
        reading.errors.append(f"Account code '{code}' is not a valid code for this document.")
    elif account.status != "ACTIVE":
        reading.errors.append(account_archived(code))
    reading.line.account_code = code


def _set_amounts(reading: Reading, sent: Json, item: Item | None, terms: Terms) -> None:
    line = reading.line
    quantity = _number(sent, "Quantity")
    unit = _number(sent, "UnitAmount")
    stated = _number(sent, "LineAmount")
    if unit is None and item and stated is None:
        unit = _from_item(item, terms, "price")
    line.quantity = rounding.to_places(Decimal(1) if quantity is None else quantity, 4)
    if unit is None:
        unit = (stated or Decimal(0)) / line.quantity if line.quantity else Decimal(0)
        stated = None
    line.unit_amount = rounding.to_places(unit, terms.places)
    line.discount_rate, line.discount_amount = _number(sent, "DiscountRate"), _number(sent, "DiscountAmount")
    if line.discount_rate and line.discount_amount:
        reading.errors.append("Only one of DiscountRate and DiscountAmount can be specified.")
    if line.discount_rate and not 0 <= line.discount_rate <= 100:
        reading.errors.append("The discount rate must be between 0 and 100.")
    if abs(line.quantity) > MAX_QUANTITY:
        raise ValueError("The quantity of a line item is too large.")
    line.line_amount = rounding.line_amount(line.quantity, line.unit_amount, line.discount_rate, line.discount_amount)
    if abs(line.line_amount) > MAX_LINE_AMOUNT:
        raise ValueError("The line amount must be no more than 9,999,999,999.99.")
    if stated is not None and stated != line.line_amount:
        reading.errors.append(
            f"The line total {stated:.2f} does not match the expected line total {line.line_amount:.2f}"
        )


def _set_tax(reading: Reading, sent: Json, item: Item | None, books: Books, terms: Terms) -> None:
    line = reading.line
    account = books.accounts.get(line.account_code)
    if terms.line_amount_types == "NoTax":
        line.tax_type = NO_TAX.get(books.organisation.country_code, "NONE")
        return
    tax_type = sent.get("TaxType") or _from_item(item, terms, "tax") or (account.tax_type if account else "")
    if not tax_type:
        return
    line.tax_type = str(tax_type)
    rate = books.rates.get(line.tax_type)
    never = NEVER_ON_SALES if terms.sales else NEVER_ON_PURCHASES
    if rate is None or rate.status != "ACTIVE" or not rate.can_apply_to or rate.report_tax_type in never:
        reading.errors.append(
            f"The TaxType code {tax_type} does not exist or cannot be used for this type of transaction."
        )
        return
    if account and not tax_allowed(rate, account):
        reading.errors.append(f"The TaxType code '{tax_type}' cannot be used with account code '{line.account_code}'.")
    override = _number(sent, "TaxAmount")
    line.tax_amount = (
        rounding.tax_amount(line.line_amount, rate.effective_rate, terms.line_amount_types)
        if override is None
        else rounding.to_places(override)
    )


def _number(sent: Json, name: str) -> Decimal | None:
    try:
        return wire.parse_number(sent.get(name))
    except ValueError as error:
        raise ValueError(f"{name} must be a number") from error


def line_json(line: InvoiceLine, places: int) -> Json:
    amounts: dict[str, Any] = {
        "UnitAmount": None if line.unit_amount is None else rounding.to_places(line.unit_amount, places),
        "DiscountRate": line.discount_rate,
        "DiscountAmount": line.discount_amount,
        "Quantity": line.quantity,
    }
    return {
        **({"ItemCode": line.item_code} if line.item_code else {}),
        "Description": line.description,
        **{name: value for name, value in amounts.items() if value is not None},
        "TaxType": line.tax_type,
        "TaxAmount": line.tax_amount,
        "LineAmount": line.line_amount,
        **({"AccountCode": line.account_code} if line.account_code else {}),
        "Tracking": line.tracking,
        "LineItemID": str(line.line_item_id),
        "ValidationErrors": [],
    }
