from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet, prefetch_related_objects

from xero_simulator.api import wire
from xero_simulator.api.base import Call, Detail, Endpoint, Json, Outcome, uuid_or_none
from xero_simulator.api.contacts import contact_json
from xero_simulator.api.invoice_lines import line_json
from xero_simulator.api.invoice_writing import Batch
from xero_simulator.models import Allocation, Contact, Invoice, Payment
from xero_simulator.where import Field


class InvoiceEndpoint(Endpoint):
    name = "Invoices"
    id_field = "InvoiceID"
    error_flag = "HasErrors"
    model = Invoice
    methods = frozenset({"GET", "PUT", "POST"})
    paged = True
    related = ("contact", "organisation")
    fields = {
        "InvoiceID": Field("invoice_id", "guid"),
        "InvoiceNumber": Field("number"),
        "Type": Field("type"),
        "Status": Field("status"),
        "Reference": Field("reference"),
        "Date": Field("date", "date"),
        "DueDate": Field("due_date", "date"),
        "AmountDue": Field("amount_due", "number"),
        "AmountPaid": Field("amount_paid", "number"),
        "Total": Field("total", "number"),
        "CurrencyCode": Field("currency_code"),
        "Contact.ContactID": Field("contact__contact_id", "guid"),
        "Contact.Name": Field("contact__search_name", "name"),
        "Contact.ContactNumber": Field("contact__contact_number"),
        "UpdatedDateUTC": Field("updated", "moment"),
    }

    # --- reading

    def key_filter(self, key: str) -> Q:
        invoice_id = uuid_or_none(key)
        return Q(invoice_id=invoice_id) if invoice_id else Q(number=key)

    def find(self, call: Call, key: str) -> Any:
        # A number may have been used before by one that is voided or deleted now.
        rows = list(self.rows(call).select_related(*self.related).filter(self.key_filter(key)))
        live = [row for row in rows if row.status not in ("DELETED", "VOIDED")]
        return (live or rows)[0] if rows else super().find(call, key)

    def row_id(self, row: Invoice) -> UUID:
        return row.invoice_id

    def wants_page(self, call: Call) -> bool:
        return super().wants_page(call) or bool(call.param("Statuses"))

    def filtered(self, call: Call) -> QuerySet[Any]:
        rows = super().filtered(call)
        for name, column in (("IDs", "invoice_id"), ("ContactIDs", "contact__contact_id")):
            if name in call.request.GET:
                rows = rows.filter(**{f"{column}__in": [uuid_or_none(text) for text in call.listed(name)]})
        for name, column in (("InvoiceNumbers", "number"), ("Statuses", "status")):
            if name in call.request.GET:
                rows = rows.filter(**{f"{column}__in": call.listed(name)})
        if call.flag("createdByMyApp"):
            rows = rows.filter(created_by=call.app)
        if term := call.param("searchTerm"):
            rows = rows.filter(Q(number__icontains=term) | Q(reference__icontains=term))
        return rows

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        return self.render_all(call, [row], detail)[0]

    def render_all(self, call: Call, rows: list[Any], detail: Detail) -> list[Json]:
        _load(rows, detail)
        return [invoice_json(row, detail, call.places) for row in rows]

    # --- writing

    def write(self, call: Call, elements: list[Json], *, create_only: bool) -> list[Outcome]:
        batch = Batch(call, elements, create_only=create_only)
        batch.save()
        outcomes = []
        for draft in batch.drafts:
            if draft.errors:
                outcomes.append(self.refusal(_echo(draft.sent), draft.errors))
                continue
            body = invoice_json(draft.invoice, Detail.FULL, call.places, lines=draft.lines)
            outcomes.append(Outcome(body, [], draft.warnings))
        return outcomes


def _load(rows: list[Invoice], detail: Detail) -> None:
    """Read what hangs on these invoices, in one query per table."""
    live = Payment.objects.filter(status="AUTHORISED").order_by("pk")
    wanted: list[Any] = []
    if detail is not Detail.SUMMARY:
        wanted += [
            Prefetch("payments", live, to_attr="live_payments"),
            Prefetch("allocations", Allocation.objects.select_related("credit_note").order_by("pk")),
        ]
    if detail in (Detail.FULL, Detail.PAGE):
        wanted.append("lines")
    prefetch_related_objects(rows, *wanted)


def invoice_json(row: Invoice, detail: Detail, places: int, lines: list[Any] | None = None) -> Json:
    body: Json = {
        "Type": row.type,
        "InvoiceID": str(row.invoice_id),
        "InvoiceNumber": row.number,
        "Reference": row.reference,
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": row.amount_due,
        "AmountPaid": row.amount_paid,
        "AmountCredited": row.amount_credited,
        **({"Url": row.url} if row.url else {}),
        "CurrencyRate": row.currency_rate,
        "SentToContact": row.sent_to_contact,
        "IsDiscounted": False,
        "HasErrors": False,
        "Contact": _contact(row.contact, detail),
        "DateString": wire.date_string(row.date),
        "Date": wire.date(row.date),
        **(
            {"DueDateString": wire.date_string(row.due_date), "DueDate": wire.date(row.due_date)}
            if row.due_date
            else {}
        ),
        "Status": row.status,
        "LineAmountTypes": row.line_amount_types,
        "LineItems": [],
        "SubTotal": row.sub_total,
        "TotalTax": row.total_tax,
        "Total": row.total,
        "UpdatedDateUTC": wire.timestamp(row.updated),
        "UpdatedDateUTCString": wire.utc_string(row.updated),
        "CurrencyCode": row.currency_code,
        **({"FullyPaidOnDate": wire.date(row.fully_paid_on)} if row.fully_paid_on else {}),
    }
    if detail is Detail.SUMMARY:
        del body["LineItems"]
        return body
    if detail in (Detail.FULL, Detail.PAGE):
        found = row.lines.all() if lines is None else lines
        body["LineItems"] = [line_json(line, places) for line in found]
        body["IsDiscounted"] = any(line.discount_rate or line.discount_amount for line in found)
    body["Payments"] = [_payment(payment) for payment in getattr(row, "live_payments", ())]
    body["CreditNotes"] = [] if lines is not None else [_credit(part) for part in row.allocations.all()]
    body["HasAttachments"] = False
    return body


def _contact(row: Contact, detail: Detail) -> Json:
    if detail is Detail.FULL:
        return contact_json(row, Detail.FULL, None)
    return {
        "ContactID": str(row.contact_id),
        "Name": row.name,
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def _payment(row: Payment) -> Json:
    return {
        "PaymentID": str(row.payment_id),
        "Date": wire.date(row.date),
        "Amount": row.amount,
        "Reference": row.reference,
        "CurrencyRate": row.currency_rate,
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def _credit(row: Allocation) -> Json:
    note = row.credit_note
    return {
        "CreditNoteID": str(note.credit_note_id),
        "CreditNoteNumber": note.number,
        "ID": str(note.credit_note_id),
        "HasErrors": False,
        "AppliedAmount": row.amount,
        "DateString": wire.date_string(row.date),
        "Date": wire.date(row.date),
        "LineItems": [],
        "Total": note.total,
    }


def _echo(sent: Json) -> Json:
    """Return a refused invoice as Xero gives it back: as sent, with its dates in Xero's form."""
    echo = dict(sent)
    for name in ("Date", "DueDate"):
        try:
            day = wire.parse_date(sent.get(name))
        except ValueError:
            continue
        if day:
            echo |= {name: wire.date(day), f"{name}String": wire.date_string(day)}
    return echo
