from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from xero_simulator import settlement
from xero_simulator.api import wire
from xero_simulator.api.base import Call, Detail, Endpoint, Json, Outcome, uuid_or_none
from xero_simulator.api.errors import NotImplementedByApi, ValidationRefused
from xero_simulator.models import Account, Invoice, Payment
from xero_simulator.where import Field


class PaymentEndpoint(Endpoint):
    name = "Payments"
    id_field = "PaymentID"
    error_flag = "HasValidationErrors"
    model = Payment
    methods = frozenset({"GET", "PUT", "POST"})
    paged = True
    related = ("account", "invoice__contact", "credit_note__contact")
    fields = {
        "PaymentID": Field("payment_id", "guid"),
        "PaymentType": Field("payment_type"),
        "Status": Field("status"),
        "Date": Field("date", "date"),
        "Reference": Field("reference"),
        "Amount": Field("amount", "number"),
        "IsReconciled": Field("is_reconciled", "bool"),
        "Invoice.InvoiceID": Field("invoice__invoice_id", "guid"),
        "Invoice.InvoiceNumber": Field("invoice__number"),
        "Invoice.Contact.Name": Field("invoice__contact__search_name", "name"),
        "UpdatedDateUTC": Field("updated", "moment"),
    }

    def key_filter(self, key: str) -> Q:
        payment_id = uuid_or_none(key)
        return Q(payment_id=payment_id) if payment_id else Q(pk=None)

    def row_id(self, row: Payment) -> UUID:
        return row.payment_id

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        return payment_json(row)

    def post(self, call: Call, key: str) -> Json:
        [element, *more] = self.elements(call)
        if more:
            raise NotImplementedByApi("POST Payments takes one payment; use PUT for several")
        if not key:
            return self.answer(call, self.write(call, [element], create_only=True))
        payment = self.find(call, key)
        if set(element) - {"PaymentID", "Status"} or element.get("Status") != "DELETED":
            self._refuse(element, "Only Status accepted for updates")
        try:
            settlement.remove_payment(payment)
        except settlement.Refused as refusal:
            self._refuse(element, str(refusal))
        call.updated.append(key)
        return self.envelope(call, [self.verdict(Outcome(self.render(call, payment, Detail.FULL)))])

    def _refuse(self, element: Json, text: str) -> None:
        raise ValidationRefused([self.verdict(self.refusal(element, [text]))])

    def write(self, call: Call, elements: list[Json], *, create_only: bool) -> list[Outcome]:
        return [self._write_one(call, element) for element in elements]

    def _write_one(self, call: Call, element: Json) -> Outcome:
        invoice, account = _invoice(call, element), _account(call, element)
        try:
            amount, day = wire.parse_number(element.get("Amount")), wire.parse_date(element.get("Date"))
        except ValueError:
            return self.refusal(element, ["The Amount or the Date of the payment is not valid"])
        if invoice is None:
            return self.refusal(element, ["Invoice could not be found"])
        if account is None or not (account.type == "BANK" or account.enable_payments):
            return self.refusal(element, ["The account type selected is not valid for a payment"])
        try:
            payment = settlement.pay(
                invoice,
                amount or Decimal(0),
                date=day,
                reference=str(element.get("Reference") or ""),
                account=account,
            )
        except settlement.Refused as refusal:
            return self.refusal(element, [str(refusal)])
        call.created.append(str(payment.payment_id))
        return Outcome(self.render(call, payment, Detail.FULL))


def _invoice(call: Call, element: Json) -> Invoice | None:
    named = element.get("Invoice")
    if not isinstance(named, dict):
        return None
    rows = Invoice.objects.filter(organisation=call.organisation).select_related("organisation")
    if invoice_id := uuid_or_none(named.get("InvoiceID")):
        return rows.filter(invoice_id=invoice_id).first()
    return rows.filter(number=named.get("InvoiceNumber") or None).first()


def _account(call: Call, element: Json) -> Account | None:
    named = element.get("Account")
    if not isinstance(named, dict):
        return None
    rows = Account.objects.filter(organisation=call.organisation, status="ACTIVE")
    if account_id := uuid_or_none(named.get("AccountID")):
        return rows.filter(account_id=account_id).first()
    return rows.filter(code=named.get("Code") or None).first()


def payment_json(row: Payment) -> Json:
    batch = {}
    if row.batch_payment_id:
        batch = {
            "BatchPaymentID": str(row.batch_payment_id),
            "BatchPayment": {
                "Account": {"AccountID": str(row.account.account_id)},
                "BatchPaymentID": str(row.batch_payment_id),
                "Date": wire.date(row.date),
                "Type": "RECBATCH",
                "Status": row.status,
                # Inside a batch, Xero sends these two as text.
                "TotalAmount": f"{row.amount:.2f}",
                "IsReconciled": "false",
                "UpdatedDateUTC": wire.timestamp(row.updated),
            },
        }
    return {
        "PaymentID": str(row.payment_id),
        **batch,
        "Date": wire.date(row.date),
        "BankAmount": row.bank_amount,
        "Amount": row.amount,
        "Reference": row.reference,
        "CurrencyRate": row.currency_rate,
        "PaymentType": row.payment_type,
        "Status": row.status,
        "UpdatedDateUTC": wire.timestamp(row.updated),
        "UpdatedDateUTCString": wire.utc_string(row.updated),
        "HasAccount": True,
        "IsReconciled": row.is_reconciled,
        "Account": {"AccountID": str(row.account.account_id), "Code": row.account.code},
        "Invoice": _document(row),
        "HasValidationErrors": False,
    }


def _document(row: Payment) -> Json:
    """Return what was paid; a refund names a credit note as if it were an invoice."""
    if row.invoice:
        paid: Any = row.invoice
        ids = {"Type": paid.type, "InvoiceID": str(paid.invoice_id)}
    else:
        paid = row.credit_note
        ids = {"Type": "ACCRECCREDIT", "InvoiceID": str(paid.credit_note_id)}
    return {
        **ids,
        "InvoiceNumber": paid.number,
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "HasErrors": False,
        "IsDiscounted": False,
        "Contact": {
            "ContactID": str(paid.contact.contact_id),
            "ContactNumber": paid.contact.contact_number,
            "Name": paid.contact.name,
            "Addresses": [],
            "Phones": [],
            "ContactGroups": [],
            "ContactPersons": [],
            "HasValidationErrors": False,
        },
        "LineItems": [],
        "CurrencyCode": paid.currency_code,
    }
