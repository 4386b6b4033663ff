"""The states of invoices and payments, as pages show them."""

from __future__ import annotations

from bmsxero.listing import Badge, Tone
from finance.models import Invoice, Payment

TONES: dict[str, Tone] = {
    Invoice.Status.DRAFT: "neutral",
    Invoice.Status.READY: "info",
    Invoice.Status.SENT: "progress",
    Invoice.Status.PARTLY_PAID: "warning",
    Invoice.Status.PAID: "success",
    Invoice.Status.VOID: "neutral",
}


def invoice_badge(invoice: Invoice) -> Badge:
    return Badge(invoice.get_status_display(), TONES[invoice.status])


def payment_badge(payment: Payment) -> Badge:
    if payment.reversed:
        return Badge("Reversed", "warning")
    return Badge(payment.get_kind_display(), "success" if payment.kind == Payment.Kind.PAYMENT else "info")


def payment_kind(payment: Payment) -> Badge | str:
    """The kind in plain words; what is out of the ordinary as a badge, so that it stands out in a list."""
    ordinary = payment.kind == Payment.Kind.PAYMENT and not payment.reversed
    return payment.get_kind_display() if ordinary else payment_badge(payment)
