"""Why an invoice isn't among those that can be exported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bmsxero.listing import Action, Tone
from finance.models import Invoice
from xero_sync.kinds import export_kind
from xero_sync.links import IN_XERO, annotate_state
from xero_sync.models import Job, JobRow
from xero_sync.wizard_forms import said


@dataclass(frozen=True)
class Answer:
    """The reason, and where to look."""

    text: str
    tone: Tone = "info"
    links: tuple[Action, ...] = ()


def why(number: str, filters: dict[str, str], tenant_id: str) -> Answer:
    """Say why the invoice called `number` is missing from the list that these filters make."""
    invoice = annotate_state(Invoice.objects.filter(number__iexact=number.strip()), "invoices").first()
    if invoice is None:
        return Answer(f"There is no invoice {number} here. Numbers are compared whole, without case.", "warning")
    link = Action(f"Open {invoice.number}", invoice.get_absolute_url())
    return (
        _exported(invoice, link)
        or _wrong_status(invoice, link)
        or _kept_here(invoice, link)
        or _in_a_job(invoice, tenant_id, link)
        or _out_of_range(invoice, filters, link)
        or _narrowed_away(invoice, filters, tenant_id, link)
        or Answer(f"{invoice.number} is in the list.", "success", (link,))
    )


def why_excluded(invoice: Invoice) -> str:
    """Say in a few words why an invoice of `annotate_state` can't be chosen."""
    if invoice.xero_state == IN_XERO:  # type: ignore[attr-defined]
        job = invoice.xero_job  # type: ignore[attr-defined]
        return f"Exported in Job {job}." if job else "In Xero already."
    if invoice.dont_send:
        return f"Don't send: {invoice.dont_send}"
    if invoice.status == Invoice.Status.DRAFT:
        return "Draft: mark it Ready to Send first."
    return f"{invoice.get_status_display()}: neither Ready to Send nor Sent."


def _exported(invoice: Invoice, link: Action) -> Answer | None:
    if invoice.xero_state != IN_XERO:  # type: ignore[attr-defined]
        return None
    number = invoice.xero_job  # type: ignore[attr-defined]
    if number is None:
        return Answer(f"{invoice.number} is in Xero already.", links=(link,))
    job = Action(f"Job {number}", Job(pk=number).get_absolute_url())
    return Answer(f"{invoice.number} was already exported in Job {number}.", links=(link, job))


def _wrong_status(invoice: Invoice, link: Action) -> Answer | None:
    if invoice.status in Invoice.EXPORTABLE:
        return None
    words = f"{invoice.number} is {invoice.get_status_display()}. Only Ready to Send and Sent invoices go to Xero."
    if invoice.status == Invoice.Status.DRAFT:
        words += " Mark it Ready to Send first."
    return Answer(words, "warning", (link,))


def _kept_here(invoice: Invoice, link: Action) -> Answer | None:
    if not invoice.dont_send:
        return None
    return Answer(f"{invoice.number} is marked “Don't send”: {invoice.dont_send}", "warning", (link,))


def _in_a_job(invoice: Invoice, tenant_id: str, link: Action) -> Answer | None:
    held = JobRow.objects.filter(
        tenant_id=tenant_id, kind="invoices", record_id=invoice.pk, requested=True, state__in=JobRow.HELD
    ).first()
    if held is None:
        return None
    job = Action(f"Job {held.job_id}", Job(pk=held.job_id).get_absolute_url())
    return Answer(f"{invoice.number} is in the list, but Job {held.job_id} has it in hand.", links=(job, link))


def _out_of_range(invoice: Invoice, filters: dict[str, str], link: Action) -> Answer | None:
    if not (filters.get("due_from") and filters.get("due_to")):
        return None
    start, end = (date.fromisoformat(filters[name]) for name in ("due_from", "due_to"))
    if start <= invoice.due_date <= end:
        return None
    words = f"{invoice.number} is due on {said(invoice.due_date)}: outside {said(start)} to {said(end)}."
    return Answer(words, "warning", (link,))


def _narrowed_away(invoice: Invoice, filters: dict[str, str], tenant_id: str, link: Action) -> Answer | None:
    if export_kind("invoices").candidates(filters, tenant_id).filter(pk=invoice.pk).exists():
        return None
    return Answer(f"{invoice.number} can be exported; your filters hide it. Clear them to see it.", links=(link,))
