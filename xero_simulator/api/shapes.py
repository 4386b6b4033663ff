"""What is a list, what is an object, and what is neither: the rest of the code relies on it."""

from __future__ import annotations

from typing import Any

from xero_simulator.api.errors import BadBody

_LISTS = {
    "Addresses", "Allocations", "BatchPayments", "ContactGroups", "ContactPersons", "CreditNotes", "LineItems",
    "Overpayments", "Payments", "Phones", "Prepayments", "PurchasesTrackingCategories", "SalesTrackingCategories",
    "TaxComponents", "Tracking", "ValidationErrors", "Warnings",
}  # fmt: skip
_OBJECTS = {
    "Account", "Balances", "BatchPayment", "BrandingTheme", "Contact", "CreditNote", "Invoice", "Overpayment",
    "PaymentTerms", "Bills", "Sales", "Prepayment", "PurchaseDetails", "SalesDetails",
}  # fmt: skip


def check(element: dict[str, Any]) -> None:
    """Raise `BadBody` where a value has the wrong shape."""
    for name, value in element.items():
        if name in _LISTS and value:
            if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
                raise BadBody(f"{name} must be a list of objects")
            for part in value:
                check(part)
        elif name in _OBJECTS and value:
            if not isinstance(value, dict):
                raise BadBody(f"{name} must be an object")
            check(value)
        elif isinstance(value, (list, dict)) and name not in _OBJECTS | _LISTS:
            raise BadBody(f"{name} must be a single value")
