from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, prefetch_related_objects

from xero_simulator.api import wire
from xero_simulator.api.base import Call, Detail, Endpoint, Json, uuid_or_none
from xero_simulator.models import Allocation, CreditNote
from xero_simulator.where import Field


class CreditNoteEndpoint(Endpoint):
    """Read only: people make credit notes on the pages."""

    name = "CreditNotes"
    id_field = "CreditNoteID"
    model = CreditNote
    paged = True
    related = ("contact",)
    fields = {
        "CreditNoteID": Field("credit_note_id", "guid"),
        "CreditNoteNumber": Field("number"),
        "Status": Field("status"),
        "Date": Field("date", "date"),
        "Reference": Field("reference"),
        "Contact.ContactID": Field("contact__contact_id", "guid"),
        "Contact.Name": Field("contact__search_name", "name"),
        "UpdatedDateUTC": Field("updated", "moment"),
    }

    def key_filter(self, key: str) -> Q:
        note_id = uuid_or_none(key)
        return Q(credit_note_id=note_id) if note_id else Q(number=key)

    def row_id(self, row: CreditNote) -> UUID:
        return row.credit_note_id

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        return self.render_all(call, [row], detail)[0]

    def render_all(self, call: Call, rows: list[Any], detail: Detail) -> list[Json]:
        allocations = Allocation.objects.select_related("invoice").order_by("pk")
        prefetch_related_objects(rows, Prefetch("allocations", allocations))
        return [_json(row) for row in rows]


def _json(row: CreditNote) -> Json:
    return {
        "CreditNoteID": str(row.credit_note_id),
        "CreditNoteNumber": row.number,
        "ID": str(row.credit_note_id),
        "Payments": [],
        "HasErrors": False,
        "CurrencyRate": 1,
        "Type": "ACCRECCREDIT",
        "Reference": row.reference,
        "RemainingCredit": row.remaining_credit,
        "Allocations": [
            {
                "AllocationID": str(part.allocation_id),
                "Amount": part.amount,
                "Date": wire.date(part.date),
                "Invoice": {
                    "InvoiceID": str(part.invoice.invoice_id),
                    "InvoiceNumber": part.invoice.number,
                },
                "IsDeleted": False,
            }
            for part in row.allocations.all()
        ],
        "HasAttachments": False,
        "Contact": {"ContactID": str(row.contact.contact_id), "Name": row.contact.name},
        "DateString": wire.date_string(row.date),
        "Date": wire.date(row.date),
        "Status": row.status,
        "LineAmountTypes": "Exclusive",
        "LineItems": [],
        "SubTotal": row.sub_total,
        "TotalTax": row.total_tax,
        "Total": row.total,
        "UpdatedDateUTC": wire.timestamp(row.updated),
        "UpdatedDateUTCString": wire.utc_string(row.updated),
        "CurrencyCode": row.currency_code,
    }
