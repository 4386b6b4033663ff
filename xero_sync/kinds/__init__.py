"""Every kind of record, listed by hand in the order in which they depend on each other."""

from __future__ import annotations

from typing import Any

from xero_sync.kinds.account_codes import AccountCodeExport, AccountCodeImport
from xero_sync.kinds.base import ExportKind
from xero_sync.kinds.contacts import ContactExport, ContactImport
from xero_sync.kinds.importing import ImportKind
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.kinds.items import ItemExport, ItemImport
from xero_sync.kinds.tax_rates import TaxRateExport, TaxRateImport
from xero_sync.mirror import SOURCES, Source

EXPORTS: list[ExportKind[Any]] = [
    TaxRateExport(),
    AccountCodeExport(),
    ContactExport(),
    ItemExport(),
    InvoiceExport(),
]

#: What is imported as records of ours; payments, which change invoices, have their own way: see payment_imports.py.
IMPORTS: list[ImportKind[Any]] = [TaxRateImport(), AccountCodeImport(), ContactImport(), ItemImport()]
#: Those whose records are linked one to one and may be exported by themselves: all but taxes.
LINKED = [kind for kind in EXPORTS if not kind.many_to_one]

for each in EXPORTS:  # those of special needs stand in mirror.py
    SOURCES.setdefault(each.name, Source(each.endpoint, each.id_field, paged=False))


def export_kind(name: str) -> ExportKind[Any]:
    """Return the kind that goes by this name. Raises KeyError."""
    return {kind.name: kind for kind in EXPORTS}[name]


def stage(name: str) -> int:
    """Return the place of a kind in the order of dependence."""
    return [kind.name for kind in EXPORTS].index(name)


def import_kind(name: str) -> ImportKind[Any]:
    """Return the kind that goes by this name. Raises KeyError."""
    return {kind.name: kind for kind in IMPORTS}[name]


def import_stage(name: str) -> int:
    """Return the place of a kind in the order in which imports bring records along."""
    return [kind.name for kind in IMPORTS].index(name)
