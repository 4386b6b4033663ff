"""What people do in Xero, on order."""

from __future__ import annotations

from decimal import Decimal

from xero_simulator import people, settlement
from xero_simulator.api.base import uuid_or_none
from xero_simulator.control.base import (
    ControlError,
    Json,
    contact_json,
    contacts_meant,
    control,
    invoice_json,
    invoices_meant,
    organisation_meant,
    parse_day,
    payment_json,
)
from xero_simulator.models import Item, Payment


@control("POST")
def approve(sent: Json) -> Json:
    invoices = invoices_meant(sent)
    for invoice in invoices:
        people.approve(invoice)
    return {"invoices": [invoice_json(invoice) for invoice in invoices]}


@control("POST")
def pay(sent: Json) -> Json:
    """Pay the invoices given, each in full or by `amount`; or `count` of the oldest open ones."""
    if "count" in sent:
        return {
            "payments": [payment_json(row) for row in people.customers_pay(organisation_meant(sent), sent["count"])]
        }
    invoices, day = invoices_meant(sent), parse_day(sent.get("date"))
    if sent.get("batch"):
        payments = people.pay_batch(invoices, day)
    else:
        payments = [
            settlement.pay(
                invoice,
                Decimal(str(sent.get("amount", invoice.amount_due))),
                date=day,
                reference=sent.get("reference", ""),
            )
            for invoice in invoices
        ]
    return {"payments": [payment_json(row) for row in payments]}


@control("POST")
def delete_payment(sent: Json) -> Json:
    ids = filter(None, map(uuid_or_none, sent["payments"]))
    rows = list(Payment.objects.filter(payment_id__in=ids).select_related("invoice__organisation"))
    for row in rows:
        settlement.remove_payment(row)
    return {"payments": [payment_json(row) for row in rows]}


@control("POST")
def credit(sent: Json) -> Json:
    notes = [
        settlement.credit(
            invoice, Decimal(str(sent.get("amount", invoice.amount_due))), date=parse_day(sent.get("date"))
        )
        for invoice in invoices_meant(sent)
    ]
    return {"credit_notes": [{"credit_note_id": str(n.credit_note_id), "number": n.number} for n in notes]}


@control("POST")
def refund(sent: Json) -> Json:
    [contact] = contacts_meant(sent)
    return {"payments": [payment_json(people.refund(contact, Decimal(str(sent["amount"]))))]}


@control("POST")
def void(sent: Json) -> Json:
    invoices = invoices_meant(sent)
    for invoice in invoices:
        settlement.void(invoice)
    return {"invoices": [invoice_json(invoice) for invoice in invoices]}


@control("POST")
def archive_contact(sent: Json) -> Json:
    contacts = contacts_meant(sent)
    for contact in contacts:
        (people.restore if sent.get("restore") else people.archive)(contact)
    return {"contacts": [contact_json(contact) for contact in contacts]}


@control("POST")
def rename_contact(sent: Json) -> Json:
    [contact] = contacts_meant(sent)
    people.rename(contact, sent["name"])
    return {"contacts": [contact_json(contact)]}


@control("POST")
def merge_contact(sent: Json) -> Json:
    [contact] = contacts_meant(sent)
    [into] = contacts_meant({**sent, "contacts": [sent["into"]]})
    people.merge(contact, into)
    return {"contacts": [contact_json(contact), contact_json(into)]}


@control("POST")
def erase_contact(sent: Json) -> Json:
    """Put contacts under a request for erasure (GDPR)."""
    contacts = contacts_meant(sent)
    for contact in contacts:
        people.request_erasure(contact)
    return {"contacts": [contact_json(contact) for contact in contacts]}


@control("POST")
def edit_contact(sent: Json) -> Json:
    """Set `sales_tax_type` or `website` of contacts."""
    contacts = contacts_meant(sent)
    for contact in contacts:
        if "sales_tax_type" in sent:
            people.set_sales_tax(contact, sent["sales_tax_type"])
        if "website" in sent:
            people.set_website(contact, sent["website"])
    return {"contacts": [contact_json(contact) for contact in contacts]}


@control("POST")
def edit_invoice(sent: Json) -> Json:
    """Change invoices; `changes` are fields of the API, such as Reference or LineItems."""
    invoices = invoices_meant(sent)
    for invoice in invoices:
        people.edit(invoice, sent["changes"])
    return {"invoices": [invoice_json(invoice) for invoice in invoices]}


@control("POST")
def delete_item(sent: Json) -> Json:
    items = _items_meant(sent)
    for item in items:
        people.delete_item(item)
    return {"deleted": len(items)}


@control("POST")
def rename_item(sent: Json) -> Json:
    [item] = _items_meant(sent)
    people.rename_item(item, sent.get("code", item.code), sent.get("name", item.name))
    return {"item_id": str(item.item_id), "code": item.code, "name": item.name}


@control("POST")
def stock(sent: Json) -> Json:
    """Set how many of these tracked items are on hand, as a stock adjustment does."""
    items = _items_meant(sent)
    for item in items:
        people.adjust_stock(item, Decimal(str(sent["quantity"])))
    return {"changed": len(items)}


def _items_meant(sent: Json) -> list[Item]:
    rows = Item.objects.filter(organisation=organisation_meant(sent)).select_related("organisation")
    found = {item.folded_code: item for item in rows}
    if missing := [code for code in sent["items"] if code.casefold() not in found]:
        raise ControlError(f"'{missing[0]}' is not known")
    return [found[code.casefold()] for code in sent["items"]]


@control("POST")
def archive_account(sent: Json) -> Json:
    """Archive the accounts with these codes; `restore` brings them back."""
    status = "ACTIVE" if sent.get("restore") else "ARCHIVED"
    rows = list(organisation_meant(sent).accounts.filter(code__in=sent["accounts"]))
    for account in rows:
        people.set_account_status(account, status)
    return {"changed": len(rows)}
