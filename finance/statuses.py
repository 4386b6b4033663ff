"""What people do with an invoice's status. Payments and credits move it on by themselves."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from finance.models import Invoice

#: The status that a person may set, and those it may be set from.
STEPS: dict[str, tuple[str, ...]] = {
    Invoice.Status.READY: (Invoice.Status.DRAFT,),
    Invoice.Status.SENT: (Invoice.Status.READY,),
}


def mark(ids: Iterable[int], status: str) -> int:
    """Move those of the invoices that may go to `status` there, and return how many did.

    One statement decides and writes, so two people who press at the same moment cannot both move one.
    Raises KeyError for a status that nobody sets by hand.
    """
    movable = Invoice.objects.filter(pk__in=ids, status__in=STEPS[status])
    return movable.update(status=status, updated=timezone.now())


def next_steps(invoice: Invoice) -> list[str]:
    """Return the statuses that a person may give this invoice now."""
    return [status for status, sources in STEPS.items() if invoice.status in sources]
