"""The states of invoices and payments, as pages show them."""

from __future__ import annotations

from bmsxero.listing import Badge, Tone
from finance.models import Invoice, Payment

_INVOICE: dict[str, tuple[Tone, str]] = {
    Invoice.Status.DRAFT: ("neutral", "pencil"),
    Invoice.Status.READY: ("info", "circle-dotted"),
    Invoice.Status.SENT: ("progress", "send"),
    Invoice.Status.PARTLY_PAID: ("warning", "clock"),
    Invoice.Status.PAID: ("success", "circle-check"),
    Invoice.Status.VOID: ("neutral", "ban"),
}


def invoice_badge(invoice: Invoice) -> Badge:
    return Badge(invoice.get_status_display(), *_INVOICE[invoice.status])


def payment_kind(payment: Payment) -> Badge | str:
    """The kind in plain words; what is out of the ordinary as a badge, so that it stands out in a list."""
    if payment.reversed:
        return Badge("Reversed", "warning", "arrow-back-up")
    kind = payment.get_kind_display()
    return kind if payment.kind == Payment.Kind.PAYMENT else Badge(kind, "info")
