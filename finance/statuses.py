"""What people do with an invoice's status. Payments and credits move it on by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from bmsxero import history
from finance.models import Invoice
from xero_sync.links import read_only, why_read_only

#: The status that a person may set, and those it may be set from.
STEPS: dict[str, tuple[str, ...]] = {
    Invoice.Status.READY: (Invoice.Status.DRAFT,),
    Invoice.Status.SENT: (Invoice.Status.READY,),
}


def mark(ids: Iterable[int], status: str) -> int:
    """Move those of the invoices that may go to `status` there, and return how many did.

    The rows are locked while it is decided, so two people who press at the same moment cannot both move one.
    Raises KeyError for a status that nobody sets by hand.
    """
    now = timezone.now()
    with transaction.atomic():
        movable = Invoice.objects.select_for_update().filter(pk__in=list(ids), status__in=STEPS[status])
        kept = read_only(movable)
        found = [invoice for invoice in movable if invoice.uuid not in kept]
        history.begin(found)
        for invoice in found:
            invoice.status, invoice.updated = status, now
            if status == Invoice.Status.READY:
                invoice.ready_at = now
        Invoice.objects.bulk_update(found, ["status", "updated", "ready_at"], batch_size=500)
        history.write(found)
    return len(found)


def mark_dont_send(ids: Iterable[int], reason: str) -> int:
    """Keep the invoices from going to Xero, and say why; a blank reason lets them go again.

    Returns how many that changed. What is in Xero, or on its way there, is left as it is. Raises DataError where
    the reason is longer than its field.
    """
    now = timezone.now()
    with transaction.atomic():
        marked = Invoice.objects.select_for_update().filter(pk__in=list(ids)).exclude(dont_send=reason)
        kept = read_only(marked)
        found = [invoice for invoice in marked if invoice.uuid not in kept]
        history.begin(found)
        for invoice in found:
            invoice.dont_send, invoice.updated = reason, now
        Invoice.objects.bulk_update(found, ["dont_send", "updated"], batch_size=500)
        history.write(found)
    return len(found)


def next_steps(invoice: Invoice) -> list[str]:
    """Return the statuses that a person may give this invoice by its status alone; `mark` looks at Xero, too."""
    return [status for status, sources in STEPS.items() if invoice.status in sources]


@dataclass(frozen=True)
class Allowed:
    """What may be done to one invoice now, for the buttons of its page."""

    #: Why it may not be changed at all; blank where it may
    read_only: str
    steps: list[str]
    edit: bool
    pay: bool
    void: bool
    delete: bool


def allowed(invoice: Invoice) -> Allowed:
    """Return what may be done to this invoice now, asking once whether Xero has it."""
    read_only = why_read_only(invoice)
    held = bool(read_only)
    return Allowed(
        read_only=read_only,
        steps=[] if held else next_steps(invoice),
        pay=not held and not why_no_payments(invoice),
        edit=not held and not _why_past_editing(invoice),
        void=not held and not _why_past_voiding(invoice),
        delete=not held and not _why_past_deleting(invoice),
    )


def why_no_payments(invoice: Invoice) -> str:
    """Return why an invoice takes no payments by its status and balance, in plain words; blank where it does."""
    if invoice.status in {Invoice.Status.DRAFT, Invoice.Status.VOID}:
        return f"A {invoice.get_status_display().lower()} invoice takes no payments."
    return "" if invoice.balance_due > 0 else "Nothing is due any more."


def why_not_editable(invoice: Invoice) -> str:
    """Return why an invoice may not be edited, in plain words; blank where it may."""
    return why_read_only(invoice) or _why_past_editing(invoice)


def why_not_void(invoice: Invoice) -> str:
    """Return why an invoice may not be voided, in plain words; blank where it may."""
    return why_read_only(invoice) or _why_past_voiding(invoice)


def why_not_delete(invoice: Invoice) -> str:
    """Return why an invoice may not be deleted, in plain words; blank where it may."""
    return why_read_only(invoice) or _why_past_deleting(invoice)


def _why_past_editing(invoice: Invoice) -> str:
    match invoice.status:
        case Invoice.Status.PARTLY_PAID | Invoice.Status.PAID:
            return "It has payments, so its lines and totals stay as they are."
        case Invoice.Status.VOID:
            return "A void invoice stays as it is."
    return ""


def _why_past_voiding(invoice: Invoice) -> str:
    if invoice.status == Invoice.Status.VOID:
        return "It is void already."
    if invoice.payments.filter(reversed=False).exists():
        return "It has payments. Take them back first."
    return ""


def _why_past_deleting(invoice: Invoice) -> str:
    if invoice.status != Invoice.Status.DRAFT:
        return "Only a draft can be deleted. Void it instead."
    return "It has payments." if invoice.payments.exists() else ""
