"""Every kind of record, listed by hand in the order in which they depend on each other."""

from __future__ import annotations

from typing import Any

from xero_sync.kinds.account_codes import AccountCodeExport
from xero_sync.kinds.base import ExportKind
from xero_sync.kinds.contacts import ContactExport
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.kinds.items import ItemExport
from xero_sync.kinds.tax_rates import TaxRateExport

EXPORTS: list[ExportKind[Any]] = [
    TaxRateExport(),
    AccountCodeExport(),
    ContactExport(),
    ItemExport(),
    InvoiceExport(),
]


def export_kind(name: str) -> ExportKind[Any]:
    """Return the kind that goes by this name. Raises KeyError."""
    return {kind.name: kind for kind in EXPORTS}[name]


def stage(name: str) -> int:
    """Return the place of a kind in the order of dependence."""
    return [kind.name for kind in EXPORTS].index(name)
