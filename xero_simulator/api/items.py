"""Items.

Documented: the lengths, a code that is unique, tracked items needing both accounts and no AccountCode, IsSold and
IsPurchased clearing what they switch off, deleting what is not in use. Our assumption: codes compared without case,
the words of most refusals, QuantityOnHand that never shows less than nothing beside QuantityOnBackOrder.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from xero_simulator import rounding
from xero_simulator.api import wire
from xero_simulator.api.accounts import UNUSABLE, account_archived, tax_allowed
from xero_simulator.api.base import Call, Detail, Endpoint, Json, Outcome, uuid_or_none
from xero_simulator.api.errors import ValidationRefused
from xero_simulator.api.lengths import too_long
from xero_simulator.models import Account, InvoiceLine, Item, TaxRate
from xero_simulator.where import Field

_LENGTHS = {"Code": 30, "Name": 50, "Description": 4000, "PurchaseDescription": 4000}


IN_USE = "This item cannot be deleted because it has been used in a transaction."


def in_use(item: Item) -> bool:
    used = InvoiceLine.objects.filter(invoice__organisation=item.organisation, item_code=item.code)
    return used.exclude(invoice__status="DELETED").exists()


class ItemEndpoint(Endpoint):
    name = "Items"
    id_field = "ItemID"
    model = Item
    methods = frozenset({"GET", "PUT", "POST", "DELETE"})
    fields = {
        "ItemID": Field("item_id", "guid"),
        "Code": Field("code"),
        "Name": Field("name"),
        "Description": Field("description"),
        "IsSold": Field("is_sold", "bool"),
        "IsPurchased": Field("is_purchased", "bool"),
        "SalesDetails.UnitPrice": Field("sales_unit_price", "number"),
        "SalesDetails.AccountCode": Field("sales_account_code"),
        "SalesDetails.TaxType": Field("sales_tax_type"),
        "UpdatedDateUTC": Field("updated", "moment"),
    }

    def key_filter(self, key: str) -> Q:
        item_id = uuid_or_none(key)
        return Q(item_id=item_id) if item_id else Q(folded_code=key.casefold())

    def row_id(self, row: Item) -> UUID:
        return row.item_id

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        stock = {
            "InventoryAssetAccountCode": row.inventory_account_code,
            "TotalCostPool": row.total_cost_pool,
            "QuantityOnHand": max(row.quantity_on_hand, Decimal(0)),
            "QuantityAvailable": max(row.quantity_on_hand, Decimal(0)),
            "QuantityOnBackOrder": max(-row.quantity_on_hand, Decimal(0)),
        }
        sales = _details(call, row.sales_unit_price, row.sales_tax_type, AccountCode=row.sales_account_code)
        purchases = _details(
            call,
            row.purchase_unit_price,
            row.purchase_tax_type,
            AccountCode=row.purchase_account_code,
            COGSAccountCode=row.cogs_account_code,
        )
        return {
            "ItemID": str(row.item_id),
            "Code": row.code,
            **({"Description": row.description} if row.description else {}),
            **({"PurchaseDescription": row.purchase_description} if row.purchase_description else {}),
            "UpdatedDateUTC": wire.timestamp(row.updated),
            "PurchaseDetails": purchases,
            "SalesDetails": sales,
            **({"Name": row.name} if row.name else {}),
            "IsTrackedAsInventory": row.is_tracked,
            "IsSold": row.is_sold,
            "IsPurchased": row.is_purchased,
            **(stock if row.is_tracked else {}),
        }

    def delete(self, call: Call, key: str) -> Json | None:
        item = self.find(call, key)
        if in_use(item):
            raise ValidationRefused([self.verdict(self.refusal({"ItemID": str(item.item_id)}, [IN_USE]))])
        item.delete()
        return None

    def write(self, call: Call, elements: list[Json], *, create_only: bool) -> list[Outcome]:
        known = _Settings(call)
        rows = self._matches(call, elements)
        outcomes = []
        for element in elements:
            row = rows.get(_match_key(element))
            if row and create_only:
                code = element.get("Code")
                outcomes.append(self.refusal(element, [f"Price List Item with Code '{code}' already exists"]))
                continue
            outcome, row = self._write_one(call, element, row, known)
            if row:
                rows[row.folded_code] = row
            outcomes.append(outcome)
        return outcomes

    def _matches(self, call: Call, elements: list[Json]) -> dict[str, Item]:
        """Return the items that the elements name, by id and by code."""
        codes = [str(element.get("Code", "")).casefold() for element in elements]
        ids = [item_id for element in elements if (item_id := uuid_or_none(element.get("ItemID")))]
        found = self.rows(call).filter(Q(folded_code__in=codes) | Q(item_id__in=ids))
        return {key: row for row in found for key in (row.folded_code, str(row.item_id))}

    def _write_one(self, call: Call, element: Json, row: Item | None, known: _Settings) -> tuple[Outcome, Item | None]:
        if row is None and element.get("ItemID"):
            return self.refusal(element, ["An existing Item with the specified ItemID could not be found"]), None
        row = row or Item(organisation=call.organisation)
        errors = _problems(call, element, row, known)
        if errors:
            return self.refusal(element, errors), None
        _fill(call, row, element)
        row.updated = call.now
        (call.updated if row.pk else call.created).append(str(row.item_id))
        row.save()
        return Outcome(self.render(call, row, Detail.FULL)), row


class _Settings:
    """The organisation's accounts and tax types, read once per call."""

    def __init__(self, call: Call) -> None:
        accounts = Account.objects.filter(organisation=call.organisation).exclude(code="")
        self.accounts = {account.code: account for account in accounts}
        rates = TaxRate.objects.filter(organisation=call.organisation, status="ACTIVE")
        self.rates = {rate.tax_type: rate for rate in rates}


