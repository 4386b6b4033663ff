"""What people do with an invoice's status. Payments and credits move it on by themselves."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from bmsxero import history
from finance.models import Invoice
from xero_sync.links import read_only

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


def next_steps(invoice: Invoice) -> list[str]:
    """Return the statuses that a person may give this invoice now."""
    return [status for status, sources in STEPS.items() if invoice.status in sources]
