"""Every wizard, listed by hand: exports and imports in the order of the vendor's menu."""

from __future__ import annotations

from xero_sync.wizards import account_codes, contacts, invoices, items, payments
from xero_sync.wizards.base import Bar, Wizard, bar, chips, is_other

EXPORTS: tuple[Wizard, ...] = (contacts.EXPORT, account_codes.EXPORT, items.EXPORT)
IMPORTS: tuple[Wizard, ...] = (contacts.IMPORT, account_codes.IMPORT, items.IMPORT)
WIZARDS: dict[str, Wizard] = {wizard.name: wizard for wizard in (*EXPORTS, *IMPORTS, invoices.EXPORT, payments.IMPORT)}

__all__ = ["EXPORTS", "IMPORTS", "WIZARDS", "Bar", "Wizard", "bar", "chips", "is_other", "wizard_of"]


def wizard_of(kind: str, direction: str) -> Wizard | None:
    """Return the wizard that leads to jobs of this kind and direction."""
    return next((each for each in WIZARDS.values() if (each.kind, each.direction) == (kind, direction)), None)
