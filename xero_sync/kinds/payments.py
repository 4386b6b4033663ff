"""What customers paid in Xero, on its way to our invoices. Credits and voided documents come along.

Xero's payments can't be edited, only deleted, and a deleted one stays listed. An invoice may also be settled
without any payment: by a credit note, an overpayment or a prepayment; that is read from the invoice itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.dateparse import parse_date

from bmsxero.bulk import insert_each
from bmsxero.history import begin, write
from finance import money
from finance.models import Invoice, Payment
from xero_sync import clock
from xero_sync.kinds.base import Change, Decision
from xero_sync.mirror import amount, day, fold
from xero_sync.models import Job, JobRow, XeroLink, XeroRecord

Outcome = JobRow.Outcome

FOREIGN = "not_exported_from_here"
_GONE = {"VOIDED", "DELETED"}


@dataclass(frozen=True)
class Ledger:
    """How one of our invoices stands, while a job is being planned or applied. Amounts in its currency."""

    invoice_id: int
    number: str
    account: str
    currency: str
    status: str
    total: Decimal
    balance: Decimal
    credited: Decimal

    def after(self, change: Decimal) -> Ledger:
        """Return the same with `change` taken off the balance."""
        return replace(self, balance=self.balance - change)


@dataclass(frozen=True)
class Known:
    """A payment of Xero's that we have."""

    job_number: int | None
    reversed: bool