def _match_key(element: Json) -> str:
    item_id = uuid_or_none(element.get("ItemID"))
    return str(item_id) if item_id else str(element.get("Code", "")).casefold()


def _details(call: Call, price: Decimal | None, tax_type: str, **codes: str) -> Json:
    return {
        **({} if price is None else {"UnitPrice": rounding.to_places(price, call.places)}),
        **{name: code for name, code in codes.items() if code},
        **({"TaxType": tax_type} if tax_type else {}),
    }


def _problems(call: Call, element: Json, row: Item, known: _Settings) -> list[str]:
    errors = too_long(element, _LENGTHS)
    if not (element.get("Code") or row.code):
        errors.append("Price List Item Code cannot be empty")
    code = str(element.get("Code") or row.code)
    others = Item.objects.filter(organisation=call.organisation, folded_code=code.casefold())
    if row.pk and others.exclude(pk=row.pk).exists():
        errors.append(f"Price List Item with Code '{code}' already exists")
    for details in ("SalesDetails", "PurchaseDetails"):
        errors += _detail_problems(element.get(details) or {}, known)
    return errors + _tracking_problems(element, row, known)


def _detail_problems(details: Json, known: _Settings) -> list[str]:
    errors = []
    for name in ("AccountCode", "COGSAccountCode"):
        code = details.get(name)
        account = known.accounts.get(str(code or ""))
        if code and (account is None or account.system_account in UNUSABLE or account.type == "BANK"):
            errors.append(f"Account code '{code}' is not a valid code for this document.")
        elif account and account.status != "ACTIVE":
            errors.append(account_archived(account.code))
    errors += _tax_problems(details, known)
    try:
        wire.parse_number(details.get("UnitPrice"))
    except ValueError:
        errors.append("UnitPrice must be a number")
    return errors


def _tax_problems(details: Json, known: _Settings) -> list[str]:
    tax_type = details.get("TaxType")
    if not tax_type:
        return []
    rate, account = known.rates.get(tax_type), known.accounts.get(str(details.get("AccountCode") or ""))
    if rate is None or not rate.can_apply_to:
        return [f"The TaxType code {tax_type} does not exist or cannot be used for this type of transaction."]
    if account and not tax_allowed(rate, account):
        return [f"The TaxType code '{tax_type}' cannot be used with account code '{account.code}'."]
    return []


def _tracking_problems(element: Json, row: Item, known: _Settings) -> list[str]:
    purchase = element.get("PurchaseDetails") or {}
    asset, cogs = element.get("InventoryAssetAccountCode"), purchase.get("COGSAccountCode")
    if row.pk and bool(asset) != row.is_tracked and ("InventoryAssetAccountCode" in element):
        return ["Tracked inventory cannot be turned on or off for an existing item."]
    if not (asset or cogs):
        return []
    if not (asset and cogs):
        return ["InventoryAssetAccountCode and COGSAccountCode must both be specified for a tracked item."]
    errors = []
    if purchase.get("AccountCode"):
        errors.append("PurchaseDetails AccountCode cannot be specified for a tracked item.")
    if (account := known.accounts.get(asset)) is None or account.type != "INVENTORY":
        errors.append(f"InventoryAssetAccountCode '{asset}' must be an account of type INVENTORY.")
    if (account := known.accounts.get(cogs)) is not None and account.type not in ("DIRECTCOSTS", "EXPENSE"):
        errors.append(f"COGSAccountCode '{cogs}' must be an account of type DIRECTCOSTS.")
    return errors


def _fill(call: Call, row: Item, element: Json) -> None:
    row.code = str(element.get("Code") or row.code)
    row.folded_code = row.code.casefold()
    for name, column in (
        ("Name", "name"),
        ("Description", "description"),
        ("PurchaseDescription", "purchase_description"),
        ("InventoryAssetAccountCode", "inventory_account_code"),
    ):
        if name in element:
            setattr(row, column, str(element[name] or ""))
    _fill_details(call, row, "sales", element.get("SalesDetails"))
    _fill_details(call, row, "purchase", element.get("PurchaseDetails"))
    if "IsSold" in element:
        row.is_sold = wire.parse_bool(element["IsSold"])
    if "IsPurchased" in element:
        row.is_purchased = wire.parse_bool(element["IsPurchased"])
    if not row.is_sold:
        row.description = ""
        row.sales_unit_price, row.sales_account_code, row.sales_tax_type = None, "", ""
    if not row.is_purchased:
        row.purchase_description = ""
        row.purchase_unit_price, row.purchase_account_code, row.purchase_tax_type = None, "", ""


def _fill_details(call: Call, row: Item, side: str, details: Json | None) -> None:
    if not details:
        return
    price = wire.parse_number(details.get("UnitPrice"))
    if price is not None:
        setattr(row, f"{side}_unit_price", rounding.to_places(price, call.places))
    for name, column in (("AccountCode", f"{side}_account_code"), ("TaxType", f"{side}_tax_type")):
        if name in details:
            setattr(row, column, str(details[name] or ""))
    if "COGSAccountCode" in details:
        row.cogs_account_code = str(details["COGSAccountCode"] or "")
