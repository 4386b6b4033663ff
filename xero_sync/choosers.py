"""What the pages Import and Export offer: a row for each wizard, and what waits there."""

from __future__ import annotations

from dataclasses import dataclass

from bmsxero.templatetags.bms import count
from xero_sync import jobs, loading, states, wizards
from xero_sync.models import Job, XeroConnection
from xero_sync.wizards import Wizard

#: What each wizard is for.
TEXTS = {
    "export-contacts": "Your accounts become contacts in Xero, or are linked to those that are there.",
    "export-account_codes": "Your account codes join Xero's chart of accounts. What is there is linked, never changed.",
    "export-items": "Products, services, work types, expense types and discount types become items in Xero.",
    "import-contacts": "Xero's contacts become accounts here, or are linked to those you have.",
    "import-account_codes": "Xero's chart of accounts becomes your account codes.",
    "import-items": "Xero's items become products, services, work types, expense types or discount types here.",
    "payments": "What customers paid in Xero settles the invoices that were exported from here.",
}


@dataclass(frozen=True)
class Row:
    """One wizard: where it is, what it does, and what waits."""

    title: str
    text: str
    url: str
    icon: str
    note: str
    last_job: Job | None


def exports(connection: XeroConnection) -> list[Row]:
    """Return the exports of the menu, each with how many records are not linked yet."""
    return [_row(each, _unlinked(each, connection), connection) for each in wizards.EXPORTS]


def imports(connection: XeroConnection) -> list[Row]:
    """Return the imports of the menu, each with its last run and what is new in Xero since; payments come last."""
    offered = (*wizards.IMPORTS, wizards.WIZARDS["payments"])
    read = loading.kinds_read(connection)
    return [_row(each, _new_in_xero(each, connection, read), connection) for each in offered]


def _row(wizard: Wizard, note: str, connection: XeroConnection) -> Row:
    icon = "upload" if wizard.is_export else "download"
    title = wizard.title.partition(" ")[2].capitalize() if wizard.name != "payments" else "Payments"
    return Row(
        title, TEXTS[wizard.name], wizard.url, icon, note, jobs.last_ended(connection, wizard.kind, wizard.direction)
    )


def _unlinked(wizard: Wizard, connection: XeroConnection) -> str:
    number = wizard.matching({"state": "new"}, connection.tenant_id).count()
    return f"{wizard.words(number)} not in Xero yet" if number else "All of them are linked"


def _new_in_xero(wizard: Wizard, connection: XeroConnection, read: set[str]) -> str:
    if wizard.kind not in read:
        return "Not read from Xero yet"
    numbers = states.numbers(
        wizard.matching({}, connection.tenant_id), wizard.direction, wizard.kind, connection.tenant_id
    )
    changed = numbers.get("changed", 0)
    words = [f"{count(numbers['new'])} new in Xero", f"{count(changed)} changed there" if changed else ""]
    return ", ".join(filter(None, words))