class PaymentImport:
    name = "payments"
    label, plural = "Payment", "Payments"
    mirrors = ("payments", "invoices")

    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[XeroRecord]:
        """Return Xero's live payments that match the wizard's filters."""
        payments = XeroRecord.objects.filter(tenant_id=tenant_id, kind=self.name).exclude(status="DELETED")
        if start := parse_date(str(filters.get("date_from") or "")):
            payments = payments.filter(date__gte=start)
        if end := parse_date(str(filters.get("date_to") or "")):
            payments = payments.filter(date__lte=end)
        if since := filters.get("modified_since"):
            payments = payments.filter(updated_utc__gte=since)
        if contact := filters.get("contact"):
            payments = payments.filter(folded_name__contains=fold(contact))
        if number := filters.get("number"):
            # Xero's number stands in the payment; ours may be another
            links = self._links_of(Invoice.objects.filter(number__icontains=number), tenant_id)
            payments = payments.filter(Q(payload__Invoice__InvoiceNumber__icontains=number) | Q(Exists(links)))
        if reference := filters.get("reference"):
            # Xero's list of payments lacks the invoice's reference, which is our PO number
            links = self._links_of(Invoice.objects.filter(po_number__icontains=reference), tenant_id)
            payments = payments.filter(Q(payload__Reference__icontains=reference) | Q(Exists(links)))
        return payments.order_by("date", "id")

    def _links_of(self, invoices: QuerySet[Invoice], tenant_id: str) -> QuerySet[XeroLink]:
        return XeroLink.objects.filter(
            tenant_id=tenant_id,
            kind="invoices",
            xero_id=OuterRef("key"),
            local_id__in=invoices.values("uuid"),
        )

    def reversals(self, tenant_id: str) -> QuerySet[XeroRecord]:
        """Return payments that Xero has deleted and we still count, whatever the filters say."""
        live = Payment.objects.filter(reversed=False, kind=Payment.Kind.PAYMENT)
        links = XeroLink.objects.filter(
            tenant_id=tenant_id, kind=self.name, xero_id=OuterRef("xero_id"), local_id__in=live.values("uuid")
        )
        return XeroRecord.objects.filter(Exists(links), tenant_id=tenant_id, kind=self.name, status="DELETED")

    def documents(self, tenant_id: str) -> QuerySet[XeroRecord]:
        """Return Xero's copies of the invoices that we exported."""
        links = XeroLink.objects.filter(tenant_id=tenant_id, kind="invoices", xero_id=OuterRef("xero_id"))
        return XeroRecord.objects.filter(Exists(links), tenant_id=tenant_id, kind="invoices").order_by("date", "id")

    # --- deciding: pure

    def decide(self, payload: dict[str, Any], ledger: Ledger | None, known: Known | None, *, named: bool) -> Decision:
        """Say what would happen to a payment. `named`: a person chose this very one."""
        value = amount(payload.get("Amount"))
        number = str((payload.get("Invoice") or {}).get("InvoiceNumber") or "an invoice without a number")
        if payload.get("Status") == "DELETED":
            return self._deleted(value, ledger, known)
        if known:
            job = f" in Job {known.job_number}" if known.job_number else ""
            return Decision(Outcome.SKIP, "already_imported", f"Already imported{job}.")
        if ledger is None:
            words = f"This payment is for {number}, which was not exported from here, so it can't be recorded."
            return Decision(Outcome.FAIL if named else Outcome.SKIP, FOREIGN, words)
        if words := self._refusal(payload, value, ledger):
            return Decision(Outcome.FAIL, "payment_refused", words)
        return Decision(Outcome.CREATE, diff=_balance_change(ledger, ledger.after(value)))

    def _deleted(self, value: Decimal, ledger: Ledger | None, known: Known | None) -> Decision:
        if known is None or known.reversed or ledger is None:
            return Decision(Outcome.SKIP, "already_reversed", "Deleted in Xero, and not counted here.")
        return Decision(
            Outcome.UPDATE,
            "reversed_in_xero",
            "Deleted in Xero: it is taken back here, too.",
            diff=_balance_change(ledger, ledger.after(-value)),
        )

    def _refusal(self, payload: dict[str, Any], value: Decimal, ledger: Ledger) -> str:
        currency = str((payload.get("Invoice") or {}).get("CurrencyCode") or ledger.currency)
        if ledger.status == Invoice.Status.VOID:
            return f"{ledger.number} is void here."
        if value <= 0 or value != value.quantize(money.CENT):
            return f"{value} is not an amount that can be paid."
        if currency != ledger.currency:
            return f"The payment is in {currency}, the invoice in {ledger.currency}."
        if value > ledger.balance:
            return f"Payment {value:.2f} is more than the {ledger.balance:.2f} owed on {ledger.number}."
        return ""

    def decide_credit(self, document: dict[str, Any], ledger: Ledger) -> Decision:
        """Say what would happen to what Xero credited to an invoice: its sum replaces the one we have."""
        now = credited(document)
        change = now - ledger.credited
        if change == 0 or ledger.status == Invoice.Status.VOID:
            return Decision(Outcome.SKIP, "no_change")
        if change > ledger.balance:
            words = f"Xero credited {now:.2f}; {ledger.number} owes {ledger.balance:.2f} only."
            return Decision(Outcome.FAIL, "payment_refused", words)
        return Decision(
            Outcome.CREATE if ledger.credited == 0 else Outcome.UPDATE,
            "credited",
            f"Xero has credited {now:.2f} to this invoice.",
            diff=_balance_change(ledger, ledger.after(change)),
        )

    def decide_void(self, document: dict[str, Any], ledger: Ledger) -> Decision:
        """Say what would happen to an invoice that Xero has voided or deleted."""
        if document.get("Status") not in _GONE or ledger.status == Invoice.Status.VOID:
            return Decision(Outcome.SKIP, "no_change")
        if ledger.balance != ledger.total:
            words = f"{ledger.number} is void in Xero and has payments here. Take them back first."
            return Decision(Outcome.FAIL, "payment_refused", words)
        before = Invoice.Status(ledger.status).label
        return Decision(
            Outcome.UPDATE, "voided_in_xero", "Voided in Xero: void here, too.", diff=[("Status", before, "Void")]
        )

    # --- what we have

    def ledgers(self, document_ids: Iterable[str], tenant_id: str, base_currency: str) -> dict[str, Ledger]:
        """Return how our invoices stand, by the id of their documents in Xero, in three queries."""
        local = self.invoices_of(document_ids, tenant_id)
        invoices = list(Invoice.objects.filter(uuid__in=list(local)).select_related("account"))
        credits_ = self.credited([invoice.pk for invoice in invoices])
        return {
            local[invoice.uuid]: ledger_of(invoice, credits_.get(invoice.pk, money.ZERO), base_currency)
            for invoice in invoices
        }

    def invoices_of(self, document_ids: Iterable[str], tenant_id: str) -> dict[UUID, str]:
        """Return the uuids of our invoices that are these documents in Xero, each with its document's id."""
        links = XeroLink.objects.filter(tenant_id=tenant_id, kind="invoices", xero_id__in=list(document_ids))
        return dict(links.values_list("local_id", "xero_id"))

    def credited(self, invoice_ids: Iterable[int]) -> dict[int, Decimal]:
        """Return what counts as credited on these invoices now; those without a credit are left out."""
        live = Payment.objects.filter(invoice__in=invoice_ids, kind=Payment.Kind.CREDIT, reversed=False)
        return dict(live.values_list("invoice_id", "amount"))

    def known(self, payment_ids: Sequence[str], tenant_id: str) -> dict[str, Known]:
        """Return which of these payments we have."""
        links = XeroLink.objects.filter(tenant_id=tenant_id, kind=self.name, xero_id__in=payment_ids)
        by_uuid = {link.local_id: link for link in links}
        payments = Payment.objects.filter(uuid__in=list(by_uuid)).values_list("uuid", "reversed")
        return {by_uuid[uuid].xero_id: Known(by_uuid[uuid].job_id, gone) for uuid, gone in payments}

    # --- applying: inside one transaction, the invoices locked

    def make(self, payload: dict[str, Any], invoice: Invoice) -> Payment:
        """Return a payment of ours for one of Xero's, unsaved."""
        return Payment(
            account_id=invoice.account_id,
            invoice=invoice,
            date=day(payload.get("Date")) or clock.stamp().date(),
            reference=str(payload.get("Reference") or "")[:255],
            amount=amount(payload.get("Amount")),
            source=Payment.Source.XERO,
        )

    def save(self, made: Sequence[tuple[dict[str, Any], Payment]], job: Job) -> None:
        """Save new payments, each with its history and its link to Xero's. Raises IntegrityError if one of Xero's
        is linked already."""
        new = [payment for _, payment in made]
        Payment.objects.bulk_create(new)
        write(new, created=True)
        links = [
            XeroLink(
                tenant_id=job.tenant_id,
                kind=self.name,
                local_id=payment.uuid,
                xero_id=str(payload["PaymentID"]),
                xero_number=payment.reference,
                matched_by="imported",
                job=job,
                last_seen=clock.stamp(),
            )
            for payload, payment in made
        ]
        insert_each(links)

    def reverse(self, payment_id: str, job: Job) -> Decimal:
        """Take a payment back that Xero has deleted, and return its amount. It stays visible."""
        local = XeroLink.objects.values_list("local_id", flat=True).get(
            tenant_id=job.tenant_id, kind=self.name, xero_id=payment_id
        )
        return _reverse(Payment.objects.filter(uuid=local))

    def credit(self, document: dict[str, Any], invoice: Invoice) -> None:
        """Replace what counts as credited on an invoice by what Xero says now."""
        _reverse(invoice.payments.filter(kind=Payment.Kind.CREDIT))
        if now := credited(document):
            Payment.objects.create(
                account=invoice.account,
                invoice=invoice,
                date=clock.stamp().date(),
                reference="Credited in Xero",
                amount=now,
                kind=Payment.Kind.CREDIT,
                source=Payment.Source.XERO,
            )


def ledger_of(invoice: Invoice, credited: Decimal, base_currency: str) -> Ledger:
    """Return how an invoice stands."""
    return Ledger(
        invoice.pk,
        invoice.number,
        invoice.account.name,
        invoice.currency or base_currency,
        invoice.status,
        invoice.total,
        invoice.balance_due,
        credited,
    )


def credited(document: dict[str, Any]) -> Decimal:
    """Return what is credited to a document; Xero voids none before its credits are taken off."""
    return money.ZERO if document.get("Status") in _GONE else amount(document.get("AmountCredited"))


def _reverse(payments: QuerySet[Payment]) -> Decimal:
    """Take those of these payments back that count, and return their sum."""
    live = list(payments.filter(reversed=False))
    begin(live)
    now = clock.stamp()
    for payment in live:
        payment.reversed, payment.reversed_at = True, now
        payment.save(update_fields=["reversed", "reversed_at", "updated"])
    return sum((payment.amount for payment in live), money.ZERO)


def _balance_change(before: Ledger, after: Ledger) -> list[Change]:
    return [("Balance due", f"{before.balance:,.2f}", f"{after.balance:,.2f}")]
