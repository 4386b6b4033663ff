"""What one bulk write of invoices needs to know about what is there, read once."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from xero_simulator.api.base import Call, Json, uuid_or_none
from xero_simulator.api.invoice_lines import Books
from xero_simulator.models import Account, Contact, Currency, Invoice, Item, TaxRate
from xero_simulator.models.contacts import fold

GONE = ("DELETED", "VOIDED")


class Known:
    def __init__(self, call: Call, elements: list[Json]) -> None:
        self._organisation = call.organisation
        self._read_books(elements)
        self._read_contacts(elements)
        self._read_invoices(elements)
        # What is left of tracked items, as the invoices of this call take it.
        self.stock = {code: item.quantity_on_hand for code, item in self.books.items.items() if item.is_tracked}

    def _read_books(self, elements: list[Json]) -> None:
        codes = [line.get("ItemCode") for element in elements for line in lines_of(element)]
        own: dict[str, Any] = {"organisation": self._organisation}
        self.books = Books(
            organisation=self._organisation,
            accounts={row.code: row for row in Account.objects.filter(**own).exclude(code="")},
            rates={row.tax_type: row for row in TaxRate.objects.filter(**own)},
            items={
                row.folded_code: row
                for row in Item.objects.filter(**own, folded_code__in={str(code).casefold() for code in codes if code})
            },
            currencies=set(Currency.objects.filter(**own).values_list("code", flat=True)),
        )

    def _read_contacts(self, elements: list[Json]) -> None:
        sent = [element["Contact"] for element in elements if isinstance(element.get("Contact"), dict)]
        ids = [contact_id for part in sent if (contact_id := uuid_or_none(part.get("ContactID")))]
        numbers = [str(part["ContactNumber"]) for part in sent if part.get("ContactNumber")]
        names = [fold(str(part["Name"])) for part in sent if part.get("Name")]
        rows = Contact.objects.filter(organisation=self._organisation).filter(
            Q(contact_id__in=ids) | Q(contact_number__in=numbers) | Q(folded_name__in=names)
        )
        self.contacts = list(rows)

    def _read_invoices(self, elements: list[Json]) -> None:
        ids = [invoice_id for element in elements if (invoice_id := uuid_or_none(element.get("InvoiceID")))]
        numbers = [str(element["InvoiceNumber"]) for element in elements if element.get("InvoiceNumber")]
        rows = (
            Invoice.objects.filter(organisation=self._organisation)
            .filter(Q(invoice_id__in=ids) | Q(number__in=numbers))
            .select_related("contact", "organisation")
        )
        self.invoices_by_id = {row.invoice_id: row for row in rows}
        keeps = self._organisation.voided_numbers_stay_used
        self.invoices_by_number = {
            row.number: row
            for row in rows
            if row.type == "ACCREC" and (row.status not in GONE or (keeps and row.status == "VOIDED"))
        }

    def contact(self, sent: Json) -> tuple[Contact | None, str]:
        """Return the contact meant. None without a complaint: one has to be made."""
        if sent.get("ContactID"):
            contact_id = uuid_or_none(sent["ContactID"])
            found = [row for row in self.contacts if row.contact_id == contact_id]
            return (found[0], "") if found else (None, "The specified contact could not be found.")
        number, name = str(sent.get("ContactNumber") or ""), str(sent.get("Name") or "")
        if not (number or name.strip()):
            return None, "A Contact must be specified for this type of transaction"
        found = [row for row in self.contacts if number and row.contact_number == number]
        found = found or [row for row in self.contacts if name and row.folded_name == fold(name)]
        found.sort(key=lambda row: row.status != "ACTIVE")
        if not found and not name.strip():
            return None, "Contact Name cannot be empty."
        return (found[0], "") if found else (None, "")

    def next_number(self) -> str:
        organisation = self._organisation
        while True:
            number = f"INV-{organisation.next_invoice_number:04}"
            organisation.next_invoice_number += 1
            taken = (
                number in self.invoices_by_number
                or Invoice.objects.filter(organisation=organisation, number=number).exists()
            )
            if not taken:
                organisation.save(update_fields=["next_invoice_number"])
                return number


def lines_of(sent: Json) -> list[Json]:
    lines = sent.get("LineItems")
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
